"""`check`, `schema`: tree files before anybody runs them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import OtpsupError
from ..specs import DynamicSupervisor, Supervisor
from . import show, target
from .parameters import Options
from .show import counted, problems_of
from .verbs import SomeFailed


def check(options: Options) -> str:
    """Whether each is a tree; what is wrong with it, a line a problem.

    Raises:
        SomeFailed: there were problems; says how many.
    """
    problems: list[Any] = []
    lines: list[str] = []
    for name in options.files:
        try:
            size = _size(target.declared(name))
            if found := _of_plugins(name):
                problems += [{"file": name, "text": each} for each in found]
                lines += [f"{name}: {each}" for each in found]
            else:
                lines.append(f"{name}: good, {size}")
        except OtpsupError as error:
            found = problems_of(error) or [{"file": name, "text": str(error)}]
            problems += found
            lines += map(str, problems_of(error) or [f"{name}: {error}"])
    output = show.as_json(problems) if options.json else show.lines(lines)
    if problems:
        raise SomeFailed(counted(problems), output)
    return output


def _of_plugins(name: str) -> list[str]:
    """What is wrong with the plug-ins in a tree file, as far as that shows before a start."""
    if not target.is_tree_file(name):
        return []
    from .. import config  # yaml takes its time

    _, given = config.load_with_plugins(name)
    if not given:
        return []
    from ..plugins import found  # few files have any

    return [f"plugins.{path}: {why}" for path, why in found.problems(given, preflight=True).items()]


def _size(spec: Supervisor | DynamicSupervisor) -> str:
    number = sum(1 for _ in _below(spec))
    return "1 child" if number == 1 else f"{number} children"


def _below(spec: object) -> Iterator[object]:
    for child in getattr(spec, "children", ()):
        yield child
        yield from _below(child)


def schema(_: Options) -> str:
    """The JSON Schema of tree files, for editors."""
    from .. import config  # yaml takes its time

    return show.as_json(config.schema())

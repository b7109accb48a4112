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
            lines.append(f"{name}: good, {_size(target.declared(name))}")
        except OtpsupError as error:
            found = problems_of(error) or [{"file": name, "text": str(error)}]
            problems += found
            lines += map(str, problems_of(error) or [f"{name}: {error}"])
    output = show.as_json(problems) if options.json else show.lines(lines)
    if problems:
        raise SomeFailed(counted(problems), output)
    return output


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

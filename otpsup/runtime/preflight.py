"""Whether the machine has what a spec asks for, before anything is stopped for it.

Says no only where a start would certainly fail. What a child's own `before_start` may yet bring
about is not looked at.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping

from ..errors import OtpsupError, text_of
from ..specs import ChildSpec, Command, DynamicSupervisor, Supervisor, Worker
from . import environment


def problems(spec: ChildSpec, path: str, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What would keep a child, or those below it that would be started with it, from starting.

    Args:
        path: of the child.
        environ: the variables that all of the tree inherit.

    Yields:
        path and reason. Files are read for that: not on the loop.
    """
    match spec:
        case Supervisor():
            for child in spec.children:
                if child.autostart:
                    yield from problems(child, f"{path}/{child.name}", environ)
        case DynamicSupervisor():
            return
        case _ if spec.before_start is None:
            if why := _why_not(spec, environ):
                yield path, why


def _why_not(spec: Worker | Command, environ: Mapping[str, str]) -> str:
    try:
        given = environment.given(spec)
        environment.privileges(spec)
        folder = environment.working_folder(spec)
        if folder and not os.path.isdir(folder):  # noqa: PTH112 - it is a text
            return f"cannot change to folder {folder}: there is no such folder"
        if isinstance(spec, Command):
            return _program(spec, folder, given.variables, environ)
        return _module(spec)
    except (OtpsupError, OSError) as error:
        return text_of(error)


def _program(
    spec: Command, folder: str, variables: Mapping[str, str], environ: Mapping[str, str]
) -> str:
    file = environment.program(spec.argv[0], folder, variables, environ)
    if os.path.exists(file):  # noqa: PTH110
        return "" if os.access(file, os.X_OK) or spec.user is not None else f"{file} is no program"
    return f"there is no program {file}"


def _module(spec: Worker) -> str:
    """Only the outermost package: to look further would import it."""
    if not isinstance(spec.target, str):
        return ""
    name = spec.target.partition(":")[0].partition(".")[0]
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # it is half imported, or was made by hand
        return ""
    return "" if found else f"there is no module {name!r} on the path of the host"

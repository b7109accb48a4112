"""A Procfile as an otpsup tree: foreman's and honcho's rules (https://github.com/ddollar/foreman,
https://honcho.readthedocs.io).

    `name: command`, a line a process; other lines say nothing. A shell runs the command, in the
    folder of the file, with `PORT` set: 5000 for the first process, then 100 more for each. A
    `.env` beside the file is read at each start, and its PORT is the first one.

foreman ends all when one process ends. Here each is restarted for itself, as on a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from ..errors import InvalidFile, Problem
from ..runtime import env_files
from ..runtime.env_files import Unusable
from ..specs import Command, Supervisor

FIRST_PORT, STEP = 5000, 100
KILL_AFTER = 5.0
"""Seconds between SIGTERM and SIGKILL, as in both."""
_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")


@frozen
class Entry:
    """One process of a Procfile, and its line."""

    name: str
    command: str
    line: int


def entries(text: str, path: str) -> list[Entry]:
    """The processes of a Procfile, as listed.

    Raises:
        InvalidFile: there is none, or two have one name.
    """
    found: dict[str, Entry] = {}
    problems = []
    for entry in _entries(text):
        if entry.name in found:
            told = f"{entry.name!r} is on line {found[entry.name].line}, too; name one otherwise"
            problems.append(Problem(path, entry.line, 1, entry.name, told))
        found.setdefault(entry.name, entry)
    if not found:
        problems.append(Problem(path, 0, 0, "", "there is no `name: command` in it"))
    if problems:
        raise InvalidFile.of(problems)
    return list(found.values())


def _entries(text: str) -> Iterator[Entry]:
    for number, line in enumerate(text.splitlines(), 1):
        if match := _LINE.fullmatch(line.rstrip()):
            yield Entry(match[1], match[2], number)


def passed_over(text: str) -> list[int]:
    """The lines that are neither a process, nor blank, nor a comment."""
    lines = enumerate((line.strip() for line in text.splitlines()), 1)
    return [n for n, line in lines if line and line[0] != "#" and not _LINE.fullmatch(line)]


def tree_of(path: Path) -> Supervisor:
    """The tree of a Procfile: one_for_one, every process permanent.

    Raises:
        InvalidFile: it has no process, or two of one name, or cannot be read as text.
    """
    listed = entries(read(path), str(path))
    folder = path.resolve().parent
    variables = folder / ".env"
    files = (variables,) if variables.is_file() else ()
    first = _first_port(variables) if files else FIRST_PORT
    children = [
        Command(
            each.name,
            ["/bin/sh", "-c", each.command],
            cwd=folder,
            env_file=files,
            environment={"PORT": str(first + STEP * number)},
            stop_group=True,
            shutdown=KILL_AFTER,
        )
        for number, each in enumerate(listed)
    ]
    return Supervisor(_name_of(folder), children=children)


def read(path: Path) -> str:
    """The text of a file.

    Raises:
        InvalidFile: it is no text, or cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise InvalidFile.of([Problem(str(path), 0, 0, "", f"cannot read it: {told}")]) from None


def _first_port(variables: Path) -> int:
    try:
        return int(env_files.variables(variables).get("PORT", FIRST_PORT))
    except (Unusable, ValueError):
        return FIRST_PORT


def _name_of(folder: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", folder.name).strip("-.") or "procfile"

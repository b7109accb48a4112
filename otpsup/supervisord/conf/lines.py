"""Where an option stands: only looked for when something is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"\[(.+)\]")
_OPTION = re.compile(r"(.*?)\s*[=:]")


def find(paths: Sequence[str], section: str, option: str) -> tuple[str, int]:
    """The file and line of an option, else of its section; line 0 if neither is found.

    Args:
        paths: of the files, in the order in which they were read: of several the last one holds.
    """
    options: list[tuple[str, int]] = []
    headers: list[tuple[str, int]] = []
    for path in paths:
        for number, (where, name) in enumerate(_lines(path), 1):
            if where == section:
                (options if option and name == option else headers).append((path, number))
    if options:
        return options[-1]
    return headers[0] if headers else ("", 0)


def _lines(path: str) -> list[tuple[str, str]]:
    """The section and the option of each line; a line that goes on has its option's name not."""
    found, section = [], ""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().split("\n")
    except OSError:
        return []
    for line in lines:
        header, option = _HEADER.match(line), _OPTION.match(line)
        section = header[1] if header else section
        found.append((section, option[1].lower() if option and not header else ""))
    return found

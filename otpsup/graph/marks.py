"""What every drawing of a tree in plain text shares: marks and colours of states, branches, widths.

Decides how a state looks and how wide a text is on a terminal. Must not know what is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol, Self, TypeVar
from unicodedata import category, east_asian_width

MARKS = {"running": "●", "starting": "◐", "stopping": "◑", "restarting": "↻", "down": "○"}
"""The mark of each state, for those who see no colours."""

COLOURS = {"running": 32, "starting": 33, "stopping": 33, "restarting": 31, "down": 90}
"""The colour of each state on a terminal (ECMA-48, SGR)."""

BOLD, FAINT = 1, 2

LIGHT = {
    "running": "#2b8a3e",
    "starting": "#c77700",
    "stopping": "#c77700",
    "restarting": "#d6293e",
    "down": "#868e96",
}
"""The colour of each state on a light page."""

DARK = {
    "running": "#51cf66",
    "starting": "#fcc419",
    "stopping": "#fcc419",
    "restarting": "#ff6b6b",
    "down": "#868e96",
}
"""The same on a dark one."""

ACCENT = "#3b5bdb"
"""The colour of what supervises."""


class Nested(Protocol):
    """Anything that has children of its own kind."""

    @property
    def children(self) -> Sequence[Self]:
        """Those directly below, in the order in which they are drawn."""


N = TypeVar("N", bound=Nested)


def branches(root: N) -> Iterator[tuple[str, str, N]]:
    """All nodes, parents first, each with what is drawn to its left.

    Yields:
        the branch before the node's name, what stands there on further lines of it, and the node.
    """
    yield "", "", root
    yield from _below(root, "")


def _below(node: N, indent: str) -> Iterator[tuple[str, str, N]]:
    for number, child in enumerate(node.children, 1):
        is_last = number == len(node.children)
        under = indent + ("   " if is_last else "│  ")
        yield indent + ("└─ " if is_last else "├─ "), under, child
        yield from _below(child, under)


def paint(text: str, code: int) -> str:
    """The text in a colour or a weight of the terminal."""
    return f"\033[{code}m{text}\033[0m" if text else ""


def width(text: str) -> int:
    """How many columns a printable text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def pad(text: str, columns: int) -> str:
    """The text with blanks after it, up to so many columns."""
    return text + " " * (columns - width(text))


def wrap(text: str, columns: int, joint: str = " +") -> list[str]:
    """The text in lines, none wider than so many columns.

    Args:
        joint: what a line may end after, as a regular expression; in a piece without one it ends
            wherever it is full.
    """
    lines = [""]
    for piece in _pieces(text, columns, joint):
        if width(lines[-1] + piece.rstrip()) > columns:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _pieces(text: str, columns: int, joint: str) -> Iterator[str]:
    """What a line may end between, none wider than a line."""
    for piece in re.findall(f".+?(?:{joint}|$)", text):
        start = 0
        for end in range(1, len(piece) + 1):
            if width(piece[start:end].rstrip()) > columns:
                yield piece[start : end - 1]
                start = end - 1
        yield piece[start:]

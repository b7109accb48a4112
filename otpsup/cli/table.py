"""A tree's status as text: one line a child, drawn as the tree that it is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TextIO

from ..engine.snapshot import ChildStatus

_MARKS = {"running": "●", "starting": "◐", "stopping": "◑", "restarting": "↻", "down": "○"}
_COLOURS = {"running": 32, "starting": 33, "stopping": 33, "restarting": 31, "down": 90}


def wants_colour(stream: TextIO) -> bool:
    """Colour only on a terminal, and not against https://no-color.org."""
    return stream.isatty() and "NO_COLOR" not in os.environ


def render(root: ChildStatus, now: float, *, colour: bool) -> str:
    """The lines for a node and all below it."""
    rows = [_row(stem, node, now) for stem, node in _drawn(root)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = (_line(row, widths) for row in rows)
    if not colour:
        return "\n".join(lines)
    states = (node.state for node in root.walk())
    return "\n".join(f"\033[{_COLOURS[s]}m{x}\033[0m" for s, x in zip(states, lines, strict=True))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _drawn(root: ChildStatus) -> Iterator[tuple[str, ChildStatus]]:
    """Each node with the branch drawn before its name."""
    yield "", root
    yield from _below(root, "")


def _below(node: ChildStatus, indent: str) -> Iterator[tuple[str, ChildStatus]]:
    for child in node.children:
        is_last = child is node.children[-1]
        yield indent + ("└─ " if is_last else "├─ "), child
        yield from _below(child, indent + ("   " if is_last else "│  "))


def _row(stem: str, node: ChildStatus, now: float) -> list[str]:
    return [
        stem + node.name,
        f"{_MARKS[node.state]} {node.state}",
        f"pid {node.pid}" if node.pid else "",
        duration(now - node.since),
        f"{node.restarts} restarts" if node.restarts != 1 else "1 restart",
        _remark(node),
    ]


def _remark(node: ChildStatus) -> str:
    last = f"last exit: {node.last_exit}" if node.last_exit and node.type != "supervisor" else ""
    return plain("; ".join(part for part in (node.status, last) if part))


def plain(text: str) -> str:
    """A text from a child on one line, with nothing in it that steers a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def duration(seconds: float) -> str:
    """A time span in two units at most: `12s`, `3m 5s`, `2h 7m`, `4d 1h`."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {whole % 60}s" if minutes else f"{whole}s"

"""A tree's status as text: one line a child, drawn as the tree that it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from ..durations import duration
from ..graph.marks import COLOURS, MARKS, branches, paint
from ..plain import plain as plain
from ..views import ChildStatus

NOT_READY = "not ready"
"""What a child that runs and cannot serve just now is shown as, in place of its state."""

_MARKS = {**MARKS, NOT_READY: "◒"}
_COLOURS = {**COLOURS, NOT_READY: COLOURS["starting"]}


def shown(state: str, ready: bool) -> str:
    """How a state is called where people look: one that runs is not always one that can serve."""
    return NOT_READY if state == "running" and not ready else state


def wants_colour(stream: TextIO) -> bool:
    """Colour only on a terminal, and not against https://no-color.org."""
    return stream.isatty() and "NO_COLOR" not in os.environ


def render(root: ChildStatus, now: float, *, colour: bool) -> str:
    """The lines for a node and all below it."""
    rows = [_row(branch, node, now) for branch, _, node in branches(root)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = (_line(row, widths) for row in rows)
    if not colour:
        return "\n".join(lines)
    states = (shown(node.state, node.ready) for node in root.walk())
    return "\n".join(paint(line, _COLOURS[s]) for s, line in zip(states, lines, strict=True))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _row(branch: str, node: ChildStatus, now: float) -> list[str]:
    state = shown(node.state, node.ready)
    return [
        branch + plain(node.name),
        f"{_MARKS[state]} {state}",
        f"pid {node.pid}" if node.pid else "",
        duration(now - node.since),
        f"{node.restarts} restarts" if node.restarts != 1 else "1 restart",
        _remark(node),
    ]


def _remark(node: ChildStatus) -> str:
    last = f"last exit: {node.last_exit}" if node.last_exit and node.type != "supervisor" else ""
    return plain("; ".join(part for part in (node.status, node.waits, last) if part))

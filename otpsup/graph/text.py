"""A tree as text for a terminal of 80 columns.

Decides where names, states and remarks stand, and where lines break. Must not know specs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from .marks import BOLD, COLOURS, FAINT, MARKS, branches, pad, paint, width, wrap
from .nodes import Node

COLUMNS = 80
NAMES = 36
"""The widest column of names; what is longer stands out of line, and others do not follow it."""
LEAST = 30
"""So many columns remarks want at least; below that they begin on a line of their own."""
STATES = max(width(f"{mark} {state}") for state, mark in MARKS.items())
NAMED = 6
"""So many children of one wave are named."""

CHAIN = "↓"
LEGEND = f"{CHAIN} starts after the sibling above it, and stops or restarts with it"

JOINT = "(?:, |  )"
"""Lines end after a comma, or between two waves."""

Piece = tuple[str, int]
"""A text with its colour or weight; 0 for none."""


@frozen
class Row:
    """One node: its branch, what its further lines begin with, and the paragraphs about it."""

    branch: str
    under: str
    node: Node
    paragraphs: Sequence[str]


def draw(root: Node, *, colour: bool = False) -> str:
    """The tree as lines, without a line break at the end."""
    rows = list(_rows(root))
    page = Page(rows)
    lines = [line for row in rows for line in page.lines(row)]
    if any(node.is_chain for node in root.walk()):
        lines += [[], [(LEGEND, FAINT)]]
    return "\n".join(_written(line, colour) for line in lines)


def _written(line: Sequence[Piece], colour: bool) -> str:
    pieces = (_painted(*piece) if colour else piece[0] for piece in line)
    return "".join(pieces).rstrip()


def _painted(text: str, code: int) -> str:
    """The text without the blanks behind it in its colour."""
    word = text.rstrip()
    return (paint(word, code) if code else word) + text[len(word) :]


def _rows(root: Node) -> Iterator[Row]:
    chained = {arrow.target for node in root.walk() for arrow in node.arrows if arrow.is_listed}
    for branch, under, node in branches(root):
        trunk = "│" if node.children else ""
        paragraphs = _paragraphs(node, is_chained=node.path in chained)
        yield Row(branch, under + trunk, node, paragraphs)


def _paragraphs(node: Node, *, is_chained: bool) -> list[str]:
    """What stands on the right of a node."""
    after = [f"after {', '.join(node.after)}"] if node.after else []
    text = ", ".join(filter(None, (node.rule, *node.remarks, *after)))
    first = " ".join(filter(None, (CHAIN if is_chained else "", text)))
    return [first, _waves(node)] if node.waves else [first]


def _waves(node: Node) -> str:
    """`starts: 1. db  2. cache, migrate  3. web`."""
    waves = (f"{number}. {_few(wave)}" for number, wave in enumerate(node.waves, 1))
    return "starts: " + "  ".join(waves)


def _few(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    if more < 2:  # to say that there is one more takes as long as to name it
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {more} more"


class Page:
    """Where the columns are."""

    def __init__(self, rows: Sequence[Row]) -> None:
        widths = [width(row.branch + row.node.name) for row in rows]
        self._names = max((w for w in widths if w <= NAMES), default=0)
        self._has_states = any(row.node.state for row in rows)

    def lines(self, row: Row) -> Iterator[list[Piece]]:
        """The line of a node, and as many more as its paragraphs take."""
        head = self._head(row)
        used = sum(width(text) for text, _ in head)
        column, is_beside = _place(row, used)
        room = max(COLUMNS - column, LEAST)
        texts = [line for text in row.paragraphs for line in wrap(text, room, JOINT)]
        if is_beside:
            head.append((texts.pop(0), FAINT))
        yield head
        for text in texts:
            yield [(pad(row.under, column), 0), (text, FAINT)]

    def _head(self, row: Row) -> list[Piece]:
        """Branch, name and state, up to where the paragraphs begin."""
        name = pad(row.node.name, self._names - width(row.branch)) + "  "
        head = [(row.branch, 0), (name, BOLD if row.node.is_supervisor else 0)]
        if self._has_states:
            head.append(_state(row.node))
        return head


def _state(node: Node) -> Piece:
    if node.state is None:
        return " " * (STATES + 2), 0
    return pad(f"{MARKS[node.state]} {node.state}", STATES + 2), COLOURS[node.state]


def _place(row: Row, used: int) -> tuple[int, bool]:
    """The column where the paragraphs begin, and whether they do so beside the name."""
    longest = max(map(width, row.paragraphs))
    if COLUMNS - used >= min(longest, LEAST):
        return used, True
    return width(row.under) + 3, False

"""What has dependencies as columns, each child right of those on which it depends.

Decides where columns are and the ways of arrows between them; which child is in which, and how
high, is decided by `layers`. Must not know how anything looks.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import dropwhile

from .boxes import MARGIN, PORT, STEP, TOP, Box, Line, Point, at, exact
from .layers import Grid, Link
from .nodes import Arrow, Node

EXIT = 18
"""From where one kind of arrow leaves to where the next does."""
LABEL = 76
"""Before an arrow turns, if it has a label."""

Piece = tuple[Hashable, Point, str]
"""A part of a way: what it is known by, where it begins, and how it goes on from there."""


class Columns:
    """Some siblings, and the arrows between them.

    Args:
        boxes: the children, all at the height from which the columns go down.
    """

    def __init__(self, node: Node, boxes: Sequence[Box]) -> None:
        self._arrows = node.arrows
        self._boxes = {box.node.path: box for box in boxes}
        self._top = boxes[0].y
        self._exits = self._leave()
        heights = {path: box.height for path, box in self._boxes.items()}
        self._grid = Grid(heights, self._sources(), PORT)
        self._edges: list[tuple[float, float]] = []
        self._drawn: set[Hashable] = set()

    def _leave(self) -> dict[tuple[str, str], float]:
        """Where the arrows of each label leave a box; it becomes high enough for all of them."""
        exits: dict[tuple[str, str], float] = {}
        for source, label in sorted({(arrow.source, arrow.label) for arrow in self._arrows}):
            above = sum(other == source for other, _ in exits)
            exits[source, label] = PORT + EXIT * above
            box = self._boxes[source]
            box.height = max(box.height, exits[source, label] + TOP)
        return exits

    def _sources(self) -> dict[str, list[str]]:
        sources: dict[str, list[str]] = {path: [] for path in self._boxes}
        for arrow in self._arrows:
            sources[arrow.target].append(arrow.source)
        return sources

    def place(self) -> list[Line]:
        """Place all boxes, and draw all arrows."""
        routes = [
            self._grid.route(arrow.source, arrow.target, self._exits[arrow.source, arrow.label])
            for arrow in self._arrows
        ]
        self._grid.settle()
        self._edges = list(self._stand())
        for path, box in self._boxes.items():
            box.x = self._edges[self._grid.column[path]][0]
            box.y = self._top + self._grid.slots[path].y
        return [self._line(*pair) for pair in zip(self._arrows, routes, strict=True)]

    @property
    def bottom(self) -> float:
        """The lower edge of all boxes, and of the arrows that pass below them."""
        return self._top + self._grid.height

    def _stand(self) -> Iterator[tuple[float, float]]:
        """The left edge of each column, and where the arrows that leave it begin to turn."""
        left = MARGIN
        for place, slots in enumerate(self._grid.columns):
            boxes = [box for path, box in self._boxes.items() if self._grid.column[path] == place]
            sources = {box.node.path for box in boxes}
            room = LABEL if any(a.label and a.source in sources for a in self._arrows) else 0
            turn = left + max(box.width for box in boxes) + room
            yield left, turn
            fall = max((abs(link.fall) for slot in slots for link in slot.after), default=0)
            left = turn + min(STEP + fall / 8, 3 * STEP)

    def _line(self, arrow: Arrow, route: Sequence[Link]) -> Line:
        """An arrow, but for what it has in common with another; no line is drawn twice."""
        pieces = list(self._pieces(self._boxes[arrow.source], route))
        new = list(dropwhile(lambda piece: piece[0] in self._drawn, pieces))
        self._drawn.update(key for key, _, _ in new)
        (x, y), label = pieces[0][1], arrow.label if len(new) == len(pieces) else ""
        way = f"M{at(new[0][1])}{''.join(way for _, _, way in new)}"
        return Line(arrow, x, y, way, label)

    def _pieces(self, box: Box, route: Sequence[Link]) -> Iterator[Piece]:
        """A way: level in the first column and in those that it passes, curved in between."""
        place = self._grid.column[box.node.path]
        start = box.right, self._top + route[0].start
        yield start, start, f"H{exact(self._edges[place][1])}"
        for link in route:
            (_, turn), (left, next_turn) = self._edges[place : place + 2]
            way = _curve((turn, self._top + link.start), (left, self._top + link.stop))
            on = f"H{exact(next_turn)}" if link is not route[-1] else ""
            yield link, (turn, self._top + link.start), way + on
            place += 1


def _curve(start: Point, end: Point) -> str:
    """A way that is level at both ends."""
    middle = (start[0] + end[0]) / 2
    return f"C{at((middle, start[1]))} {at((middle, end[1]))} {at(end)}"

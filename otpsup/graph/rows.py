"""A list as rows, as text is set: one after the other, in a new row where one is full.

Decides places, and the ways of arrows from each to the next. Must not know how anything looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

from .boxes import GAP, PORT, STEP, Box, Line, Point, at
from .nodes import Node

WIDE, ASPECT = 1080, 1.8
"""A row may be that wide, or all rows together as many times as wide as they are high."""
TURN, RADIUS = 11, 6
"""Between boxes and an arrow that leads to the next row; how round its corners are."""


def place(node: Node, boxes: Sequence[Box]) -> list[Line]:
    """Place boxes in rows, the first where it is, and draw their arrows."""
    step, gap = (STEP, GAP * 2) if node.is_chain else (GAP, GAP)
    area = sum((box.width + step) * (box.height + gap) for box in boxes)
    full = boxes[0].x + max(WIDE, sqrt(area * ASPECT))
    lowest = 0.0
    for before, box in pairwise(boxes):
        lowest = max(lowest, before.bottom)
        box.x, box.y = before.right + step, before.y
        if box.right > full:
            box.x, box.y = boxes[0].x, lowest + gap
    return [
        Line(arrow, before.right, before.y + PORT, _way(before, box, gap), arrow.label)
        for arrow, (before, box) in zip(node.arrows, pairwise(boxes), strict=False)
    ]


def _way(before: Box, box: Box, gap: float) -> str:
    """The way from a box to the next, which is in the same row or in the one below."""
    start, end = (before.right, before.y + PORT), (box.x, box.y + PORT)
    if before.y == box.y:
        return _bent([start, end])
    right, left, middle = start[0] + TURN, end[0] - TURN, box.y - gap / 2
    corners = [(right, start[1]), (right, middle), (left, middle), (left, end[1])]
    return _bent([start, *corners, end])


def _bent(points: Sequence[Point]) -> str:
    """A way along these points with round corners; each is right of, left of, above or below the
    one before.
    """
    way = f"M{at(points[0])}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        way += f"L{at(_near(corner, before))}Q{at(corner)} {at(_near(corner, after))}"
    return f"{way}L{at(points[-1])}"


def _near(corner: Point, other: Point) -> Point:
    """The point between these at which the corner begins."""
    (x, y), (far_x, far_y) = corner, other
    length = abs(far_x - x) + abs(far_y - y)
    part = min(RADIUS, length / 2) / length
    return x + (far_x - x) * part, y + (far_y - y) * part

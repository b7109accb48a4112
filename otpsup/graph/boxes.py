"""What a picture is made of: boxes with texts in lines, and arrows between them.

Decides how much room a text takes. Has no real font to measure with: widths are those of the widest
fonts that are common, so that others fit as well. Must not know where anything is.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import Factory, define

from .marks import MARKS, width, wrap
from .nodes import Arrow, Node

NAME_SIZE, WORDS_SIZE = 13, 11
NAME_LINE, WORDS_LINE = 18, 15
NAME_COLUMNS, WORDS_COLUMNS = 26, 24
"""A process's name and words are broken at these; a supervisor's may be three times as wide."""
SIDE, TOP, BOTTOM = 14, 12, 10
"""Between the edge of a box and its texts."""
LEAST = 96
"""So wide is a box at least."""
EVEN = 220, 72
"""Up to this width and height all processes of a supervisor are as large as the largest."""
MARGIN = 20.0
"""Between the edge of a supervisor and what is in it."""
PORT = TOP + NAME_LINE / 2
"""Arrows arrive and leave at the middle of a name's first line."""
GAP, STEP = 20.0, 44.0
"""Between two boxes; and if a level arrow joins them."""

Point = tuple[float, float]


def exact(value: float) -> str:
    """A length, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def at(point: Point) -> str:
    """A point, as SVG has it."""
    return f"{exact(point[0])} {exact(point[1])}"


@define
class Line:
    """An arrow, and the way that it takes, as SVG has it; its label stands where it begins."""

    arrow: Arrow
    x: float
    y: float
    way: str
    label: str


@define
class Box:
    """A node, with its texts in lines, and all within it.

    Attributes:
        side: between its left edge and its texts.
        number: its place in a start order that no arrow shows.
        x, y: its corner, in the box around it.
    """

    node: Node
    names: list[str]
    words: list[str]
    width: float
    height: float
    side: float
    x: float = 0.0
    y: float = 0.0
    number: str = ""
    children: list[Box] = Factory(list)
    lines: list[Line] = Factory(list)

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height


def name_width(text: str) -> float:
    """At most so wide is a name; it is set in a font of equal widths."""
    return NAME_SIZE * 0.63 * width(text)


def words_width(text: str) -> float:
    """At most so wide is any other text."""
    return WORDS_SIZE * sum(map(_em, text))


def _em(character: str) -> float:
    """The width of a letter in DejaVu Sans or less, in units of the font's size."""
    if character in "fijlrt ,.:()":
        return 0.42
    if character in "mwMW":
        return 0.98
    return 0.66 * max(width(character), 1)


def box_of(node: Node) -> Box:
    """The box of a node with its texts, and nothing below them."""
    factor = 3 if node.is_supervisor else 1
    names = wrap(node.name, NAME_COLUMNS * factor, "[ ._-]+")
    if node.state:
        names[0] = f"{MARKS[node.state]} {names[0]}"
    words = wrap(node.words, WORDS_COLUMNS * factor, ", ")
    texts = [*map(name_width, names), *map(words_width, words)]
    height = TOP + NAME_LINE * len(names) + WORDS_LINE * len(words) + BOTTOM
    side = MARGIN if node.is_supervisor else SIDE
    return Box(node, names, words, max(LEAST, max(texts) + 2 * side), height, side)


def number(boxes: Sequence[Box]) -> None:
    """Show an order of the list that is no more than the order in which they are started."""
    started = [box for box in boxes if not box.node.is_on_demand]
    if len(started) > 1:
        for place, box in enumerate(started, 1):
            box.number = str(place)
            box.width += WORDS_SIZE * 0.66 * len(box.number) + SIDE / 2


def even(boxes: Sequence[Box]) -> None:
    """Make processes equally large, but for those that are very large."""
    processes = [box for box in boxes if not box.node.is_supervisor]
    width = max((box.width for box in processes if box.width <= EVEN[0]), default=0)
    height = max((box.height for box in processes if box.height <= EVEN[1]), default=0)
    for box in processes:
        box.width, box.height = max(box.width, width), max(box.height, height)

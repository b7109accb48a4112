"""A tree as a picture that needs nothing else: no script, no font, no other file.

Decides the elements of an SVG: what is a group, what is read aloud, what a page can take hold of
(`data-path`, and classes for the kind and the state of each child). Must not know specs or colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from ..plain import plain
from . import text
from .boxes import (
    MARGIN,
    NAME_LINE,
    NAME_SIZE,
    SIDE,
    TOP,
    WORDS_LINE,
    Box,
    Line,
    exact,
    words_width,
)
from .layout import place
from .marks import MARKS
from .nodes import FORWARD, LISTED, Node
from .style import ROOT, sheet

LEGEND = 34
"""The height of the legend."""
SAMPLE = 30
"""The length of the arrows in it."""
SHEETS = 4
"""How far the sheets of a template lie apart."""

ORDER = "the order of the list, in which they start"

TIP = """\
<defs><marker id="otpsup-tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" \
markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">\
<path class="tip" d="M0 0.5L8 4L0 7.5Z"/></marker></defs>"""


def draw(root: Node) -> str:
    """The picture."""
    box = place(root)
    samples = list(_samples(box))
    wide = max(box.width, _length(samples)) + 2 * MARGIN
    high = box.height + 2 * MARGIN + (LEGEND if samples else 0)
    lines = [
        _head(wide, high),
        f"<title>{escape(root.name)}: a supervision tree</title>",
        f"<desc>{escape(text.draw(root))}</desc>",
        f"<style>\n{sheet()}\n</style>",
        TIP,
        f'<rect class="page" width="{exact(wide)}" height="{exact(high)}"/>',
        *_box(box, MARGIN, MARGIN),
        *_legend(samples, box.height + 2 * MARGIN),
        "</svg>",
    ]
    return "\n".join(lines)


def _head(wide: float, high: float) -> str:
    """The root element; blanks in names are kept."""
    size = f'width="{exact(wide)}" height="{exact(high)}"'
    view = f'viewBox="0 0 {exact(wide)} {exact(high)}"'
    space = 'xmlns="http://www.w3.org/2000/svg" xml:space="preserve"'
    return f'<svg {space} class="{ROOT}" role="img" {size} {view}>'


def _box(box: Box, x: float, y: float) -> Iterator[str]:
    """A group for a node, with groups for those below in it."""
    node = box.node
    yield (
        f'<g class="{" ".join(_classes(node))}" data-path="{escape(plain(node.path))}" '
        f'transform="translate({exact(x)} {exact(y)})">'
    )
    yield f"<title>{escape(f'{plain(node.path) or node.name}: {node.words}')}</title>"
    yield from _frames(box)
    yield from _texts(box)
    for line in box.lines:
        yield from _line(line)
    for child in box.children:
        yield from _box(child, child.x, child.y)
    yield "</g>"


def _classes(node: Node) -> Iterator[str]:
    yield "supervisor" if node.is_supervisor else "process"
    if node.is_on_demand:
        yield "demand"
    if node.state:
        yield node.state


def _frames(box: Box) -> Iterator[str]:
    """What is around a node; a template is the uppermost of three sheets."""
    size = f'width="{exact(box.width)}" height="{exact(box.height)}"'
    radius = 12 if box.node.is_supervisor else 7
    for depth in (2, 1) if box.node.is_template else ():
        corner = f'x="{depth * SHEETS}" y="{depth * SHEETS}"'
        yield f'<rect class="sheet" {corner} {size} rx="{radius}"/>'
    yield f'<rect class="frame" {size} rx="{radius}"/>'


def _texts(box: Box) -> Iterator[str]:
    y = TOP + NAME_SIZE
    for number, name in enumerate(box.names):
        yield _text("name", box.side, y + number * NAME_LINE, _marked(name, box.node, number))
    y += NAME_LINE * len(box.names) - 1
    for number, words in enumerate(box.words):
        yield _text("words", box.side, y + number * WORDS_LINE, escape(words))
    if box.number:
        yield _text("number", box.width - SIDE + 3, TOP + NAME_SIZE - 1, box.number)


def _marked(name: str, node: Node, number: int) -> str:
    """A line of a name, with the mark of a state in its colour."""
    if node.state is None or number:
        return escape(name)
    mark, rest = name[: len(MARKS[node.state])], name[len(MARKS[node.state]) :]
    return f'<tspan class="mark">{mark}</tspan>{escape(rest)}'


def _text(kind: str, x: float, y: float, content: str) -> str:
    return f'<text class="{kind}" x="{exact(x)}" y="{exact(y)}">{content}</text>'


def _line(line: Line) -> Iterator[str]:
    kind = "way listed" if line.arrow.is_listed else "way"
    source, target = (escape(plain(path)) for path in (line.arrow.source, line.arrow.target))
    ends = f'data-from="{source}" data-to="{target}"'
    yield f'<path class="{kind}" {ends} marker-end="url(#otpsup-tip)" d="{line.way}"/>'
    if line.label:
        yield _text("label", line.x + 7, line.y - 5, escape(line.label))


# The legend: a sample, and what it means.


def _samples(box: Box) -> Iterator[tuple[str, str]]:
    """What is in the picture that wants a word."""
    boxes = list(_all(box))
    lines = [line for box in boxes for line in box.lines]
    if any(not line.arrow.is_listed for line in lines):
        yield "way", FORWARD
    if any(line.arrow.is_listed for line in lines):
        yield "way listed", LISTED
    if any(box.number for box in boxes):
        yield "number", ORDER


def _all(box: Box) -> Iterator[Box]:
    yield box
    for child in box.children:
        yield from _all(child)


def _length(samples: Sequence[tuple[str, str]]) -> float:
    return sum(SAMPLE + 8 + words_width(words) + 24 for _, words in samples) - 24


def _legend(samples: Sequence[tuple[str, str]], y: float) -> Iterator[str]:
    x: float = MARGIN
    for kind, words in samples:
        if kind == "number":
            yield _text("words", x, y + 4, "1 2 3")
        else:
            yield f'<path class="{kind}" marker-end="url(#otpsup-tip)" d="M{x} {y}h{SAMPLE}"/>'
        yield _text("words", x + SAMPLE + 8, y + 4, words)
        x += SAMPLE + 8 + words_width(words) + 24

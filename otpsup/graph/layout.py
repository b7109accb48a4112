"""A whole tree as boxes in boxes.

Decides that supervisors contain their children, and which of them are set in rows and which in
columns. Must not know how anything looks.
"""

from __future__ import annotations

from . import rows
from .boxes import MARGIN, Box, box_of, even, number
from .columns import Columns
from .nodes import Node


def place(node: Node) -> Box:
    """The box of a node, and in it those of all below."""
    box = box_of(node)
    box.children = [place(child) for child in node.children]
    if box.children:
        _fill(box)
    return box


def _fill(box: Box) -> None:
    """Place the children below the texts of a supervisor, and make it large enough."""
    node, children = box.node, box.children
    if not node.arrows:
        number(children)
    even(children)
    for child in children:
        child.x, child.y = MARGIN, box.height + 2
    if node.is_graph:
        columns = Columns(node, children)
        box.lines, bottom = columns.place(), columns.bottom
    else:
        box.lines = rows.place(node, children)
        bottom = max(child.bottom for child in children)
    box.width = max(box.width, max(child.right for child in children) + MARGIN)
    box.height = bottom + MARGIN

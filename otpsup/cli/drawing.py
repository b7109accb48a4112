"""`graph`: the tree and its dependencies as text, Mermaid, DOT or SVG."""

from __future__ import annotations

import sys

from .. import graph
from . import table, target
from .parameters import Options


def command(options: Options) -> str:
    """The drawing of a tree; of one that runs, with its states."""
    found = target.resolve(options.tree_or_module, options.tree, options.socket)
    colour = options.format == "text" and table.wants_colour(sys.stdout)
    text = graph.render(found.now, options.format, found.states, colour=colour)
    return text if text.endswith("\n") else f"{text}\n"

"""Drawings of a tree: who supervises whom, by which rule, and what starts after what.

    model, nodes                      a spec as nodes and arrows, with all that is said in words
    text                              for a terminal
    mermaid, dot                      for Markdown, for graphviz
    layout: rows, columns (layers)    where every box and arrow of a picture is
    svg (boxes, style)                the picture itself
    marks                             how a state looks

Pure functions of a spec and, for a tree that runs, the states of its children.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from ..specs import ChildSpec

Form = Literal["text", "mermaid", "dot", "svg"]

FORMS: tuple[Form, ...] = get_args(Form)


def render(
    spec: ChildSpec, form: Form, states: Mapping[str, str] | None = None, colour: bool = False
) -> str:
    """Draw a tree.

    Args:
        spec: a supervisor with all below it, or a single process.
        form: `text` is 80 columns wide where names allow it, `mermaid` a flowchart, `dot` is for
            graphviz, `svg` a picture that needs nothing else.
        states: for a tree that runs, the state of each child by its path (`""` is the root,
            `"backend/db"`, `"pool/job#1"`); who has none is drawn without. Instances of a template
            are counted.
        colour: escape sequences in `text`; the other forms have their own colours.

    Returns:
        the drawing, without a line break at its end.

    Raises:
        ValueError: there is no such form or state.
    """
    from . import dot, mermaid, svg, text  # every command has marks, few have drawings
    from .model import model

    root = model(spec, states)
    match form:
        case "text":
            return text.draw(root, colour=colour)
        case "mermaid":
            return mermaid.draw(root)
        case "dot":
            return dot.draw(root)
        case "svg":
            return svg.draw(root)
        case _:
            raise ValueError(f"there is no form {form!r}; the forms are {', '.join(FORMS)}")

"""A tree as a Mermaid flowchart: supervisors are subgraphs, arrows are links.

Decides how Mermaid is to be written so that no name can be taken for anything else. Must not know
specs.

Sites that draw Mermaid limit it: 50000 characters and 500 links, as it comes (mermaid.js.org,
*Configuration*). That is about 300 children; beyond that take another form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .marks import ACCENT, LIGHT, MARKS
from .nodes import Arrow, Node, legend

STYLES = {
    "supervisor": f"fill:{ACCENT}0d,stroke:{ACCENT}80",
    "demand": "stroke-dasharray:4 3",
    **{state: f"stroke:{colour},stroke-width:2px" for state, colour in LIGHT.items()},
}
"""The classes of nodes; none sets a colour of text, so that each suits light and dark pages."""

_SPECIAL = re.compile(rf"[^\w (),{''.join(MARKS.values())}-]|(?<!\w)[-_]|_(?!\w)")
"""All that is no letter or digit, but for what can mean nothing else where it stands."""


def draw(root: Node) -> str:
    """The flowchart, in lines."""
    lines = [*_title(root), "flowchart LR", *_node(root, "  "), *_styles(root)]
    return "\n".join(lines)


def _title(root: Node) -> list[str]:
    words = legend(root)
    return ["---", f'title: "{words}"', "---"] if words else []


def _node(node: Node, indent: str) -> Iterator[str]:
    if not node.is_supervisor:
        left, right = ("[[", "]]") if node.is_template else ("[", "]")
        yield f"{indent}{identifier(node.path)}{left}{_label(node, '<br/>')}{right}"
        return
    yield f"{indent}subgraph {identifier(node.path)}[{_label(node, ': ')}]"
    yield f"{indent}  direction LR"
    for child in node.children:
        yield from _node(child, indent + "  ")
    for arrow in node.arrows:
        yield f"{indent}  {_link(arrow)}"
    yield f"{indent}end"


def _link(arrow: Arrow) -> str:
    line = "-.->" if arrow.is_listed else "-->"
    label = f'|"{arrow.label}"|' if arrow.label else ""
    return f"{identifier(arrow.source)} {line}{label} {identifier(arrow.target)}"


def identifier(path: str) -> str:
    """An id that no other path has, of letters, digits and underscores."""
    return "n" + ("_" + re.sub("[^A-Za-z0-9]", _code, path) if path else "")


def _code(match: re.Match[str]) -> str:
    """`_` is doubled; what else is no letter is its code point between underscores."""
    return "__" if match[0] == "_" else f"_{ord(match[0]):x}_"


def _label(node: Node, between: str) -> str:
    """Name and words; those of a supervisor on one line, as there is no room for a second."""
    return f'"{_escaped(node.label)}{between}{_escaped(node.words)}"'


def _escaped(text: str) -> str:
    """The text without anything that Mermaid, Markdown or HTML takes for their own."""
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", text)


def _classes(node: Node) -> Iterator[str]:
    """The names of its styles."""
    if node.is_supervisor:
        yield "supervisor"
    if node.is_on_demand:
        yield "demand"
    if node.state:
        yield node.state


def _styles(root: Node) -> Iterator[str]:
    """Definitions of the classes that are used, and the nodes that have them."""
    members: dict[str, list[str]] = {}
    for node in root.walk():
        for name in _classes(node):
            members.setdefault(name, []).append(identifier(node.path))
    for name, nodes in members.items():
        yield f"  classDef {name} {STYLES[name]}"
        yield f"  class {','.join(nodes)} {name}"

"""A tree as a graph for graphviz: supervisors are clusters, arrows are edges.

Decides how DOT is to be written so that no name can be taken for anything else. Must not know
specs; nothing here needs graphviz itself.

An edge of DOT joins two nodes, never clusters. One that leads to a supervisor is drawn to a node in
it, and cut off at its border (`lhead`, `ltail`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..plain import plain
from .marks import ACCENT, LIGHT
from .nodes import Arrow, Node, legend

HEAD = """\
  graph [rankdir=LR, compound=true, nodesep=0.25, ranksep=0.6, fontname="Helvetica", fontsize=11]
  node [shape=box, style="rounded,filled", fillcolor=white, color="#868e96", fontname="Helvetica",\
 fontsize=11, margin="0.16,0.08"]
  edge [color="#495057", fontname="Helvetica", fontsize=10, arrowsize=0.7]"""

CLUSTER = f'fillcolor="{ACCENT}0d"; labeljust=l; labelloc=t; margin=14'


def draw(root: Node) -> str:
    """The graph, in lines."""
    nodes = {node.path: node for node in root.walk()}
    lines = [f"digraph {quoted(root.name)} {{", HEAD, *_title(root)]
    return "\n".join([*lines, *_node(root, nodes, "  "), "}"])


def _title(root: Node) -> list[str]:
    words = legend(root)
    return [f"  label={_label(words)}; labelloc=b"] if words else []


def _node(node: Node, nodes: dict[str, Node], indent: str) -> Iterator[str]:
    if not node.is_supervisor:
        yield f"{indent}{identifier(node.path)} [{_attributes(node)}]"
        return
    yield f"{indent}subgraph {_cluster(node)} {{"
    yield f"{indent}  label={_label(node.label, node.words)}; {CLUSTER}; {_border(node)}"
    if not node.children:
        yield f'{indent}  {identifier(node.path)} [label="", shape=point, style=invis]'
    for child in node.children:
        yield from _node(child, nodes, indent + "  ")
    for arrow in node.arrows:
        yield f"{indent}  {_edge(arrow, nodes)}"
    yield f"{indent}}}"


def _attributes(node: Node) -> str:
    """How a process is drawn: its label, and what it has of its own."""
    style = f", style={_style(node)}" if node.is_on_demand else ""
    many = ", peripheries=2" if node.is_template else ""
    state = f', color="{LIGHT[node.state]}", penwidth=2' if node.state else ""
    return f"label={_label(node.label, node.words)}{style}{many}{state}"


def _border(node: Node) -> str:
    colour = LIGHT[node.state] if node.state else f"{ACCENT}80"
    return f"style={_style(node)}; color={quoted(colour)}"


def _style(node: Node) -> str:
    return quoted("rounded,filled" + ",dashed" * node.is_on_demand)


def _edge(arrow: Arrow, nodes: dict[str, Node]) -> str:
    """One arrow, between nodes that stand for what it leads from and to."""
    source, target = nodes[arrow.source], nodes[arrow.target]
    attributes = [
        *([f"ltail={_cluster(source)}"] if source.is_supervisor else []),
        *([f"lhead={_cluster(target)}"] if target.is_supervisor else []),
        *(["style=dashed"] if arrow.is_listed else []),
        *([f"label={_label(arrow.label)}"] if arrow.label else []),
    ]
    line = f"{identifier(_inside(source, -1))} -> {identifier(_inside(target, 0))}"
    return f"{line} [{', '.join(attributes)}]" if attributes else line


def _inside(node: Node, which: int) -> str:
    """The path of the first or the last process below a node, or of the node itself."""
    while node.children:
        node = node.children[which]
    return node.path


def _cluster(node: Node) -> str:
    """The id of a supervisor; graphviz draws a border around what is called cluster."""
    return identifier(f"cluster_{node.path}")


def identifier(path: str) -> str:
    """An id that no other path has: the path itself, as far as it can be printed."""
    twice = path.replace("\\", "\\\\")  # for what is escaped now shall be like nothing else
    return quoted(plain(twice))


def quoted(text: str) -> str:
    r"""The text between quotes, in which `\` and `"` stand for themselves."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _label(*lines: str) -> str:
    r"""A label of these lines; in it `&lt;` would be read as HTML, and `\N` as the node's name."""
    return r"\n".join(quoted(line.replace("&", "&amp;"))[1:-1] for line in lines).join('""')

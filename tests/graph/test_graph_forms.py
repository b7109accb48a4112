"""Text, Mermaid and DOT of any tree with any names: all is there, and nothing is mistaken."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otpsup import Supervisor, Worker
from otpsup.graph import render
from tests.graph.trees import (
    SHORT,
    TARGET,
    arrows,
    is_supervisor,
    printable,
    single,
    states,
    trees,
    walk,
)

MARKS = {"running": "●", "starting": "◐", "stopping": "◑", "restarting": "↻", "down": "○"}
BRANCH = re.compile("(?:[│ ]  )*[├└]─ ")
ESCAPES = re.compile(r"\033\[\d+m")


@given(trees(), st.data())
def test_text_has_all(spec: Supervisor, data: st.DataObject) -> None:
    """Every child has a line of its own, in order, with its state; nothing steers the terminal."""
    live = data.draw(st.none() | states(spec))
    lines = render(spec, "text", live).split("\n")
    rows = iter([lines[0], *[BRANCH.sub("", line) for line in lines if BRANCH.match(line)]])
    alone = set(single(spec))
    for path, child in walk(spec):
        name = printable(child.name)
        line = next(rows)
        assert line == name or line.startswith(f"{name}  ")
        assert line.isprintable()
        state = (live or {}).get(path)
        if state and path in alone:
            assert f"{MARKS[state]} {state}" in line
    assert next(rows, None) is None


@given(trees(SHORT), st.data())
def test_text_fits(spec: Supervisor, data: st.DataObject) -> None:
    """With names of a usual length a tree is as wide as a terminal, and no wider."""
    text = render(spec, "text", data.draw(st.none() | states(spec)))

    assert max(map(len, text.split("\n"))) <= 80
    assert not any(line.endswith(" ") for line in text.split("\n"))


@given(trees(), st.data())
def test_colour_is_only_colour(spec: Supervisor, data: st.DataObject) -> None:
    """Colours change nothing but colours."""
    live = data.draw(st.none() | states(spec))
    coloured = render(spec, "text", live, colour=True)

    assert ESCAPES.sub("", coloured) == render(spec, "text", live)


# Mermaid.

LABEL = r'"(?P<label>(?:[\w (),●◐◑↻○-]|#\d+;|: |<br/>)*)"'
ID = "n[A-Za-z0-9_]*"
MERMAID = {
    "title": re.compile(r'---|title: "[a-z_ :;,]+"'),
    "start": re.compile("flowchart LR"),
    "group": re.compile(rf" +subgraph (?P<id>{ID})\[{LABEL}\]"),
    "direction": re.compile(" +direction LR"),
    "end": re.compile(" +end"),
    "node": re.compile(rf" *(?P<id>{ID})(?:\[{LABEL}\]|\[\[{LABEL.replace('label', 'many')}\]\])"),
    "link": re.compile(rf' +(?P<a>{ID}) (?P<line>-->|-\.->)(\|"(?P<word>\w+)"\|)? (?P<b>{ID})'),
    "style": re.compile(r" +classDef \w+ [\w:#,. -]+"),
    "class": re.compile(rf" +class {ID}(,{ID})* \w+"),
}


def mermaid(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The lines by what they are; each is exactly one thing."""
    found = []
    for line in text.split("\n"):
        matches = {kind: rule.fullmatch(line) for kind, rule in MERMAID.items()}
        kinds = [(kind, match.groupdict()) for kind, match in matches.items() if match]
        assert len(kinds) == 1, line
        found += kinds
    return found


def shown(label: str) -> str:
    """What Mermaid shows for a label."""
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", label.replace("<br/>", "\n")))


@given(trees(), st.data())
def test_mermaid(spec: Supervisor, data: st.DataObject) -> None:
    """Each child has an id of its own and a label that shows its name; arrows are as they are."""
    live = data.draw(st.none() | states(spec))
    lines = mermaid(render(spec, "mermaid", live))
    nodes = [found for kind, found in lines if kind in ("group", "node")]
    ids = [found["id"] for found in nodes]
    assert len(set(ids)) == len(ids)

    specs, alone = dict(walk(spec)), set(single(spec))
    for (path, child), found in zip(specs.items(), nodes, strict=True):
        label = shown(found["label"] or found["many"])
        mark = f"{MARKS[live[path]]} " if live and path in live and path in alone else ""
        assert label.startswith(mark + printable(child.name))
    paths = dict(zip(ids, specs, strict=True))
    links = [found for kind, found in lines if kind == "link"]
    drawn = [
        (paths[f["a"]], paths[f["b"]], "list" if "." in f["line"] else f["word"] or "")
        for f in links
    ]
    assert sorted(drawn) == sorted(arrows(spec))


def test_mermaid_nests() -> None:
    """What is in a supervisor is in its subgraph."""
    spec = Supervisor("a", children=[Supervisor("b", children=[Worker("c", TARGET)])])
    kinds = [kind for kind, _ in mermaid(render(spec, "mermaid"))]

    assert kinds[:8] == ["start", "group", "direction", "group", "direction", "node", "end", "end"]


@given(st.lists(st.text("ab_/25f", min_size=1, max_size=6), min_size=2, unique=True))
def test_mermaid_ids_are_one_to_one(names: list[str]) -> None:
    """No two paths have the same id, be their names as alike as they may."""
    from otpsup.graph.mermaid import identifier

    assert len({identifier(name) for name in names}) == len(names)


# DOT.

QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
WORDS = re.compile(
    r"digraph S \{|(?:graph|node|edge) \[[\w=, S.]*\]|subgraph S \{|(?:\w+=(?:\w+|S)(?:; )?)+"
    r"|S \[[\w=, S]*\]|S -> S(?: \[[\w=, S]*\])?|\}"
)


def dot(text: str) -> None:
    """Refuse what graphviz would read otherwise than we mean it."""
    for line in text.split("\n"):
        assert WORDS.fullmatch(QUOTED.sub("S", line).strip()), line


@given(trees(), st.data())
def test_dot_is_quoted(spec: Supervisor, data: st.DataObject) -> None:
    """Names are between quotes, and no quote is in them that ends them early."""
    dot(render(spec, "dot", data.draw(st.none() | states(spec))))


def test_dot_ids_are_one_to_one() -> None:
    """A name with an escape and one that looks like it escaped are two nodes."""
    names = ["\x1b", "\\x1b", "\\\\x1b", '"', '\\"']
    text = render(Supervisor("top", children=[Worker(name, TARGET) for name in names]), "dot")

    assert len(set(re.findall(r"^    (\".*\") \[", text, re.MULTILINE))) == len(names)


SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed (apt: graphviz)")
@settings(max_examples=25)
@given(trees(depth=2, width=4))
def test_graphviz(spec: Supervisor) -> None:
    """Graphviz itself takes it, finds every node, cluster and edge, and shows the names."""
    source = render(spec, "dot").encode()
    done = subprocess.run(["dot", "-Tsvg"], input=source, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()

    groups = list(ElementTree.fromstring(done.stdout).iter(f"{SVG}g"))
    specs = [child for _, child in walk(spec)]
    for kind, children in (
        ("node", [child for child in specs if not is_supervisor(child)]),
        ("cluster", [child for child in specs if is_supervisor(child)]),
    ):
        drawn = [
            group
            for group in groups
            if group.get("class") == kind and group.find(f"{SVG}text") is not None
        ]
        texts = [next(group.iter(f"{SVG}text")).text or "" for group in drawn]
        names = [printable(child.name) for child in children]
        assert sorted(map(squeezed, texts)) == sorted(map(squeezed, names))
    assert sum(group.get("class") == "edge" for group in groups) == len(arrows(spec))


def squeezed(text: str) -> str:
    """The text without blanks; graphviz makes some of them unbreakable."""
    return "".join(text.split())

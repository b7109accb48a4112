"""The tree as text: one line a node, and nothing that a child says can break it."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import ChildStatus
from otpsup.cli import table
from otpsup.durations import duration
from tests.support.sizes import sized

STATES = st.sampled_from(["down", "starting", "running", "stopping", "restarting"])
TEXT = st.text(max_size=9) | st.text(st.characters(categories=["Cc", "Cs", "Zl", "Cf"]))
NAMES = st.text("abcé樹-_. ", min_size=1, max_size=9).filter(str.strip)
NODES: st.SearchStrategy[ChildStatus] = st.deferred(
    lambda: st.builds(
        ChildStatus,
        name=NAMES,
        path=TEXT,
        type=st.sampled_from(["worker", "command", "supervisor", "dynamic_supervisor"]),
        state=STATES,
        ready=st.booleans(),
        pid=st.none() | st.integers(1, 1 << 22),
        since=st.floats(0, 1e9),
        restarts=st.integers(0, 1000),
        last_exit=st.none() | TEXT,
        status=st.none() | TEXT,
        children=st.lists(NODES, max_size=2).map(tuple),
    )
)
COLOUR = re.compile(r"\033\[\d+m")


def node(name: str, *children: ChildStatus, **fields: object) -> ChildStatus:
    """A running worker, or a running supervisor if it has children."""
    plain = {
        "name": name, "path": name, "type": "supervisor" if children else "worker",
        "state": "running", "ready": True, "pid": None, "since": 100.0, "restarts": 0,
        "last_exit": None, "children": children,
    }  # fmt: skip
    return ChildStatus(**{**plain, **fields})  # type: ignore[arg-type]


def test_example() -> None:
    """The tree is drawn as a tree, in columns, with what each child says and how it ended last."""
    root = node(
        "blog",
        node("ipc", pid=812, restarts=1, last_exit="SIGKILL", since=60.0),
        node("back", node("db", state="down", last_exit="exit code 3"), restarts=2),
        node("updater", pid=90, status="loading 40 %", state="starting", last_exit="exit code 1"),
    )
    assert table.render(root, 165.0, colour=False).splitlines() == [
        "blog        ● running            1m 5s   0 restarts",
        "├─ ipc      ● running   pid 812  1m 45s  1 restart   last exit: SIGKILL",
        "├─ back     ● running            1m 5s   2 restarts",
        "│  └─ db    ○ down               1m 5s   0 restarts  last exit: exit code 3",
        "└─ updater  ◐ starting  pid 90   1m 5s   0 restarts  loading 40 %; last exit: exit code 1",
    ]


def test_what_runs_and_cannot_serve() -> None:
    """It is seen at a glance, by its mark, its word and its colour; only running can mean that."""
    root = node("shop", node("web", pid=7, ready=False), node("db", state="down", ready=False))
    assert table.render(root, 101.0, colour=False).splitlines() == [
        "shop    ● running           1s  0 restarts",
        "├─ web  ◒ not ready  pid 7  1s  0 restarts",
        "└─ db   ○ down              1s  0 restarts",
    ]
    assert "\033[33m├─ web" in table.render(root, 101.0, colour=True)


@sized(20, 200, NODES, st.floats(0, 2e9), st.booleans())
def test_any_tree(root: ChildStatus, now: float, colour: bool) -> None:
    """Any tree is as many lines as it has nodes, in order, each with its name and state."""
    text = table.render(root, now, colour=colour)
    lines = text.split("\n")
    nodes = list(root.walk())
    assert len(lines) == len(nodes)
    for line, child in zip(lines, nodes, strict=True):
        assert child.name in line
        assert table.shown(child.state, child.ready) in line


@sized(20, 200, NODES)
def test_colour_is_only_colour(root: ChildStatus) -> None:
    """Colours change nothing but colours; without them there is no control character at all."""
    plain = table.render(root, 1e9, colour=False)
    assert all(line.isprintable() for line in plain.split("\n"))
    assert COLOUR.sub("", table.render(root, 1e9, colour=True)) == plain


@given(TEXT)
def test_plain(text: str) -> None:
    """What a child says cannot steer the terminal, break the line or fail to be written."""
    plain = table.plain(text)
    assert plain.isprintable()
    assert plain.encode().decode() == plain
    assert (text == plain) == text.isprintable()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-3, "0s"),
        (0, "0s"),
        (0.99, "0s"),
        (59.9, "59s"),
        (60, "1m 0s"),
        (185, "3m 5s"),
        (3599, "59m 59s"),
        (3600, "1h 0m"),
        (7620, "2h 7m"),
        (86399, "23h 59m"),
        (86400, "1d 0h"),
        (349_200, "4d 1h"),
        (1e9, "11574d 1h"),
    ],
)
def test_duration(seconds: float, expected: str) -> None:
    """A span is told in its two largest units, and is never negative."""
    assert duration(seconds) == expected


@given(st.integers(0, 10**9))
def test_duration_is_exact(seconds: int) -> None:
    """What is told, counted back to seconds, is the span without what the units leave out."""
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    parts = duration(seconds).split()
    told = sum(int(part[:-1]) * units[part[-1]] for part in parts)
    assert 0 <= seconds - told < units[parts[-1][-1]]


def test_colour_only_on_a_terminal() -> None:
    """What is not a terminal gets no colour."""
    assert not table.wants_colour(io.StringIO())

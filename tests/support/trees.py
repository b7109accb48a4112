"""Trees in this process: run one, read its events, ask its children things."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import evolve

from otpsup import (
    ChildStatus,
    Command,
    DynamicSupervisor,
    Event,
    LogFile,
    StartFailed,
    Supervisor,
    Tree,
    Worker,
)

from .waiting import LONG
from .waiting import descriptors as descriptors

Child = Worker | Command | Supervisor | DynamicSupervisor


@contextmanager
def running(*children: Any, name: str = "test", **options: Any) -> Iterator[Tree]:
    """A tree of these children, started and at the end stopped."""
    with Tree(Supervisor(name, children=list(children), **options)) as tree:
        yield tree


def node(tree: Tree, path: str) -> ChildStatus:
    """The status of one child."""
    found = tree.status().find(path)
    assert found is not None, f"there is no {path!r}"
    return found


def pid(tree: Tree, path: str) -> int:
    """The pid of one child."""
    number = node(tree, path).pid
    assert number is not None, f"{path!r} has no process"
    return number


class Watcher:
    """Reads the events of a tree."""

    def __init__(self, tree: Tree) -> None:
        self.stream = tree.events()
        self.seen: list[Event] = []

    def until(
        self, path: str, state: str | None = None, kind: str = "state", within: float = LONG
    ) -> Event:
        """Read on until an event of this kind about this path, in this state."""
        deadline = time.monotonic() + within
        while True:
            event = self.stream.next(timeout=max(0.001, deadline - time.monotonic()))
            self.seen.append(event)
            if (event.path, event.kind) == (path, kind) and state in (None, event.state):
                return event

    def until_all(self, *paths: str, state: str) -> None:
        """Read on until each of these has come into this state, in whatever order."""
        left = set(paths)
        while left:
            event = self.stream.next(timeout=LONG)
            self.seen.append(event)
            if event.kind == "state" and event.state == state:
                left.discard(event.path)

    def states(self, path: str) -> list[str | None]:
        """The states of this path so far."""
        return [e.state for e in self.seen if e.kind == "state" and e.path == path]


@contextmanager
def watching(tree: Tree) -> Iterator[Watcher]:
    """All events of a tree from here on."""
    watcher = Watcher(tree)
    with watcher.stream:
        yield watcher


def python(code: str, *args: str) -> list[str]:
    """The argv of a small, quick Python program."""
    return [sys.executable, "-I", "-S", "-c", textwrap.dedent(code), *args]


REPORT = """
import json, os, signal, sys
def tell(**message):
    os.write(int(os.environ["OTPSUP_CHANNEL"].split(":")[0]), json.dumps(message).encode())
"""


def asking(name: str, code: str, **options: Any) -> Command:
    """A command that evaluates `code`, gives `info` to `ready`, and stays until it is stopped."""
    lines = (REPORT, textwrap.dedent(code), "tell(op='ready', info=info)", "signal.pause()")
    return Command(name, python("\n".join(lines)), ready="notify", **options)


def told(child: Child) -> Any:
    """What a child gives to `ready(info)`."""
    with running(child) as tree:
        return node(tree, child.name).info


def fails_with(tree: Tree, child: Command, reason: str) -> None:
    """It is not ready in time, and the error says so and why. On a busy machine a second may be
    over before anybody has looked: then it gets more."""
    told = []
    for seconds in (1, 5, 25):
        try:
            tree.start_child(evolve(child, start_timeout=seconds))
        except StartFailed as error:
            told.append(str(error))
            assert f"not ready within {seconds} s" in told[-1]
            if reason in told[-1]:
                return
        else:
            raise AssertionError("it was ready")
    raise AssertionError(f"{reason!r} is not in {told}")


def output_of(tmp_path: Path, *argv: str, **options: Any) -> str:
    """What a command writes until it ends."""
    out = tmp_path / "output"
    spec = Command("c", argv, restart="temporary", stdout=LogFile(out), **options)
    with running() as tree, watching(tree) as events:
        tree.start_child(spec)
        events.until("c", "down")
    return out.read_text() if out.exists() else ""

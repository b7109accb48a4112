"""Children that are started again without a question, and what becomes of those nobody wants."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from otpsup import Command, LogFile, Supervisor, Tree, Worker
from otpsup.runtime.launcher.strays import mark_of
from otpsup.specs import StaysUp
from tests.support import targets
from tests.support.strays import waits_for_order
from tests.support.trees import node, pid, running, watching
from tests.support.waiting import LONG, is_alive, until

SLEEP = ["sleep", "100"]
KINDS: dict[str, Callable[[str], Any]] = {
    "command": lambda name: Command(name, SLEEP),
    "worker": lambda name: Worker(name, targets.wait),
}


@contextmanager
def busy(tree: Tree) -> Iterator[None]:
    """The host hears of nothing meanwhile; all that it had to do before is done."""
    held, gate = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        gate.wait()

    assert tree._loop is not None
    tree._loop.call_soon_threadsafe(hold)
    try:
        assert held.wait(LONG)
        yield
    finally:
        gate.set()


def siblings_of(number: int) -> set[int]:
    """All live children of the parent of this process that are somebody's: who waits there for an
    order has the mark of the zygote, and who is just being made may have none."""
    parent = psutil.Process(number).parent()
    assert parent is not None
    return {p.pid for p in parent.children() if is_alive(p.pid) and _is_somebodys(p)}


def _is_somebodys(process: psutil.Process) -> bool:
    return mark_of(process.pid) != b"" and not waits_for_order(process)


def armed(tree: Tree) -> None:
    """Word has gone to the launcher who may be started again."""
    session = tree._session
    assert session is not None
    processes = session._runner._processes
    until(lambda: all(getattr(p, "_successor", 1) for p in processes.values()))


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_waits_for_a_host_that_is_busy(kind: str) -> None:
    """A child that is killed is there again although the host does not come to hear of it; then it
    hears of both, and counts and tells it as any other restart."""
    with running(KINDS[kind]("a"), KINDS[kind]("b")) as tree, watching(tree) as events:
        armed(tree)
        before, b = pid(tree, "a"), pid(tree, "b")
        others = {before, b}
        until(lambda: siblings_of(b) == others)
        with busy(tree):
            os.kill(before, 9)
            new = until(lambda: siblings_of(b) - others)
        events.until("a", "running")
        assert {pid(tree, "a")} == new
        assert node(tree, "a").restarts == 1


def test_no_more_than_the_restart_limit_allows() -> None:
    """Of five that die while the host is busy, two come back where two restarts are allowed; the
    tree then gives up, as it would have."""
    children = [KINDS["command"](f"c{n}") for n in range(6)]
    with running(*children, intensity=2, period=60) as tree:
        armed(tree)
        pids = [pid(tree, f"c{n}") for n in range(6)]
        others = siblings_of(pids[5])
        with busy(tree):
            for number in pids[:5]:
                os.kill(number, 9)
            until(lambda: len(siblings_of(pids[5]) & set(pids)) == 1)
            until(lambda: len(siblings_of(pids[5]) - others) == 2)
        assert tree.wait(LONG) is not None
    assert not any(map(is_alive, pids))


def test_one_that_nobody_wants_has_never_been() -> None:
    """A child that is not to come back any more was started again before that was known there: it
    is ended, and only then the end of the one before it is told."""
    with running(KINDS["command"]("a"), KINDS["command"]("b")) as tree, watching(tree) as events:
        armed(tree)
        tree.unmonitor("a")
        before, b = pid(tree, "a"), pid(tree, "b")
        os.kill(before, 9)
        events.until("a", "down")
        assert siblings_of(b) == {b}
        assert [e for e in events.seen if e.path == "a" and e.state == "starting"] == []


def test_who_is_told_to_end_does_not_come_back() -> None:
    """The launcher hears that a child is to end before the child does."""
    with running(*(KINDS["command"](f"c{n}") for n in range(20))) as tree, watching(tree) as events:
        armed(tree)
        for n in range(19):
            tree.terminate_child(f"c{n}")
        assert siblings_of(pid(tree, "c19")) == {pid(tree, "c19")}
        assert [e for e in events.seen if e.state == "starting"] == []


@pytest.mark.parametrize(
    "options",
    [
        {"env_file": "env"},
        {"secrets": {"KEY": "secret"}},
        {"ready": StaysUp(0.01)},
        {"before_start": ["true"]},
    ],
    ids=lambda options: next(iter(options)),
)
def test_who_is_looked_at_anew_each_time(options: dict[str, Any], tmp_path: Path) -> None:
    """What is read or done at every start is, for a busy host too: it is waited for."""
    (tmp_path / "env").write_text("A=1\n")
    (tmp_path / "secret").write_text("s")
    (tmp_path / "secret").chmod(0o600)
    if "env_file" in options:
        options = {"env_file": [str(tmp_path / "env")]}
    if "secrets" in options:
        options = {"secrets": {"KEY": str(tmp_path / "secret")}}
    log = LogFile(tmp_path / "log")
    a = Command("a", ["sh", "-c", "echo $A; sleep 100"], stdout=log, **options)
    with running(a, KINDS["command"]("b")) as tree, watching(tree) as events:
        before = pid(tree, "a")
        with busy(tree):
            os.kill(before, 9)
            until(lambda: not is_alive(before))
            (tmp_path / "env").write_text("A=2\n")
        events.until("a", "running")
        if "env_file" in options:
            until(lambda: log.path.exists() and "2" in log.path.read_text())


def test_a_supervisor_that_starts_others_with_it_is_asked() -> None:
    """Where a child does not come back alone the host decides, and all are started in order."""
    group = Supervisor(
        "g", strategy="one_for_all", children=[KINDS["command"]("a"), KINDS["command"]("b")]
    )
    with running(group) as tree, watching(tree) as events:
        os.kill(pid(tree, "g/a"), 9)
        events.until("g/b", "running")
        starts = [e.path for e in events.seen if e.state == "starting"]
        assert starts == ["g/a", "g/b"]

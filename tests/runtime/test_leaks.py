"""A host that restarts its children for months does not grow."""

from __future__ import annotations

import gc
import operator
import os
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from otpsup import Command, DynamicSupervisor, LogFile, Supervisor, Tree, Worker
from tests.support import targets
from tests.support.strays import descendants
from tests.support.trees import descriptors, pid, running, watching
from tests.support.waiting import LONG, until


def census() -> tuple[int, int, int]:
    """Descriptors, threads and zombies of this process."""
    zombies = [
        process
        for process in psutil.Process().children()
        if process.status() == psutil.STATUS_ZOMBIE
    ]
    return len(descriptors()), threading.active_count(), len(zombies)


@pytest.mark.slow
def test_restarts_leave_nothing_behind(tmp_path: Path) -> None:
    """After 300 restarts the host has as many descriptors and threads as before, no zombies, and
    no process more; so have launcher and zygote."""
    children: list[Any] = [
        Command("c", ["sleep", "100"], stdout=LogFile(tmp_path / "c.log")),
        Worker("w", targets.wait),
        Command("forked", ["sleep", "100"], nice=0, stdout="null", stderr="null"),
    ]
    with running(*children, intensity=1000) as tree, watching(tree) as events:

        def restart(times: int) -> None:
            for _ in range(times):
                for name in ("c", "w", "forked"):
                    os.kill(pid(tree, name), 9)
                    events.until(name, "running")

        def below() -> list[int]:
            helpers = {process.pid for process in descendants()}
            return [psutil.Process(number).num_fds() for number in sorted(helpers)]

        restart(3)
        until(lambda: len(below()) == 2 + len(children))  # the worker has its order by now
        before, helpers = census(), below()
        restart(97)
        until(lambda: all(map(operator.le, census(), before)))
        until(lambda: len(below()) == len(helpers))
        until(lambda: max(below()) <= max(helpers))  # what is on its way takes one for a moment


def test_failed_starts_leave_nothing_behind() -> None:
    """Nor do children that cannot be started, or do not get ready."""
    with running() as tree:
        specs: list[Any] = [
            Command("none", ["/no/such/program"]),
            Command("early", ["false"], ready="notify"),
            Worker("lambda", lambda: None),
            Worker("fails", targets.fail, ready="notify", stderr="null"),
        ]

        def fail(times: int) -> None:
            for _ in range(times):
                for spec in specs:
                    future = tree.call_start(spec, (), "")
                    assert future.exception(LONG)

        fail(2)
        before = census()
        fail(5)  # the pipe of one that has just ended is read to its end
        until(lambda: all(map(operator.le, census(), before)))


def test_instances_leave_nothing_behind() -> None:
    """Hundreds of instances of a template come and go."""
    pool = DynamicSupervisor("pool", Command("job", ["sleep"], stdout="inherit"))
    with running(pool) as tree:

        def cycle(times: int) -> None:
            for _ in range(times):
                path = tree.start_child("pool", "100").path
                tree.terminate_child(path)

        cycle(3)
        before = census()
        cycle(100)
        until(lambda: all(map(operator.le, census(), before)))
        assert tree.count_children("pool")["active"] == 0


@pytest.mark.slow
def test_trees_leave_nothing_behind() -> None:
    """A tree that is started and stopped again and again, and one that is thrown away."""

    def live(times: int) -> None:
        kept = Tree(Supervisor("t", children=[Command("c", ["sleep", "100"])]))
        for _ in range(times):
            with kept, kept.events():
                kept.status()
            with running(Worker("w", targets.wait)):
                pass
        gc.collect()

    live(1)
    before = census()
    live(3)
    until(lambda: all(map(operator.le, census(), before)))


def test_a_stopped_tree_can_be_collected() -> None:
    """Nothing in the package holds on to a tree that is over."""
    import weakref

    tree = Tree(Supervisor("t", children=[Command("c", ["sleep", "100"])]))
    with tree, tree.events() as events:
        tree.status()
    assert events
    ref = weakref.ref(tree)
    del tree, events
    gc.collect()
    assert ref() is None


def test_a_tree_sleeps_when_nothing_happens() -> None:
    """An idle tree wakes up nobody: host, launcher and zygote have no timer and poll nothing."""
    with running(Command("c", ["sleep", "100"]), Worker("w", targets.wait)) as tree:
        loop = tree._loop
        assert loop is not None
        tree.status()
        helpers = [p for p in descendants() if p.pid not in (pid(tree, "c"), pid(tree, "w"))]

        def is_asleep() -> bool:
            before = [switches(process) for process in helpers]
            done = threading.Event()
            loop.call_soon_threadsafe(lambda: loop.call_later(0.3, done.set))
            assert done.wait(LONG)
            return [switches(process) for process in helpers] == before

        assert any(is_asleep() for _ in range(5))  # they may still be settling at first


def switches(process: psutil.Process) -> int:
    """How often a process went to sleep of its own will."""
    return int(process.num_ctx_switches().voluntary)

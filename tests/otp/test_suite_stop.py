"""OTP's supervisor_SUITE, group sup_stop: how a supervisor and its children come to their end."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from otpsup import Command, Supervisor, Tree
from otpsup.engine.reasons import Exit
from otpsup.specs.children import Restart
from tests.otp.test_suite_world import pooling, supervising, worker
from tests.support.strays import no_strays as no_strays
from tests.support.trees import asking
from tests.support.waiting import LONG


def test_sup_stop_infinity() -> None:
    """Children with `shutdown="infinity"`, workers too, get all the time they want to stop."""
    suite = supervising(
        Supervisor("child1", shutdown="infinity", children=[worker("x", shutdown="infinity")]),
        worker("child2", shutdown="infinity"),
    )
    suite.stops.update({"child1/x": "slow", "child2": "slow"})
    suite.shut_down().advance(1_000_000)

    assert suite.live_paths() == ["child1/x", "child2"]

    suite.finish("child2")
    suite.advance(1_000_000)

    assert suite.live_paths() == ["child1/x"]

    suite.finish("child1/x")
    suite.settle()

    assert suite.ends == [
        ("child2", "shutdown"),
        ("child1/x", "shutdown"),
        ("child1", "shutdown"),
        ("", "shutdown"),
    ]


def test_sup_stop_timeout() -> None:
    """Who has not stopped when its time is up is killed; who stops in time is not."""
    suite = supervising(worker("child1", shutdown=1), worker("child2", shutdown=1))
    suite.stops["child2"] = "stubborn"
    suite.shut_down().advance(0.75)

    assert suite.live_paths() == ["child1", "child2"]

    suite.advance(0.25)

    assert suite.ends == [("child2", "killed"), ("child1", "shutdown"), ("", "shutdown")]
    assert suite.contexts("child2") == ["progress", "shutdown_error"]
    assert suite.contexts("child1") == ["progress"]


def test_sup_stop_timeout_dynamic() -> None:
    """In a pool, too, only the instance that does not stop in time is killed."""
    suite = pooling(worker("job", shutdown=1), instances=2)
    suite.stops["job#1"] = "stubborn"
    suite.shut_down().advance(0.75)

    assert suite.live_paths() == ["job#1"]

    suite.advance(0.25)

    assert suite.ends == [("job#2", "shutdown"), ("job#1", "killed"), ("", "shutdown")]


def test_sup_stop_brutal_kill() -> None:
    """A child with `brutal_kill` is killed without being asked, and its end is as expected."""
    suite = supervising(worker("child1", shutdown=1), worker("child2", shutdown="brutal_kill"))
    suite.take_log()
    suite.shut_down()

    assert suite.take_log() == [
        "stop sup_test",
        "kill child2",
        "exit child2: SIGKILL",
        "stop child1",
        "exit child1: SIGTERM",
        "down sup_test: stopped",
        "Shutdown: ok",
        "halt stopped: stopped",
    ]
    assert suite.ends == [("child2", "killed"), ("child1", "shutdown"), ("", "shutdown")]


def test_sup_stop_brutal_kill_dynamic() -> None:
    """All instances of a template with `brutal_kill` are killed; the pool itself just stops."""
    suite = pooling(worker("job", shutdown="brutal_kill"), instances=10)
    suite.shut_down()

    assert sorted(suite.ends) == [
        ("", "shutdown"),
        ("job#1", "killed"),
        ("job#10", "killed"),
        ("job#2", "killed"),
        ("job#3", "killed"),
        ("job#4", "killed"),
        ("job#5", "killed"),
        ("job#6", "killed"),
        ("job#7", "killed"),
        ("job#8", "killed"),
        ("job#9", "killed"),
    ]
    assert suite.contexts("job#1") == ["progress"]


KINDS = {"normal": "normal", "shutdown": "shutdown", "{shutdown,_}": "shutdown", "crash": "exited"}
"""The kind of reason that each way to end gives."""

TYPES: tuple[Restart, ...] = ("permanent", "transient", "temporary")


def test_sup_stop_race() -> None:
    """Children that end by themselves while another is being stopped keep their own reasons.

    Twelve of them, of each restart type and in each way; none is started again.
    """
    names = {f"{restart} {how}": how for restart in TYPES for how in KINDS}
    children = [worker(name, restart=name.split()[0]) for name in names]
    suite = supervising(*children, worker("last"))
    suite.stops["last"] = "slow"
    suite.shut_down()
    for name, how in names.items():
        suite.begin_to_leave(name, how)
    suite.settle()

    assert suite.ends == []

    suite.finish("last")
    suite.settle()

    assert suite.ends == [
        ("last", "shutdown"),
        *[(name, KINDS[how]) for name, how in reversed(names.items())],
        ("", "shutdown"),
    ]
    assert [line for line in suite.take_history() if line.startswith("start")] == []


ANSWERS = {"normal": 0, "shutdown": None, "{shutdown,_}": 128 + 15, "other": 1}
"""The exit code with which a process answers its stop signal; None if it dies of it. 143 is a
shell's word for that."""


@pytest.mark.parametrize("restart", TYPES)
def test_sup_stop_non_shutdown_exit_dynamic(restart: Restart) -> None:
    """However the instances of a pool answer the stop, the pool itself ends with `shutdown`."""
    suite = pooling(worker("job", restart=restart), instances=4)
    suite.stops.update({f"job#{n}": "slow" for n in (1, 2, 3, 4)})
    suite.shut_down()
    for n, code in enumerate(ANSWERS.values(), start=1):
        suite.live(f"job#{n}").dies_of = Exit(code=code, signal=15 if code is None else None)
        suite.finish(f"job#{n}")
    suite.settle()

    assert suite.ends == [
        ("job#1", "normal"),
        ("job#2", "shutdown"),
        ("job#3", "shutdown"),
        ("job#4", "exited"),
        ("", "shutdown"),
    ]
    assert suite.take_history() == ["exit job#1", "exit job#2", "exit job#3", "exit job#4"]


STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN); info = None"


@pytest.mark.usefixtures("no_strays")
def test_sup_stop_manual() -> None:
    """`stop` ends a real tree for a normal reason, each child in its own way, last one first."""
    children = [
        Command("brutal", ["sleep", "1000"], shutdown="brutal_kill"),
        Command("timely", ["sleep", "1000"], shutdown=LONG),
        asking("sleeping", STUBBORN, shutdown=0.1),
    ]
    tree = Tree(Supervisor("sup_test", children=children))
    tree.start()
    events = tree.events()
    tree.stop()
    downs = [(e.path, e.reason) for e in events if e.kind == "state" and e.state == "down"]
    halt = tree.wait(LONG)

    assert downs == [
        ("sleeping", "killed (SIGKILL)"),
        ("timely", "stopped by SIGTERM"),
        ("brutal", "killed (SIGKILL)"),
        ("", "stopped"),
    ]
    assert (halt.kind, halt.reason.is_normal) == ("stopped", True)


WAITS = """
def stop(*_):
    with open({fifo!r}) as words:
        words.read()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
signal.signal(signal.SIGTERM, stop)
info = None
"""
"""A program that does not die of SIGTERM before somebody has opened a pipe and closed it."""


@pytest.mark.usefixtures("no_strays")
def test_sup_stop_manual_timeout(tmp_path: Path) -> None:
    """Who stops waiting for `stop` does not stop the stop: it goes on, and all end as asked.

    Adapted: to stop waiting is the caller's own affair, here `asyncio.wait_for`.
    """
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    children = [
        Command("quick", ["sleep", "1000"]),
        asking("slow", WAITS.format(fifo=str(fifo)), shutdown="infinity"),
    ]
    tree = Tree(Supervisor("sup_test", children=children))

    async def main() -> list[tuple[str, str | None]]:
        await tree.aio.start()
        events = tree.events()
        stop = asyncio.ensure_future(tree.aio.stop())
        async for event in tree.aio.events():
            if (event.path, event.state) == ("slow", "stopping"):
                break
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stop, 0.01)
        assert tree.status().state == "stopping"
        fifo.write_text("go")  # waits until the child has opened it
        await tree.aio.wait()
        return [(e.path, e.reason) for e in events if e.kind == "state" and e.state == "down"]

    assert asyncio.run(main()) == [
        ("slow", "stopped by SIGTERM"),
        ("quick", "stopped by SIGTERM"),
        ("", "stopped"),
    ]

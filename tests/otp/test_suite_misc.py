"""OTP's supervisor_SUITE, ungrouped cases: trees, order, records, and what can be seen of them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

import otpsup
from otpsup import Command, StartFailed
from otpsup.engine.events import (
    DeleteChild,
    StartChild,
    StartDeclared,
    StopSupervisor,
    TerminateChild,
)
from otpsup.engine.reasons import Reason
from otpsup.errors import AlreadyPresent, AlreadyStarted, NotFound, SimpleOneForOne
from otpsup.specs import Supervisor
from otpsup.specs.children import Restart
from tests.otp.test_suite_world import Suite, counts, halted, pooling, supervising, which, worker
from tests.support.servers import free_port
from tests.support.trees import python, running


def sub(name: str, *names: str) -> Supervisor:
    """A supervisor of workers of these names that allows four restarts an hour."""
    children = [worker(child) for child in names]
    return Supervisor(name, intensity=4, period=3600, children=children)


def test_tree() -> None:
    """A supervisor that gives up below one_for_all takes all of the tree down and up again.

    Children come back as declared, what was added is gone, and past restarts are forgotten. The
    supervisor that was stopped on request stays down: the first difference in
    docs/explanation/otp.md, where OTP wakes it.
    """
    suite = supervising(
        sub("supchild1", "child1", "child2"),
        sub("supchild2"),
        sub("supchild3", "child5"),
        strategy="one_for_all",
        intensity=4,
    )
    suite.add(worker("child3"), "supchild2")
    suite.add(worker("child4"), "supchild2")
    suite.ok(TerminateChild("supchild3"))

    assert [counts(suite, path) for path in ("", "supchild1", "supchild2")] == [
        [3, 2, 3, 0],
        [2, 2, 0, 2],
        [2, 2, 0, 2],
    ]

    suite.take_history()
    suite.leave("supchild2/child4", "crash")

    assert suite.take_history() == ["exit supchild2/child4", "start supchild2/child4"]

    suite.starts["supchild2/child3"].extend(["fail"] * 3)
    suite.leave("supchild2/child3", "crash")

    assert suite.take_history() == [
        "exit supchild2/child3",
        *["start supchild2/child3"] * 3,
        "exit supchild2/child4",
        *["exit supchild1/child2", "exit supchild1/child1"],
        *["start supchild1/child1", "start supchild1/child2"],
    ]
    assert which(suite) == [
        ("supchild1", "running"),
        ("supchild2", "running"),
        ("supchild3", "down"),
    ]
    assert which(suite, "supchild2") == []
    assert [counts(suite, path) for path in ("", "supchild1", "supchild2")] == [
        [3, 2, 3, 0],
        [2, 2, 0, 2],
        [0, 0, 0, 0],
    ]

    suite.add(worker("child4"), "supchild2")
    suite.leave("supchild2/child4", "crash")

    assert which(suite, "supchild2") == [("child4", "running")]
    assert halted(suite) is None


KEPT: dict[tuple[Restart, str], object] = {
    # what says a start_child with the same specification, after each end
    ("permanent", "kill"): AlreadyStarted,
    ("permanent", "normal"): AlreadyStarted,
    ("permanent", "crash"): AlreadyStarted,
    ("permanent", "stop"): AlreadyPresent,
    ("transient", "kill"): AlreadyStarted,
    ("transient", "normal"): AlreadyPresent,
    ("transient", "crash"): AlreadyStarted,
    ("transient", "stop"): AlreadyPresent,
    ("temporary", "kill"): None,
    ("temporary", "normal"): None,
    ("temporary", "crash"): None,
    ("temporary", "stop"): None,
}


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
@pytest.mark.parametrize(("restart", "how"), KEPT)
def test_do_not_save_child_specs_for_temporary_children(
    strategy: str, restart: Restart, how: str
) -> None:
    """Records outlive their processes, except those of temporary children: their names are free."""
    suite = supervising(strategy=strategy)
    child = worker("child1", restart=restart)
    suite.add(child)
    if how == "stop":
        suite.ok(TerminateChild("child1"))
    else:
        suite.leave("child1", how)
    error = suite.answer(StartChild("", child)).error

    assert KEPT[restart, how] == (type(error) if error else None)
    if KEPT[restart, how] is AlreadyPresent:
        suite.ok(StartDeclared("child1", restart_only=True))
    assert which(suite) == [("child1", "running")]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_temporary_bystander(strategy: str) -> None:
    """A temporary child that goes down with its group does not come back, and troubles nobody."""
    suite = supervising(strategy=strategy, period=300)
    suite.add(worker("child1", shutdown=0.1))
    suite.add(worker("child2", shutdown=0.1, restart="temporary"))
    suite.history.clear()
    suite.leave("child1", "normal")

    assert suite.take_history() == ["exit child1", "exit child2", "start child1"]
    assert which(suite) == [("child1", "running")]
    assert suite.advance(1000).halt is None


def middle() -> Suite:
    """A supervisor of one worker, below another; both are one_for_all."""
    one = Supervisor(
        "middle", strategy="one_for_all", intensity=3, period=60, children=[worker("child")]
    )
    return supervising(one, strategy="one_for_all", intensity=3, period=60)


def test_simple_global_supervisor() -> None:
    """A supervisor that is killed is replaced with all below it; so is a worker, however it ends.

    Adapted: a supervisor has no global name, and is no process. To kill it is a request that ends
    it and all below with this reason.
    """
    suite = middle()
    runs = suite.run_of("middle"), suite.run_of("middle/child")
    suite.ok(StopSupervisor("middle", Reason("killed"), hurry=True))

    assert suite.ends == [("middle/child", "killed"), ("middle", "killed")]
    assert suite.take_history() == ["exit middle/child", "start middle/child"]
    assert not {suite.run_of("middle"), suite.run_of("middle/child")} & set(runs)
    for how in ("kill", "normal"):
        suite = middle()
        run = suite.run_of("middle")
        suite.leave("middle/child", how)

        assert suite.take_history() == ["exit middle/child", "start middle/child"]
        assert suite.run_of("middle") == run
    suite = middle()
    suite.ok(TerminateChild("middle/child"))
    suite.ok(StartDeclared("middle/child", restart_only=True))

    assert suite.take_history() == ["exit middle/child", "start middle/child"]
    assert (halted(suite), which(suite, "middle")) == (None, [("child", "running")])


def workers(names: Sequence[str]) -> list[otpsup.Worker]:
    return [worker(name) for name in names]


def test_order_of_children() -> None:
    """Children start as they are listed, whatever their names, and stop the other way round.

    A restart of the rest keeps to that order.
    """
    names = ("child4", "child1", "child5", "child3", "child2")
    suite = Suite(Supervisor("sup_test", strategy="rest_for_one", children=workers(names)))
    suite.boot()

    assert suite.take_history() == [
        *["start child4", "start child1", "start child5", "start child3", "start child2"],
    ]

    suite.leave("child5", "crash")

    assert suite.take_history() == [
        *["exit child5", "exit child2", "exit child3"],
        *["start child5", "start child3", "start child2"],
    ]

    suite.stop()

    assert suite.take_history() == [
        *["exit child2", "exit child3", "exit child5", "exit child1", "exit child4"],
    ]


LISTEN = """
import os, signal, socket, sys
sock = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(os.getpid(), flush=True)
signal.pause()
"""


@contextmanager
def stranger(port: int) -> Iterator[int]:
    """Somebody outside of every tree who listens on a port; its pid."""
    argv = ["setsid", "--fork", *python(LISTEN, str(port))]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)


def test_already_started_outside_supervisor() -> None:
    """If what a child is known by is somebody else's already, the error says whose.

    Nothing is started, and no record stays. Adapted: a process is known by the port
    on which it listens, not by a registered name.
    """
    number = free_port()
    child = Command("server", ["sleep", "1000"], ready=otpsup.port(number))
    with running() as tree:
        with stranger(number) as holder, pytest.raises(StartFailed, match=rf"\(pid {holder}\)"):
            tree.start_child(child)

        assert tree.which_children() == []


def shown(suite: Suite, path: str) -> tuple[str, str, str] | None:
    """Name, state and type of one child (OTP: `which_child`)."""
    status = suite.engine.snapshot().find(path)
    return (status.name, status.state, status.type) if status else None


def test_which_children() -> None:
    """All children are listed, in start order; who is stopped is down, who is deleted is gone.

    The order is the seventh difference in docs/explanation/otp.md: OTP lists the newest first.
    """
    suite = supervising()
    for name in ("child1", "child2", "child3"):
        suite.add(worker(name))

    assert which(suite) == [("child1", "running"), ("child2", "running"), ("child3", "running")]
    assert shown(suite, "child2") == ("child2", "running", "worker")

    suite.ok(TerminateChild("child2"))

    assert which(suite) == [("child1", "running"), ("child2", "down"), ("child3", "running")]
    assert shown(suite, "child2") == ("child2", "down", "worker")

    suite.ok(DeleteChild("child2"))

    assert which(suite) == [("child1", "running"), ("child3", "running")]
    assert shown(suite, "child2") is None
    assert suite.refused(DeleteChild("child2")) is NotFound


def test_which_children_simple_one_for_one() -> None:
    """All instances are listed, in start order; who is stopped is gone at once.

    Adapted: an instance is addressed by its name, where OTP has its pid and lists no id.
    """
    suite = pooling(worker("child"))

    assert which(suite) == []

    for _ in range(3):
        suite.start_instance()

    assert which(suite) == [("child#1", "running"), ("child#2", "running"), ("child#3", "running")]
    assert shown(suite, "child#2") == ("child#2", "running", "worker")

    suite.ok(TerminateChild("child#2"))

    assert which(suite) == [("child#1", "running"), ("child#3", "running")]
    assert shown(suite, "child#2") is None
    assert shown(suite, "child") is None
    assert suite.refused(DeleteChild("child#1")) is SimpleOneForOne

"""OTP's supervisor_SUITE, cases in which a restart fails again and again.

OTP's start function blocks for two seconds and then fails; here the child does not get ready within
its two seconds. What is asked meanwhile is answered between two attempts.
"""

from __future__ import annotations

from typing import Any

from otpsup.engine.events import (
    CountChildren,
    DeleteChild,
    Request,
    StartChild,
    StartDeclared,
    TerminateChild,
    WhichChildren,
)
from otpsup.errors import AlreadyPresent, Restarting, SimpleOneForOne
from otpsup.specs import Backoff, Worker
from tests.otp.test_suite_world import Suite, counts, halted, pooling, supervising, which, worker

BLOCKING = Worker("child", "app:run", ready="notify", start_timeout=2, shutdown="brutal_kill")
NONE_ACTIVE = {"specs": 1, "active": 0, "supervisors": 0, "workers": 1}


def hang(suite: Suite, path: str) -> None:
    """Let a child crash; none of its starts from now on comes to anything, and one has failed."""
    suite.starts[path].extend(["slow"] * 20)
    suite.leave(path, "crash")
    suite.now += 2
    while suite.state(path) != "restarting":
        assert suite.step()


def between_attempts(suite: Suite, request: Request) -> Any:
    """What is said to a request that arrives between two attempts: a value, or a class of error."""
    ref = suite.ask(request)
    while ref not in suite.replies:
        assert suite.step()
    reply = suite.replies[ref]
    return type(reply.error) if reply.error else reply.value


def test_count_restarting_children() -> None:
    """An instance that waits for its next attempt is a worker, but not an active one."""
    backoff = Backoff(initial=1, jitter=0, factor=1)
    suite = pooling(worker("child", backoff=backoff), instances=4, intensity=99)

    assert counts(suite) == [1, 4, 0, 4]

    suite.starts["child#1"].extend(["fail", "fail"])
    for name in ("child#1", "child#2", "child#3"):
        suite.leave(name, "crash")

    assert counts(suite) == [1, 1, 0, 4]

    suite.ok(TerminateChild("child#3"))

    assert counts(suite) == [1, 1, 0, 3]

    suite.advance(1)

    assert counts(suite) == [1, 2, 0, 3]
    assert which(suite) == [
        ("child#1", "restarting"),
        ("child#2", "running"),
        ("child#4", "running"),
    ]

    suite.advance(2)

    assert counts(suite) == [1, 3, 0, 3]

    for name in ("child#1", "child#2", "child#4"):
        suite.ok(TerminateChild(name))

    assert counts(suite) == [1, 0, 0, 0]


def test_hanging_restart_loop() -> None:
    """A child that is tried again and again can be neither started nor deleted, only terminated.

    And its supervisor can be stopped in between.
    """
    suite = supervising(BLOCKING, intensity=8, period=10)
    hang(suite, "child")

    assert between_attempts(suite, StartChild("", BLOCKING)) is AlreadyPresent
    assert between_attempts(suite, StartDeclared("child", restart_only=True)) is Restarting
    assert between_attempts(suite, DeleteChild("child")) is Restarting
    assert between_attempts(suite, WhichChildren("")) == (("child", "restarting", "worker"),)
    assert between_attempts(suite, CountChildren("")) == NONE_ACTIVE

    between_attempts(suite, TerminateChild("child"))

    assert (which(suite), counts(suite)) == ([("child", "down")], [1, 0, 0, 1])
    assert suite.engine.deadline is None

    suite.starts.clear()
    suite.ok(StartDeclared("child", restart_only=True))
    hang(suite, "child")
    suite.stop()

    assert halted(suite) == ("stopped", "shutdown")


def test_hanging_restart_loop_rest_for_one() -> None:
    """While a child in the middle is tried again and again, those before it run, those after not.

    If it is terminated that stays so: a restart of a group that was given up is not resumed.
    """
    children = [worker("child1"), BLOCKING, worker("child3")]
    suite = supervising(*children, strategy="rest_for_one", intensity=8, period=10)
    run = suite.run_of("child1")
    hang(suite, "child")

    assert between_attempts(suite, StartChild("", BLOCKING)) is AlreadyPresent
    assert between_attempts(suite, StartDeclared("child", restart_only=True)) is Restarting
    assert between_attempts(suite, DeleteChild("child")) is Restarting
    assert between_attempts(suite, WhichChildren("")) == (
        ("child1", "running", "worker"),
        ("child", "restarting", "worker"),
        ("child3", "down", "worker"),
    )

    between_attempts(suite, TerminateChild("child"))

    assert which(suite) == [("child1", "running"), ("child", "down"), ("child3", "down")]
    assert (suite.run_of("child1"), counts(suite)) == (run, [3, 1, 0, 3])
    assert suite.engine.deadline is None

    suite.starts.clear()
    suite.ok(StartDeclared("child", restart_only=True))

    assert which(suite) == [("child1", "running"), ("child", "running"), ("child3", "down")]

    hang(suite, "child")
    suite.stop()

    assert halted(suite) == ("stopped", "shutdown")


def test_hanging_restart_loop_simple() -> None:
    """An instance that is tried again and again can be terminated, and its pool stopped.

    Adapted: an instance is addressed by its name, which a restart does not change, where OTP has
    the pid of the last one that ran.
    """
    suite = pooling(BLOCKING, instances=1, intensity=8, period=10)
    hang(suite, "child#1")
    restart = StartDeclared("child#1", restart_only=True)

    assert between_attempts(suite, restart) is SimpleOneForOne
    assert between_attempts(suite, DeleteChild("child#1")) is SimpleOneForOne
    assert between_attempts(suite, WhichChildren("")) == (("child#1", "restarting", "worker"),)
    assert between_attempts(suite, CountChildren("")) == NONE_ACTIVE

    between_attempts(suite, TerminateChild("child#1"))

    assert (which(suite), counts(suite)) == ([], [1, 0, 0, 0])
    assert suite.engine.deadline is None

    suite.start_instance()
    hang(suite, "child#2")
    suite.stop()

    assert halted(suite) == ("stopped", "shutdown")

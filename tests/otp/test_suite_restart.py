"""OTP's supervisor_SUITE, restarts: who is started again with whom, and how often."""

from __future__ import annotations

import gc
import weakref

import pytest

from otpsup.engine.events import DeleteChild, StartDeclared, TerminateChild
from otpsup.specs.children import Restart
from tests.otp.test_suite_world import Suite, counts, halted, pooling, supervising, which, worker

GAVE_UP = ("gave_up", "shutdown")


def crash(suite: Suite, path: str) -> list[str]:
    """Let a child crash; returns the starts and ends that come of it."""
    suite.take_history()
    return suite.leave(path, "crash").take_history()


def test_multiple_restarts() -> None:
    """Crashes that are far enough apart never add up: with 1 in 1 s, any number, each 2.1 s on."""
    suite = supervising(worker("child1", shutdown="brutal_kill"), intensity=1, period=1)
    for _ in range(4):
        suite.leave("child1", "crash")
        suite.advance(2.1)

    assert halted(suite) is None
    assert suite.take_history() == ["exit child1", "start child1"] * 4

    suite.ok(TerminateChild("child1"))
    suite.ok(DeleteChild("child1"))

    assert which(suite) == []


def test_one_for_one() -> None:
    """Only the child that crashed is started again; the third crash is one too many."""
    suite = supervising(worker("child1"), worker("child2"))

    assert crash(suite, "child1") == ["exit child1", "start child1"]
    assert counts(suite) == [2, 2, 0, 2]
    assert crash(suite, "child2") == ["exit child2", "start child2"]
    assert halted(suite) is None
    assert crash(suite, "child1") == ["exit child1", "exit child2"]
    assert halted(suite) == GAVE_UP
    assert suite.contexts("child1")[-2:] == ["child_terminated", "shutdown"]


def test_one_for_one_escalation() -> None:
    """A child that does not start again is tried as often as allowed; then all ends."""
    suite = supervising(worker("child1"), worker("child2"), intensity=4)
    suite.starts["child1"].extend(["fail"] * 9)

    assert crash(suite, "child1") == ["exit child1", *["start child1"] * 4, "exit child2"]
    assert halted(suite) == GAVE_UP


def test_one_for_all() -> None:
    """All children go down and come up as new processes; the third crash is one too many."""
    suite = supervising(worker("child1"), worker("child2"), strategy="one_for_all")
    runs = [suite.run_of("child1"), suite.run_of("child2")]

    assert crash(suite, "child1") == ["exit child1", "exit child2", "start child1", "start child2"]
    assert not set(runs) & {suite.run_of("child1"), suite.run_of("child2")}
    assert counts(suite) == [2, 2, 0, 2]
    assert crash(suite, "child2") == ["exit child2", "exit child1", "start child1", "start child2"]
    assert halted(suite) is None
    assert crash(suite, "child2") == ["exit child2", "exit child1"]
    assert halted(suite) == GAVE_UP


def test_one_for_all_escalation() -> None:
    """If a sibling does not start again, all is tried as often as allowed; then all ends."""
    suite = supervising(worker("child1"), worker("child2"), strategy="one_for_all", intensity=4)
    suite.starts["child2"].extend(["fail"] * 9)

    assert crash(suite, "child1") == [
        *["exit child1", "exit child2"],
        *["start child1", "start child2", "exit child1"] * 4,
    ]
    assert halted(suite) == GAVE_UP


def test_one_for_all_other_child_fails_restart() -> None:
    """If a sibling fails in the restart, who was started already is stopped before the next try."""
    suite = supervising(worker("child1"), worker("child2"), strategy="one_for_all", intensity=3)
    suite.starts["child2"].append("fail")

    assert crash(suite, "child1") == [
        *["exit child1", "exit child2"],
        *["start child1", "start child2"],
        "exit child1",
        *["start child1", "start child2"],
    ]
    assert suite.ends == [
        ("child1", "exited"),
        ("child2", "shutdown"),
        ("child2", "error"),
        ("child1", "shutdown"),
    ]
    assert which(suite) == [("child1", "running"), ("child2", "running")]


def test_simple_one_for_one() -> None:
    """Instances are started again one by one; the third crash in the pool is one too many."""
    suite = pooling(worker("child"), instances=2)

    assert crash(suite, "child#1") == ["exit child#1", "start child#1"]
    assert counts(suite) == [1, 2, 0, 2]
    assert crash(suite, "child#2") == ["exit child#2", "start child#2"]
    assert halted(suite) is None
    assert crash(suite, "child#1") == ["exit child#1", "exit child#2"]
    assert halted(suite) == GAVE_UP


def test_simple_one_for_one_shutdown() -> None:
    """All instances are asked to stop at once and have the same time: times do not add up."""
    suite = pooling(worker("child", shutdown=2), instances=3)
    suite.stops.update({"child#1": "slow", "child#2": "slow", "child#3": "stubborn"})
    suite.shut_down().advance(1)

    assert all(process.is_asked_to_stop for process in suite.processes.values())

    suite.finish("child#1")
    suite.finish("child#2")
    suite.advance(0.75)

    assert halted(suite) is None

    suite.advance(0.25)

    assert halted(suite) == ("stopped", "shutdown")
    assert suite.ends == [
        ("child#1", "shutdown"),
        ("child#2", "shutdown"),
        ("child#3", "killed"),
        ("", "shutdown"),
    ]


def start_with_info(suite: Suite, path: str) -> object:
    """Start the next instance, which says `extra_info` when it is ready; what the caller gets."""
    suite.starts[path].append("slow")
    ref = suite.ask(StartDeclared(""))
    suite.settle()
    suite.ready(path, "extra_info")
    suite.settle()
    info: object = suite.replies[ref].value.info
    return info


def test_simple_one_for_one_extra() -> None:
    """What an instance says as it gets ready goes to who asked; restarts are as without.

    Adapted: it is the argument of `current_child().ready(info)`; the answer's `info` has it.
    """
    suite = pooling(worker("child"))

    assert start_with_info(suite, "child#1") == "extra_info"
    assert start_with_info(suite, "child#2") == "extra_info"
    assert crash(suite, "child#1") == ["exit child#1", "start child#1"]
    assert counts(suite) == [1, 2, 0, 2]
    assert crash(suite, "child#2") == ["exit child#2", "start child#2"]
    assert crash(suite, "child#2") == ["exit child#2", "exit child#1"]
    assert halted(suite) == GAVE_UP


def test_simple_one_for_one_escalation() -> None:
    """An instance that does not start again is tried as often as allowed; then the pool ends."""
    suite = pooling(worker("child"), instances=2, intensity=4)
    suite.starts["child#1"].extend(["fail"] * 9)

    assert crash(suite, "child#1") == ["exit child#1", *["start child#1"] * 4, "exit child#2"]
    assert halted(suite) == GAVE_UP


class Big:
    """An argument that one would not like to be kept."""


def test_simple_one_for_one_corruption() -> None:
    """A temporary instance's argument is let go with it, and does not come to the next one.

    Adapted: a garbage collector cannot say how large a state is, but whether an object is alive.
    OTP's supervisor lets go of it as soon as the instance runs.
    """
    suite = pooling(worker("child", restart="temporary"), instances=1)
    suite.leave("child#1", "crash")
    big = Big()
    seen = weakref.ref(big)
    suite.start_instance(big)

    assert suite.live("child#2").args == (big,)

    suite.leave("child#2", "crash")
    suite.replies.clear()
    del big
    gc.collect()

    assert seen() is None

    suite.start_instance()

    assert suite.live("child#3").args == ()


@pytest.mark.parametrize("restart", ["permanent", "transient"])
def test_simple_one_for_one_restart_ignore(restart: Restart) -> None:
    """An instance that declines when it is started again is forgotten, and nothing else happens.

    Adapted: to decline is `current_child().ignore()`.
    """
    suite = pooling(worker("child", restart=restart), instances=2)
    suite.starts["child#1"].extend(["ok", "decline"])
    suite.leave("child#1", "kill")

    assert which(suite) == [("child#1", "running"), ("child#2", "running")]

    suite.leave("child#1", "kill")

    assert which(suite) == [("child#2", "running")]
    assert counts(suite) == [1, 1, 0, 1]
    assert suite.engine.deadline is None
    assert halted(suite) is None
    assert suite.stop().ends[-2:] == [("child#2", "shutdown"), ("", "shutdown")]


def test_rest_for_one() -> None:
    """Who was started before the one that crashed is left alone; it and those after it are new."""
    suite = supervising(
        worker("child1"), worker("child2"), worker("child3"), strategy="rest_for_one"
    )
    runs = [suite.run_of(name) for name in ("child1", "child2", "child3")]

    assert crash(suite, "child2") == ["exit child2", "exit child3", "start child2", "start child3"]
    assert suite.run_of("child1") == runs[0]
    assert not set(runs) & {suite.run_of("child2"), suite.run_of("child3")}
    assert counts(suite) == [3, 3, 0, 3]
    assert crash(suite, "child3") == ["exit child3", "start child3"]
    assert crash(suite, "child2") == ["exit child2", "exit child3", "exit child1"]
    assert halted(suite) == GAVE_UP


def test_rest_for_one_escalation() -> None:
    """If a later sibling does not start again, it is tried as often as allowed; then all ends."""
    suite = supervising(worker("child1"), worker("child2"), strategy="rest_for_one", intensity=4)
    suite.starts["child2"].extend(["fail"] * 9)

    assert crash(suite, "child1") == [
        *["exit child1", "exit child2"],
        "start child1",
        *["start child2"] * 4,
        "exit child1",
    ]
    assert halted(suite) == GAVE_UP


def test_rest_for_one_other_child_fails_restart() -> None:
    """If a later sibling fails in the restart, it alone is tried again; the first stays up."""
    suite = supervising(worker("child1"), worker("child2"), strategy="rest_for_one", intensity=3)
    suite.starts["child2"].append("fail")

    assert crash(suite, "child1") == [
        *["exit child1", "exit child2"],
        *["start child1", "start child2"],
        "start child2",
    ]
    assert which(suite) == [("child1", "running"), ("child2", "running")]

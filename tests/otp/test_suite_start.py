"""OTP's supervisor_SUITE, groups sup_start and sup_start_map: what a start may lead to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from otpsup import Tree
from otpsup.engine.events import Boot, StartDeclared, TerminateChild
from otpsup.engine.reasons import Crash
from otpsup.errors import InvalidSpec, NotFound, StartFailed
from otpsup.specs import Command, DynamicSupervisor, Supervisor, Worker
from tests.otp.test_suite_world import Suite, counts, halted, pooling, supervising, which, worker


def test_sup_start_normal() -> None:
    """A supervisor without children starts, and ends with `shutdown` when it is told to."""
    suite = supervising()

    assert suite.state("") == "running"
    assert counts(suite) == [0, 0, 0, 0]

    suite.shut_down()

    assert halted(suite) == ("stopped", "shutdown")
    assert suite.ends == [("", "shutdown")]


def test_sup_start_ignore_init() -> None:
    """A supervisor that is not to run is no failure, and nobody hears of an end.

    Adapted: OTP's declines when it is called; ours has no code to decline in and is declared so,
    with `autostart=False`.
    """
    suite = supervising(Supervisor("sub", autostart=False, children=[worker("a")]), worker("b"))

    assert which(suite) == [("sub", "down"), ("b", "running")]
    assert suite.live_paths() == ["b"]
    assert suite.ends == []
    assert suite.contexts("sub") == []


def declining(suite: Suite, path: str) -> Suite:
    """The next start of this path declines (OTP: returns `ignore`)."""
    suite.starts[path].append("decline")
    return suite


def test_sup_start_ignore_child() -> None:
    """A permanent child that declines counts as started: its record stays, without a process.

    Adapted: to decline is `current_child().ignore()`; children are listed in start order.
    """
    suite = declining(supervising(), "child1")
    child = suite.add(worker("child1"))
    suite.add(worker("child2"))

    assert (child.state, child.pid) == ("down", None)
    assert which(suite) == [("child1", "down"), ("child2", "running")]
    assert counts(suite) == [2, 1, 0, 2]


def test_sup_start_ignore_temporary_child() -> None:
    """A temporary child that declines while its supervisor starts leaves no record behind.

    Adapted: to decline is `current_child().ignore()`.
    """
    children = [worker("child1", restart="temporary"), worker("child2", restart="temporary")]
    suite = declining(Suite(Supervisor("sup_test", children=children)), "child1")

    assert suite.ok(Boot()) is None
    assert which(suite) == [("child2", "running")]
    assert counts(suite) == [1, 1, 0, 1]


def test_sup_start_ignore_temporary_child_start_child() -> None:
    """A temporary child that declines when it is added leaves no record: its name is free.

    Adapted: to decline is `current_child().ignore()`.
    """
    suite = declining(supervising(), "child1")
    child = suite.add(worker("child1", restart="temporary"))
    suite.add(worker("child2", restart="temporary"))

    assert child.pid is None
    assert which(suite) == [("child2", "running")]
    assert counts(suite) == [1, 1, 0, 1]

    suite.add(worker("child1", restart="temporary"))

    assert which(suite) == [("child2", "running"), ("child1", "running")]


def test_sup_start_ignore_temporary_child_start_child_simple() -> None:
    """An instance of a temporary template that declines is not kept; the next one starts.

    Adapted: instances have names, and the one that declined has used up the first.
    """
    suite = declining(pooling(worker("job", restart="temporary")), "job#1")
    declined = suite.start_instance()
    suite.start_instance()

    assert declined.pid is None
    assert which(suite) == [("job#2", "running")]
    assert counts(suite) == [1, 1, 0, 1]


def test_sup_start_ignore_permanent_child_start_child_simple() -> None:
    """An instance of a permanent template that declines is not kept, and disturbs no later stop.

    Adapted: instances have names, and the one that declined has used up the first.
    """
    suite = declining(pooling(worker("job")), "job#1")
    declined = suite.start_instance()
    suite.start_instance()

    assert declined.pid is None
    assert which(suite) == [("job#2", "running")]
    assert counts(suite) == [1, 1, 0, 1]

    suite.shut_down()

    assert halted(suite) == ("stopped", "shutdown")
    assert suite.ends[1:] == [("job#2", "shutdown"), ("", "shutdown")]


def test_sup_start_error_return() -> None:
    """What is no definition of a tree is refused where it is given, before anything exists.

    Adapted: an `InvalidSpec` takes the place of `{bad_return,_}`.
    """
    for junk in ("invalid", None, {"strategy": "one_for_one"}, Supervisor, worker("a")):
        with pytest.raises(InvalidSpec) as caught:
            Tree(cast("Any", junk))

        assert caught.value.reason == "invalid_child_spec"


def test_sup_start_fail() -> None:
    """An exception during the start is the answer to who asked; all that was up is down again.

    Adapted: the code that can raise is a child's own, before it is ready. The answer names the
    exception, the report holds its traceback.
    """
    suite = Suite(Supervisor("sup_test", children=[worker("a"), worker("b"), worker("c")]))
    suite.starts["b"].append("slow")
    ref = suite.ask(Boot())
    suite.settle()
    suite.fail_start("b", Crash("ValueError", "no port", "Traceback: b.py, line 3"))
    suite.settle()
    error = suite.replies[ref].error
    report = next(report for report in suite.reports if report.context == "start_error")

    assert isinstance(error, StartFailed)
    assert "child 'b' did not start: ValueError: no port" in str(error)
    assert (report.path, report.reason.traceback) == ("b", "Traceback: b.py, line 3")
    assert suite.take_history() == ["start a", "start b", "exit b", "exit a"]
    assert halted(suite) == ("start_failed", "error")


def test_sup_start_child_returns_error() -> None:
    """If the start of a new child fails, who asked is told why, and nothing of it is kept."""
    why = {
        "fail": "no such program",
        "crash": "exit code 1 before it was ready",
        "hopeless": "no socket",
    }
    suite = supervising()
    for outcome, words in why.items():
        suite.starts["child1"].append(cast("Any", outcome))
        with pytest.raises(StartFailed, match=f"cannot start child 'child1': {words}"):
            suite.add(worker("child1"))

        assert which(suite) == []
        assert counts(suite) == [0, 0, 0, 0]
    assert suite.contexts("child1") == []
    assert suite.engine.deadline is None


def test_sup_start_restart_child_returns_error() -> None:
    """If a stopped child does not start again, who asked is told; it stays down, untried."""
    suite = supervising(worker("child1"))
    suite.ok(TerminateChild("child1"))
    suite.starts["child1"].append("fail")
    with pytest.raises(StartFailed, match="cannot start child 'child1': no such program"):
        suite.ok(StartDeclared("child1", restart_only=True))

    assert which(suite) == [("child1", "down")]
    assert counts(suite) == [1, 0, 0, 1]
    assert suite.engine.deadline is None
    assert "start_error" not in suite.contexts("child1")


def test_sup_start_child_returns_error_simple() -> None:
    """If an instance does not start, who asked is told why, and nothing of it is kept."""
    suite = pooling(worker("job"))
    for name in ("job#1", "job#2"):
        suite.starts[name].append("fail")
        with pytest.raises(StartFailed, match=f"cannot start child '{name}': no such program"):
            suite.start_instance()

        assert which(suite) == []
        assert counts(suite) == [1, 0, 0, 0]
    suite.start_instance()

    assert which(suite) == [("job#3", "running")]


def spec_of(suite: Suite, path: str) -> Any:
    """The specification that the supervisor keeps for a child."""
    child = suite.engine.find(path)
    assert child is not None
    return child.spec


def test_sup_start_map() -> None:
    """What is left out has OTP's defaults, and the supervisor keeps the whole specification.

    Workers get five seconds to stop, supervisors as long as they need; all are permanent.
    """
    child1 = Worker("child1", "app:run")
    child2 = Worker("child2", "app:run", shutdown="brutal_kill")
    child3 = Supervisor("child3")
    suite = supervising(child1, child2, child3)

    assert [spec_of(suite, name) for name in ("child1", "child2", "child3")] == [
        Worker("child1", "app:run", restart="permanent", shutdown=5, significant=False),
        Worker("child2", "app:run", restart="permanent", shutdown="brutal_kill"),
        Supervisor("child3", restart="permanent", shutdown="infinity"),
    ]
    assert counts(suite) == [3, 3, 1, 2]
    assert suite.refused(TerminateChild("child4")) is NotFound


def test_sup_start_map_simple() -> None:
    """The specification of an instance is the template; a name that no instance has is unknown.

    Adapted: an instance is addressed by its name, where OTP has its pid.
    """
    template = Worker("job", "app:run", args=(1,), shutdown="brutal_kill")
    suite = pooling(template, instances=2)

    assert spec_of(suite, "job#1") is spec_of(suite, "job#2") is template
    assert suite.engine.find("job#3") is None
    assert suite.refused(TerminateChild("job#3")) is NotFound


def test_sup_start_map_faulty_specs() -> None:
    """A specification without a name or a target, or with an unknown field, cannot be built.

    Adapted: specifications are Python objects, so these are a TypeError of the call; OTP ignores
    unknown keys, we refuse them.
    """
    faulty: list[Callable[..., Any]] = [
        lambda: cast("Any", Worker)(target="app:run"),
        lambda: cast("Any", Worker)("child2"),
        lambda: cast("Any", Command)("child2"),
        lambda: cast("Any", DynamicSupervisor)("child2"),
        lambda: cast("Any", Worker)("child3", "app:run", silly_flag=True),
    ]
    for build in faulty:
        with pytest.raises(TypeError):
            build()

    with pytest.raises(InvalidSpec) as caught:
        Supervisor("sup_test", children=cast("Any", ["child4"]))

    assert caught.value.reason == "invalid_child_spec"

"""OTP's supervisor_SUITE, cases about many children: counts, memory and growth.

Nothing here looks at a clock or at the size of the process. Work is counted in lines of the engine
that are carried out, memory in arguments that are still alive.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import otpsup
from otpsup.engine.events import TerminateChild, WhichChildren
from otpsup.specs import DynamicSupervisor, Supervisor, Worker
from otpsup.specs.children import Restart
from tests.otp.test_suite_world import Suite, counts, halted, pooling, supervising, worker

ENGINE = str(Path(otpsup.__file__).parent / "engine")


def lines_of_engine(work: Callable[[], object]) -> int:
    """How many lines of the engine are carried out for this work; each turn of a loop counts."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(ENGINE):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_count_children() -> None:
    """The counts of a pool are right, and do not change while nothing happens, with many too."""
    suite = pooling(worker("child", restart="temporary"), instances=100)

    assert counts(suite) == [1, 100, 0, 100]
    assert len(suite.ok(WhichChildren(""))) == 100

    for _ in range(100):
        suite.start_instance()
    listed = suite.ok(WhichChildren(""))

    assert counts(suite) == [1, 200, 0, 200]
    assert len(listed) == 200
    assert (counts(suite), suite.ok(WhichChildren(""))) == ([1, 200, 0, 200], listed)

    for name, _, _ in listed:
        suite.leave(name, "kill")

    assert counts(suite) == [1, 0, 0, 0]
    assert halted(suite) is None


def test_count_children_supervisor() -> None:
    """Supervisors as instances are counted as supervisors, in the same way.

    To end one its worker is killed, for a supervisor is no process.
    """
    template = Supervisor("child", restart="temporary", intensity=0, children=[worker("x")])
    suite = pooling(template, instances=100)

    assert counts(suite) == [1, 100, 100, 0]

    for _ in range(100):
        suite.start_instance()
    listed = suite.ok(WhichChildren(""))

    assert counts(suite) == [1, 200, 200, 0]
    assert len(listed) == 200
    assert (counts(suite), suite.ok(WhichChildren(""))) == ([1, 200, 200, 0], listed)

    for name, _, _ in listed:
        suite.leave(f"{name}/x", "kill")

    assert counts(suite) == [1, 0, 0, 0]
    assert halted(suite) is None


class Large:
    """An argument of which one can see whether it is still kept."""


def alive(references: Sequence[weakref.ref[Large]]) -> int:
    gc.collect()
    return sum(reference() is not None for reference in references)


def start_with(suite: Suite, restart: Restart, number: int) -> tuple[str, weakref.ref[Large]]:
    """Start a child, or an instance, with an argument of its own."""
    large = Large()
    if isinstance(suite.engine.root.spec, DynamicSupervisor):
        path = suite.start_instance(large).path
    else:
        path = suite.add(worker(f"child{number}", args=(large,), restart=restart)).path
    return path, weakref.ref(large)


SAVED = {"permanent": 20, "transient": 20, "temporary": 0}
"""Of how many of 20 children the arguments are kept after a crash of each."""


@pytest.mark.slow
@pytest.mark.parametrize("restart", SAVED)
@pytest.mark.parametrize("kind", ["one_for_one", "one_for_all", "rest_for_one", "template"])
def test_do_not_save_start_parameters_for_temporary_children(kind: str, restart: Restart) -> None:
    """Whatever a temporary child was started with is let go: it is never started again.

    Adapted: OTP compares the sizes of three supervisors while the children run; here the arguments
    are looked for when the children have ended.
    """
    if kind == "template":
        suite = pooling(worker("child", restart=restart), intensity=20)
    else:
        suite = supervising(strategy=kind, intensity=20)
    started = [start_with(suite, restart, number) for number in range(20)]
    for path, _ in started:
        suite.leave(path, "crash")
    suite.replies.clear()
    suite.reports.clear()

    assert halted(suite) is None
    assert alive([reference for _, reference in started]) == SAVED[restart]


def terminate_all(instances: int) -> int:
    """The work to terminate so many instances one by one, first started first."""
    suite = pooling(worker("child", restart="temporary"), instances=instances)
    names = [name for name, _, _ in suite.ok(WhichChildren(""))]
    work = lines_of_engine(lambda: [suite.ok(TerminateChild(name)) for name in names])

    assert counts(suite) == [1, 0, 0, 0]
    return work


def test_simple_one_for_one_scale_many_temporary_children() -> None:
    """Ten times the instances are ten times the work to terminate, not a hundred times.

    Adapted: OTP measures time, for 1,000 and 10,000 instances.
    """
    few, many = terminate_all(60), terminate_all(600)

    assert few > 60
    assert many < 12 * few


def start_and_stop(children: int) -> int:
    """The work to start and to stop a supervisor of so many children."""
    specs = [Worker(f"child{number}", "app:run") for number in range(children)]
    suite = Suite(Supervisor("sup_test", children=specs))
    work = lines_of_engine(lambda: suite.boot().shut_down())

    assert halted(suite) == ("stopped", "shutdown")
    assert len(suite.history) == 2 * children
    return work


def test_scale_start_stop_many_children() -> None:
    """Ten times the children are ten times the work to start and stop, not a hundred times.

    Adapted: OTP measures time, for 1,000 and 100,000 children.
    """
    few, many = start_and_stop(60), start_and_stop(600)

    assert few > 60
    assert many < 12 * few

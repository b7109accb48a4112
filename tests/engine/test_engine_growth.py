"""What the engine does grows as it should with the number of children. No clock: calls are counted.

Counted is every call of a function, Python's or built in; and beside it, for what goes through all
children in one such call (a copy of a list), how much memory is taken at most.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Sequence

import pytest
from attrs import evolve

from benchmarks.engine import LIMITS, Host, PoolHost, tree
from otpsup.engine.events import DeleteChild, Reload, Request, StartChild, TerminateChild
from otpsup.specs import ChildSpec, Command, Supervisor
from otpsup.specs.children import Strategy

Start = Callable[[int], Host]
Step = Callable[[Host], object]

FEW, MANY = 10, 10_000


def calls(work: Callable[[], object]) -> int:
    """How many functions are called in this call; none of them by the collector of garbage, which
    comes when it likes, and tells others of it."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.disable()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def peak(work: Callable[[], object]) -> int:
    """How many bytes more than before are in use at most, in this call."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def up(host: Host) -> Host:
    host.start()
    return host


def of(children: Sequence[ChildSpec], strategy: Strategy = "one_for_one") -> Host:
    """A host of a tree with these children."""
    return Host(Supervisor("top", strategy=strategy, children=children, **LIMITS))


def after_one(count: int, strategy: Strategy = "one_for_one") -> Host:
    """All children but the first depend on the first."""
    others = [Command(f"c{number}", ["program"], after=["db"]) for number in range(count - 1)]
    return of([Command("db", ["program"]), *others], strategy)


def kill_in_reverse(host: Host) -> None:
    host.handle(*map(host.killed, reversed(host.runs)))


def add_one_by_one(host: Host) -> None:
    for number in range(len(host.runs)):
        host.handle(StartChild("", Command(f"new{number}", ["program"])))


def stop_and_delete_one_by_one(host: Host) -> None:
    for path in list(host.runs):
        host.handle(TerminateChild(path))
        host.handle(DeleteChild(path))


def stop_all_at_once(host: Host) -> None:
    host.handle(*map(TerminateChild, host.runs))


def replace_all(host: Host) -> None:
    """A reload in which all children are other programs."""
    assert isinstance(host.spec, Supervisor)
    others = [Command(child.name, ["other"]) for child in host.spec.children]
    host.handle(Reload(spec=evolve(host.spec, children=others)))


def rename_all(host: Host) -> None:
    """A reload in which all children go and others come."""
    assert isinstance(host.spec, Supervisor)
    others = [evolve(child, name=f"other_{child.name}") for child in host.spec.children]
    host.handle(Reload(spec=evolve(host.spec, children=others)))


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(lambda n: tree("one_for_one", n), id="list", marks=pytest.mark.slow),
        pytest.param(PoolHost, id="pool"),
    ],
)
def test_one_restart_is_the_same_among_many(start: Start) -> None:
    """The restart of one child among 10,000 takes as many calls, and as much memory, as among 10:
    nothing is done once a child."""

    def restart(host: Host) -> Callable[[], None]:
        path = list(host.runs)[len(host.runs) // 2]
        return lambda: host.handle(host.killed(path))

    few, many = restart(up(start(FEW))), restart(up(start(MANY)))
    for _ in range(20):  # the deadlines of the start are over, and the history is cut
        few()
        many()

    assert [calls(many) for _ in range(5)] == [calls(few) for _ in range(5)]
    assert abs(peak(many) - peak(few)) < 4096


WORKS: dict[str, tuple[Start, Step]] = {
    "start": (lambda n: tree("one_for_one", n), Host.start),
    "all fail": (lambda n: up(tree("one_for_one", n)), Host.kill_all),
    "stop": (lambda n: up(tree("one_for_one", n)), Host.stop),
    "one_for_all": (lambda n: up(tree("one_for_all", n)), Host.kill_first_of_all),
    "one_for_all: all fail": (lambda n: up(tree("one_for_all", n)), Host.kill_all),
    "one_for_all: all fail, the last first": (
        lambda n: up(tree("one_for_all", n)),
        kill_in_reverse,
    ),
    "rest_for_one: all fail": (lambda n: up(tree("rest_for_one", n)), Host.kill_all),
    "dependencies: start": (after_one, Host.start),
    "dependencies: all fail": (lambda n: up(after_one(n)), Host.kill_all),
    "dependencies: stop": (lambda n: up(after_one(n)), Host.stop),
    "dependents: all fail": (lambda n: up(after_one(n, "rest_for_one")), Host.kill_all),
    "dependents: all fail, the last first": (
        lambda n: up(after_one(n, "rest_for_one")),
        kill_in_reverse,
    ),
    "pool: start": (PoolHost, Host.start),
    "pool: all fail": (lambda n: up(PoolHost(n)), Host.kill_all),
    "pool: stop": (lambda n: up(PoolHost(n)), Host.stop),
    "add": (lambda n: up(tree("one_for_one", n)), add_one_by_one),
    "delete": (lambda n: up(tree("one_for_one", n)), stop_and_delete_one_by_one),
    "stop all at once": (lambda n: up(tree("one_for_one", n)), stop_all_at_once),
    "reload: one is new": (lambda n: up(tree("one_for_one", n)), Host.add_one),
    "reload: one differs": (lambda n: up(tree("one_for_one", n)), Host.change_one),
    "reload: all differ": (lambda n: up(tree("one_for_one", n)), replace_all),
    "reload: all differ, one_for_all": (lambda n: up(tree("one_for_all", n)), replace_all),
    "reload: others": (lambda n: up(tree("rest_for_one", n)), rename_all),
    "snapshot": (lambda n: up(tree("one_for_one", n)), Host.snapshot),
    "checkpoint": (lambda n: up(tree("one_for_one", n)), lambda host: host.engine.checkpoint()),
}


@pytest.mark.parametrize("work", WORKS)
def test_twice_the_children_take_twice_the_work(work: str) -> None:
    """What concerns all children takes each of them about the same, however many there are."""
    start, step = WORKS[work]
    once, twice = start(100), start(200)

    assert calls(lambda: step(twice)) <= 2.2 * calls(lambda: step(once))


def test_requests_that_wait_cost_little_meanwhile() -> None:
    """While a group restarts, a request that waits for that is not looked at again at each step."""

    def restart(*requests: Request) -> int:
        host = up(tree("one_for_all", 200))
        return calls(lambda: host.handle(host.killed("c0"), *requests))

    asked = [TerminateChild("c1", ref=number) for number in range(1, 21)]

    assert restart(*asked) < 1.5 * restart()

"""Anything may happen at any time, and the tree keeps its promises.

The checks are in `oracle`; here is what can happen. A run in which the tree ends early tests
little, so its end is a rare event, and the root of a random tree has some patience.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from signal import SIGKILL, SIGTERM
from typing import TypeVar, get_args

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from otpsup.engine.events import (
    Boot,
    CountChildren,
    DeleteChild,
    MonitorChild,
    ReplaceChild,
    Request,
    Shutdown,
    StartChild,
    StartDeclared,
    TerminateChild,
    WhichChildren,
)
from otpsup.engine.node import Node
from otpsup.specs import DynamicSupervisor, Supervisor
from tests.engine.oracle import WatchedWorld
from tests.engine.script import spec_of
from tests.engine.trees import trees, workers
from tests.engine.world import Outcome, Process, StopAnswer, World

T = TypeVar("T")

REQUESTS: tuple[Callable[[str], Request], ...] = (
    StartDeclared,
    StartDeclared,
    TerminateChild,
    TerminateChild,
    ReplaceChild,
    ReplaceChild,
    DeleteChild,
    WhichChildren,
    CountChildren,
    MonitorChild,
    partial(MonitorChild, on=False),
)

QUIET = ("down", "running")

ENDS = (0, 1, 1, -SIGKILL, -SIGTERM)
"""Exit codes, and signals as negative numbers."""

numbers = st.integers(0, 60)
"""Picks one of several things of which there are never the same number."""

outcomes = st.lists(st.sampled_from(get_args(Outcome)), max_size=3)

events = st.sampled_from((0, 0, 1, 3, 1000))
"""How many events are handed over before the next thing happens."""


def pick(things: Sequence[T], number: int) -> T:
    return things[number % len(things)]


class Chaos(RuleBasedStateMachine):
    """A tree in a hostile world keeps what `oracle` says, and recovers when the world is kind."""

    world: World
    world_of: Callable[[Supervisor | DynamicSupervisor], World] = staticmethod(WatchedWorld)

    @initialize(tree=trees(), starts=outcomes, then=st.sampled_from((0, 5, 1000, 1000)))
    def start(self, tree: str, starts: list[Outcome], then: int) -> None:
        self.world = self.world_of(spec_of(tree))
        if then < 1000:
            self.world.starts["a"].extend(starts)
        self.world.ask(Boot())
        self._hand_over(then)

    def _paths(self) -> list[str]:
        return [node.path for node in self.world.engine.snapshot().walk()]

    def _hand_over(self, count: int) -> None:
        while count and self.world.step():
            count -= 1

    # The driver hands over events.

    @rule(numbers=st.lists(numbers, min_size=1, max_size=6))
    def some_events(self, numbers: list[int]) -> None:
        for number in numbers:
            self.world.step(partial(pick, number=number))

    @rule()
    def all_events(self) -> None:
        self.world.settle()

    @rule(seconds=st.sampled_from((0.0, 0.5, 1.0, 2.0, 5.0, 11.0)))
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    # Processes do as they like.

    @precondition(lambda self: self.world.live_paths())
    @rule(number=numbers, how=st.sampled_from(ENDS), starts=outcomes, then=events)
    def dies(self, number: int, how: int, starts: list[Outcome], then: int) -> None:
        path = pick(self.world.live_paths(), number)
        self.world.exit(path, code=how, signal=-how if how < 0 else None)
        self.world.starts[path].extend(starts)
        self._hand_over(then)

    @precondition(lambda self: self.world.live_paths())
    @rule(numbers=st.lists(numbers, min_size=2, max_size=3), then=events)
    def several_die(self, numbers: list[int], then: int) -> None:
        for number in numbers:
            if live := self.world.live_paths():
                self.world.exit(pick(live, number))
        self._hand_over(then)

    @rule(number=numbers, starts=outcomes, stop=st.sampled_from(get_args(StopAnswer)))
    def becomes_difficult(self, number: int, starts: list[Outcome], stop: StopAnswer) -> None:
        path = pick(self._paths(), number)
        self.world.starts[path].extend(starts)
        self.world.stops[path] = stop

    @precondition(lambda self: self.world.slow_ones())
    @rule(number=numbers)
    def slow_one_moves_on(self, number: int) -> None:
        self._move_on(pick(self.world.slow_ones(), number))

    def _move_on(self, process: Process) -> None:
        if process.dies_of:
            self.world.finish(process.path)
        else:
            self.world.ready(process.path)

    @precondition(lambda self: self.world.live_paths())
    @rule(number=numbers, then=events)
    def one_falls_ill(self, number: int, then: int) -> None:
        self.world.fall_ill(pick(self.world.live_paths(), number))
        self._hand_over(then)

    @precondition(lambda self: self.world.live_paths())
    @rule(number=numbers, why=st.sampled_from(("", "busy")))
    def one_cannot_serve(self, number: int, why: str) -> None:
        self.world.mark(pick(self.world.live_paths(), number), why)

    @precondition(lambda self: self.world.live_paths())
    @rule(number=numbers)
    def one_is_well(self, number: int) -> None:
        self.world.heal(pick(self.world.live_paths(), number))

    # Operators, and children, make requests.

    @rule(number=numbers, make=st.sampled_from(REQUESTS), by=st.none() | numbers, then=events)
    def request(
        self, number: int, make: Callable[[str], Request], by: int | None, then: int
    ) -> None:
        live = self.world.live_paths()
        caller = pick(live, by) if live and by is not None else None
        self.world.ask(evolve(make(pick([*self._paths(), "no/body"], number)), caller=caller))
        self._hand_over(then)

    @rule(number=numbers, worker=st.sampled_from("abxy").flatmap(workers), then=events)
    def start_a_new_child(self, number: int, worker: str, then: int) -> None:
        path = pick(self._paths(), number)
        node = self.world.engine.find(path)
        is_dynamic = isinstance(node, Node) and node.is_dynamic
        self.world.ask(StartChild(path) if is_dynamic else StartChild(path, spec_of(worker)))
        self._hand_over(then)

    @precondition(lambda self: not self.world.engine.is_halted)
    @rule(hurry=st.booleans(), luck=st.integers(0, 15))
    def shutdown(self, hurry: bool, luck: int) -> None:
        if luck == 7:
            self.world.ask(Shutdown(hurry=hurry))

    # The end.

    def teardown(self) -> None:
        """In a friendly world all recovers; and a tree can always be stopped, and that is all."""
        if not hasattr(self, "world") or getattr(self.world, "is_broken", False):
            return
        self._recovers()
        self._ends()

    def _recovers(self) -> None:
        self._become_friendly()
        left = [n.path for n in self.world.engine.snapshot().walk() if n.state not in QUIET]
        assert not left, f"{left} do not come to rest"
        assert not self.world.open_requests

    def _ends(self) -> None:
        self.world.ask(Shutdown())
        self._become_friendly()
        assert self.world.halt or not self.world.processes, "the tree does not end"
        assert not self.world.open_requests
        assert self.world.engine.deadline is None

    def _become_friendly(self) -> None:
        self.world.starts.clear()
        self.world.stops.clear()
        for _ in range(12):
            self.world.advance(10)
            while slow := self.world.slow_ones():
                self._move_on(slow[0])
                self.world.settle()
            self._satisfy()
            self.world.end_the_stubborn()
        self.world.settle()

    def _satisfy(self) -> None:
        """Whatever others wait for comes about."""
        for path in self.world.live_paths():
            self.world.heal(path)
        self.world.settle()
        for path in self._tasks():
            if path in self.world.live_paths():
                self.world.exit(path, code=0)
                self.world.settle()

    def _tasks(self) -> list[str]:
        """What others wait for to complete: in the plan that started it, or one by one."""
        children = [self.world.engine.find(path) for path in self._paths()]
        tasks = [child.path for child in children if child is not None and child.is_awaited]
        for child in children:
            if child is not None and child.awaited is not None:
                above = f"{child.path.rpartition('/')[0]}/{child.awaited.name}"
                tasks.append(above.lstrip("/"))
        return tasks


class TestChaos(Chaos.TestCase):  # type: ignore[valid-type,misc]
    settings = settings(max_examples=settings().max_examples, stateful_step_count=40)


@pytest.mark.slow
@pytest.mark.timeout(1800)
class TestMoreChaos(Chaos.TestCase):  # type: ignore[valid-type,misc]
    settings = settings(max_examples=6 * settings().max_examples, stateful_step_count=40)

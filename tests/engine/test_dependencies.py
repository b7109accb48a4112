"""Dependencies, by their properties: a chain is OTP's list, a start takes as long as the longest
path, and nobody starts before what it is after.

What happens at any time in a tree with dependencies is watched by `test_chaos`; what it looks like
is in the transcripts `dependencies_*`.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from otpsup.engine.effects import Spawn
from otpsup.engine.events import (
    Boot,
    Event,
    Exited,
    Healthy,
    Ready,
    ReplaceChild,
    Spawned,
    StartDeclared,
)
from otpsup.engine.reasons import Exit
from otpsup.specs import After, Backoff, ChildSpec, DynamicSupervisor, Supervisor, Worker
from otpsup.specs.after import Condition
from otpsup.testing.scenario import Scenario, parse
from otpsup.testing.simulation import Simulation
from tests.engine.world import Process, World
from tests.otp.generator import Generator
from tests.support.sizes import sized

# A chain is a list.


def chained(spec: ChildSpec) -> ChildSpec:
    """The same tree, in which each child is after all that stand before it."""
    if not isinstance(spec, Supervisor):
        return spec
    children = [chained(child) for child in spec.children]
    names = [child.name for child in children]
    return evolve(
        spec,
        children=[evolve(c, after=tuple(names[:n])) for n, c in enumerate(children)],
    )


class ChainedSimulation(Simulation):
    """A simulation in which a child that is added comes after all that are there."""

    def _send(self, event: Mapping[str, Any]) -> Any:
        node = self._running(self.system.own(event["sup"]))
        if node is not None and node.order.is_graph and "child" in event:
            child = evolve(chained(event["child"]), after=tuple(node.children))
            event = {**event, "child": child}
        return super()._send(event)


def without_batches(scenario: Scenario) -> Scenario:
    """In a batch a call can meet a child that restarts; a start is refused then, if that is one on
    which it depends, where OTP's list knows of no dependence."""
    events = [event for event in scenario.events if event["op"] != "batch"]
    return evolve(scenario, events=events)


@sized(30, 200, st.integers(0, 2**32))
def test_chain_is_list(seed: int) -> None:
    """A chain of `after` starts, stops, restarts and gives up as the list does, to the letter."""
    for given_ in Generator(seed).scenarios(4):
        scenario = without_batches(parse(given_))
        spec = chained(scenario.spec)
        assert isinstance(spec, Supervisor | DynamicSupervisor)

        expected = Simulation(scenario).run()
        actual = ChainedSimulation(evolve(scenario, spec=spec)).run()

        assert expected == actual


# The critical path.


class TimedWorld(World):
    """A world in which starts take time: each child gets so far at its own pace."""

    def __init__(self, spec: Supervisor, seconds: Mapping[str, float]) -> None:
        super().__init__(spec)
        self._seconds = seconds
        self._later: list[tuple[float, int, Event]] = []
        self._count = itertools.count()
        self.started_at: dict[str, float] = {}

    def _behave(self, process: Process, outcome: object) -> None:
        path, run = process.path, process.run
        self.started_at[path] = self.now
        self._announce(process)
        took = self._seconds[path]
        self._at(self.now + took, Ready(path, run))
        self._at(self.now + 2 * took, Healthy(path, run))
        if process.spec.restart == "transient":
            self._at(self.now + 3 * took, Exited(path, run, Exit(code=0)))

    def _at(self, when: float, event: Event) -> None:
        heapq.heappush(self._later, (when, next(self._count), event))

    def run_until_quiet(self) -> None:
        """Let all come about at its time."""
        self.settle()
        while self._later:
            self.now, _, event = heapq.heappop(self._later)
            self.queue.append(event)
            self.settle()


CONDITIONS: tuple[Condition, ...] = ("started", "ready", "healthy", "completed")
PACE = {"started": 0, "ready": 1, "healthy": 2, "completed": 3}
"""How many times its own pace a child of this world takes to come so far."""


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Supervisor, dict[str, float]]:
    """A supervisor with a random graph, and the pace of each child in seconds."""
    names = [f"w{n}" for n in range(draw(st.integers(2, 8)))]
    children: list[Worker] = []
    for number, name in enumerate(names):
        after = draw(st.lists(st.sampled_from(names[:number]), unique=True)) if number else []
        conditions = [draw(st.sampled_from(CONDITIONS)) for _ in after]
        pairs = [After(n, c) for n, c in zip(after, conditions, strict=True)]
        children.append(Worker(name, "app:run", ready="notify", restart="transient", after=pairs))
    if not any(child.after for child in children):
        children[-1] = evolve(children[-1], after=(names[0],))
    pace = {name: float(draw(st.integers(1, 9))) for name in names}
    order = draw(st.permutations(children))
    return Supervisor("top", strategy="one_for_all", children=list(order)), pace


def expected_starts(spec: Supervisor, pace: Mapping[str, float]) -> dict[str, float]:
    """When each child starts: as soon as the last of those that it is after has come so far."""
    after = {child.name: child.after for child in spec.children}

    def start(name: str) -> float:
        return max((reaches(dependency) for dependency in after[name]), default=0.0)

    def reaches(dependency: After) -> float:
        return start(dependency.name) + PACE[dependency.condition] * pace[dependency.name]

    return {name: start(name) for name in after}


@given(graphs())
def test_critical_path(graph: tuple[Supervisor, dict[str, float]]) -> None:
    """Each child starts at the very moment when the last of what it waits for has come about, so
    the start of all takes as long as the longest path and no longer."""
    spec, pace = graph
    world = TimedWorld(spec, pace)
    ref = world.ask(Boot())
    world.run_until_quiet()

    assert expected_starts(spec, pace) == world.started_at
    assert world.replies[ref].error is None


def test_not_the_sum() -> None:
    """Three that take 5 s each and are after one that takes 2 s are all up after 7 s, not 17."""
    names = ("a", "b", "c")
    children = [Worker("db", "app:run", ready="notify")]
    children += [Worker(name, "app:run", ready="notify", after=["db"]) for name in names]
    world = TimedWorld(Supervisor("top", children=children), {"db": 2, "a": 5, "b": 5, "c": 5})
    world.ask(Boot())
    world.run_until_quiet()
    root = world.engine.root

    assert world.started_at == {"db": 0, "a": 2, "b": 2, "c": 2}
    assert (root.state, root.since) == ("running", 7)


# Edges.


def test_declined_satisfies_all() -> None:
    """Whoever declines to run keeps nobody waiting: that is success without a process."""
    spec = Supervisor(
        "top",
        children=[
            Worker("a", "app:run", restart="transient"),
            Worker("b", "app:run", after=[After("a", "completed")]),
        ],
    )
    world = World(spec)
    world.starts["a"].append("decline")
    world.boot()

    assert (world.state("a"), world.state("b"), world.state("")) == ("down", "running", "running")


def test_old_news_satisfy_nobody() -> None:
    """Only the process itself decides how far it has come: news of old incarnations do not."""
    spec = Supervisor(
        "top",
        children=[
            Worker("a", "app:run"),
            Worker("b", "app:run", after=[After("a", "healthy")]),
        ],
    )
    world = World(spec).boot()
    run = world.live("a").run
    world.engine.handle(Healthy("a", run - 1), 0.0)
    world.engine.handle(Spawned("a", run - 1, 1), 0.0)
    effects = world.engine.handle(Healthy("a", run), 0.0)

    assert [effect.path for effect in effects if isinstance(effect, Spawn)] == ["b"]


def test_a_temporary_child_that_waited_is_started_once() -> None:
    """It may have to wait for what it is after; but a start that fails is not tried again."""
    children = [Worker("a", "app:run", ready="notify"), temporary("b", after=After("a", "started"))]
    world = World(Supervisor("top", intensity=9, children=children))
    world.starts["a"].append("slow")
    world.stops["a"] = "slow"
    world.starts["b"].append("fail")
    world.ask(Boot())
    world.step()
    world.ask(ReplaceChild("a"))
    world.step(lambda heads: next(event for event in heads if isinstance(event, ReplaceChild)))
    world.settle()
    assert world.state("b") == "restarting"
    world.finish("a")
    world.settle()

    assert world.state("a") == "running"
    assert world.state("b") is None
    assert world.history.count(("start", "b")) == 1


def temporary(name: str, **options: Any) -> Worker:
    return Worker(name, "app:run", restart="temporary", **options)


@pytest.mark.slow
def test_a_chain_of_thousands() -> None:
    """However long a chain of dependencies is, who asks for its last child is told for whom that
    has to wait."""
    first = Worker("c0", "app:run", backoff=Backoff(initial=60, max=60, jitter=0))
    others = [Worker(f"c{n}", "app:run", after=[f"c{n - 1}"]) for n in range(1, 2000)]
    world = World(Supervisor("top", strategy="rest_for_one", children=[first, *others])).boot()
    world.exit("c0")
    world.settle()

    assert "it is after 'c0'" in str(world.answer(StartDeclared("c1999")).error)

"""`Engine.restarts_at_once`: what is said of a death beforehand comes about."""

from __future__ import annotations

from signal import SIGKILL

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from otpsup.engine.effects import Effect, Kill, Report, Spawn, Terminate
from otpsup.engine.effects import Halt as Halted
from otpsup.engine.events import (
    Event,
    Exited,
    MonitorChild,
    Reload,
    ReplaceChild,
    Resume,
    StartChild,
    Suspend,
    TerminateChild,
)
from otpsup.engine.process import ProcessChild
from otpsup.engine.reasons import Exit
from otpsup.specs import DynamicSupervisor, Supervisor
from tests.engine.script import spec_of
from tests.engine.test_chaos import numbers, pick
from tests.engine.test_reload import ReloadChaos
from tests.engine.world import Process, World

EXITS = [Exit(code=code) for code in (0, 1, 3, 143)]
EXITS += [Exit(signal=number) for number in (1, 9, 11, 15)]
exits = st.sampled_from(EXITS)


class ForecastWorld(World):
    """A world in which each death is foretold, and what was said is held against what comes."""

    def deliver(self, event: Event) -> list[Effect]:
        """As `World.deliver`, and check."""
        if not isinstance(event, Exited):
            return super().deliver(event)
        process = self.processes[event.path, event.run]
        left = self.foretold(process)
        before = self.engine.deadline
        effects = super().deliver(event)
        if left > 0:
            _check(effects, process)
            self._check_deadline(before, process)
        return effects

    def foretold(self, process: Process) -> int:
        """What is said of this process."""
        return self.engine.restarts_at_once(process.path, process.run, process.spec, self.now)

    def _check_deadline(self, before: float | None, process: Process) -> None:
        """No other one than before and that of the new start is waited for."""
        limit = self.now + process.spec.start_timeout
        known = limit if before is None else min(before, limit)
        assert self.engine.deadline is not None
        assert self.engine.deadline >= known

    def die_now(self, process: Process, exit: Exit) -> list[Effect]:
        """This process ends, and the engine hears of that next."""
        self._die(process, exit)
        return self.deliver(self.queue.pop())

    def get_ready(self, path: str) -> None:
        """The new incarnation tells what it has to tell next."""
        for told in [each for each in self.queue if getattr(each, "path", None) == path]:
            self.queue.remove(told)
            self.deliver(told)


def _check(effects: list[Effect], process: Process) -> None:
    """It is started again at once, as it was, and nothing else is done."""
    done = [e for e in effects if isinstance(e, Spawn | Terminate | Kill | Halted)]
    assert len(done) == 1, done
    (spawn,) = done
    assert isinstance(spawn, Spawn)
    assert spawn.path == process.path
    assert spawn.run != process.run
    assert spawn.spec is process.spec
    assert spawn.args == process.args


class ForecastChaos(ReloadChaos):
    """Whatever has happened: a death of which that was said leads to one start at once and to
    nothing else, so often as was said and not once more."""

    world: ForecastWorld
    world_of = staticmethod(ForecastWorld)

    def _foretold(self) -> list[Process]:
        processes = self.world.processes.values()
        return [p for p in processes if p.is_alive and self.world.foretold(p)]

    @precondition(lambda self: self._foretold() != [])
    @rule(number=numbers, exit=exits)
    def one_of_whom_it_is_said_dies(self, number: int, exit: Exit) -> None:
        self.world.die_now(pick(self._foretold(), number), exit)

    @precondition(lambda self: self._foretold() != [])
    @rule(number=numbers, exits=st.lists(exits, min_size=1), once_more=st.integers(0, 3))
    def it_dies_as_often_as_is_said(self, number: int, exits: list[Exit], once_more: int) -> None:
        process = pick(self._foretold(), number)
        path = process.path
        self.world.starts[path].clear()
        for left in reversed(range(self.world.foretold(process))):
            self.world.die_now(self.world.live(path), pick(exits, left))
            self.world.get_ready(path)
            assert self.world.foretold(self.world.live(path)) == left
        if once_more == 0:
            effects = self.world.die_now(self.world.live(path), exits[0])
            reports = [effect.context for effect in effects if isinstance(effect, Report)]
            assert "shutdown" in reports  # which may lead to the start of the supervisor

    @rule(number=numbers, once_more=st.booleans())
    def suspend(self, number: int, once_more: bool) -> None:
        self.world.ask(Suspend(pick(self._supervisors(), number)))
        if once_more:
            self.world.settle()

    @rule(number=numbers)
    def resume(self, number: int) -> None:
        self.world.ask(Resume(pick(self._supervisors(), number)))

    def _supervisors(self) -> list[str]:
        nodes = self.world.engine.snapshot().walk()
        return [node.path for node in nodes if node.type.endswith("supervisor")]

    def teardown(self) -> None:
        """Nobody is suspended for ever."""
        if hasattr(self, "world"):
            self.world.settle()  # some may still be about to be suspended
            for _ in range(4):  # who is resumed may start others
                for path in self._supervisors():
                    self.world.ask(Resume(path))
                self.world.settle()
        super().teardown()


class TestForecastChaos(ForecastChaos.TestCase):  # type: ignore[valid-type,misc]
    settings = settings(stateful_step_count=30)


@pytest.mark.slow
@pytest.mark.timeout(1800)
class TestMoreForecastChaos(ForecastChaos.TestCase):  # type: ignore[valid-type,misc]
    settings = settings(max_examples=6 * settings().max_examples, stateful_step_count=30)


def booted(tree: str) -> ForecastWorld:
    spec = spec_of(tree)
    assert isinstance(spec, Supervisor | DynamicSupervisor)
    world = ForecastWorld(spec)
    world.boot()
    return world


TOP = "Supervisor('top', intensity=3, period=10, "
A = "Worker('a', run)"


@pytest.mark.parametrize(
    "tree",
    [
        f"{TOP} children=[{A}])",
        f"{TOP} children=[{A}, Worker('b', run), Worker('c', run, restart='temporary')])",
        f"{TOP} parallel=True, children=[{A}, Worker('b', run)])",
        f"{TOP} children=[{A}, Worker('b', run, after=['a'])])",
        f"{TOP} children=[Worker('b', run), Worker('a', run, after=['b'])])",
        f"{TOP} strategy='one_for_all', children=[{A}])",
        f"{TOP} strategy='rest_for_one', children=[Worker('b', run), {A}])",
        f"{TOP} strategy='rest_for_one', parallel=True, children=[{A}, Worker('b', run)])",
        f"{TOP} children=[Worker('a', run, ready='notify')])",
        f"{TOP} children=[Command('a', ['program'], autostart=True)])",
    ],
)
@pytest.mark.parametrize("exit", EXITS)
def test_an_ordinary_child_may_die_as_often_as_is_said(tree: str, exit: Exit) -> None:
    """Of three restarts allowed three are foretold, then two, one and none; and after none comes
    no other start."""
    world = booted(tree)
    for left in (3, 2, 1):
        assert world.foretold(world.live("a")) == left
        world.die_now(world.live("a"), exit)
        world.settle()
    assert world.foretold(world.live("a")) == 0
    effects = world.die_now(world.live("a"), exit)
    assert not any(isinstance(effect, Spawn) for effect in effects)


def test_it_is_said_of_a_child_below_and_of_an_instance() -> None:
    """Each as its own supervisor allows."""
    pool = "DynamicSupervisor('pool', Worker('job', run), intensity=5)"
    world = booted(f"{TOP} children=[Supervisor('s', intensity=2, children=[{A}]), {pool}])")
    world.answer(StartChild("pool", args=("x",)))
    assert world.foretold(world.live("s/a")) == 2
    assert world.foretold(world.live("pool/job#1")) == 5
    world.die_now(world.live("pool/job#1"), Exit(signal=SIGKILL))
    assert world.live("pool/job#1").args == ("x",)


def test_what_is_past_counts_no_more() -> None:
    """The window is that of the time for which it is asked."""
    world = booted(f"{TOP} children=[{A}, Worker('b', run)])")
    world.exit("b")
    world.settle()
    assert world.foretold(world.live("a")) == 2
    world.now = 10.5
    assert world.foretold(world.live("a")) == 3


@pytest.mark.parametrize(
    "tree",
    [
        f"{TOP} children=[Worker('a', run, restart='transient')])",
        f"{TOP} children=[Worker('a', run, restart='temporary')])",
        f"{TOP} children=[Worker('a', run, start_retries=3)])",
        f"{TOP} children=[Worker('a', run, backoff=Backoff(initial=1))])",
        f"{TOP} strategy='one_for_all', children=[{A}, Worker('b', run)])",
        f"{TOP} strategy='rest_for_one', children=[{A}, Worker('b', run)])",
        f"{TOP} strategy='rest_for_one', children=[{A}, Worker('b', run, after=['a'])])",
        f"Supervisor('top', intensity=0, children=[{A}])",
    ],
)
def test_nothing_is_said_of_who_is_not_simply_started_again(tree: str) -> None:
    """Another restart type, a wait, others who come along, no restart left."""
    world = booted(tree)
    assert world.foretold(world.live("a")) == 0


@pytest.mark.parametrize(
    "request_",
    [MonitorChild("a", on=False), Suspend(""), TerminateChild("a"), ReplaceChild("a")],
    ids=lambda request: type(request).__name__,
)
def test_nothing_is_said_while_something_is_being_done(
    request_: MonitorChild | Suspend | TerminateChild | ReplaceChild,
) -> None:
    """An operator has it, or its supervisor, in hand."""
    world = booted(f"{TOP} children=[{A}])")
    process = world.live("a")
    assert world.foretold(process) == 3
    world.stops["a"] = "slow"
    world.ask(request_)
    world.step()
    assert world.foretold(process) == 0


def test_nothing_is_said_while_a_group_is_being_worked_on() -> None:
    """Under a group strategy a death waits for whatever is being done to anybody."""
    world = booted(f"{TOP} strategy='rest_for_one', children=[Worker('b', run), {A}])")
    process = world.live("a")
    world.stops["b"] = "slow"
    world.ask(TerminateChild("b"))
    world.step()
    assert process.is_alive
    assert world.foretold(process) == 0
    world.finish("b")
    world.settle()
    assert world.foretold(process) == 3


def test_nothing_is_said_of_who_waits_for_another_to_come_back() -> None:
    """What it is after is gone for a while; it would have to wait for that."""
    slow = "Worker('b', run, backoff=Backoff(initial=5))"
    world = booted(f"{TOP} children=[{slow}, Worker('a', run, after=['b'])])")
    assert world.foretold(world.live("a")) == 3
    world.exit("b")
    world.settle()
    assert world.foretold(world.live("a")) == 0


def test_nothing_is_said_of_who_would_become_something_else() -> None:
    """A reload has changed in place what it will be made of."""
    world = booted(f"{TOP} children=[{A}])")
    old, new = world.live("a").spec, f"{TOP} children=[Worker('a', run, shutdown=7)])"
    world.answer(Reload(spec=spec_of(new)))
    process = world.live("a")
    child = world.engine.find("a")
    assert isinstance(child, ProcessChild)
    assert (process.spec, child.made_of) == (old, old)
    for spec in (old, child.spec):
        assert world.engine.restarts_at_once("a", process.run, spec, 0.0) == 0
    world.exit("a")
    world.settle()
    assert world.foretold(world.live("a")) == 2


def test_nothing_is_said_of_another_incarnation_or_spec() -> None:
    """It is asked about one process, as it was made."""
    world = booted(f"{TOP} children=[{A}])")
    a = world.live("a")
    child = world.engine.find("a")
    assert isinstance(child, ProcessChild)
    assert world.engine.restarts_at_once("a", a.run + 1, a.spec, 0.0) == 0
    assert world.engine.restarts_at_once("b", a.run, a.spec, 0.0) == 0
    assert world.engine.restarts_at_once("", a.run, a.spec, 0.0) == 0
    other = spec_of(A)
    assert world.engine.restarts_at_once("a", a.run, other, 0.0) == 0

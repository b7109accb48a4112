"""Children that are on their own live as supervisord's programs do: any history, step by step.

The model is written after supervisord's documentation (http://supervisord.org/subprocess.html,
*process states*) and what 4.3.0 was seen to do; it shares no code with the engine.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from otpsup.engine.events import (
    Boot,
    Reload,
    ReplaceChild,
    StartChild,
    StartDeclared,
    TerminateChild,
)
from otpsup.errors import InvalidSpec
from otpsup.specs import Backoff, Command, DynamicSupervisor, Supervisor
from tests.engine.world import World

START_TIMEOUT = 1000.0
OURS = {
    "STOPPED": "down",
    "STARTING": "starting",
    "RUNNING": "running",
    "BACKOFF": "restarting",
    "EXITED": "down",
    "FATAL": "down",
}


@define
class Program:
    """supervisord's idea of one program; times are those of the world."""

    autorestart: str
    startretries: int
    state: str = "STOPPED"
    backoff: int = 0
    due: float = 0.0

    def start(self) -> None:
        """An operator, or the start of everything."""
        if self.state not in ("STARTING", "RUNNING", "BACKOFF"):
            self.state, self.backoff = "STARTING", 0

    def stop(self) -> None:
        """An operator; a process ends at once in this world."""
        if self.state in ("STARTING", "RUNNING", "BACKOFF"):
            self.state = "STOPPED"

    def up(self) -> None:
        """It has stayed up long enough."""
        self.state, self.backoff = "RUNNING", 0

    def exits(self, code: int, now: float) -> None:
        """Too early it counts, with any code; later it is a matter of `autorestart`."""
        if self.state == "STARTING":
            self.backoff += 1
            self.due = now + self.backoff
            self.state = "FATAL" if self.backoff > self.startretries else "BACKOFF"
        elif self.autorestart == "true" or (self.autorestart == "unexpected" and code != 0):
            self.state = "STARTING"
        else:
            self.state = "EXITED"

    def advance(self, now: float) -> None:
        """Time has come this far."""
        if self.state == "BACKOFF" and self.due <= now:
            self.state = "STARTING"


_TYPES = {"true": "permanent", "unexpected": "transient", "false": "temporary"}


class Programs(RuleBasedStateMachine):
    """Whatever happens to each of some programs, all are in the states that supervisord says."""

    @initialize(
        programs=st.lists(
            st.tuples(st.sampled_from(tuple(_TYPES)), st.integers(0, 3), st.booleans()),
            min_size=1, max_size=4,
        )
    )  # fmt: skip
    def begin(self, programs: list[tuple[str, int, bool]]) -> None:
        self.models = {f"p{n}": Program(kind, n_) for n, (kind, n_, _) in enumerate(programs)}
        children = [
            Command(
                f"p{n}", ["x"], ready="notify", start_timeout=START_TIMEOUT, autostart=auto,
                restart=_TYPES[kind], start_retries=retries,  # type: ignore[arg-type]
                backoff=Backoff(initial=1, factor=1, step=1, max=9, jitter=0),
            )
            for n, (kind, retries, auto) in enumerate(programs)
        ]  # fmt: skip
        self.world = World(Supervisor("top", intensity=0, children=children))
        for name in self.models:
            self.world.starts[name].extend(["slow"] * 1000)
        reply = self.world.answer(Boot())
        assert reply.error is None
        for name, (_, _, auto) in zip(self.models, programs, strict=True):
            if auto:
                self.models[name].start()
        self.check()

    def check(self) -> None:
        """All of them, after whatever has happened to one."""
        assert self.world.halt is None
        for name, model in self.models.items():
            child = self.world.engine.find(name)
            assert child is not None, f"the record of {name} is gone"
            assert child.state == OURS[model.state], f"{name} is {model.state}"
            assert (child.cause.kind == "retries_used") == (model.state == "FATAL")

    def _pick(self, number: int, *states: str) -> str:
        fitting = [name for name, model in self.models.items() if model.state in states]
        return fitting[number % len(fitting)]

    def _any(self, *states: str) -> bool:
        return any(model.state in states for model in self.models.values())

    @precondition(lambda self: self._any("STARTING", "RUNNING"))
    @rule(number=st.integers(0, 9), code=st.sampled_from((0, 0, 1, 2)))
    def one_exits(self, number: int, code: int) -> None:
        name = self._pick(number, "STARTING", "RUNNING")
        self.models[name].exits(code, self.world.now)
        self.world.exit(name, code=code)
        self.world.settle()
        self.check()

    @precondition(lambda self: self._any("STARTING"))
    @rule(number=st.integers(0, 9))
    def one_is_up(self, number: int) -> None:
        name = self._pick(number, "STARTING")
        self.models[name].up()
        self.world.ready(name)
        self.world.settle()
        self.check()

    @rule(seconds=st.sampled_from((0.5, 1.0, 2.0, 7.0)))
    def time_passes(self, seconds: float) -> None:
        self.world.advance(seconds)
        for model in self.models.values():
            model.advance(self.world.now)
        self.check()

    @rule(number=st.integers(0, 9))
    def an_operator_starts_one(self, number: int) -> None:
        name = list(self.models)[number % len(self.models)]
        if self.models[name].state != "STARTING":  # one that is asked for twice waits
            self.models[name].start()
            self.world.ask(StartDeclared(path=name))
            self.world.settle()
            self.check()

    @rule(number=st.integers(0, 9))
    def an_operator_stops_one(self, number: int) -> None:
        name = list(self.models)[number % len(self.models)]
        self.models[name].stop()
        assert self.world.answer(TerminateChild(path=name)).error is None
        self.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.shut_down()
            assert self.world.halt is not None


class TestPrograms(Programs.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(max_examples=settings().max_examples, stateful_step_count=30)


@pytest.mark.slow
@pytest.mark.timeout(1800)
class TestProgramsAtLength(Programs.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(max_examples=10 * settings().max_examples, stateful_step_count=50)


def test_only_where_no_group_is_restarted() -> None:
    """Its failures concern nobody; a strategy that restarts others along says the contrary."""
    child = Command("x", ["x"], start_retries=1)
    for strategy in ("one_for_all", "rest_for_one"):
        with pytest.raises(InvalidSpec, match="start_retries needs a one_for_one supervisor"):
            Supervisor("top", strategy=strategy, children=[child])
    Supervisor("top", children=[child])
    DynamicSupervisor("top", child)


def test_a_thousand_stop_at_once() -> None:
    """All are asked to end before any of them has; they need not be stopped one after the other."""
    children = [Command(f"p{n}", ["x"], start_retries=0, restart="temporary") for n in range(1000)]
    world = World(Supervisor("top", children=children)).boot()
    for child in children:
        world.stops[child.name] = "slow"
    world.shut_down()
    assert all(process.is_asked_to_stop for process in world.processes.values())
    assert len(world.processes) == 1000
    for child in children:
        world.finish(child.name)
    world.settle()
    assert world.halt is not None


_STEPS = Backoff(initial=1, factor=1, step=1, max=9, jitter=0)


def _one(**fields: Any) -> Command:
    return Command("x", ["x"], ready="notify", backoff=_STEPS, **{"start_retries": 2, **fields})


def _pass(world: World, seconds: int) -> None:
    for _ in range(seconds):
        world.advance(1)


def test_an_instance_is_tried_again_with_its_arguments() -> None:
    """A temporary one is started again only in this way; once it is ready they are let go."""
    pool = DynamicSupervisor("top", _one(restart="temporary", start_retries=1))
    world = World(pool).boot()
    world.starts["x#1"].extend(["crash", "slow"])
    assert world.answer(StartChild(path="", args=("1",))).error is not None
    _pass(world, 1)
    assert world.live("x#1").args == ("1",)
    world.ready("x#1")
    world.settle()
    changed = evolve(pool, template=_one(restart="permanent"))
    world.answer(Reload(spec=changed))
    world.exit("x#1")
    world.settle()
    assert world.engine.find("x#1") is None


def test_a_restart_on_request_has_all_retries_again() -> None:
    """What it took to get ready before counts no more."""
    world = World(Supervisor("top", children=[_one()]))
    world.starts["x"].extend(["crash", "crash", "ok", "crash", "crash", "ok"])
    world.boot()
    _pass(world, 4)
    assert world.state("x") == "running"
    assert world.answer(ReplaceChild(path="x")).error is not None
    _pass(world, 4)
    assert world.state("x") == "running"


def test_one_that_was_given_up_is_started_by_an_update_that_changes_it() -> None:
    """Its command may have been what was wrong; what did not change would fail again."""
    child = _one(start_retries=0)
    world = World(Supervisor("top", children=[child]))
    world.starts["x"].append("crash")
    world.boot()
    same = world.answer(Reload(spec=Supervisor("top", children=[evolve(child, shutdown=7)])))
    assert [change.action for change in same.value] == ["change"]
    assert world.state("x") == "down"
    mended = evolve(child, argv=["y"])
    told = world.answer(Reload(spec=Supervisor("top", children=[mended])))
    assert [(change.action, change.error) for change in told.value] == [("start", None)]
    assert world.state("x") == "running"


def test_one_that_was_given_up_and_then_stopped_stays_down() -> None:
    child = _one(start_retries=0)
    world = World(Supervisor("top", children=[child]))
    world.starts["x"].append("crash")
    world.boot()
    world.answer(TerminateChild(path="x"))
    world.answer(Reload(spec=Supervisor("top", children=[evolve(child, argv=["y"])])))
    assert world.state("x") == "down"


def test_who_waits_for_one_that_declines_goes_on() -> None:
    """No plan has waited for it, for it is on its own; it is done, and so is the waiting."""
    first = Command("x", ["x"], ready="notify", start_retries=1, restart="transient")
    world = World(Supervisor("top", children=[first, Command("y", ["y"], after=["x"])]))
    world.starts["x"].append("decline")
    world.boot()
    assert world.state("x") == "down"
    assert world.state("y") == "running"


def test_a_significant_one_that_is_given_up_has_ended() -> None:
    """That concerns nobody else, unless it is said to be significant."""
    child = _one(start_retries=1, restart="transient", significant=True)
    world = World(Supervisor("top", auto_shutdown="any_significant", children=[child]))
    world.starts["x"].extend(["crash", "crash"])
    world.boot()
    assert world.halt is None
    _pass(world, 2)
    assert world.halt is not None
    assert world.halt.kind == "auto_shutdown"

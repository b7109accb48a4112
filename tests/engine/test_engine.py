"""The engine's edges: late and double news, the clock, the table of states, the snapshot."""

from __future__ import annotations

import pytest

from otpsup.engine.child import TRANSITIONS, UP
from otpsup.engine.effects import Report, Spawn, StateChange
from otpsup.engine.events import (
    Boot,
    Event,
    Exited,
    Ignored,
    NotYet,
    Ready,
    Request,
    Shutdown,
    Spawned,
    StartChild,
    StatusText,
    TerminateChild,
    Tick,
    Unstartable,
)
from otpsup.engine.reasons import Exit, Reason
from otpsup.specs import DynamicSupervisor, Supervisor, Worker
from tests.engine.world import World


def a_world() -> World:
    """A tree of one worker `a` that has to say that it is ready."""
    return World(Supervisor("top", children=[Worker("a", "app:run", ready="notify")]))


@pytest.mark.parametrize("late", range(4))
def test_news_of_an_old_incarnation(late: int) -> None:
    """Late news of an incarnation that is over change nothing."""
    world = a_world().boot()
    run = world.live("a").run
    world.exit("a")
    world.settle()
    news: list[Event] = [
        Spawned("a", run, 1),
        Ready("a", run),
        Ignored("a", run),
        StatusText("a", run, "busy"),
    ]

    assert world.engine.handle(news[late], 0.0) == []
    assert world.state("a") == "running"


def test_double_news() -> None:
    """The second report of the same end changes nothing."""
    world = a_world().boot()
    run = world.live("a").run
    world.exit("a")
    world.settle()
    before = world.engine.snapshot()
    again: list[Event] = [
        Exited("a", run, Exit(code=1)),
        Unstartable("a", run, Reason("error", "no")),
    ]

    assert [world.engine.handle(event, 0.0) for event in again] == [[], []]
    assert before == world.engine.snapshot()


def test_ready_again() -> None:
    """A child that says twice that it is ready is ready once."""
    world = a_world().boot()
    run = world.live("a").run

    assert world.engine.handle(Ready("a", run, "again"), 0.0) == []
    assert world.state("a") == "running"


def test_news_of_nobody() -> None:
    """News of a child that was never there are ignored."""
    world = a_world().boot()

    assert world.engine.handle(Exited("nobody", 1), 0.0) == []
    assert world.engine.handle(Spawned("", 1, 1), 0.0) == []


def test_unstartable_after_spawned() -> None:
    """A process that can never get ready is stopped like any other, and its start has failed."""
    world = a_world()
    world.starts["a"].append("hopeless")
    world.boot()

    assert world.history == [("start", "a"), ("exit", "a")]
    assert world.halt is not None
    assert "no socket" in str(world.halt.reason)


def test_not_yet() -> None:
    """A start that times out says what was still missing, and not what an earlier one missed."""
    spec = Worker("a", "app:run", ready="notify", start_timeout=5)
    world = World(Supervisor("top", intensity=9, children=[spec])).boot()
    world.starts["a"].extend(["slow", "slow"])
    world.exit("a")
    world.settle()
    world.queue.append(NotYet("a", world.live("a").run, "connection refused"))
    world.advance(10)
    failures = [line for line in world.log if "start_error" in line]

    assert failures == [
        "report start_error a: not ready within 5 s: connection refused",
        "report start_error a: not ready within 5 s",
    ]
    assert world.state("a") == "running"


def test_clock_never_goes_back() -> None:
    """A `now` before the last one counts as the last one."""
    world = World(Supervisor("top", intensity=1, period=5, children=[Worker("a", "app:run")]))
    world.now = 100.0
    world.boot()
    world.exit("a")
    world.settle()
    world.now = 50.0
    world.exit("a")
    world.settle()

    assert world.halt is not None
    assert world.halt.kind == "gave_up"


def test_idle_tree_has_no_deadline() -> None:
    """A tree of 1,000 children in which nothing happens waits for nothing."""
    children = [Worker(f"w{n}", "app:run") for n in range(1000)]
    world = World(Supervisor("top", children=children)).boot()

    assert len(world.live_paths()) == 1000
    assert world.engine.deadline is None
    assert world.engine.handle(Tick(), 10_000.0) == []


def test_early_tick() -> None:
    """A tick before the deadline changes nothing, and the deadline stays."""
    world = a_world()
    world.starts["a"].append("slow")
    world.boot()

    assert world.engine.deadline == 60.0
    assert world.engine.handle(Tick(), 59.75) == []
    assert world.engine.deadline == 60.0


def test_every_state_can_be_left() -> None:
    """The table of states has no dead end, and whatever is up can go down."""
    for state, triggers in TRANSITIONS.items():
        assert triggers, state
        assert set(triggers.values()) <= set(TRANSITIONS)
        assert state not in UP or triggers["gone"] == "down"


def test_snapshot() -> None:
    """The snapshot tells name, state, pid, restarts, last end and status of every node, by path."""
    world = World(
        Supervisor(
            "top",
            children=[
                Supervisor("sub", children=[Worker("x", "app:run")]),
                DynamicSupervisor("pool", Worker("job", "app:run")),
                Worker("off", "app:run", autostart=False),
            ],
        )
    ).boot()
    world.answer(StartChild("pool", args=(1,)))
    world.now = 5.0
    world.exit("sub/x")
    world.settle()
    x = world.live("sub/x")
    world.queue.append(StatusText("sub/x", x.run, "serving"))
    world.settle()
    status = world.engine.snapshot(epoch=1000.0)
    found = status.find("sub/x")

    assert [n.path for n in status.walk()] == ["", "sub", "sub/x", "pool", "pool/job#1", "off"]
    assert [n.name for n in status.walk()] == ["top", "sub", "x", "pool", "job#1", "off"]
    assert status.find("nobody") is None
    assert found is not None
    assert (found.state, found.ready, found.pid, found.restarts) == ("running", True, x.pid, 1)
    assert (found.last_exit, found.status, found.since) == ("exit code 1", "serving", 1005.0)
    assert (status.children[1].type, found.type) == ("dynamic_supervisor", "worker")


def test_ready_info() -> None:
    """What a child says when it gets ready goes to the snapshot, until it ends."""
    world = a_world()
    world.starts["a"].append("slow")
    world.boot()
    world.ready("a", info={"port": 8001})
    world.settle()
    node = world.engine.snapshot().find("a")

    assert node is not None
    assert node.info == {"port": 8001}

    world.answer(TerminateChild("a"))
    node = world.engine.snapshot().find("a")

    assert node is not None
    assert (node.info, node.pid, node.status) == (None, None, None)


def test_progress_reports() -> None:
    """Each child, and then its supervisor, is reported when it is up. OTP.md 18.3."""
    world = a_world()
    reports: list[str] = []
    for event in (Boot(ref=0), None):
        effects = world.engine.handle(event, 0.0) if event else []
        for effect in effects:
            if isinstance(effect, Spawn):
                effects += world.engine.handle(Ready(effect.path, effect.run), 0.0)
            if isinstance(effect, Report):
                reports.append(f"{effect.context} {effect.path}")

    assert reports == ["progress a", "progress "]


def test_state_changes_tell_the_time() -> None:
    """Every change of state carries the time at which it came about."""
    world = a_world()
    world.now = 3.25
    effects = world.engine.handle(Boot(), 3.25)
    times = {effect.at for effect in effects if isinstance(effect, StateChange)}

    assert times == {3.25}


@pytest.mark.parametrize("request_", [Boot(), Shutdown(), TerminateChild("a"), StartChild("")])
def test_requests_after_the_end(request_: Request) -> None:
    """After the end every request is answered, and nothing else happens."""
    world = a_world().boot().shut_down()
    answer = world.answer(request_)

    assert isinstance(request_, Shutdown) == (answer.error is None)
    assert world.engine.is_halted

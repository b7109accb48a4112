"""Nobody waits for what will not come, and nobody who should run is left behind."""

from __future__ import annotations

import pytest

from otpsup import Backoff, DynamicSupervisor, InvalidSpec, Supervisor, Worker
from otpsup.engine.events import (
    DeleteChild,
    MonitorChild,
    ReplaceChild,
    StartChild,
    StartDeclared,
    StopSupervisor,
    Suspend,
    TerminateChild,
    WhichChildren,
)
from otpsup.engine.reasons import SHUTDOWN
from otpsup.errors import NotRunning
from otpsup.specs.after import After, completed
from tests.engine.world import World

SLOWLY = Backoff(initial=100, max=100)


def worker(name: str, **options: object) -> Worker:
    return Worker(name, "app:run", **options)  # type: ignore[arg-type]


def running(*children: object, strategy: str = "one_for_one", intensity: int = 9) -> World:
    """A tree that is up, with a window that is large enough."""
    spec = Supervisor(
        "top",
        strategy=strategy,  # type: ignore[arg-type]
        intensity=intensity,
        children=children,
    )
    return World(spec).boot()


def states(world: World, *paths: str) -> list[str | None]:
    return [world.state(path) for path in paths]


# Those who have asked for something.


def test_nobody_waits_for_a_supervisor_that_has_ended() -> None:
    """Who is not up cannot be suspended (OTP: `noproc`), and who is suspended while it ends answers
    those that have asked meanwhile."""
    sub = Supervisor(
        "sub", intensity=0, backoff=SLOWLY, children=[worker("x", shutdown="infinity")]
    )
    world = running(sub)
    world.stops["sub/x"] = "slow"
    world.answer(Suspend("sub"))
    early = world.ask(WhichChildren("sub"))
    world.ask(StopSupervisor("sub", reason=SHUTDOWN, hurry=False))
    world.ask(TerminateChild("sub"))
    world.settle()
    late = world.ask(StartDeclared("sub/x"))
    world.settle()
    world.finish("sub/x")
    world.settle()

    assert isinstance(world.replies[early].error, NotRunning)
    assert isinstance(world.replies[late].error, NotRunning)
    assert not world.open_requests
    assert isinstance(world.answer(Suspend("sub")).error, NotRunning)


# Those that a failed start does not concern.


def diamond(**options: object) -> World:
    """b and e are after a; d is after e, and e takes its time."""
    b, e = worker("b", after=["a"]), worker("e", after=["a"], ready="notify")
    return running(worker("a"), b, e, worker("d", after=["e"]), strategy="rest_for_one", **options)  # type: ignore[arg-type]


def test_a_failed_start_does_not_strand_others() -> None:
    """When a start in the restart of a group fails, those that do not depend on it are started all
    the same, in their order."""
    world = diamond()
    world.starts["e"].append("slow")
    world.starts["b"].append("fail")
    world.exit("a")
    world.settle()

    assert states(world, "a", "b", "e", "d") == ["running", "running", "starting", "restarting"]

    world.ready("e")
    world.settle()

    assert states(world, "a", "b", "e", "d") == ["running"] * 4


def test_a_list_waits_for_the_next_attempt() -> None:
    """In a list all that come later go with the child whose start failed."""
    children = [worker("a"), worker("b", backoff=SLOWLY), worker("c")]
    world = running(*children, strategy="rest_for_one")
    world.starts["b"].append("fail")
    world.exit("a")
    world.settle()

    assert states(world, "a", "b", "c") == ["running", "restarting", "down"]

    world.advance(100)

    assert states(world, "a", "b", "c") == ["running"] * 3


def test_stops_by_way_of_one_that_is_down() -> None:
    """The order of stops holds where a child between two others is down already."""
    children = [worker("a"), worker("b", after=["a"]), worker("c", after=["b"])]
    world = running(*children, strategy="one_for_all")
    world.stops["c"] = "slow"
    world.exit("b")
    world.settle()

    assert states(world, "a", "b", "c") == ["running", "restarting", "stopping"]

    world.finish("c")
    world.settle()

    assert states(world, "a", "b", "c") == ["running"] * 3


# Supervisors that others wait for.


def job(**options: object) -> Supervisor:
    """A supervisor that ends when its work is done."""
    work = worker("w", restart="transient", significant=True)
    return Supervisor(
        "job", restart="transient", auto_shutdown="any_significant", intensity=0, children=[work],
        **options,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_supervisor_as_a_task() -> None:
    """A supervisor that shuts down with its significant child has completed."""
    world = running(job(), worker("web", after=[completed("job")]))

    assert states(world, "", "job", "web") == ["starting", "running", "down"]

    world.exit("job/w", code=0)
    world.settle()

    assert states(world, "", "job", "web") == ["running", "down", "running"]


def test_a_supervisor_as_a_task_that_fails() -> None:
    """One that gives up while others wait for it is a failed start."""
    world = running(job(), worker("web", after=[completed("job")]))
    world.exit("job/w")
    world.settle()

    assert world.halt is not None
    assert world.halt.kind == "start_failed"


def test_a_supervisor_as_a_task_in_a_group() -> None:
    """If what it is after ends meanwhile, it is tried again when that is back."""
    children = [worker("db"), job(after=["db"]), worker("web", after=[completed("job")])]
    world = running(*children, strategy="rest_for_one")
    world.exit("job/w", code=0)
    world.settle()
    world.exit("db")
    world.settle()
    world.exit("db")
    world.settle()

    assert states(world, "db", "job", "web") == ["running", "running", "down"]

    world.exit("job/w", code=0)
    world.settle()

    assert states(world, "db", "job", "web") == ["running", "down", "running"]


# Those that wait for one that will not come.


def waiting(*, of_a: dict[str, object] | None = None) -> World:
    """b, which is after a, waits for it; a is being replaced, and takes its time."""
    world = running(worker("a", ready="notify", **(of_a or {})), worker("b", after=["a"]))
    world.starts["a"].append("slow")
    return world


def test_unmonitored_while_it_is_replaced() -> None:
    """Who waits for a child that nobody restarts goes on without."""
    world = waiting()
    world.answer(MonitorChild("a", on=False))
    world.ask(ReplaceChild("a"))
    world.settle()
    world.exit("b")
    world.settle()

    assert states(world, "a", "b") == ["starting", "restarting"]

    world.exit("a")
    world.settle()

    assert states(world, "a", "b") == ["down", "running"]


def test_unmonitored_while_it_waits() -> None:
    """So it does when the wait of an unmonitored child is over."""
    world = running(worker("a", backoff=SLOWLY), worker("b", after=["a"]))
    for path in "ab":
        world.exit(path)
        world.settle()
    world.answer(MonitorChild("a", on=False))
    world.advance(100)

    assert states(world, "a", "b") == ["down", "running"]


def test_a_requested_start_fails() -> None:
    """So it does when the start of a task that somebody asked for fails."""
    world = waiting(of_a={"restart": "transient"})
    world.exit("a", code=0)
    world.settle()
    world.ask(StartDeclared("a"))
    world.settle()
    world.exit("b")
    world.settle()

    assert states(world, "a", "b") == ["starting", "restarting"]

    world.exit("a")
    world.settle()

    assert states(world, "a", "b") == ["down", "running"]


def test_why_it_goes_on() -> None:
    """Who goes on without what it waited for does not say that it is there."""
    world = running(worker("a", backoff=SLOWLY), worker("b", after=["a"]))
    for path in "ab":
        world.exit(path)
        world.settle()
    world.answer(TerminateChild("a"))
    b = world.engine.snapshot().find("b")

    assert b is not None
    assert b.why[0] == "b restarted because a is not waited for any more"


# Names that come back.


def test_no_cycle_is_closed_later() -> None:
    """A child that takes a deleted one's name must not be after those that are after that name."""
    world = running(worker("a"), worker("b", after=["a"]))
    world.answer(TerminateChild("a"))
    world.answer(DeleteChild("a"))
    answer = world.answer(StartChild("", worker("a", after=["b"])))

    assert isinstance(answer.error, InvalidSpec)
    assert "'b' is after 'a' is after 'b'" in str(answer.error)
    assert world.state("a") is None


def test_a_task_does_not_become_a_service() -> None:
    """Nor may it be of a kind for which these would wait for ever."""
    task = worker("a", restart="transient")
    world = running(task, worker("b", after=[After("a", "completed")]))
    world.exit("a", code=0)
    world.settle()
    world.answer(DeleteChild("a"))
    answer = world.answer(StartChild("", worker("a")))

    assert isinstance(answer.error, InvalidSpec)
    assert "never ends" in str(answer.error)


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_a_name_may_come_back(strategy: str) -> None:
    """A child that fits what the others say of its name is welcome."""
    world = running(worker("a"), worker("b", after=["a"]), strategy=strategy)
    world.answer(TerminateChild("a"))
    world.answer(DeleteChild("a"))

    assert world.answer(StartChild("", worker("a"))).error is None

    world.exit("a")
    world.settle()

    assert states(world, "a", "b") == ["running", "running"]


def test_a_pool_may_be_waited_for() -> None:
    """A dynamic supervisor is ready when it is up, with or without instances."""
    pool = DynamicSupervisor("pool", worker("one"))
    world = running(pool, worker("web", after=["pool"]))
    world.answer(StartChild("pool"))

    assert states(world, "pool", "pool/one#1", "web") == ["running"] * 3


def test_by_way_of_a_temporary_child() -> None:
    """Who goes down with a group comes back with it, also where the child between them does not."""
    one = worker("one", backoff=SLOWLY)
    between = worker("between", after=["one"], restart="temporary")
    world = running(one, between, worker("last", after=["between"]), strategy="rest_for_one")
    world.exit("one")
    world.settle()
    assert states(world, "one", "between", "last") == ["restarting", None, "down"]
    world.advance(100)

    assert states(world, "one", "between", "last") == ["running", None, "running"]

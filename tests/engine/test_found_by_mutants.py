"""What no other test noticed when the engine was broken on purpose (see tests/mutation)."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from otpsup.engine import Engine
from otpsup.engine.effects import Spawn
from otpsup.engine.events import (
    Boot,
    DeleteChild,
    Reload,
    ReplaceChild,
    Spawned,
    StartChild,
    StartDeclared,
    TerminateChild,
)
from otpsup.engine.words import history
from otpsup.errors import DependencyNotMet
from otpsup.specs import After, Backoff, DynamicSupervisor, Supervisor, Worker
from otpsup.specs.children import Strategy
from tests.engine.world import World


class Large:
    """An argument that one would not want to keep."""


def test_arguments_of_a_temporary_instance_are_not_kept() -> None:
    """Once a temporary instance has been started, its arguments are nobody's: it will not be
    started again (OTP.md 3.5)."""
    job = Worker("job", "app:run", restart="temporary")
    engine = Engine(Supervisor("top", children=[DynamicSupervisor("pool", job)]))
    engine.handle(Boot(), 0.0)
    large = Large()
    kept = weakref.ref(large)
    (spawn,) = (
        effect
        for effect in engine.handle(StartChild("pool", args=(large,)), 0.0)
        if isinstance(effect, Spawn)
    )
    engine.handle(Spawned(spawn.path, spawn.run, 1), 0.0)
    del large, spawn
    gc.collect()

    assert kept() is None


def test_what_a_message_frees_is_handled_at_once() -> None:
    """A request that waits for a plan is handled as soon as another request has ended that, with
    no further event in between (OTP.md 17.1)."""
    leader = Worker("w", "app:run", restart="transient", significant=True, autostart=False)
    task = Supervisor(
        "task", restart="transient", auto_shutdown="any_significant", children=[leader]
    )
    waiting = Supervisor("waiting", after=[After("task", "completed")])
    other = Worker("other", "app:run")
    world = World(Supervisor("top", strategy="one_for_all", children=[task, waiting, other])).boot()
    first = world.ask(TerminateChild("other"))
    world.settle()

    assert first not in world.replies

    world.ask(TerminateChild("task"))
    world.settle()

    assert world.replies[first].error is None
    assert [world.state(path) for path in ("", "waiting", "other")] == [
        "running",
        "running",
        "down",
    ]


def test_what_a_message_frees_is_handled_at_once_though_both_waited() -> None:
    """The same where the request that ends the plan has waited, too, for the start that it cuts
    short (OTP.md 17.1)."""
    leader = Worker("w", "app:run", restart="transient", significant=True, autostart=False)
    task = Supervisor(
        "task",
        restart="transient",
        auto_shutdown="any_significant",
        after=["slow"],
        children=[leader],
    )
    waiting = Supervisor("waiting", after=[After("task", "completed")])
    children = [
        Worker("slow", "app:run", ready="notify"),
        task,
        waiting,
        Worker("other", "app:run"),
    ]
    world = World(Supervisor("top", strategy="one_for_all", children=children))
    world.starts["slow"].append("slow")
    world.boot()
    first, second = world.ask(TerminateChild("other")), world.ask(TerminateChild("task"))
    world.settle()

    assert not {first, second} & set(world.replies)

    world.ready("slow")
    world.settle()

    assert world.replies[first].error is world.replies[second].error is None
    assert world.state("other") == "down"


def test_news_are_handled_in_the_order_of_arrival() -> None:
    """Two that died while their supervisor was busy are looked at in the order of their deaths
    (OTP.md 17.1)."""
    children = [Worker(name, "app:run", ready="notify") for name in "abc"]
    world = World(Supervisor("top", strategy="rest_for_one", intensity=9, children=children)).boot()
    world.starts["c"].append("slow")
    world.exit("c")
    world.settle()
    world.exit("b")
    world.exit("a")
    world.settle()
    world.take_log()
    world.ready("c")
    world.settle()
    deaths = [line for line in world.log if "child_terminated" in line]

    assert [line.split()[2] for line in deaths] == ["b:", "a:"]


def test_who_was_added_is_among_the_rest() -> None:
    """A child that was added after a restart is restarted with those that it comes after, and can
    fail itself (OTP.md 10.3)."""
    worker = Worker("a", "app:run")
    world = World(Supervisor("top", strategy="rest_for_one", intensity=9, children=[worker])).boot()
    world.exit("a")
    world.settle()
    world.answer(StartChild("", Worker("b", "app:run")))
    before = world.live("b").run
    world.exit("a")
    world.settle()
    between = world.live("b").run
    world.exit("b")
    world.settle()

    assert before < between < world.live("b").run


def test_who_depends_on_nobody_any_more_waits_no_longer() -> None:
    """A reload that takes away the dependency for which a child waits lets it start (DESIGN 5)."""

    def spec(*after: str) -> Supervisor:
        db, other = Worker("db", "app:run", ready="notify"), Worker("b", "app:run", after=["db"])
        return Supervisor(
            "top", intensity=9, children=[db, other, Worker("a", "app:run", after=after)]
        )

    world = World(spec("db")).boot()
    world.starts["db"].append("slow")
    world.exit("db")
    world.exit("a")
    world.settle()

    assert world.state("a") == "restarting"

    world.ask(Reload(spec=spec()))
    world.settle()

    assert (world.state("db"), world.state("a")) == ("starting", "running")


def test_times_never_go_back() -> None:
    """What happens at a `now` before the last one is told with the last one's time."""
    world = World(Supervisor("top", children=[Worker("a", "app:run")]))
    world.now = 100.0
    world.boot()
    world.now = 50.0
    world.exit("a")
    world.settle()
    child = world.engine.find("a")

    assert child is not None
    assert child.since == 100.0


def test_who_is_started_again_waits_for_health() -> None:
    """Ready is not healthy, in a restart neither: whoever is after `healthy(x)` waits for that."""
    after = [After("db", "healthy")]
    children = [Worker("db", "app:run"), Worker("web", "app:run", after=after)]
    world = World(Supervisor("top", intensity=9, children=children))
    world.ask(Boot())
    world.settle()
    world.heal("db")
    world.settle()
    for path in ("db", "web"):
        world.exit(path)
        world.settle()

    assert (world.state("db"), world.state("web")) == ("running", "restarting")

    world.heal("db")
    world.settle()

    assert world.state("web") == "running"


def test_a_task_that_is_done_keeps_nobody_waiting() -> None:
    """Whoever is after a task that has completed need not wait for what the task was after."""
    children = [
        Worker("db", "app:run", backoff=Backoff(initial=100, max=100)),
        Worker("migrate", "app:run", restart="transient", after=["db"]),
        Worker("web", "app:run", after=[After("migrate", "completed")]),
    ]
    world = World(Supervisor("top", intensity=9, children=children))
    world.ask(Boot())
    world.settle()
    world.exit("migrate", code=0)
    world.settle()
    for path in ("db", "web"):
        world.exit(path)
        world.settle()

    assert (world.state("db"), world.state("web")) == ("restarting", "running")


def a_shop(strategy: Strategy, **task: Any) -> World:
    """A tree of db, which waits long for a restart, a task after it, and web after the task; up."""
    children = [
        Worker("db", "app:run", backoff=Backoff(initial=100, max=100)),
        Worker("task", "app:run", after=["db"], **{"restart": "transient", **task}),
        Worker("web", "app:run", after=[After("task", "completed")]),
    ]
    world = World(Supervisor("shop", strategy=strategy, intensity=9, children=children)).boot()
    if "autostart" not in task:
        world.exit("task", code=0)
        world.settle()
    return world


def test_a_task_that_runs_again_has_to_complete_again() -> None:
    """That it completed once does not count while it runs anew."""
    world = a_shop("one_for_one")
    world.answer(StartDeclared("task"))
    world.exit("web")
    world.settle()

    assert world.state("web") == "restarting"

    world.exit("task", code=0)
    world.settle()

    assert world.state("web") == "running"


def test_a_task_that_was_stopped_has_not_completed() -> None:
    """What was stopped with the others, because of what it depends on, comes back with that; who
    is after it is not started before."""
    world = a_shop("rest_for_one")
    world.answer(StartDeclared("task"))
    world.exit("db")
    world.settle()

    assert isinstance(world.answer(StartDeclared("web")).error, DependencyNotMet)


def test_a_task_that_failed_has_not_completed() -> None:
    """Only a normal end completes; a task that failed for good is as one that never ran."""
    world = a_shop("one_for_one", restart="temporary", autostart=False)
    world.answer(StartDeclared("task"))
    for path in ("task", "db", "web"):
        world.exit(path)
        world.settle()

    assert (world.state("task"), world.state("web")) == ("down", "restarting")


def test_deleting_a_dependency_frees_who_waits() -> None:
    """Whoever waits for a child that is deleted, or for what that waits for, goes on."""
    world = a_shop("one_for_one", restart="temporary", autostart=False)
    world.answer(StartDeclared("task"))
    for path in ("task", "db", "web"):
        world.exit(path)
        world.settle()
    world.answer(DeleteChild("task"))

    assert (world.state("db"), world.state("web")) == ("restarting", "running")


def test_a_restart_that_would_have_to_wait_is_refused() -> None:
    """Who asks while what the child is after is not there is told so; the child runs on."""
    world = a_shop("one_for_one", restart="temporary", autostart=False)
    world.answer(StartDeclared("task"))
    run = world.live("web").run

    assert isinstance(world.answer(ReplaceChild("web")).error, DependencyNotMet)
    assert world.live("web").run == run


def test_a_task_that_declined_keeps_nobody_waiting() -> None:
    """Whoever declines to run has done what there was to do."""
    world = a_shop("one_for_one", autostart=False)
    world.starts["task"].append("decline")
    world.answer(StartDeclared("task"))
    for path in ("db", "web"):
        world.exit(path)
        world.settle()

    assert (world.state("db"), world.state("web")) == ("restarting", "running")


def test_a_cause_tells_all() -> None:
    """Who ended and how, whose rule it was, which restart of how many, and what was before."""
    children = [Worker("a", "app:run"), Worker("b", "app:run")]
    spec = Supervisor("top", strategy="rest_for_one", intensity=2, period=9, children=children)
    world = World(spec).boot()
    world.exit("a", signal=9)
    world.settle()
    world.now = 1.5
    world.exit("b", code=3)
    world.settle()
    b = world.engine.snapshot().find("b")
    world.exit("a")
    world.settle()

    assert b is not None
    assert b.why == (
        "b restarted because it ended with exit code 3; restart 2 of 2 in 9 s",
        "before that, a ended with SIGKILL and top is rest_for_one; restart 1 of 2 in 9 s",
        "before that, the tree was started",
    )
    assert world.halt is not None
    assert history(world.halt.cause) == (
        "1. 1.5 s before the last: a ended with SIGKILL",
        "2. 0 s before the last: b ended with exit code 3",
        "3. a ended with exit code 1",
    )


def test_a_cause_tells_who_asked() -> None:
    """A child that makes a request is named in the cause of what comes of it."""
    children = [Worker("a", "app:run"), Worker("b", "app:run")]
    world = World(Supervisor("top", children=children)).boot()
    world.answer(TerminateChild("b", caller="a"))
    b = world.engine.snapshot().find("b")

    assert b is not None
    assert b.why[0] == "b is down because it was told to stop by a"


def test_a_task_that_will_not_come_back_is_not_waited_for() -> None:
    """Whoever is after a task that failed for good, and waits for nobody itself, goes on without:
    nobody but an operator would start that task."""
    children = [
        Worker("task", "app:run", restart="temporary", autostart=False),
        Worker("web", "app:run", after=[After("task", "completed")]),
    ]
    world = World(Supervisor("top", intensity=9, children=children)).boot()
    world.answer(StartDeclared("task"))
    for path in ("task", "web"):
        world.exit(path)
        world.settle()

    assert (world.state("task"), world.state("web")) == ("down", "running")


def test_a_temporary_child_may_wait_for_its_first_start() -> None:
    """A temporary child that waits at the start of the tree, since what it is after has just ended,
    is started when that is back: this is its first start and no restart."""
    children = [
        Worker("slow", "app:run", ready="notify"),
        Worker("db", "app:run", backoff=Backoff(initial=100, max=100)),
        Worker("job", "app:run", restart="temporary", after=["slow", "db"]),
    ]
    world = World(Supervisor("top", children=children))
    world.starts["slow"].append("slow")
    world.boot()
    world.exit("db")
    world.settle()
    world.ready("slow")
    world.settle()

    assert (world.state("db"), world.state("job")) == ("restarting", "restarting")

    world.advance(100)

    assert (world.state("db"), world.state("job")) == ("running", "running")


def test_who_waits_is_not_stopped_with_a_group() -> None:
    """Who waits for one sibling goes on waiting when another that it is after ends; so it comes up
    in the end, even if an operator gives up that other one."""
    patient = Backoff(initial=100, max=100)
    children = [
        Worker("db", "app:run"),
        Worker("cache", "app:run", after=["db"], backoff=Backoff(initial=1, max=1)),
        Worker("mail", "app:run", after=["db"], backoff=patient),
        Worker("web", "app:run", after=["cache", "mail"]),
    ]
    spec = Supervisor("top", strategy="rest_for_one", intensity=9, children=children)
    world = World(spec).boot()
    world.starts["cache"].append("fail")
    world.starts["mail"].append("fail")
    world.exit("db")
    world.settle()
    world.advance(1)

    assert [world.state(path) for path in ("cache", "mail", "web")] == [
        "running",
        "restarting",
        "restarting",
    ]

    world.exit("cache")
    world.settle()

    assert [world.state(path) for path in ("cache", "web")] == ["restarting", "restarting"]

    world.answer(TerminateChild("cache"))
    world.advance(100)

    assert [world.state(path) for path in ("cache", "mail", "web")] == [
        "down",
        "running",
        "running",
    ]


def why(world: World, path: str) -> tuple[str, ...]:
    """What is told of a child now."""
    found = world.engine.snapshot(now=world.now).find(path)
    assert found is not None
    return found.why


def test_a_requested_start_that_failed_says_so() -> None:
    """It is down for that reason; that somebody asked for it was before."""
    children = [Worker("a", "app:run", autostart=False)]
    world = World(Supervisor("top", children=children)).boot()
    world.starts["a"].append("fail")
    world.answer(StartDeclared("a"))

    assert why(world, "a") == (
        "a is down because it did not start: no such program",
        "before that, a was told to start",
    )


def test_a_restart_that_failed_says_so_once() -> None:
    """While it waits for another attempt it tells why the last one failed; when that has come,
    this is the reason, and not told again as what was before."""
    patient = Backoff(initial=50, max=50)
    children = [Worker("a", "app:run", backoff=patient)]
    world = World(Supervisor("top", intensity=5, period=900, children=children)).boot()
    world.starts["a"].append("fail")
    world.exit("a")
    world.advance(50)
    crash = "before that, a ended with exit code 1 and was tried again; restart 1 of 5 in 900 s"

    assert why(world, "a")[:2] == (
        "a is restarting because it did not start: no such program; next attempt in 50 s",
        crash,
    )

    world.advance(50)

    again = "it did not start (no such program) and was tried again; restart 2 of 5 in 900 s"

    assert why(world, "a")[:2] == (f"a restarted because {again}", crash)

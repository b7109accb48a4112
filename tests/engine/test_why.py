"""Why a child is as it is, in words: true, complete, and said once."""

from __future__ import annotations

import pytest

from otpsup import Backoff, Supervisor, Worker, healthy
from otpsup.engine.events import Reload, ReplaceChild, StartDeclared, StopSupervisor, TerminateChild
from otpsup.engine.reasons import SHUTDOWN
from tests.engine.world import World

BOOT = "before that, the tree was started"
SLOWLY = Backoff(initial=50, max=50)


def worker(name: str, **options: object) -> Worker:
    return Worker(name, "app:run", **options)  # type: ignore[arg-type]


def tree(*children: object, name: str = "top", strategy: str = "one_for_one") -> World:
    spec = Supervisor(
        name,
        strategy=strategy,  # type: ignore[arg-type]
        intensity=5,
        period=60,
        children=children,
    )
    return World(spec)


def why(world: World, path: str) -> list[str]:
    found = world.engine.snapshot(now=world.now).find(path)
    assert found is not None
    return list(found.why)


def test_declined() -> None:
    """Who declined to run is down for that reason."""
    world = tree(worker("z"))
    world.starts["z"].append("decline")
    world.boot()

    assert why(world, "z") == ["z is down because it declined to run", BOOT]


def test_its_turn() -> None:
    """Whose turn has not come says so; in a graph, also for whom it waits."""
    world = tree(worker("slow", ready="notify"), worker("next"))
    world.starts["slow"].append("slow")
    world.boot()

    assert why(world, "next") == ["next is down because its turn to start has not come yet"]

    world = tree(worker("slow", ready="notify"), worker("next", after=["slow"]))
    world.starts["slow"].append("slow")
    world.boot()

    assert why(world, "next") == ["next is down because it waits until slow is ready"]


@pytest.mark.parametrize(
    ("after", "waits"),
    [
        ([], "its turn to start has not come yet"),
        (["slow"], "it waits until slow is ready"),
    ],
)
def test_its_turn_in_a_restart_of_several(after: list[str], waits: str) -> None:
    """Who was stopped for another, and comes back after it, is not taken for one that failed."""
    children = [worker("slow", ready="notify"), worker("next", after=after)]
    world = tree(*children, strategy="rest_for_one").boot()
    world.starts["slow"].append("slow")
    world.exit("slow", signal=9)
    world.settle()

    found = world.engine.snapshot(now=world.now).find("next")
    assert found is not None
    assert (found.state, found.waits) == ("down", waits)
    assert why(world, "next")[0] == (
        "next is down because slow ended with SIGKILL and top is rest_for_one; "
        f"restart 1 of 5 in 60 s; {waits}"
    )


def test_below_one_that_nobody_has_started() -> None:
    """Not each child of a supervisor that is down has to be started by somebody."""
    sub = Supervisor("sub", autostart=False, children=[worker("x")])
    world = tree(sub, worker("lazy", autostart=False)).boot()

    assert why(world, "sub/x") == ["sub/x is down because sub is down"]
    assert why(world, "lazy") == ["lazy is down because nobody has started it"]


def test_whom_it_waits_for() -> None:
    """Who waits in a restart says for whom; who waits for a time, how long."""
    world = tree(worker("db", backoff=SLOWLY), worker("web", after=["db"])).boot()
    for path in ("db", "web"):
        world.exit(path)
        world.settle()
    world.advance(20)

    assert why(world, "web") == [
        (
            "web is restarting because it ended with exit code 1; restart 2 of 5 in 60 s; "
            "it waits until db is ready"
        ),
        BOOT,
    ]
    assert why(world, "db")[0].endswith("restart 1 of 5 in 60 s; next attempt in 30 s")


def test_what_it_waits_for_next() -> None:
    """Who waits for several, one after the other, says for which it waits now."""
    children = [
        worker("db", ready="notify", backoff=SLOWLY),
        worker("load", after=["db"], ready="notify", backoff=SLOWLY),
        worker("web", after=["db", "load"]),
    ]
    world = tree(*children).boot()
    for path in ("db", "load", "web"):
        world.exit(path)
        world.settle()

    assert "it waits until db is ready" in why(world, "web")[0]

    world.starts["load"].append("slow")
    world.advance(50)

    assert world.state("load") == "starting"
    assert why(world, "web")[0] == (
        "web is restarting because it ended with exit code 1; restart 3 of 5 in 60 s; "
        "it waits until load is ready"
    )

    world.ready("load")
    world.settle()

    assert world.state("web") == "running"


def test_why_it_waits_is_what_it_waits_for_now() -> None:
    """Who has only waited so far does not tell of one that is there by now."""
    db = worker("db")
    world = tree(db).boot()
    new = [
        db,
        worker("load", after=[healthy("db")], ready="notify"),
        worker("web", after=[healthy("db"), "load"]),
    ]
    world.starts["load"].append("slow")
    world.ask(Reload(Supervisor("top", intensity=5, period=60, children=new)))
    world.settle()
    assert why(world, "web")[0] == (
        "web is restarting because db is not healthy yet; it waits until db is healthy"
    )

    world.heal("db")
    world.settle()

    assert why(world, "web")[:2] == [
        "web is restarting because load is not ready yet; it waits until load is ready",
        "before that, db is not healthy yet",
    ]


def test_a_request_does_not_hide_what_was_before() -> None:
    """What somebody asked for is the latest decision, and not the only one."""
    world = tree(worker("a")).boot()
    world.exit("a", signal=9)
    world.settle()
    world.answer(TerminateChild("a", caller="a"))
    world.answer(StartDeclared("a"))

    assert why(world, "a") == [
        "a is running because it was told to start",
        "before that, a was told to stop by a",
        "before that, a ended with SIGKILL; restart 1 of 5 in 60 s",
        BOOT,
    ]


def test_one_end_is_told_once() -> None:
    """The retry after a wait does not tell of the same end twice."""
    world = tree(worker("a", backoff=SLOWLY)).boot()
    world.exit("a", signal=9)
    world.advance(50)

    assert why(world, "a") == [
        "a restarted because it ended with SIGKILL and was tried again; restart 1 of 5 in 60 s",
        BOOT,
    ]


def test_what_the_tree_has_seen() -> None:
    """The tree as a whole tells its latest troubles, wherever they were, and what they have used
    up; ends that cost nothing are among them."""
    task = worker("task", restart="temporary")
    sub = Supervisor("sub", intensity=9, children=[worker("x")])
    world = tree(sub, task, worker("b")).boot()
    world.exit("sub/x", signal=9)
    world.advance(10)
    world.exit("b", code=3)
    world.advance(10)
    world.exit("task", code=4)
    world.settle()

    assert why(world, "") == [
        "the tree is running because the tree was started",
        "0 s ago, task ended with exit code 4",
        "10 s ago, b ended with exit code 3",
        "20 s ago, sub/x ended with SIGKILL",
        "top has used 1 of 5 restarts in 60 s",
    ]

    world.advance(90)

    assert why(world, "")[-1] == "110 s ago, sub/x ended with SIGKILL"


def test_names_that_look_like_words() -> None:
    """Names are quoted where they would not be seen as such, and never changed."""
    world = tree(
        worker("a", backoff=SLOWLY), worker("b"), name="salt and pepper", strategy="one_for_all"
    ).boot()
    world.exit("a")
    world.advance(50)

    assert why(world, "b")[0] == (
        "b restarted because a ended with exit code 1 and was tried again; "
        "'salt and pepper' is one_for_all; restart 1 of 5 in 60 s"
    )


@pytest.mark.parametrize("hurry", [False, True])
def test_a_supervisor_that_was_told_to_end(hurry: bool) -> None:
    """Whatever somebody may ask for has its words."""
    world = tree(Supervisor("sub", children=[worker("x")])).boot()
    world.answer(StopSupervisor("sub", SHUTDOWN, hurry=hurry))

    assert "sub" in " ".join(why(world, "sub"))


def test_replaced() -> None:
    """A restart on request is none of its own."""
    world = tree(worker("a")).boot()
    world.answer(ReplaceChild("a"))

    assert why(world, "a") == ["a is running because it was told to restart", BOOT]

"""Why something was decided; and that remembering it has an end."""

from __future__ import annotations

import gc
from types import FunctionType, ModuleType

from otpsup.engine import Engine
from otpsup.engine.cause import Cause
from otpsup.engine.effects import Effect, Spawn, StateChange
from otpsup.engine.events import Boot, Exited, Spawned
from otpsup.engine.reasons import Exit
from otpsup.specs import Backoff, Supervisor, Worker
from tests.engine.world import World


def chain_of(cause: Cause | None) -> list[str]:
    """The kinds of the decisions that led to this one, the latest first."""
    kinds = []
    while cause is not None:
        kinds.append(f"{cause.kind} {cause.path}".strip())
        cause = cause.parent
    return kinds


def causes(world: World, path: str) -> list[str]:
    """Why this child is in the state it is in."""
    child = world.engine.find(path)
    assert child is not None
    return chain_of(child.cause)


def test_chain() -> None:
    """A child's cause leads back to the beginning: its own end, a sibling's, giving up."""
    world = World(
        Supervisor(
            "top",
            strategy="one_for_all",
            intensity=9,
            children=[
                Worker("a", "app:run"),
                Supervisor("sub", intensity=0, children=[Worker("x", "app:run")]),
            ],
        )
    ).boot()

    assert causes(world, "sub/x") == ["boot"]

    world.exit("sub/x")
    world.settle()

    assert causes(world, "sub/x") == ["exit sub", "gave_up sub", "exit sub/x", "boot"]
    assert causes(world, "a") == ["exit sub", "gave_up sub", "exit sub/x", "boot"]

    world.shut_down()

    assert causes(world, "a") == ["shutdown"]


def test_window_in_cause() -> None:
    """The cause of a restart says which one it is of how many, in what time."""
    world = World(Supervisor("top", intensity=2, period=7, children=[Worker("a", "app:run")]))
    world.boot()
    for number in (1, 2):
        world.exit("a")
        world.settle()
        child = world.engine.find("a")
        assert child is not None
        cause = child.cause

        assert (number, 2, 7) == (cause.restarts, cause.intensity, cause.period)


def test_depth_is_bounded() -> None:
    """A chain has at most nine links, and never forgets the latest four."""
    cause = None
    for number in range(100):
        cause = Cause("exit", f"child{number}", parent=cause)

        assert min(number + 1, 5) <= len(chain_of(cause)) <= 9


def reachable(*roots: object) -> int:
    """How many objects hang on these, code apart."""
    seen: set[int] = set()
    waiting: list[object] = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) not in seen and not isinstance(thing, type | ModuleType | FunctionType):
            seen.add(id(thing))
            waiting += gc.get_referents(thing)
    return len(seen)


def test_ten_thousand_restarts() -> None:
    """A child that restarts 10,000 times takes no more memory than one that restarts 100 times."""
    spec = Supervisor(
        "top",
        intensity=10,
        period=1,
        children=[
            Worker("busy", "app:run"),
            Worker("patient", "app:run", backoff=Backoff(initial=1e9, max=1e9)),
        ],
    )
    engine = Engine(spec)
    runs: dict[str, int] = {}

    def handle(effects: list[Effect], now: float) -> None:
        for effect in effects:
            if isinstance(effect, Spawn):
                runs[effect.path] = effect.run
                handle(engine.handle(Spawned(effect.path, effect.run, 1), now), now)

    def crash(path: str, now: float) -> list[Effect]:
        effects = engine.handle(Exited(path, runs[path], Exit(code=1)), now)
        handle(effects, now)
        return effects

    handle(engine.handle(Boot(), 0.0), 0.0)
    crash("patient", 0.0)
    sizes = []
    for number in range(1, 10_001):
        effects = crash("busy", float(number))
        if number in (100, 1_000, 10_000):
            assert any(isinstance(e, StateChange) and e.state == "starting" for e in effects)

            sizes.append(reachable(engine))

    assert max(sizes) - min(sizes) < 100

"""A checkpoint: an engine that goes on from it does as the one does of which it was taken."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from otpsup import Backoff, Command, DynamicSupervisor, Supervisor, Worker
from otpsup.engine import Engine
from otpsup.engine.checkpoint import Checkpoint
from otpsup.engine.events import (
    DeleteChild,
    MonitorChild,
    ReplaceChild,
    StartDeclared,
    TerminateChild,
)
from otpsup.engine.node import Node
from otpsup.errors import ProtocolError
from otpsup.specs.after import completed
from otpsup.testing.scenario import parse
from otpsup.testing.simulation import Simulation
from otpsup.testing.system import System
from otpsup.wire import outline
from otpsup.wire.outline import Outline
from tests.engine.script import spec_of
from tests.engine.test_dependencies import ChainedSimulation, chained, without_batches
from tests.engine.trees import trees
from tests.engine.world import World
from tests.otp.generator import Maker
from tests.support.sizes import sized


def twin(one: Simulation) -> Simulation:
    """A simulation that goes on where another is, on an engine of its own."""
    system = System(one.system.engine.root.spec)
    system.resume(one.system.engine.checkpoint(one.system.now))
    system._outcomes = copy.deepcopy(one.system._outcomes)
    system.ends = dict(one.system.ends)
    system._with_info = set(one.system._with_info)
    other = type(one)(one._scenario)
    other.system = system
    return other


def assert_through_json(engine: Engine) -> None:
    """What somebody in another process hears of it is the same, but for what processes are."""
    value = json.loads(json.dumps(outline.encode(Outline(engine.root.spec, engine.checkpoint()))))
    heard = outline.decode(value)
    assert json.loads(json.dumps(outline.encode(heard))) == value
    assert outline.encode_spec(heard.now()) == outline.encode_spec(engine.spec())


def assert_goes_on_alike(one: Simulation, events: list[Mapping[str, Any]], at: int) -> None:
    one.start()
    for event in events[:at]:
        one.do(event)
    if one.system.engine.is_halted:
        return
    other = twin(one)
    assert other.state() == one.state()
    assert_through_json(one.system.engine)
    for event in events[at:]:
        assert other.do(event) == one.do(event)
    assert other.stop() == one.stop()


@given(st.integers(0, 1 << 32), st.integers(0, 5))
def test_goes_on_alike(seed: int, at: int) -> None:
    """Whatever has happened, and whatever happens then: both do the same."""
    scenario = parse(Maker(random.Random(seed)).scenario(0))
    assert_goes_on_alike(Simulation(scenario), list(scenario.events), at)


@given(st.integers(0, 1 << 32), st.integers(0, 5))
def test_goes_on_alike_with_dependencies(seed: int, at: int) -> None:
    """So they do where the order is one of dependencies."""
    scenario = without_batches(parse(Maker(random.Random(seed)).scenario(0)))
    spec = chained(scenario.spec)
    assert isinstance(spec, Supervisor | DynamicSupervisor)
    scenario = evolve(scenario, spec=spec)
    assert_goes_on_alike(ChainedSimulation(scenario), list(scenario.events), at)


# What is in progress counts as done, and well.


def act(world: World, rng: random.Random) -> None:
    """Let something happen, in the middle of whatever else is happening."""
    paths = sorted(path for path in world.engine._core.children if path)
    if not paths:
        return
    path, live = rng.choice(paths), world.live_paths()
    world.starts[path].append(rng.choice(("ok", "slow", "slow")))
    world.stops[path] = rng.choice(("dies", "slow"))
    requests = [
        StartDeclared(path),
        TerminateChild(path),
        ReplaceChild(path),
        MonitorChild(path, on=rng.random() < 0.5),
        DeleteChild(path),
    ]
    if live and rng.random() < 0.6:
        victim = rng.choice(live)
        if not any(p.path == victim and p.dies_of for p in world.slow_ones()):
            world.exit(victim, code=rng.choice((0, 1)))
    else:
        world.ask(rng.choice(requests))
    world.settle()
    if rng.random() < 0.3:
        world.advance(rng.choice((0.5, 3, 20)))


def bring_to_rest(world: World) -> None:
    """All that is in progress is done, and well; no time passes."""
    for _ in range(200):
        before = all_states(world.engine)
        for process in world.slow_ones():
            if process not in world.slow_ones():
                continue  # the end of one before it has moved it on
            (world.finish if process.dies_of else world.ready)(process.path)
            world.settle()
        ended = [path for path in world.live_paths() if _does_well(world, path)]
        if not ended and not world.slow_ones() and all_states(world.engine) == before:
            return
    raise AssertionError("it does not come to rest")


def _does_well(world: World, path: str) -> bool:
    """As `testing.system` has it; whether it has ended, as others want it to."""
    child = world.engine.find(path)
    if path not in world.live_paths() or child is None or not world.live(path).is_ready:
        return False
    if not isinstance(child.parent, Node) or not child.parent.order.is_graph:
        return False
    world.heal(path)
    world.settle()
    name = path.rpartition("/")[2]
    wanted = [after for c in child.parent.children.values() for after in c.spec.after]
    if completed(name) not in wanted or path not in world.live_paths():
        return False
    if not world.live(path).is_ready:  # another one, which has just been started
        return False
    world.exit(path, code=0)
    world.settle()
    return True


def _is_more_in_progress(engine: Engine) -> bool:
    """What is not part of a checkpoint: requests that wait for their turn, starts that have failed
    and are not quite over, supervisors that are giving up, and the order of several ends that
    nobody has looked at."""
    nodes = [child for child in engine._core.children.values() if isinstance(child, Node)]
    fails = any(node.how is not None and not node._was_up for node in nodes)
    ends = [sum(child.pending is not None for child in node.children.values()) for node in nodes]
    gives_up = any(node.state == "stopping" and node.ends_by_itself for node in nodes)
    return fails or gives_up or max(ends) > 1 or any(node.mailbox.has_requests for node in nodes)


def all_states(engine: Engine) -> dict[str, str]:
    """By path; of a supervisor that is down, whose children are as declared when it is started
    again, not what is below it."""
    states = {node.path: node.state for node in engine.snapshot().walk()}
    down = tuple(f"{path}/" if path else "" for path, state in states.items() if state == "down")
    return {
        path: state for path, state in states.items() if path in down or not path.startswith(down)
    }


def retry_now(system: System) -> None:
    """Let the attempts be made whose time has come."""
    for _ in range(100):
        if system.engine.deadline is None or system.engine.deadline > system.now:
            return
        system.rests(1)
    raise AssertionError("it does not come to rest")


@sized(50, 500, trees(), st.integers(0, 1 << 32), st.integers(0, 8))
def test_in_progress_counts_as_done(text: str, seed: int, steps: int) -> None:
    """What an engine comes to that goes on from a moment in which anything is in progress is what
    the first one comes to, if all that goes well."""
    assume(not ("completed" in text and "_significant" in text))  # it may end before it is up
    rng = random.Random(seed)
    world = World(spec_of(text))
    for path in list(world.engine._core.children):
        world.starts[path].append(rng.choice(("ok", "ok", "slow")))
    world.boot()
    for _ in range(steps):
        act(world, rng)
    if world.halt is not None or _is_more_in_progress(world.engine):
        return
    system = System(world.engine.root.spec)
    system.resume(world.engine.checkpoint(world.now))
    retry_now(system)
    bring_to_rest(world)

    assert all_states(system.engine) == all_states(world.engine)


# What waits, and some of what is in progress, one by one.

SLOWLY = Backoff(initial=10, max=10)


def taken(*children: Any, act: Callable[[World], object], **options: Any) -> Checkpoint:
    """The checkpoint of a tree after something has happened."""
    world = World(Supervisor("top", intensity=5, children=children, **options))
    world.boot()
    act(world)
    world.settle()
    return world.engine.checkpoint()


def states(checkpoint: Checkpoint) -> dict[str, str]:
    return {name: child.state for name, child in (checkpoint.children or {}).items()}


def test_a_wait_goes_on() -> None:
    """A child that waits for its retry does so for the rest of the time, and then comes back with
    its group."""
    spec = Supervisor(
        "top",
        strategy="rest_for_one",
        intensity=1,
        period=60,
        children=[Worker("db", "app:run", backoff=SLOWLY), Worker("web", "app:run")],
    )
    world = World(spec).boot()
    world.advance(5)
    world.exit("db")
    world.advance(4)
    other = Engine(spec)
    other.resume(world.engine.checkpoint(world.now))

    assert other.deadline == pytest.approx(6)
    db, web = other.snapshot().children
    assert (db.state, web.state) == ("restarting", "down")
    assert other.checkpoint().window == ((4.0, "db"),)


def test_a_start_in_progress_is_taken_as_done() -> None:
    """Who is starting, and who comes after that, will be running."""
    slow = Worker("slow", "app:run", ready="notify")
    spec = Supervisor("top", children=[slow, Worker("next", "app:run"), Worker("no", "app:run")])
    world = World(spec)
    world.starts["slow"].append("slow")
    world.boot()

    assert states(world.engine.checkpoint()) == dict.fromkeys(("slow", "next", "no"), "running")


def test_a_supervisor_that_is_being_replaced_is_as_new() -> None:
    """It counts no restarts, and its children are as declared."""
    below = [Worker("a", "app:run"), Worker("b", "app:run", autostart=False)]
    pool = DynamicSupervisor("pool", Worker("one", "app:run"))
    sub = Supervisor("sub", intensity=5, children=[*below, pool])

    def act(world: World) -> None:
        world.exit("sub/a")
        world.settle()
        world.stops["sub/a"] = "slow"
        world.exit("first")

    first = Worker("first", "app:run")
    found = (taken(first, sub, act=act, strategy="one_for_all").children or {})["sub"]

    assert (found.state, found.window) == ("running", ())
    assert states(found) == {"a": "running", "b": "down", "pool": "running"}


def test_a_stop_in_progress_is_taken_as_done() -> None:
    """A tree that is being stopped will be down, with all that is in it."""
    world = World(Supervisor("top", children=[Command("a", ["x"]), Command("b", ["x"])])).boot()
    world.stops["b"] = "slow"
    world.shut_down()

    found = world.engine.checkpoint()

    assert (found.state, found.children) == ("down", None)


def test_of_another_tree() -> None:
    """A checkpoint is of one tree, and refused by any other."""
    world = World(Supervisor("top", children=[Command("a", ["x"])])).boot()
    other = Engine(Supervisor("top", children=[Command("b", ["x"])]))

    with pytest.raises(ValueError, match="'a' is no child of that tree"):
        other.resume(world.engine.checkpoint())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state", "lost"),
        ("wanted", 1),
        ("attempts", "x"),
        ("ready_for", None),
        ("awaited", ["a"]),
        ("window", [[1]]),
        ("window", [["x", "y"]]),
        ("children", []),
        ("spec", {}),
        ("unheard_of", 1),
    ],
)
def test_nonsense_is_refused(key: str, value: Any) -> None:
    """A message that is no checkpoint never becomes one."""
    sound = outline.encode(Outline(Supervisor("top", children=[]), Checkpoint()))
    sound["checkpoint"][key] = value

    with pytest.raises(ProtocolError, match="no outline"):
        outline.decode(sound)

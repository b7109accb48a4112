"""A reload makes a running tree what another spec says, with as little done as that takes.

The transcripts `reload*.txt` tell it case by case; here it is said once for all trees.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from attrs import evolve
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from otpsup import http
from otpsup.engine.changes import Change
from otpsup.engine.difference import difference
from otpsup.engine.events import Reload
from otpsup.engine.process import ProcessChild
from otpsup.engine.snapshot import ChildStatus
from otpsup.specs import ChildSpec, Command, DynamicSupervisor, Supervisor, Worker, copies
from tests.engine.script import spec_of
from tests.engine.test_chaos import Chaos, events, numbers, outcomes, pick
from tests.engine.trees import trees
from tests.engine.world import World
from tests.support.sizes import sized


def root(text: str) -> Supervisor:
    """A tree that never gives up, so that only the reload can move anything."""
    spec = spec_of(text)
    assert isinstance(spec, Supervisor)
    return evolve(spec, intensity=1000)


def varied(spec: ChildSpec, salt: int) -> ChildSpec:
    """The same tree with other arguments for some of its workers, by their name and this number."""
    match spec:
        case Worker():
            return evolve(spec, args=((ord(spec.name[0]) + salt) % 3 % 2,))
        case Supervisor():
            return evolve(spec, children=[varied(child, salt) for child in spec.children])
        case _:
            return spec


def booted(spec: Supervisor) -> World:
    """A world in which all of the tree is up and well, or nothing is worth a look."""
    world = World(spec).boot()
    for _ in range(4):
        for path in world.live_paths():
            world.heal(path)
            child = world.engine.find(path)
            if child is not None and child.is_awaited and child.spec.restart != "permanent":
                world.settle()
                if path in world.live_paths() and child.is_awaited:
                    world.exit(path, code=0)
            world.settle()
    assume(world.halt is None and world.engine.root.state == "running")
    return world


def shape(status: ChildStatus) -> Iterator[tuple[str, str, str]]:
    for node in status.walk():
        yield node.path, node.type, "up" if node.state in ("starting", "running") else node.state


def reload(world: World, spec: Supervisor) -> tuple[Change, ...]:
    preview = world.answer(Reload(spec=spec, preview=True)).value
    reply = world.answer(Reload(spec=spec))
    assert reply.error is None
    assert reply.value == preview, "what was done is not what was said"
    told: tuple[Change, ...] = reply.value
    return told


def runs(world: World) -> dict[str, int]:
    return {process.path: process.run for process in world.processes.values() if process.is_alive}


def has_no_waiting(spec: ChildSpec) -> bool:
    """Whether nobody waits for more than a start."""
    if isinstance(spec, Supervisor):
        after = [a for child in spec.children for a in child.after]
        return all(a.condition in ("ready", "started") for a in after) and all(
            map(has_no_waiting, spec.children)
        )
    return True


@sized(50, 500, trees().map(root), trees().map(root), st.integers(0, 7))
def test_the_tree_is_what_a_fresh_start_of_the_new_spec_is(
    old: Supervisor, new: Supervisor, salt: int
) -> None:
    """Whatever the tree was: afterwards the same children are up as if the new spec had been
    started; what is told beforehand is what is done; and whoever stays, or changes in place, keeps
    its process."""
    assume(has_no_waiting(old) and has_no_waiting(new))
    new = varied(new, salt)  # type: ignore[assignment]
    world, fresh = booted(old), booted(new)
    before = runs(world)
    told = reload(world, new)
    assert not any(change.error for change in told)
    after = runs(world)
    for change in told:
        path = change.path
        if change.action in ("stay", "change") and path in before:
            assert after.get(path) == before[path], change
        if change.action == "restart" and path in before and path in after:
            assert after[path] != before[path], change
        if change.action == "stop":
            assert not any(p == path or p.startswith(path + "/") for p in after) or (
                world.engine.find(path) is not None
            )
    assert set(shape_of(world, new)) == set(shape_of(fresh, new))
    again = reload(world, new)
    assert {change.action for change in again} <= {"stay"}, again


def shape_of(world: World, spec: Supervisor) -> Iterator[tuple[str, str, str]]:
    """Without those who were started on demand in the old tree, and stay."""
    on_demand = set(_on_demand(spec, ""))
    for path, kind, state in shape(world.engine.snapshot()):
        if not any(path == p or path.startswith(p + "/") for p in on_demand):
            yield path, kind, state


def _on_demand(spec: ChildSpec, above: str) -> Iterator[str]:
    for child in spec.children if isinstance(spec, Supervisor) else ():
        path = f"{above}/{child.name}".lstrip("/")
        if not child.autostart or child.restart == "temporary":
            yield path
        yield from _on_demand(child, path)


@given(tree=trees().map(root))
def test_the_same_tree_changes_nothing(tree: Supervisor) -> None:
    """Everybody stays, and nothing is started or stopped."""
    world = booted(tree)
    before, log = runs(world), len(world.history)
    same = spec_copy(tree)
    assert {change.action for change in reload(world, same)} <= {"stay"}
    assert runs(world) == before
    assert len(world.history) == log


def spec_copy(spec: Supervisor) -> Supervisor:
    """An equal spec of other objects, as a file makes it that is read again."""

    def copied(child: ChildSpec) -> ChildSpec:
        match child:
            case Supervisor():
                return evolve(child, children=[copied(c) for c in child.children])
            case DynamicSupervisor():
                return evolve(child, template=copied(child.template))
            case _:
                return evolve(child)

    found = copied(spec)
    assert isinstance(found, Supervisor)
    return found


class ReloadChaos(Chaos):
    """Reloads in the middle of anything: the strict world finds nothing to object to, all is
    answered, the tree recovers, and a last reload owes nothing."""

    world_of = staticmethod(World)

    @rule(tree=trees(), salt=st.integers(0, 3), then=events)
    def reload(self, tree: str, salt: int, then: int) -> None:
        self.world.ask(Reload(spec=varied(spec_of(tree), salt)))  # type: ignore[arg-type]
        self._hand_over(then)

    @rule(number=numbers, starts=outcomes, salt=st.integers(0, 3), then=events)
    def reload_the_same(self, number: int, starts: list[str], salt: int, then: int) -> None:
        self.world.starts[pick(self._paths(), number)].extend(starts)  # type: ignore[arg-type]
        self.world.ask(Reload(spec=varied(self.world.engine.root.spec, salt)))  # type: ignore[arg-type]
        self._hand_over(then)

    def _recovers(self) -> None:
        super()._recovers()
        if self.world.engine.root.state != "running":
            return
        reply = self.world.ask(Reload(spec=self.world.engine.root.spec))
        self._become_friendly()
        errors = [c for c in self.world.replies[reply].value if c.error]
        assert not errors, errors
        for child in self._children():
            assert not child.owed, child.path
            if isinstance(child, ProcessChild) and child.state == "running":
                assert child.made_of.args == child.spec.args or child.name.count("#")  # type: ignore[union-attr]

    def _children(self) -> list[ProcessChild]:
        found = [self.world.engine.find(path) for path in self._paths()]
        return [child for child in found if isinstance(child, ProcessChild)]


class TestReloadChaos(ReloadChaos.TestCase):  # type: ignore[valid-type,misc]
    settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=30)


@pytest.mark.slow
@pytest.mark.timeout(600)
class TestMoreReloadChaos(ReloadChaos.TestCase):  # type: ignore[valid-type,misc]
    settings = settings(max_examples=2 * settings().max_examples, stateful_step_count=30)


@given(before=st.integers(1, 9), after=st.integers(0, 9))
def test_scaling_starts_and_stops_no_more_than_the_difference(before: int, after: int) -> None:
    """From n to m copies: only the copies of the highest numbers come or go, one by one."""

    def tree(count: int) -> Supervisor:
        made = copies(count, partial(_web))
        last = Command("proxy", ["proxy"], after=["web"] if count else [])
        return Supervisor("top", children=[Command("db", ["db"]), *made, last])

    world = booted(tree(before))
    told = {
        c.path: c.action for c in reload(world, tree(after)) if c.action not in ("stay", "change")
    }
    new = {f"web-{n}": "start" for n in range(before + 1, after + 1)}
    gone = {f"web-{n}": "stop" for n in range(after + 1, before + 1)}
    assert told == {**new, **gone}


def _web(number: int) -> Command:
    return Command("web", ["web", str(8000 + number)])


def test_what_differs_is_told_as_in_a_tree_file() -> None:
    """Words that have blanks in them are seen as such, and nothing is in Python's notation."""
    old = Command("web", ["sh", "-c", "sleep 1"], ready="notify")
    new = Command("web", ["sh", "-c", "sleep 2"], ready=http("http://me:secret@h/x", status=204))
    assert str(difference(old, new)) == (
        """command "sh -c 'sleep 1'" -> "sh -c 'sleep 2'", """
        "ready 'notify' -> {http: {url: http://***@h/x, status: 204}}"
    )

"""A reload makes a running tree what another spec says, with as little done as that takes.

The transcripts `reload*.txt` tell it case by case; here it is said once for all trees.
"""

from __future__ import annotations

import time
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
from otpsup.engine.events import Boot, MonitorChild, Reload, StartChild
from otpsup.engine.process import ProcessChild
from otpsup.engine.snapshot import ChildStatus
from otpsup.specs import After, ChildSpec, Command, DynamicSupervisor, Supervisor, Worker, copies
from otpsup.specs.children import Strategy
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


def reload(world: World, spec: Supervisor, *, may_fail: bool = False) -> tuple[Change, ...]:
    preview = world.answer(Reload(spec=spec, preview=True)).value
    reply = world.answer(Reload(spec=spec))
    assert reply.error is None
    told: tuple[Change, ...] = reply.value
    without_errors = tuple(evolve(c, error=None) for c in told) if may_fail else told
    assert without_errors == preview, "what was done is not what was said"
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


@sized(25, 500, trees().map(root), trees().map(root), st.integers(0, 7))
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
        errors = {c.path: c.error for c in self.world.replies[reply].value if c.error}
        own = {path: error for path, error in errors.items() if not _is_of_one_below(error)}
        assert not own, own
        for child in self._children():
            assert not child.owed or child.path in errors, child.path
            assert not child.dropped, child.path
            if isinstance(child, ProcessChild) and child.state == "running":
                assert child.made_of.args == child.spec.args or child.name.count("#")  # type: ignore[union-attr]

    def _children(self) -> list[ProcessChild]:
        found = [self.world.engine.find(path) for path in self._paths()]
        return [child for child in found if isinstance(child, ProcessChild)]


def _is_of_one_below(error: str) -> bool:
    """A supervisor does not come up if what its children wait for ends at once, as it may here; nor
    do those then who are after it."""
    return "did not start" in error or error.endswith(": stopped")


class TestReloadChaos(ReloadChaos.TestCase):  # type: ignore[valid-type,misc]
    settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=30)


@pytest.mark.slow
@pytest.mark.timeout(1800)
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


@st.composite
def interrupted(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Trees that are reloaded one after the other, each after so many events of the last."""
    few = draw(st.lists(trees(), min_size=1, max_size=3, unique=True))
    return draw(
        st.lists(
            st.tuples(st.sampled_from(few), st.integers(0, 3), st.integers(0, 9)),
            min_size=2,
            max_size=5,
        )
    )


@sized(25, 120, interrupted(), st.sets(st.sampled_from("abcd")))
def test_a_reload_in_the_middle_of_another_leaves_nothing_of_that(
    texts: list[tuple[str, int, int]], slow: set[str]
) -> None:
    """However far the earlier ones had come, nobody who is in the last tree is left down for them,
    and nobody stays whom the last tree does not have; all are answered, and nothing is owed."""
    (first, _), *then = [(varied(root(text), salt), n) for text, salt, n in texts]
    assume(has_no_waiting(first) and all(has_no_waiting(spec) for spec, _ in then))
    assert isinstance(first, Supervisor)
    last_spec = then[-1][0]
    assert isinstance(last_spec, Supervisor)
    world, fresh = booted(first), booted(last_spec)
    for path in world.live_paths():
        if path[-1] in slow:
            world.stops[path] = "slow"
    for spec, count in then:
        last = world.ask(Reload(spec=spec))  # type: ignore[arg-type]
        while count and world.step():
            count -= 1
    comes_to_rest(world)
    assert not world.open_requests
    assert not any(change.error for change in world.replies[last].value)
    assert set(shape_of(world, last_spec)) == set(shape_of(fresh, last_spec))
    assert not [path for path in paths_of(world) if world.engine.find(path).owed]  # type: ignore[union-attr]
    assert {change.action for change in reload(world, last_spec)} <= {"stay"}


def comes_to_rest(world: World) -> None:
    """Whoever is slow moves on, until nothing happens any more."""
    world.settle()
    while slow := world.slow_ones():
        if slow[0].dies_of:
            world.finish(slow[0].path)
        else:
            world.ready(slow[0].path)
        world.settle()


def paths_of(world: World) -> list[str]:
    return [node.path for node in world.engine.snapshot().walk()]


def test_what_an_earlier_reload_is_stopping_comes_back() -> None:
    """A file that is taken back while its change is still being made leaves nobody down: neither
    who was to be restarted, nor who was to go."""

    def tree(*names: str, arg: int = 0) -> Supervisor:
        return Supervisor("top", children=[Worker(name, run, args=(arg,)) for name in names])

    for middle in (tree("a", "b", arg=1), tree("a")):
        world = World(tree("a", "b")).boot()
        world.stops |= {"a": "slow", "b": "slow"}
        world.ask(Reload(spec=middle))
        world.settle()
        world.ask(Reload(spec=tree("a", "b")))
        comes_to_rest(world)
        assert set(runs(world)) == {"a", "b"}


def test_a_child_that_became_temporary_while_it_restarts_may_fail() -> None:
    """It is forgotten then, and whoever was to come after it comes all the same."""

    def tree(restart: str) -> Supervisor:
        children = [Worker("a", run), Worker("b", run, restart=restart), Worker("c", run)]  # type: ignore[arg-type]
        return Supervisor("top", strategy="rest_for_one", intensity=9, children=children)

    for is_monitored in (True, False):
        world = World(tree("permanent")).boot()
        world.starts["b"].append("slow" if is_monitored else "fail")
        world.exit("b")
        while is_monitored and not world.slow_ones() and world.step():
            pass
        world.ask(MonitorChild("b", on=is_monitored))
        world.ask(Reload(spec=tree("temporary")))
        for _ in range(4):
            world.step()
        if is_monitored:
            world.exit("b")
        comes_to_rest(world)
        world.advance(10)
        assert set(runs(world)) >= {"a", "c"}


def test_a_child_that_became_temporary_while_its_group_restarts_comes_back_with_it() -> None:
    """It has a record as long as it has a process."""

    def tree(restart: str) -> Supervisor:
        children = [Worker("a", run), Worker("b", run, restart=restart)]  # type: ignore[arg-type]
        return Supervisor("top", strategy="one_for_all", intensity=9, children=children)

    world = World(tree("permanent")).boot()
    world.stops["b"] = "slow"
    world.exit("a")
    world.settle()
    world.ask(Reload(spec=tree("temporary")))
    comes_to_rest(world)
    assert [world.state(path) for path in ("a", "b")] == ["running", "running"]
    assert set(runs(world)) == {"a", "b"}
    world.shut_down()
    comes_to_rest(world)
    assert world.halt


def test_who_is_just_starting_is_made_anew_for_another_readiness() -> None:
    """A start that hangs for want of it is not waited for; one that is up keeps its process."""

    def tree(ready: str) -> Supervisor:
        return Supervisor("top", children=[Worker("a", run, ready=ready), Worker("b", run)])

    for old, new in (("spawned", "notify"), ("notify", "spawned")):
        world = World(tree(old))
        world.starts["a"].append("slow")
        world.ask(Boot())
        while not world.slow_ones():
            world.step()
        first = runs(world)["a"]
        ref = world.ask(Reload(spec=tree(new)))
        world.settle()
        assert [(c.path, c.action) for c in world.replies[ref].value] == [
            ("a", "restart"),
            ("b", "stay"),
        ]
        assert (world.state("a"), world.state("b")) == ("running", "running")
        assert runs(world)["a"] != first
        before = runs(world)
        assert [c.action for c in reload(world, tree(old))] == ["change", "stay"]
        assert runs(world) == before
        assert not world.open_requests


def test_copies_are_restarted_one_after_the_other_until_one_fails() -> None:
    """Also where dependencies are the order; those whose turn has not come go on as they were, and
    the next update takes them."""

    def tree(version: int, strategy: str = "one_for_one") -> Supervisor:
        def web(_: int) -> Command:
            return Command("web", ["web", str(version)], after=["db"])

        children = [Command("db", ["db"]), *copies(4, web)]
        return Supervisor("top", strategy=strategy, children=children)  # type: ignore[arg-type]

    world = World(tree(1)).boot()
    before = runs(world)
    world.starts["web-2"].append("fail")
    told = {c.path: c.error for c in reload(world, tree(2), may_fail=True)}
    assert "cannot start child 'web-2'" in str(told["web-2"])
    assert told["web-3"] == ("not restarted, because 'web-2' did not start; it goes on as it was")
    after = runs(world)
    assert (after["web-3"], after["web-4"]) == (before["web-3"], before["web-4"])
    assert after["web-1"] != before["web-1"]
    actions = {c.path: c.action for c in reload(world, tree(2))}
    assert actions == {
        "db": "stay", "web-1": "stay", "web-2": "start", "web-3": "restart", "web-4": "restart",
    }  # fmt: skip
    away: set[str] = set()
    world.history.clear()
    reload(world, tree(3))
    for what, path in world.history:
        away.discard(path) if what == "start" else away.add(path)
        assert len(away) <= 1


def test_who_is_new_waits_for_what_it_is_after() -> None:
    """A task that runs when the reload comes is waited for, as at boot."""
    task = Worker("task", run, restart="transient")
    web = Worker("web", run, after=[After("task", "completed")])
    world = World(Supervisor("top", children=[task])).boot()
    told = reload(world, Supervisor("top", children=[task, web]))
    assert [(c.path, c.error) for c in told] == [("task", None), ("web", None)]
    assert set(runs(world)) == {"task"}
    world.exit("task", code=0)
    world.settle()
    assert set(runs(world)) == {"web"}


def test_an_instance_is_never_started_without_its_arguments() -> None:
    """One that was temporary has them no more; it ends for good, whatever the template is by now;
    one that is started after that is what the template says."""

    def tree(restart: str) -> Supervisor:
        job = Worker("job", run, restart=restart)  # type: ignore[arg-type]
        return Supervisor("top", children=[DynamicSupervisor("jobs", job)])

    world = World(tree("temporary")).boot()
    world.answer(StartChild("jobs", args=("mail",)))
    reload(world, tree("permanent"))
    world.answer(StartChild("jobs", args=("news",)))
    for path in ("jobs/job#1", "jobs/job#2"):
        world.exit(path)
        world.settle()
    alive = {p.path: p.args for p in world.processes.values()}
    assert alive == {"jobs/job#2": ("news",)}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
@pytest.mark.parametrize("is_graph", [False, True])
def test_a_plan_for_many_takes_little_time(strategy: Strategy, is_graph: bool) -> None:
    """It is made on the loop of the tree, which does nothing else meanwhile."""

    def tree(arg: int) -> Supervisor:
        names = [f"c{number}" for number in range(2000)]
        before = {name: [names[n - 1]] for n, name in enumerate(names) if is_graph and n % 50}
        children = [Worker(n, run, args=(arg,), after=before.get(n, ())) for n in names]
        return Supervisor("top", strategy=strategy, children=children)

    world = World(tree(0)).boot()
    new = tree(1)
    begin = time.process_time()
    told = world.answer(Reload(spec=new, preview=True)).value
    assert time.process_time() - begin < 3
    assert {change.action for change in told} == {"restart"}


def run() -> None:
    """The target of workers here; nothing runs it."""


def test_what_others_have_started_is_owed_no_more() -> None:
    """A start that an update owed was done by the restart of a sibling, and the next update has
    nothing to do for it; so nobody has to start it again when an operator has stopped it."""
    leaf = "Worker('a', run, autostart=False)"
    once = "Worker('a', run, ready='notify', restart='temporary')"
    before = f"[{once}, Worker('c', run), Worker('d', run)]"
    after = f"[Worker('a', run), Worker('c', run), Supervisor('d', children=[{leaf}])]"
    top = "Supervisor('top', strategy='rest_for_one', intensity=9, children={})"
    chaos = ReloadChaos()
    chaos.start(starts=[], tree=top.format(before), then=0)
    chaos.reload(salt=2, then=0, tree=top.format(after))
    chaos.reload_the_same(number=7, salt=0, starts=[], then=0)
    chaos.all_events()
    chaos.teardown()

"""What a reload would do to a running tree, child by child, and why. Pure: nothing is changed.

The rules. A child of which nothing differs that a process is made of stays, with its pid; all
else changes in place. One that differs is restarted if it is up, or if it is just starting and is
to be ready otherwise; with it, whom the strategy of its supervisor restarts. What was given up,
because its starts had failed, is started if it is something else now. What is down because
somebody stopped it, or because it has done its work, stays down. What was added at run time stays;
what was deleted at run time comes back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from graphlib import TopologicalSorter

from attrs import evolve, frozen

from ..specs import ChildSpec, DynamicSupervisor, Supervisor
from ..views import ACTIONS as ACTIONS
from ..views import Action as Action
from ..views import Change as Change
from .child import Child
from .difference import Difference, difference, is_other_kind, word
from .node import Node
from .process import ProcessChild


@frozen
class Survey:
    """What is to be done below one supervisor.

    Attributes:
        node: the supervisor.
        spec: what it will be.
        own: the change of the supervisor itself; None where its own supervisor tells it.
        stops: children that go.
        rest: what becomes of all others, in the order of the new spec; then who was added.
        below: the surveys of supervisors that stay.
    """

    node: Node
    spec: Supervisor | DynamicSupervisor
    own: Change | None
    stops: tuple[Change, ...]
    rest: tuple[Change, ...]
    below: tuple[Survey, ...]

    def walk(self) -> Iterator[Survey]:
        """This survey and all below it, in start order."""
        yield self
        for survey in self.below:
            yield from survey.walk()

    def changes(self) -> Iterator[Change]:
        """All changes, each below the one of its supervisor."""
        if self.own:
            yield self.own
        yield from self.stops
        below = {survey.node.path: survey for survey in self.below}
        for change in self.rest:
            if change.path in below:
                yield from below[change.path].changes()
            else:
                yield change

    def waves(self) -> list[list[str]]:
        """The paths of all for whom there is something to do, in turn; those of one wave at a
        time."""
        wanted = {c.path for c in self.rest if c.action in ("start", "restart")}
        wanted |= {survey.node.path for survey in self.below}
        paths = [[path for path in wave if path in wanted] for wave in self._order()]
        return [wave for wave in paths if wave]

    def _order(self) -> Iterator[list[str]]:
        children = self.spec.children if isinstance(self.spec, Supervisor) else ()
        graph = {child.name: [after.name for after in child.after] for child in children}
        if not (isinstance(self.spec, Supervisor) and self.spec.is_graph):
            yield from ([self.node.path_of(name)] for name in graph)
            return
        place = {name: number for number, name in enumerate(graph)}
        sorter = TopologicalSorter(graph)
        sorter.prepare()
        while sorter.is_active():
            ready = sorter.get_ready()
            sorter.done(*ready)
            yield [self.node.path_of(name) for name in sorted(ready, key=place.__getitem__)]


def survey(node: Node, spec: Supervisor | DynamicSupervisor) -> Survey:
    """What it takes for a running supervisor to become what `spec` says."""
    own = _own(node, difference(node.spec, spec))
    if not isinstance(spec, Supervisor) or not isinstance(node.spec, Supervisor):
        return Survey(node, spec, own, (), (), ())
    declared = {child.name for child in node.declared}
    names = {child.name for child in spec.children}
    others = [c for c in node.children.values() if c.name not in names]
    gone = [c for c in others if c.name in declared or c.dropped]
    leaving = set(gone)
    added = [c for c in others if c not in leaving]
    direct = [change for child in spec.children if (change := _of(node, child, declared))]
    rest = _with_their_group(node, spec, direct)
    return Survey(
        node,
        spec,
        own,
        tuple(Change(c.path, "stop", "the new tree does not have it") for c in gone),
        (*rest, *(Change(c.path, "stay", "it was added at run time") for c in added)),
        tuple(_below(node, spec, rest)),
    )


def _own(node: Node, differs: Difference) -> Change | None:
    """Everything about a supervisor changes in place."""
    return Change(node.path, "change", str(differs)) if differs else None


def _below(node: Node, spec: Supervisor, rest: Sequence[Change]) -> Iterator[Survey]:
    """Supervisors that stay; one that is restarted begins with all that is new."""
    staying = {c.path for c in rest if c.action in ("stay", "change")}
    for child in spec.children:
        below = node.children.get(child.name)
        if below is None or below.path not in staying or is_other_kind(below.spec, child):
            continue
        if not isinstance(below, Node) or below.state not in ("starting", "running"):
            continue
        if isinstance(child, Supervisor | DynamicSupervisor):
            yield survey(below, child)


def _of(node: Node, spec: ChildSpec, declared: set[str]) -> Change | None:
    """What becomes of one child of the new spec, if nobody takes it along."""
    child = node.children.get(spec.name)
    if child is None:
        return _missing(node, spec, is_new=spec.name not in declared)
    if is_other_kind(child.spec, spec):
        why = f"it was a {word(child.spec)}, and becomes a {word(spec)}"
        return Change(child.path, "restart" if is_up(child) else "start", why)
    if child.owed and not is_up(child):
        return Change(child.path, "start", _owed(child))
    if isinstance(child, ProcessChild):
        return _of_process(child, spec)
    return _of_node(child, spec)


def _missing(node: Node, spec: ChildSpec, *, is_new: bool) -> Change | None:
    path = node.path_of(spec.name)
    if is_new and spec.autostart:
        return Change(path, "start", "it is new")
    if is_new:
        return Change(path, "change", "it is new; autostart is off")
    if spec.restart == "temporary" and spec.autostart:
        return None  # it has ended, and its record with it
    if not spec.autostart:
        return Change(path, "change", "it had been deleted; autostart is off")
    return Change(path, "start", "it had been deleted")


def _owed(child: Child) -> str:
    last = child.last_exit
    how = f": {last}" if last is not None and last.kind == "error" else ""
    return f"an earlier update has not started it{how}"


def _of_process(child: ProcessChild, spec: ChildSpec) -> Change:
    made, before = difference(child.made_of, spec), difference(child.spec, spec)
    is_other_start = made.of_a_start and child.state == "starting"
    if (made.anew or is_other_start) and is_up(child):
        return Change(child.path, "restart", str(made))
    if _begins_to_be_wanted(child, spec):
        return Change(child.path, "start", str(before))
    if _was_given_up(child) and (made.anew or made.of_a_start):
        return Change(child.path, "start", f"{made}; it was given up as it had been")
    if not before:
        return Change(child.path, "stay", _why_down(child))
    later = "; it is down, and starts so next time" if before.anew and not is_up(child) else ""
    return Change(child.path, "change", f"{before}{later}")


def _of_node(child: Child, spec: ChildSpec) -> Change:
    before = difference(child.spec, spec)
    if _begins_to_be_wanted(child, spec):
        return Change(child.path, "start", str(before))
    if child.state not in ("starting", "running"):
        if child.spec == spec:
            return Change(child.path, "stay", _why_down(child))
        return Change(child.path, "change", "it is down, and starts so next time")
    return Change(child.path, "change", str(before)) if before else Change(child.path, "stay")


def _begins_to_be_wanted(child: Child, spec: ChildSpec) -> bool:
    """It was on demand, nobody has started it, and now it is not on demand any more."""
    never = child.state == "down" and child.cause.kind == "boot" and child.last_exit is None
    return never and not child.wanted and not child.spec.autostart and spec.autostart


def _was_given_up(child: Child) -> bool:
    """It is to run, and could not be started as often as it was tried."""
    return child.state == "down" and child.wanted and child.cause.kind == "retries_used"


def _why_down(child: Child) -> str:
    if is_up(child):
        return ""
    return "it is down; start it if you want it" if not child.wanted else ""


def is_up(child: Child) -> bool:
    """It runs, or is about to; not one that somebody, or an earlier reload, is stopping."""
    comes_back = child.wanted and not child.owed
    return child.state != "down" and (child.state != "stopping" or comes_back)


def _with_their_group(node: Node, spec: Supervisor, direct: Sequence[Change]) -> tuple[Change, ...]:
    """With those whom the strategy restarts along with the ones that are restarted."""
    restarted = [c.path for c in direct if c.action == "restart"]
    if spec.strategy == "one_for_one" or not restarted:
        return tuple(direct)
    first = _first_to_take_along(node, spec, restarted)
    return tuple(_along(node, spec, change, first.get(change.path)) for change in direct)


def _first_to_take_along(node: Node, spec: Supervisor, restarted: Sequence[str]) -> dict[str, str]:
    """By whom, the first of these, each of the others is taken along; once through them all."""
    taken: dict[str, str] = {}
    followers = _followers(spec)
    for by in restarted:
        names = [by.rpartition("/")[2]]
        while names:
            new = [n for n in followers[names.pop()] if node.path_of(n) not in taken]
            taken |= dict.fromkeys(map(node.path_of, new), by)
            names += new
    return taken


def _followers(spec: Supervisor) -> dict[str, list[str]]:
    """Whom the strategy restarts with each child, directly; whom with these, then follows."""
    names = [child.name for child in spec.children]
    if spec.strategy == "one_for_all":  # in a ring, each leads to all
        return {name: [names[n - 1]] for n, name in enumerate(names)}
    if not spec.is_graph:
        return {name: names[n + 1 : n + 2] for n, name in enumerate(names)}
    found: dict[str, list[str]] = {name: [] for name in names}
    for child in spec.children:
        for after in child.after:
            found[after.name].append(child.name)
    return found


def _along(node: Node, spec: Supervisor, change: Change, by: str | None) -> Change:
    child = node.core.children.get(change.path)
    if by is None or change.action not in ("stay", "change") or child is None:
        return change
    if not is_up(child):
        return change
    also = f"; {change.why}" if change.why else ""
    why = f"{by} restarts and {node.label} is {spec.strategy}{also}"
    return evolve(change, action="restart", why=why)

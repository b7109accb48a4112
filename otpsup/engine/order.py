"""The order of siblings: their list, as in OTP, or the graph of their dependencies.

Decides who comes before whom at start and stop, who "the rest" is, and which dependency a child
still waits for. Does not start or stop anybody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Mapping, Sequence

from ..specs import After, DynamicSupervisor, Supervisor
from .child import Child
from .plan import COMPLETED, HEALTHY, READY, STARTED, Action, ChainPlan, GraphPlan, Plan, Step

LEVELS = {"started": STARTED, "ready": READY, "healthy": HEALTHY, "completed": COMPLETED}

Steps = list[Step[Child]]


class ListOrder:
    """Each child comes after the one before it in the list."""

    is_graph = False

    def __init__(self, children: dict[str, Child]) -> None:
        self._children = children
        self._places: dict[Child, int] = {}
        self._all: Sequence[Child] | None = None

    def changed(self) -> None:
        """A child was added, or forgotten, or has another place."""
        self._all = None

    def all(self) -> Sequence[Child]:
        """All children, in the order of the list."""
        if self._all is None:
            self._all = tuple(self._children.values())
            self._places = {child: place for place, child in enumerate(self._all)}
        return self._all

    def place(self, child: Child) -> int:
        """How many come before it in the list."""
        self.all()
        return self._places[child]

    def rest(self, failed: Child) -> Sequence[Child]:
        """`failed` and all that come after it, in start order."""
        return self.all()[self.place(failed) :]

    def is_last(self, child: Child) -> bool:
        """Whether "the rest" is this child alone."""
        return next(reversed(self._children.values())) is child

    def is_in_rest(self, child: Child, failed: Child) -> bool:
        """Whether a child is `failed`, or comes after it."""
        return self.place(child) >= self.place(failed)

    def plan(
        self, stops: Sequence[Child], starts: Sequence[Child], others: Sequence[Child]
    ) -> Plan[Child]:
        """A plan that stops and starts these.

        Args:
            stops: in reverse start order.
            starts: in start order.
            others: children that it concerns besides.
        """
        if len(stops) + len(starts) == 1:  # no order is needed for one, and this is the cheapest
            return ChainPlan(starts=starts, stops=stops, others=others)
        return self._plan(stops, starts, others)

    def _plan(
        self, stops: Sequence[Child], starts: Sequence[Child], others: Sequence[Child]
    ) -> Plan[Child]:
        """A plan for several."""
        if _have_own(stops) or _have_own(starts):
            return GraphPlan(_in_a_row("stop", stops), _in_a_row("start", starts), others)
        return ChainPlan(stops, starts, others)

    def unmet(self, child: Child) -> tuple[After, Child] | None:
        """A dependency of `child` that is not satisfied now, and will be without its help."""
        return None

    def is_met(self, dependency: After) -> bool:
        """Whether nobody has to wait for this dependency, or not for it alone."""
        return True


class NoOrder(ListOrder):
    """Instances of a template do not know of each other."""

    def _plan(
        self, stops: Sequence[Child], starts: Sequence[Child], others: Sequence[Child]
    ) -> Plan[Child]:
        """A plan in which all stop at once, and all start at once."""
        return GraphPlan(_steps("stop", stops), _steps("start", starts), others)


class GraphOrder(ListOrder):
    """A child comes after those that it names; what is not connected goes in parallel.

    Args:
        declared: whom each declared child names. A temporary one goes on to connect others when its
            record is gone.
    """

    is_graph = True

    def __init__(self, children: dict[str, Child], declared: Mapping[str, Sequence[After]]) -> None:
        super().__init__(children)
        self._declared = declared
        self._known: dict[str, list[str]] | None = None

    def changed(self) -> None:
        """A child was added, or forgotten, or has another place, or other dependencies."""
        super().changed()
        self._known = None

    def _after(self, name: str) -> Sequence[After]:
        child = self._children.get(name)
        return child.spec.after if child else self._declared.get(name, ())

    def rest(self, failed: Child) -> Sequence[Child]:
        """`failed` and all that depend on it, directly or not, in the order of the list."""
        affected = {failed.name}
        names = deque(affected)
        dependents = self._dependents()
        while names:
            new = [name for name in dependents.get(names.popleft(), ()) if name not in affected]
            affected.update(new)
            names.extend(new)
        there = (self._children[name] for name in affected if name in self._children)
        return sorted(there, key=self.place)

    def is_last(self, child: Child) -> bool:
        """Whether nobody names it."""
        return child.name not in self._dependents()

    def is_in_rest(self, child: Child, failed: Child) -> bool:
        """Whether a child is `failed`, or depends on it."""
        return child in self.rest(failed)

    def _dependents(self) -> dict[str, list[str]]:
        """Who names whom, directly."""
        if self._known is None:
            self._known = self._find_dependents()
        return self._known

    def _find_dependents(self) -> dict[str, list[str]]:
        dependents: dict[str, list[str]] = {}
        for name in {**self._declared, **self._children}:
            for dependency in self._after(name):
                dependents.setdefault(dependency.name, []).append(name)
        return dependents

    def _plan(
        self, stops: Sequence[Child], starts: Sequence[Child], others: Sequence[Child]
    ) -> Plan[Child]:
        """A plan in which nobody waits for those with whom it has nothing to do."""
        return GraphPlan(self._stops(stops), _starts(starts), others)

    def _stops(self, children: Sequence[Child]) -> Steps:
        """A child stops when all that depend on it have stopped, directly or by way of others."""
        steps = {step.child.name: step for step in _steps("stop", children)}
        for child in children:
            for name in self._nearest(child, steps):
                steps[child.name].before(steps[name])
        return list(steps.values())

    def _nearest(self, child: Child, among: Container[str]) -> list[str]:
        """Whom a child is after, among these; where one is not, whom that one is after."""
        found: list[str] = []
        seen: set[str] = set()
        names = deque(after.name for after in child.spec.after)
        while names:
            name = names.popleft()
            if name in seen:
                continue
            seen.add(name)
            if name in among:
                found.append(name)
            else:
                names.extend(after.name for after in self._after(name))
        return found

    def unmet(self, child: Child) -> tuple[After, Child] | None:
        """A dependency that is not satisfied, but will be. What stays down is not waited for."""
        if not child.spec.after:
            return None
        left, seen = list(reversed(child.spec.after)), set[str]()
        while left:
            dependency = left.pop()
            other = self._missing(dependency)
            if other is None:
                continue
            if other.state != "down":
                return dependency, other
            if other.name not in seen:  # it comes back when what it is after does
                seen.add(other.name)
                left += reversed(other.spec.after)
        return None

    def is_met(self, dependency: After) -> bool:
        """Whether nobody has to wait for this dependency, or not for it alone."""
        other = self._missing(dependency)
        return other is None or other.state == "down"

    def _missing(self, dependency: After) -> Child | None:
        """The child that it is about, if that is not as it wants it, and nobody stopped it."""
        other = self._children.get(dependency.name)
        if other is None or not other.wanted or other.satisfies(dependency.condition):
            return None
        return other


def _have_own(children: Sequence[Child]) -> bool:
    """Whether one of them is on its own."""
    for child in children:  # noqa: SIM110 - one child is the rule, and `any` takes longer for it
        if child.is_on_its_own:
            return True
    return False


def _steps(action: Action, children: Sequence[Child]) -> Steps:
    return [Step(action, child) for child in children]


def _in_a_row(action: Action, children: Sequence[Child]) -> Steps:
    """One after the other; but children that are on their own do not wait for each other."""
    steps = _steps(action, children)
    last: Step[Child] | None = None
    since: Steps = []
    for step in steps:
        if last is not None:
            last.before(step)
        if step.child.is_on_its_own:
            since.append(step)
            continue
        for other in since:
            other.before(step)
        last, since = step, []
    return steps


def _starts(children: Sequence[Child]) -> Steps:
    """A child starts when all that it depends on have come as far as it wants."""
    steps = {step.child.name: step for step in _steps("start", children)}
    for child in children:
        for dependency in child.spec.after:
            if dependency.name in steps:
                level = LEVELS[dependency.condition]
                steps[dependency.name].before(steps[child.name], level)
    return list(steps.values())


def order_of(spec: Supervisor | DynamicSupervisor, children: dict[str, Child]) -> ListOrder:
    """The order that a supervisor's spec asks for."""
    if isinstance(spec, DynamicSupervisor):
        return NoOrder(children)
    if spec.is_graph:
        return GraphOrder(children, {child.name: child.after for child in spec.children})
    return ListOrder(children)

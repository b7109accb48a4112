"""Carries out the plans of one supervisor, step by step, as its children answer.

Decides what can be done now and who has to wait for a dependency; what follows when a plan is done
or fails is its purpose's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

from ..specs import After
from . import purpose
from .cause import Cause
from .child import Child
from .mailbox import Notice
from .plan import HEALTHY, READY, Action, Plan
from .reasons import Reason

if TYPE_CHECKING:
    from .node import Node


Wait = tuple[After, bool]
"""A dependency for which children wait, and whether it is one of their own; else it is one of a
sibling that is down, and comes back with it."""


class Executor:
    """The plans in progress of one supervisor, and those of its children that wait."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._plans: dict[Plan[Child], purpose.Purpose] = {}
        self._waiting: dict[Wait, dict[Child, int]] = {}
        """Children that wait for one on which they depend, numbered as they began to wait. Many may
        wait for the same one; as long as that is not there, only it has to be looked at."""
        self._waits = 0

    @property
    def is_busy(self) -> bool:
        """A plan is in progress."""
        return bool(self._plans)

    @property
    def has_awaited(self) -> bool:
        """A child is ready, and a plan waits for more of it."""
        return any(child.is_awaited for plan in self._plans for child in plan.in_progress())

    @property
    def has_waiting(self) -> bool:
        """A child may wait for one on which it depends."""
        return bool(self._waiting)

    def has(self, plan: Plan[Child]) -> bool:
        """This plan is in progress."""
        return plan in self._plans

    def carry_out(
        self,
        why: purpose.Purpose,
        *,
        stops: Sequence[Child] = (),
        starts: Sequence[Child] = (),
        others: Sequence[Child] = (),
    ) -> None:
        """Begin a plan: stop these (in reverse start order), then start those (in start order).

        `others` are children that it concerns besides.
        """
        plan = self._node.order.plan(stops, starts, others)
        self._plans[plan] = why
        for child in plan.members:
            child.plan = plan
        self._advance(plan)

    def _advance(self, plan: Plan[Child]) -> None:
        """Do what can be done; a child may answer while it is being asked."""
        if plan.is_advancing:
            return
        plan.is_advancing = True
        begun = []
        while (why := self._plans.get(plan)) is not None and (step := plan.next()):
            self._do(*step, why)
            begun.append(step[1])
        plan.is_advancing = False
        node, mailbox = self._node, self._node.mailbox
        if plan.is_done and plan in self._plans:
            self.end(plan).finished(node)
            mailbox.drain()
        elif mailbox.has_requests and (not node.is_serial or mailbox.has_request_about(begun)):
            mailbox.drain()  # one may be free now, or cut short the start that just began

    def _do(self, action: Action, child: Child, why: purpose.Purpose) -> None:
        if action == "start":
            self._start(child, why)
            return
        if self._node.is_killing:
            child.kill(why.cause)
        child.stop(why.cause)

    def _start(self, child: Child, why: purpose.Purpose) -> None:
        """Start it, or let it wait for one that comes before it and is not in this plan."""
        order = self._node.order
        if order.is_graph and (unmet := order.unmet(child)):
            dependency, other = unmet
            child.wait_for(dependency, _not_yet(dependency, other, why.cause))
            self._let_wait(child, dependency)
            self.complete(child)
            return
        child.restarts += isinstance(why, purpose.Restart)
        child.start(why.cause)
        if child.is_on_its_own and not isinstance(why, purpose.Answered):
            self.complete(child)  # whatever becomes of it; only who has asked for it is to know

    def complete(self, child: Child) -> None:
        """What is being done to this child is done, or over."""
        plan = child.plan
        if plan is None:
            return
        if plan.doing(child):
            plan.complete(child)
        self._done_with(child, plan)
        self._advance(plan)
        self.release()

    def reached(self, child: Child, level: int) -> None:
        """A start has come so far; what waits for just that may go on."""
        plan = child.plan
        if plan is not None and plan.doing(child) == "start":
            if plan.reach(child, level):
                self._done_with(child, plan)
            elif level == READY and plan.goal(child) == HEALTHY:
                child.limit_start()
            self._advance(plan)
        self.release()

    def _done_with(self, child: Child, plan: Plan[Child]) -> None:
        """Under one_for_one a child that has been started is free before its siblings are."""
        if not self._node.is_serial and isinstance(self._plans[plan], purpose.Boot):
            child.plan = None

    def why(self, plan: Plan[Child]) -> purpose.Purpose:
        """What a plan in progress is for."""
        return self._plans[plan]

    def end(self, plan: Plan[Child]) -> purpose.Purpose:
        """Nothing more of this plan is done; returns what it was for."""
        for child in plan.members:
            if child.plan is plan:
                if not plan.is_done and child.is_awaited:  # by nobody any more
                    self._node.core.timers.cancel(child)
                child.plan = None
        return self._plans.pop(plan)

    def fail(self, plan: Plan[Child], child: Child, reason: Reason) -> None:
        """A start in this plan has failed."""
        why = self.end(plan)
        why.failed(self._node, child, reason)
        if why.goes_on:
            self._node.restarter.go_on_without(child, plan.left(), why.cause)

    def drop_all(self) -> None:
        """Nothing more of any plan is done: the supervisor ends."""
        plans, self._plans = self._plans, {}
        for child in self._node.children.values():
            child.plan = None
        for each in plans.values():
            each.dropped(self._node)

    # Children that wait.

    def go_on_waiting(self, child: Child, dependency: After) -> None:
        """A child waits for this dependency, as it does in another engine: see `checkpoint`."""
        child.awaited = dependency
        self._let_wait(child, dependency)

    def _let_wait(self, child: Child, dependency: After, number: int | None = None) -> None:
        if number is None:
            self._waits = number = self._waits + 1
        wait = (dependency, dependency in child.spec.after)
        self._waiting.setdefault(wait, {})[child] = number

    def release(self) -> None:
        """Go on with the children that have nothing to wait for any more."""
        if self._waiting:
            order = self._node.order
            self._look_at([wait for wait in self._waiting if not wait[1] or order.is_met(wait[0])])

    def release_all(self) -> None:
        """The same, whatever they waited for: they may depend on others now."""
        self._look_at(list(self._waiting))

    def _look_at(self, waits: Sequence[Wait]) -> None:
        waiting: dict[Child, int] = {}
        for wait in waits:
            waiting |= self._waiting.pop(wait)
        for child, number in sorted(waiting.items(), key=itemgetter(1)):
            if child.awaited is None:  # stopped, or forgotten, meanwhile
                continue
            if unmet := self._node.order.unmet(child):
                child.wait_for(unmet[0], _not_yet(*unmet, child.cause))
                self._let_wait(child, unmet[0], number)
            else:
                self._node.post(Notice(child, died=False))


def _not_yet(dependency: After, other: Child, before: Cause) -> Cause:
    """Why somebody waits: this sibling has not come so far."""
    return Cause("waits", other.path, rule=dependency.condition, parent=before)

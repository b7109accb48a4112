"""One supervisor: its children, its messages and its plans.

As OTP's supervisor it handles one message at a time; what arrives while it is busy waits. Under
one_for_one only what concerns a child in a plan is busy; under the group strategies all is.
Decides its own start and end, and who has to wait. Restarts are decided in `restarter`, requests
of operators in `requests`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ..errors import NotRunning
from ..specs import ChildSpec, Command, DynamicSupervisor, Supervisor, Worker
from ..specs.check import BRUTAL_KILL
from . import purpose
from .cause import Cause
from .child import UP, Child, Parent
from .core import Core
from .effects import Reply, Report
from .events import Request
from .mailbox import Mailbox, Message, Notice
from .plan import Plan, Step, all_at_once, chain
from .process import ProcessChild
from .reasons import SHUTDOWN, Reason
from .requests import Handler
from .restarter import Restarter
from .strategy import is_expected_stop

Context = Literal[
    "child_terminated", "start_error", "shutdown_error", "shutdown", "restart", "progress"
]
How = Literal["stopped", "start_failed", "gave_up", "auto_shutdown"]

KILLED = Reason("killed", "killed with all below it")


def make_child(
    core: Core, spec: ChildSpec, path: str, parent: Parent, args: Sequence[Any] = ()
) -> Child:
    """The record for a spec."""
    if isinstance(spec, Worker | Command):
        return ProcessChild(core, spec, path, parent, args)
    return Node(core, spec, path, parent)


class Node(Child):
    """A `Supervisor` or a `DynamicSupervisor`."""

    spec: Supervisor | DynamicSupervisor

    def __init__(
        self, core: Core, spec: Supervisor | DynamicSupervisor, path: str, parent: Parent
    ) -> None:
        super().__init__(core, spec, path, parent)
        self.is_dynamic = isinstance(spec, DynamicSupervisor)
        self.type = "dynamic_supervisor" if self.is_dynamic else "supervisor"
        self.strategy = spec.strategy if isinstance(spec, Supervisor) else "one_for_one"
        self.is_serial = self.strategy != "one_for_one"
        self.children: dict[str, Child] = {}
        self.instances = 0
        self.how: How | None = None
        self._reason = SHUTDOWN
        self._was_up = self._asked_to_stop = self._killing = False
        self._mailbox = Mailbox(self._must_wait, self._handle)
        self._plans: dict[Plan[Child], purpose.Purpose] = {}
        self._advancing: set[Plan[Child]] = set()
        self._handler = Handler(self)
        self.restarter = Restarter(self)
        self._load()

    def _load(self) -> None:
        """Children as declared; what was added at run time is gone (OTP.md 12.4)."""
        for child in list(self.children.values()):
            self.forget(child)
        for spec in self.spec.children if isinstance(self.spec, Supervisor) else ():
            self.add(spec, spec.name)

    def add(self, spec: ChildSpec, name: str, args: Sequence[Any] = ()) -> Child:
        """Append a record for this spec."""
        child = make_child(self.core, spec, self.path_of(name), self, args)
        self.children[name] = child
        return child

    def path_of(self, name: str) -> str:
        """The path of a child of this name."""
        return f"{self.path}/{name}" if self.path else name

    def forget(self, child: Child) -> None:
        """Delete a record, and with it all records below it."""
        if isinstance(child, Node):
            for grandchild in list(child.children.values()):
                child.forget(grandchild)
        del self.children[child.name]
        del self.core.children[child.path]

    def not_running(self) -> NotRunning:
        """The error for requests that this supervisor cannot answer any more."""
        return NotRunning(f"supervisor {self.name!r} is not running; it is {self.state}")

    # Start and end of the supervisor itself.

    def start(self, cause: Cause) -> None:
        """Start all children, in order; a new incarnation with an empty restart history."""
        self.run = self.core.next_run()
        self.restarter = Restarter(self)
        self.how, self._reason = None, SHUTDOWN
        self._was_up = self._asked_to_stop = self._killing = False
        self._load()
        self.move("start", cause)
        wanted = [child for child in self.children.values() if child.wanted]
        self.carry_out(purpose.Boot(cause), chain([], wanted))

    def booted(self) -> None:
        """All children are up."""
        self._was_up = True
        self.move("ready", self.cause)
        self.report("progress", self, Reason("normal", "started"))
        self.parent.child_ready(self)

    def roll_back(self, child: Child, reason: Reason) -> None:
        """A child did not start, so this supervisor does not (OTP: `failed_to_start_child`)."""
        why = Reason("error", f"child {child.name!r} did not start: {reason}")
        self.end("start_failed", why, Cause("start_failed", child.path, reason, parent=self.cause))

    def begin_stop(self, cause: Cause) -> None:
        """Stop all children in reverse order, then end."""
        if self._asked_to_stop:  # its deadline runs since the first time
            self.cause = cause
            return
        self._asked_to_stop = True
        if self.spec.shutdown == BRUTAL_KILL:
            self.kill(cause)
            return
        self.end("stopped", SHUTDOWN, cause)
        if self.state == "stopping":
            self.limit_stop()

    def kill(self, cause: Cause) -> None:
        """Kill everything below; the order no longer matters, and nobody restarts anything."""
        if self.state in UP and self.pending is None and not self._killing:
            self._killing = True
            self.end("stopped", KILLED, cause)
            self._reason = KILLED
            for child in reversed(list(self.children.values())):
                child.kill(cause)

    def end(self, how: How, reason: Reason, cause: Cause) -> None:
        """Stop all children and then be gone; the first call decides how and why."""
        if self.how is not None:
            return
        self.how, self._reason = how, reason
        self.move("stop", cause)
        self._drop_work()
        order = list(reversed(self.children.values()))
        steps = all_at_once(order) if self.is_dynamic else chain(order, [])
        self.carry_out(purpose.End(cause), steps)

    def _drop_work(self) -> None:
        """Nothing that was planned or asked for happens any more (OTP.md 17.3)."""
        plans, self._plans = self._plans, {}
        for child in self.children.values():
            child.plan = None
        for each in plans.values():
            each.dropped(self)
        for message in self._mailbox.take_all():
            self._refuse(message)

    def _refuse(self, message: Message) -> None:
        if isinstance(message, Request):
            self.core.emit(Reply(message.ref, error=self.not_running()))

    def ended(self) -> None:
        """All children are down: tell the parent in the way it waits for."""
        self.core.timers.cancel(self)
        if self._asked_to_stop:
            self.move("gone", self.cause, self._reason)
            self.parent.child_stopped(self, self._reason)
        elif self._was_up:
            self.pending = self._reason
            self.parent.child_exited(self)
        else:
            self.parent.child_start_failed(self, self._reason)

    def start_timed_out(self) -> None:
        """A supervisor's start has no deadline of its own; its children's have."""

    # What the children tell.

    def child_ready(self, child: Child) -> None:
        """A start is done."""
        if not isinstance(child, Node):
            self.report("progress", child, Reason("normal", "started"))
        self._complete(child)

    def child_ignored(self, child: Child) -> None:
        """A start is done without a process; such a record is kept unless it cannot be used."""
        child.move("gone", child.cause, Reason("normal", "declined to run"))
        self.forget_if_over(child)
        self._complete(child)

    def child_start_failed(self, child: Child, reason: Reason) -> None:
        """Drop the rest of the plan and do as its purpose says."""
        plan = child.plan
        if (
            plan is None or plan.doing(child) != "start"
        ):  # dropped when this supervisor began to end
            child.move("gone", child.cause, reason)
            return
        self._unplan(plan).failed(self, child, reason)
        self._mailbox.drain()

    def child_stopped(self, child: Child, reason: Reason | None) -> None:
        """A stop is done; it may have cut a start short."""
        if reason is not None and not is_expected_stop(
            reason, brutal=child.spec.shutdown == BRUTAL_KILL
        ):
            self.report("shutdown_error", child, reason)
        plan = child.plan
        if plan is not None and plan.doing(child) == "start":
            self._start_was_cut_short(plan, child)
            return
        self.forget_if_over(child)
        self._complete(child)

    def _start_was_cut_short(self, plan: Plan[Child], child: Child) -> None:
        """An operator stopped it while it was starting: the plan goes on without it."""
        why = self._plans[plan]
        if isinstance(why, purpose.Answered) and why.child is child:
            self._unplan(plan)
            why.cut_short(self)
            self._mailbox.drain()
        else:
            self._complete(child)

    def child_exited(self, child: Child) -> None:
        """A death waits for its turn like any message."""
        self.post(Notice(child, died=True))

    def child_retry_due(self, child: Child) -> None:
        """So does a retry."""
        self.post(Notice(child, died=False))

    # Messages.

    def post(self, message: Message) -> None:
        """Handle a message now, or when what it concerns is free."""
        self._mailbox.post(message)

    def _must_wait(self, message: Message) -> bool:
        if self._is_closed:
            return False
        if isinstance(message, Request):
            return self._handler.must_wait(message)
        return self.is_busy_with(message.child)

    @property
    def _is_closed(self) -> bool:
        return self.how is not None or self.state not in ("starting", "running")

    def is_busy_with(self, child: Child | None) -> bool:
        """Whether a plan in progress stands in the way of work on `child`."""
        if self.is_serial:
            return bool(self._plans)
        return child is not None and child.plan is not None

    def _handle(self, message: Message) -> None:
        if self._is_closed:
            self._refuse(message)
        elif isinstance(message, Request):
            self._handler.handle(message)
        elif message.run == message.child.run:
            self._handle_notice(message)

    def _handle_notice(self, notice: Notice) -> None:
        """Old news are dropped: a death that a stop absorbed, a retry that was overtaken."""
        child = notice.child
        if notice.died and child.pending is not None:
            self.restarter.after_exit(child, child.pending)
        elif not notice.died and child.state == "restarting":
            self.restarter.retry(child)

    def forget_if_over(self, child: Child) -> None:
        """Delete the record of a child that will never run again (OTP.md 8.1, 16.5)."""
        if child.name not in self.children or self.children[child.name] is not child:
            return
        if self.is_dynamic or (child.spec.restart == "temporary" and not child.on_demand):
            self.forget(child)

    # Plans.

    def carry_out(
        self, why: purpose.Purpose, steps: list[Step[Child]], others: Sequence[Child] = ()
    ) -> None:
        """Begin a plan; `others` are children that it concerns besides those in its steps."""
        plan = Plan(steps, others)
        self._plans[plan] = why
        for child in plan.members:
            child.plan = plan
        self._advance(plan)

    def _advance(self, plan: Plan[Child]) -> None:
        """Do what can be done; a child may answer while it is being asked."""
        if plan in self._advancing:
            return
        self._advancing.add(plan)
        try:
            while plan in self._plans and (step := plan.next()):
                self._do(step, self._plans[plan])
        finally:
            self._advancing.discard(plan)
        if plan.is_done and plan in self._plans:
            self._unplan(plan).finished(self)
            self._mailbox.drain()
        elif (
            self._mailbox.has_requests
        ):  # one may be free now, or cut short the start that just began
            self._mailbox.drain()

    def _do(self, step: Step[Child], why: purpose.Purpose) -> None:
        if step.action == "start":
            step.child.restarts += isinstance(why, purpose.Restart)
            step.child.start(why.cause)
            return
        if self._killing:
            step.child.kill(why.cause)
        step.child.stop(why.cause)

    def _complete(self, child: Child) -> None:
        plan = child.plan
        if plan is None:
            return
        if plan.doing(child):
            plan.complete(child)
        if not self.is_serial and isinstance(self._plans[plan], purpose.Boot):
            child.plan = None
        self._advance(plan)

    def _unplan(self, plan: Plan[Child]) -> purpose.Purpose:
        for child in plan.members:
            if child.plan is plan:
                child.plan = None
        return self._plans.pop(plan)

    def report(
        self,
        context: Context,
        child: Child,
        reason: Reason,
        *,
        delay: float = 0.0,
        cause: Cause | None = None,
    ) -> None:
        """Write a supervisor report about a child, or about this supervisor itself."""
        self.core.emit(
            Report(
                self.core.now,
                context,
                self.path,
                child.path,
                reason,
                cause or child.cause,
                child.pid,
                delay=delay,
            )
        )

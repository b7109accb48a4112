"""One supervisor: its children, its mailbox and its plans.

As OTP's supervisor it handles one message at a time; what arrives while it is busy waits. Under
one_for_one only what concerns a child in a plan is busy; under the group strategies all is.
Decides restarts, giving up and auto_shutdown. Requests of operators are in `requests`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Literal

from attrs import evolve

from ..errors import NotRunning
from ..specs import ChildSpec, Command, DynamicSupervisor, Supervisor, Worker
from ..specs.check import BRUTAL_KILL
from . import backoff, purpose
from .cause import Cause
from .child import UP, Child, Parent
from .core import Core
from .effects import Reply, Report
from .events import Request
from .intensity import RestartWindow
from .plan import Plan, Step, all_at_once, chain
from .process import ProcessChild
from .reasons import SHUTDOWN, Reason
from .requests import Handler
from .strategy import affected, is_expected_stop, is_worth_a_report, should_restart

Context = Literal[
    "child_terminated", "start_error", "shutdown_error", "shutdown", "restart", "progress"
]
How = Literal["stopped", "start_failed", "gave_up", "auto_shutdown"]

KILLED = Reason("killed", "killed with all below it")


class Notice:
    """News of a child that waits in the mailbox like any message."""

    __slots__ = ("child", "died", "run")

    def __init__(self, child: Child, *, died: bool) -> None:
        self.child = child
        self.run = child.run
        self.died = died


Message = Notice | Request


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
        self.window = RestartWindow(spec.intensity, spec.period)
        self.children: dict[str, Child] = {}
        self.instances = 0
        self.how: How | None = None
        self._reason = SHUTDOWN
        self._was_up = self._asked_to_stop = self._killing = False
        self._mailbox: deque[Message] = deque()
        self._draining = self._requests_wait = False
        self._plans: dict[Plan[Child], purpose.Purpose] = {}
        self._advancing: set[Plan[Child]] = set()
        self.handler = Handler(self)
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
        self.window = RestartWindow(self.spec.intensity, self.spec.period)
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
        while self._mailbox:
            self._refuse(self._mailbox.popleft())

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
        self._forget_if_over(child)
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
        self._drain()

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
        self._forget_if_over(child)
        self._complete(child)

    def _start_was_cut_short(self, plan: Plan[Child], child: Child) -> None:
        """An operator stopped it while it was starting: the plan goes on without it."""
        why = self._plans[plan]
        if isinstance(why, purpose.Answered) and why.child is child:
            self._unplan(plan)
            why.cut_short(self)
            self._drain()
        else:
            self._complete(child)

    def child_exited(self, child: Child) -> None:
        """A death waits for its turn like any message."""
        self.post(Notice(child, died=True))

    def child_retry_due(self, child: Child) -> None:
        """So does a retry."""
        self.post(Notice(child, died=False))

    # The mailbox.

    def post(self, message: Message) -> None:
        """Handle a message now, or when what it concerns is free."""
        self._mailbox.append(message)
        self._drain()

    def _drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        try:
            self._handle_what_is_free()
        finally:
            self._draining = False

    def _handle_what_is_free(self) -> None:
        """Handle messages in order until all that are left have to wait."""
        progress = True
        while progress and self._mailbox:
            progress = False
            waiting: deque[Message] = deque()
            while self._mailbox:
                message = self._mailbox.popleft()
                if self._must_wait(message):
                    waiting.append(message)
                else:
                    self._handle(message)
                    progress = True
            self._mailbox = waiting
            self._requests_wait = any(isinstance(message, Request) for message in waiting)

    def _must_wait(self, message: Message) -> bool:
        if self._is_closed:
            return False
        if isinstance(message, Request):
            return self.handler.must_wait(message)
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
            self.handler.handle(message)
        elif message.run == message.child.run:
            self._handle_notice(message.child, died=message.died)

    def _handle_notice(self, child: Child, *, died: bool) -> None:
        """Old news are dropped: a death that a stop absorbed, a retry that was overtaken."""
        if died and child.pending is not None:
            self._after_exit(child, child.pending)
        elif not died and child.state == "restarting" and not child.monitored:
            self._leave_down(child, Cause("request", child.path, child.last_exit, "unmonitor"))
        elif not died and child.state == "restarting":
            cause = Cause("retry", child.path, child.last_exit, self.strategy, parent=child.cause)
            self._restart(child, cause, paid=child.paid)

    # Decisions.

    def _after_exit(self, child: Child, reason: Reason) -> None:
        """A child ended by itself (OTP: `do_restart`)."""
        if is_worth_a_report(child.spec.restart, reason):
            self.report("child_terminated", child, reason)
        cause = Cause("exit", child.path, reason, self.strategy, parent=child.cause)
        if should_restart(child.spec.restart, reason) and child.monitored:
            child.alone = False
            self._restart(child, cause, paid=False)
            return
        if not child.monitored:
            self._leave_down(child, cause)
        else:
            child.move("gone", cause, reason)
        self._forget_if_over(child)
        if self._shuts_down_with(child):
            self.end(
                "auto_shutdown", SHUTDOWN, Cause("auto_shutdown", child.path, reason, parent=cause)
            )

    def _leave_down(self, child: Child, cause: Cause) -> None:
        """Nobody restarts a child that is not monitored, a sibling's group restart neither."""
        child.wanted = False
        child.move("gone", cause, child.pending)

    def _shuts_down_with(self, child: Child) -> bool:
        """Whether the final end of this child ends the supervisor (OTP.md 13)."""
        mode = self.spec.auto_shutdown if isinstance(self.spec, Supervisor) else "never"
        if mode == "never" or not child.spec.significant:
            return False
        others = (c for c in self.children.values() if c is not child and c.spec.significant)
        return mode == "any_significant" or all(c.state == "down" for c in others)

    def _restart(self, child: Child, cause: Cause, *, paid: bool) -> None:
        """Restart `child` and whom the strategy restarts with it, unless it is once too often."""
        allowed = paid or self.window.add(self.core.now)
        cause = self._counted(cause)
        if not allowed:
            self._give_up(child, cause)
            return
        if child.state != "restarting":
            child.move("retry", cause, child.pending)
        wait = 0.0 if paid or cause.kind == "retry" else self._next_delay(child)
        if not paid:
            why = child.last_exit or SHUTDOWN
            self.report("restart", child, why, delay=wait, cause=cause)
        self._restart_group(child, cause, wait)

    def _restart_group(self, child: Child, cause: Cause, wait: float) -> None:
        order = tuple(self.children.values()) if self.is_serial else (child,)
        group = affected("one_for_one" if child.alone else self.strategy, order, child)
        for other in group:
            other.alone = other is child and child.alone
        stops = [c for c in reversed(group) if c is not child and c.state != "down"]
        if wait > 0:
            due = self.core.now + wait
            self.carry_out(purpose.StopGroup(cause, child, due), chain(stops, []), [child])
            return
        starts = [c for c in group if c.wanted and (c.spec.restart != "temporary")]
        self.carry_out(purpose.Restart(cause, child), chain(stops, starts), [child])

    def _counted(self, cause: Cause) -> Cause:
        """The cause, with what it used up of the restart window."""
        spec = self.spec
        used = self.window.used(self.core.now)
        return evolve(cause, restarts=used, intensity=spec.intensity, period=spec.period)

    def _give_up(self, child: Child, cause: Cause) -> None:
        """Too many restarts: stop everything; the parent decides about us (OTP.md 12)."""
        why = evolve(cause, kind="gave_up", path=self.path, parent=cause)
        too_many = Reason("shutdown", "too many restarts")
        self.report("shutdown", child, too_many, cause=why)
        if child.pending is not None:
            child.move("gone", why, child.pending)
        self.end("gave_up", too_many, why)

    def retry_later(self, child: Child, reason: Reason) -> None:
        """A start failed: try again when the mailbox has been served, or after the backoff."""
        child.move("retry", child.cause, reason)
        child.retry_at(self.core.now + self._next_delay(child), paid=False)

    def _next_delay(self, child: Child) -> float:
        """Seconds to wait before the next attempt, which this call counts."""
        policy = child.spec.backoff
        if policy and child.was_ready_for >= policy.reset_after:
            child.attempts = 0
        child.attempts += 1
        return backoff.delay(policy, child.attempts, self.core.random)

    def _forget_if_over(self, child: Child) -> None:
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
            self._drain()
        elif self._requests_wait:  # one may be free now, or cut short the start that just began
            self._drain()

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

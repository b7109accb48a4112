"""One supervisor: its children, its messages and its plans.

As OTP's supervisor it handles one message at a time; what arrives while it is busy waits. Under
one_for_one only what concerns a child in a plan is busy; under the group strategies all is.
Decides its own start and end, and who has to wait. Restarts are decided in `restarter`, requests
of operators in `requests`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Literal

from attrs import evolve

from ..errors import NotRunning
from ..specs import ChildSpec, Command, DynamicSupervisor, Supervisor, Worker
from ..specs.check import BRUTAL_KILL
from . import purpose
from .cause import Attempt, Cause
from .child import UP, Child, Parent
from .core import Core
from .difference import is_other_kind
from .effects import Reply, Report
from .events import Request, StopSupervisor
from .executor import Executor
from .mailbox import Mailbox, Message, Notice
from .order import order_of
from .plan import COMPLETED, HEALTHY, READY, STARTED, Plan
from .process import ProcessChild
from .reasons import SHUTDOWN, Reason
from .requests import Handler
from .restarter import Restarter
from .strategy import is_expected_stop, should_restart

Context = Literal[
    "child_terminated", "start_error", "shutdown_error", "shutdown", "restart", "progress"
]
How = Literal["stopped", "start_failed", "gave_up", "auto_shutdown"]

_TROUBLES = 5
KILLED = Reason("killed", "killed with all below it")
STARTED_WELL = Reason("normal", "started")


def make_child(
    core: Core, spec: ChildSpec, path: str, parent: Parent, args: Sequence[Any] = ()
) -> Child:
    """The record for a spec."""
    if isinstance(spec, Worker | Command):
        return ProcessChild(core, spec, path, parent, args)
    return Node(core, spec, path, parent)


def _adopt(child: Child, spec: ChildSpec) -> None:
    """Let a child be of this spec; one that is of another kind stays what it is."""
    if is_other_kind(child.spec, spec):
        return
    if isinstance(child, Node):
        assert isinstance(spec, Supervisor | DynamicSupervisor)
        child.adopt(spec)
        return
    assert isinstance(child, ProcessChild)
    assert isinstance(spec, Worker | Command)
    child.follow(spec)


def _template_for(instance: Child, template: Any) -> Any:
    """Whose arguments are gone is never started again: it could only be as something else."""
    is_spent = isinstance(instance, ProcessChild) and instance.has_no_args
    return evolve(template, restart="temporary", start_retries=None) if is_spent else template


class Node(Child):
    """A `Supervisor` or a `DynamicSupervisor`."""

    spec: Supervisor | DynamicSupervisor

    def __init__(
        self, core: Core, spec: Supervisor | DynamicSupervisor, path: str, parent: Parent
    ) -> None:
        super().__init__(core, spec, path, parent)
        self.is_dynamic = isinstance(spec, DynamicSupervisor)
        self.type = "dynamic_supervisor" if self.is_dynamic else "supervisor"
        self.children: dict[str, Child] = {}
        self._follow(spec)
        self.how: How | None = None
        self.reason = SHUTDOWN
        self._was_up = self._asked_to_stop = self.is_killing = False
        self.mailbox = Mailbox(self._is_blocked, self._must_wait, self._handle)
        self.executor = Executor(self)
        self.carry_out = self.executor.carry_out
        self._handler = Handler(self)
        self.restarter = Restarter(self)
        self.troubles: deque[Attempt] = deque(maxlen=_TROUBLES)
        """How children ended or failed to start lately, in all incarnations."""
        self.is_fresh = True
        """Its children are as declared, none has been started yet."""
        self._load()

    def _follow(self, spec: Supervisor | DynamicSupervisor) -> None:
        """Decide by this spec from here on."""
        self.spec = spec
        self.strategy = spec.strategy if isinstance(spec, Supervisor) else "one_for_one"
        self.is_serial = self.strategy != "one_for_one"
        self.order = order_of(spec, self.children)

    def adopt(self, spec: Supervisor | DynamicSupervisor) -> None:
        """Become what this spec says, as far as nothing has to be started or stopped for that.

        Children that are new are there, and down. Those that it does not have any more, or that
        became something else, stay as they are until somebody takes them away.
        """
        before = {child.name for child in self.declared}
        self._follow(spec)
        self.restarter.adopt()
        if self.state in ("down", "restarting"):  # it begins with what it has now
            self._clear()
            self._load()
            return
        if isinstance(spec, DynamicSupervisor):
            for instance in self.children.values():
                _adopt(instance, _template_for(instance, spec.template))
            return
        names = {child.name for child in spec.children}
        for each in self.children.values():  # if they were dropped once, until they are back
            each.dropped = each.name not in names and (each.dropped or each.name in before)
        for child in spec.children:
            self._adopt_child(child, is_new=child.name not in before)
        self.arrange()

    def _adopt_child(self, spec: ChildSpec, *, is_new: bool) -> None:
        child = self.children.get(spec.name)
        if child is not None:
            _adopt(child, spec)
        elif is_new or spec.restart != "temporary" or not spec.autostart:
            self.add_later(spec)

    def add_later(self, spec: ChildSpec) -> Child:
        """The record of a child that a reload will start."""
        child = self.add(spec, spec.name)
        child.wanted, child.owed = False, spec.autostart
        return child

    def arrange(self) -> None:
        """Bring the children into the order of the spec; whom it does not have comes last."""
        names = {child.name: None for child in self.declared if child.name in self.children}
        for name in (*names, *(n for n in self.children if n not in names)):
            self.children[name] = self.children.pop(name)
        self.order.changed()

    def _load(self) -> None:
        """Children as declared."""
        for spec in self.declared:
            self.add(spec, spec.name)

    @property
    def declared(self) -> Sequence[ChildSpec]:
        """The specs of the children that it begins with."""
        return self.spec.children if isinstance(self.spec, Supervisor) else ()

    def begin_now(self) -> None:
        """Whatever is below has been down until now; when it was declared is no matter."""
        for child in self.children.values():
            child.since = self.core.now
            if isinstance(child, Node):
                child.begin_now()

    def _clear(self) -> None:
        for child in list(self.children.values()):
            self.forget(child)

    def add(self, spec: ChildSpec, name: str, args: Sequence[Any] = ()) -> Child:
        """Append a record for this spec."""
        child = make_child(self.core, spec, self.path_of(name), self, args)
        self.children[name] = child
        self.order.changed()
        return child

    @property
    def label(self) -> str:
        """Its path; the root's own name."""
        return self.path or self.name

    def path_of(self, name: str) -> str:
        """The path of a child of this name."""
        return f"{self.path}/{name}" if self.path else name

    def forget(self, child: Child) -> None:
        """Delete a record, and with it all records below it."""
        if isinstance(child, Node):
            child._clear()
        del self.children[child.name]
        self.order.changed()
        del self.core.children[child.path]

    def not_running(self) -> NotRunning:
        """The error for requests that this supervisor cannot answer any more."""
        error = NotRunning(f"supervisor {self.name!r} is not running; it is {self.state}")
        error.is_of_a_supervisor = self.path != ""
        return error

    # Start and end of the supervisor itself.

    def start(self, cause: Cause) -> None:
        """Start all children, in order; a new incarnation with an empty restart history."""
        self.run = self.core.next_run()
        self.how, self.reason = None, SHUTDOWN
        self._was_up = self._asked_to_stop = self.is_killing = self.is_healthy = False
        self.mailbox.release()
        if self.is_fresh:
            self.begin_now()
        else:  # what was added at run time is gone (OTP.md 12.4)
            self._clear()
            self._load()
            self.restarter = Restarter(self)
        self.is_fresh = False
        self.move("start", cause)
        wanted = [child for child in self.children.values() if child.wanted]
        self.carry_out(purpose.Boot(cause), starts=wanted)

    def resume(self) -> None:
        """It is up, as a supervisor of another engine is: see `checkpoint`."""
        self.run = self.core.next_run()
        self._was_up = True

    def booted(self) -> None:
        """All children are up."""
        self._was_up = self.is_healthy = True
        self.move("ready", self.cause)
        self.report("progress", self, STARTED_WELL)
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
        if self.state in UP and self.pending is None and not self.is_killing:
            self.is_killing = True
            self.end("stopped", KILLED, cause)
            self.reason = KILLED
            for child in reversed(list(self.children.values())):
                child.kill(cause)

    def killed(self, request: StopSupervisor) -> None:
        """End with all that is below, as if killed from outside; its supervisor sees an end."""
        if not self._is_closed:
            why = Cause("request", request.path, request.reason, "kill", by=request.caller)
            self.is_killing = True
            self.end("stopped", request.reason, why)
            for child in reversed(list(self.children.values())):
                child.kill(why)

    def end(self, how: How, reason: Reason, cause: Cause) -> None:
        """Stop all children and then be gone; the first call decides how and why."""
        if self.how is not None:
            return
        self.how, self.reason = how, reason
        self.move("stop", cause)
        self._drop_work()
        self.carry_out(purpose.End(cause), stops=list(reversed(self.children.values())))

    def _drop_work(self) -> None:
        """Nothing that was planned or asked for happens any more (OTP.md 17.3)."""
        self.executor.drop_all()
        for message in self.mailbox.take_all():
            self._refuse(message)

    def _refuse(self, message: Message) -> None:
        if isinstance(message, Request):
            self.core.emit(Reply(message.ref, error=self.not_running()))

    def ended(self) -> None:
        """All children are down: tell the parent in the way it waits for.

        Whoever suspended it has suspended nobody any more: what was kept is refused.
        """
        self.core.timers.cancel(self)
        self.mailbox.release()
        if self._asked_to_stop:
            self.move("gone", self.cause, self.reason)
            self.parent.child_stopped(self, self.reason)
        elif self._was_up:
            self.pending = self.reason
            self.parent.child_exited(self)
        else:
            self.parent.child_start_failed(self, self.reason)

    def completes_with(self, reason: Reason | None) -> bool:
        """One that gave up has not done its work, although OTP counts that as a normal end."""
        return self.how != "gave_up" and super().completes_with(reason)

    @property
    def ends_by_itself(self) -> bool:
        """It is stopping, and nobody has asked it to."""
        return self.how is not None and not self._asked_to_stop

    def limit_start(self) -> None:
        """A supervisor's start has no deadline of its own; its children's have."""

    def start_timed_out(self) -> None:
        """For want of a deadline this never happens."""

    def fail_start(self, reason: Reason) -> None:
        """End, although all children are up: somebody waits for more than that in vain."""
        self.end("stopped", reason, Cause("start_failed", self.path, reason, parent=self.cause))

    # What the children tell.

    def child_spawned(self, child: Child) -> None:
        """A start has come half-way."""
        if self.order.is_graph:
            self.executor.reached(child, STARTED)

    def child_ready(self, child: Child) -> None:
        """A start is done, unless others wait for more of it."""
        if not isinstance(child, Node):
            self.report("progress", child, STARTED_WELL)
        self.executor.reached(child, HEALTHY if child.is_healthy else READY)

    def child_healthy(self, child: Child) -> None:
        """Nor is more to be waited for, unless for its end."""
        self.executor.reached(child, HEALTHY)

    def child_ignored(self, child: Child) -> None:
        """A start is done without a process; such a record is kept unless it cannot be used."""
        declined = Reason("normal", "declined to run")
        child.move("gone", Cause("exit", child.path, declined, parent=child.cause), declined)
        child.is_done = True
        self.forget_if_over(child)
        self.executor.complete(child)
        self.executor.release()  # of one that is on its own no plan has been waiting

    def child_start_failed(self, child: Child, reason: Reason) -> None:
        """Drop the rest of the plan and do as its purpose says."""
        plan = child.plan
        if plan is not None and child.is_being_started:
            self.executor.fail(plan, child, reason)
            self.mailbox.drain()
        elif self._is_closed:  # the plan was dropped when this supervisor began to end
            child.move("gone", child.cause, reason)
        else:  # it was dropped when another start failed
            self.report("start_error", child, reason)
            self.restarter.retry_later(child, reason)
        self.executor.release()

    def child_stopped(self, child: Child, reason: Reason | None) -> None:
        """A stop is done; it may have cut a start short."""
        if reason is not None and not is_expected_stop(
            reason, brutal=child.spec.shutdown == BRUTAL_KILL
        ):
            self.report("shutdown_error", child, reason)
        plan = child.plan
        if plan is not None and child.is_being_started:
            self._start_was_cut_short(plan, child)
            return
        self.forget_if_over(child)
        self.executor.complete(child)

    def _start_was_cut_short(self, plan: Plan[Child], child: Child) -> None:
        """An operator stopped it while it was starting: the plan goes on without it."""
        why = self.executor.why(plan)
        if isinstance(why, purpose.Answered) and why.child is child:
            self.executor.end(plan)
            why.cut_short(self)
            self.mailbox.drain()
        else:
            self.executor.complete(child)

    def child_exited(self, child: Child) -> None:
        """A death waits for its turn like any message, unless it is just what is waited for."""
        if child.is_being_started:  # it was up, but others wait for more
            self._awaited_one_ended(child, child.pending or SHUTDOWN)
            return
        self.post(Notice(child, died=True))
        if child.pending is not None and self.is_serial and self.executor.is_busy:  # it has to wait
            self._fail_those_in_vain(child, child.pending)

    def _awaited_one_ended(self, child: Child, reason: Reason) -> None:
        """Others wait until it has completed, or is healthy; this is the former, or neither."""
        plan = child.plan
        assert plan is not None
        if child.completes_with(reason) and plan.goal(child) == COMPLETED:
            self.restarter.ended_for_good(
                child, Cause("exit", child.path, reason, parent=child.cause)
            )
            if self.executor.has(plan):  # else that was a significant end: we end, too
                self.executor.complete(child)
            return
        goal = "it had completed" if plan.goal(child) == COMPLETED else "it was healthy"
        self.child_start_failed(child, Reason("error", f"{reason} before {goal}", reason.code))

    def _fail_those_in_vain(self, dead: Child, reason: Reason) -> None:
        """While a plan waits for a child to complete, the death of one that this child depends on
        would wait behind it; and the child for that one to come back, perhaps for ever."""
        if not self.executor.has_awaited or not should_restart(dead.spec.restart, reason):
            return
        for child in self.order.rest(dead):
            if child.is_awaited and child is not dead:
                child.fail_start(Reason("error", f"{dead.name!r}, which it is after, has ended"))

    def child_retry_due(self, child: Child) -> None:
        """So does a retry."""
        self.post(Notice(child, died=False))

    # Messages.

    def post(self, message: Message) -> None:
        """Handle a message now, or when what it concerns is free."""
        self.mailbox.post(message)

    def _is_blocked(self) -> bool:
        """It does one thing at a time, and has one to do."""
        return self.is_serial and self.executor.is_busy and not self._is_closed

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
            return self.executor.is_busy
        return child is not None and child.plan is not None

    def _handle(self, message: Message) -> None:
        if self._is_closed:
            self._refuse(message)
        elif isinstance(message, Request):
            self._handler.handle(message)
        elif message.run == message.child.run:
            self._handle_notice(message)
        self.executor.release()  # whatever that has led to, somebody may have waited for it

    def _handle_notice(self, notice: Notice) -> None:
        """Old news are dropped: a death that a stop absorbed, a retry that was overtaken."""
        child = notice.child
        if notice.died and child.pending is not None:
            self.restarter.after_exit(child, child.pending)
        elif not notice.died and child.state == "restarting":
            self.restarter.retry(child)

    def forget_if_over(self, child: Child) -> None:
        """Delete the record of a child that will never run again (OTP.md 8.1, 16.5)."""
        if self.children.get(child.name) is child and self.forgets(child):
            self.forget(child)

    def forgets(self, child: Child) -> bool:
        """Whether the record of this child ends with it. Not of one that has become temporary, and
        is about to be started again for what it was."""
        if self.is_dynamic:
            return True
        if child.is_on_its_own:  # an operator may start it again
            return False
        is_over = child.spec.restart == "temporary" and not child.on_demand and not child.owed
        return is_over and not (child.plan is not None and child.plan.will_start(child))

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

"""One child of a supervisor: its state, and the table of all legal changes of it.

Every change of state goes through `Child.move` and `TRANSITIONS`; what is not in the table is a
bug in this package. What a child *is* (a process, a supervisor) is told by the two subclasses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..specs import After, ChildSpec
from ..specs.after import Condition
from .cause import BOOT, Cause
from .core import Core
from .effects import State, StateChange
from .reasons import Reason

if TYPE_CHECKING:
    from .plan import Plan

Trigger = Literal["start", "ready", "stop", "gone", "retry"]

TRANSITIONS: dict[State, dict[Trigger, State]] = {
    "down": {"start": "starting", "retry": "restarting"},
    "starting": {"ready": "running", "stop": "stopping", "gone": "down", "retry": "restarting"},
    "running": {"stop": "stopping", "gone": "down", "retry": "restarting"},
    "stopping": {"gone": "down", "retry": "restarting"},
    "restarting": {"start": "starting", "gone": "down"},
}
"""start: a start begins; ready: it can serve; stop: it is asked to end; gone: nothing of it is
left; retry: nothing of it is left, and another start will follow, after a while or when what it
depends on is there."""

_ENDS: frozenset[Trigger] = frozenset({"gone", "retry"})

UP: frozenset[State] = frozenset({"starting", "running", "stopping"})
"""The states in which there may be a process (OTP: the record holds a pid)."""


class Parent(Protocol):
    """What a child tells its supervisor."""

    def child_spawned(self, child: Child) -> None:
        """The start that was asked for has come so far that there is a process."""

    def child_ready(self, child: Child) -> None:
        """The start that was asked for is done."""

    def child_healthy(self, child: Child) -> None:
        """A child that is ready has said that all is well."""

    def child_ignored(self, child: Child) -> None:
        """The start is done, and the child declined to run."""

    def child_start_failed(self, child: Child, reason: Reason) -> None:
        """The start that was asked for has failed; nothing of the child is left."""

    def child_stopped(self, child: Child, reason: Reason | None) -> None:
        """The stop that was asked for is done; `reason` is None if there was nothing to stop."""

    def child_exited(self, child: Child) -> None:
        """The child ended by itself; `child.pending` says why."""

    def child_retry_due(self, child: Child) -> None:
        """The wait before the next start attempt is over."""


class Child:
    """A child record: spec, state, and what is remembered of the past.

    Its last methods are for the two subclasses to write. It is no `abc.ABC`, whose instance checks
    are several times slower than others, and there are many.
    """

    # There are many records, and all their fields are used sooner or later: slots take half of
    # the room.
    __slots__ = (
        *("core", "spec", "path", "name", "type", "parent", "plan"),
        *("wanted", "on_demand", "is_on_its_own"),
        *("state", "cause", "since", "run", "pid", "info", "status", "monitored", "pending"),
        *("is_healthy", "unready", "is_done", "awaited", "retry_due"),
        *("alone", "paid", "owed", "dropped"),
        *("last_exit", "last_run", "last_output", "restarts", "attempts", "was_ready_for"),
    )

    def __init__(self, core: Core, spec: ChildSpec, path: str, parent: Parent) -> None:
        self.core = core
        self.spec = spec
        self.path = path
        self.name = path.rpartition("/")[2] or spec.name
        """The last part of the path; the spec's own name for the root."""
        self.type = ""
        self.parent = parent
        self.plan: Plan[Child] | None = None
        self.wanted = spec.autostart
        """False for a child that an operator stopped or that nobody has started yet."""
        self.on_demand = not spec.autostart
        """Declared with autostart=False: the record stays even if the child is temporary."""
        self.is_on_its_own = False
        """Its supervisor neither waits for its starts nor counts its failures."""
        self.state: State = "down"
        self.cause = BOOT
        self.since = core.now
        self.run = 0
        self.pid: int | None = None
        self.info: Any = None
        self.status: str | None = None
        self.monitored = True
        """False: when it ends by itself it is left down."""
        self.pending: Reason | None = None
        """It ended by itself and its supervisor has not looked at that yet."""
        self.is_healthy = False
        """Its present incarnation has said that all is well."""
        self.unready = ""
        """Why it cannot serve just now, although it runs; "" if it can."""
        self.is_done = False
        """It ended normally and for good, or declined to run: whoever depends on it may go on."""
        self.awaited: After | None = None
        """The dependency for which it waits in `restarting`."""
        self.retry_due: float | None = None
        """When the next attempt comes, if it waits in `restarting` for a time."""
        self.alone = False
        """It waits for a retry that concerns nobody else, as the request did that led to it."""
        self.paid = False
        """The coming retry is already counted in the restart window."""
        self.owed = False
        """A reload has stopped it, and will start it again; or could not start it."""
        self.dropped = False
        """A reload is to take it away, and has not done so yet."""
        self.last_exit: Reason | None = None
        self.last_run = 0
        """The incarnation that ended so."""
        self.last_output: tuple[str, ...] = ()
        """What that wrote last, if it crashed."""
        self.restarts = 0
        self.attempts = 0
        """Restart attempts in a row, for the backoff."""
        self.was_ready_for = 0.0
        """How long its last incarnation was ready, in seconds, once that is over."""
        core.children[path] = self

    def move(self, trigger: Trigger, cause: Cause, reason: Reason | None = None) -> None:
        """Change the state as the table says, and tell the world.

        Raises:
            KeyError: never, unless this package has a bug.
        """
        core, before, pid, run = self.core, self.state, self.pid, 0
        self.state = TRANSITIONS[before][trigger]
        if before == "running":
            self.was_ready_for = core.now - self.since
        elif trigger == "start":
            self.was_ready_for = 0.0
            self.is_healthy = self.is_done = False
            core.timers.cancel(self)  # of the retry, if the start comes before it
        self.cause = cause
        self.since = core.now
        self.unready = ""
        self.awaited = self.retry_due = None
        if trigger in _ENDS:
            if before in UP:
                run = self.last_run = self.run
                self.last_output = ()
            self.pid = self.status = self.info = self.pending = None
            self.last_exit = reason or self.last_exit
            core.timers.cancel(self)
        core.emit(StateChange(core.now, self.path, self.state, cause, pid, reason, run=run))

    def stop(self, cause: Cause) -> None:
        """Ask for a stop; answered by `child_stopped`, at once if there is nothing to stop."""
        if self.state in UP and self.pending is None:
            self.begin_stop(cause)
            return
        reason = self.pending
        if self.state != "down":
            self.move("gone", cause, reason)
        self.parent.child_stopped(self, reason)

    def retry_at(self, due: float, *, paid: bool) -> None:
        """Wait in `restarting` until `due`; `paid` if the attempt is counted already."""
        self.paid = paid
        self.retry_due = due
        self.core.timers.set(self, due)

    def wait_for(self, dependency: After, cause: Cause) -> None:
        """Wait in `restarting` until this dependency is satisfied; that costs no attempt."""
        if self.state == "down":
            self.move("retry", cause)
        elif self.cause.kind == "waits" and dependency != self.awaited:
            self.cause = cause  # it has waited for another
        self.awaited = dependency

    def satisfies(self, condition: Condition) -> bool:
        """Whether a sibling that is after this child has nothing to wait for."""
        if self.is_done:
            return True
        if self.state == "running":
            return condition in ("started", "ready") or (condition == "healthy" and self.is_healthy)
        return self.state == "starting" and condition == "started" and self.pid is not None

    def completes_with(self, reason: Reason | None) -> bool:
        """Whether an end for this reason is what those wait for who want it completed."""
        return reason is not None and reason.is_normal

    @property
    def start_retries(self) -> int | None:
        """How often a start that failed is tried again; None leaves that to its supervisor."""
        return None

    @property
    def is_awaited(self) -> bool:
        """It is ready, and the plan that started it waits for more of it."""
        return self.state == "running" and self.is_being_started

    @property
    def is_being_started(self) -> bool:
        """A plan is at its start, and not done with it."""
        return self.plan is not None and self.plan.doing(self) == "start"

    def timeout(self) -> None:
        """The child's deadline has come; which one it was, the state tells."""
        if self.state == "restarting":
            self.parent.child_retry_due(self)
        elif self.state == "starting" or self.is_awaited:
            self.start_timed_out()
        elif self.state in ("stopping", "running"):
            self.kill_late()

    def limit_stop(self) -> None:
        """Set the deadline after which a stop becomes a kill, from the spec's `shutdown`."""
        if isinstance(self.spec.shutdown, int | float):
            self.core.timers.set(self, self.core.now + self.spec.shutdown)

    def start(self, cause: Cause) -> None:
        """Ask for a start; answered by `child_ready`, `child_ignored` or `child_start_failed`."""
        raise NotImplementedError

    def begin_stop(self, cause: Cause) -> None:
        """Stop what is up; answered by `child_stopped`."""
        raise NotImplementedError

    def limit_start(self) -> None:
        """Set the deadline of what its start still has to come to."""
        raise NotImplementedError

    def start_timed_out(self) -> None:
        """It did not get ready, or healthy, in time."""
        raise NotImplementedError

    def fail_start(self, reason: Reason) -> None:
        """End it, although it is up: its start has failed."""
        raise NotImplementedError

    def kill_late(self) -> None:
        """It did not end in the time that it had."""
        self.kill(self.cause)

    def kill(self, cause: Cause) -> None:
        """End everything below and including this child without asking."""
        raise NotImplementedError

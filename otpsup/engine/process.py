"""A child that is a process: what its supervisor asks and what its process does, put together.

Decides readiness, start timeout and kill escalation of one process. Knows nothing of siblings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from ..specs import Command, Spawned, Worker
from ..specs.check import BRUTAL_KILL
from .cause import Cause
from .child import UP, Child, Parent
from .core import Core
from .effects import Kill, Readiness, Spawn, Terminate
from .reasons import Exit, Reason, classify


class ProcessChild(Child):
    """A `Worker` or a `Command`."""

    __slots__ = (
        *("args", "has_no_args", "made_of", "why_not"),
        *("_asked", "_declined", "_failing", "_killed"),
    )

    spec: Worker | Command

    def __init__(
        self,
        core: Core,
        spec: Worker | Command,
        path: str,
        parent: Parent,
        args: Sequence[Any] = (),
    ) -> None:
        super().__init__(core, spec, path, parent)
        self.follow(spec)
        self.args = tuple(args)
        self.has_no_args = False
        """It had some, for its one start, and could not be started with them again."""
        self.made_of = spec
        """The spec of its last incarnation; its own may be newer, after a reload."""
        self._asked = self._killed = self._declined = False
        self._failing: Reason | None = None
        """Why it is being ended, if nobody has asked for that: it did not get ready, or a check of
        it has failed."""
        self.why_not = ""
        """Why it is not ready yet, as far as is known."""

    def follow(self, spec: Worker | Command) -> None:
        """Decide by this spec from here on; what runs is what it was made of."""
        self.spec = spec
        self.type = "worker" if isinstance(spec, Worker) else "command"
        self.on_demand = not spec.autostart
        self.is_on_its_own = spec.start_retries is not None

    @property
    def start_retries(self) -> int | None:
        """As its spec has it."""
        return self.spec.start_retries

    # What the supervisor asks.

    def start(self, cause: Cause) -> None:
        """Spawn a new incarnation."""
        self.run = self.core.next_run()
        self._asked = self._killed = self._declined = False
        self._failing, self.why_not = None, ""
        self.move("start", cause)
        self.limit_start()
        self.made_of = self.spec
        self.core.emit(Spawn(self.path, self.run, self.spec, self.args))
        if not self.is_on_its_own:
            self._forget_args()

    def _forget_args(self) -> None:
        """One that is never started again needs none, and they may be large (OTP.md 3.5)."""
        if self.spec.restart == "temporary" and self.args:
            self.args = ()
            self.has_no_args = True

    def begin_stop(self, cause: Cause) -> None:
        """Send the stop signal, or SIGKILL for brutal_kill."""
        self._failing = None
        if self.state == "stopping":  # it was being stopped for not getting ready
            self.cause = cause
            return
        self.move("stop", cause)
        if not (self._killed or self._asked):  # else a check of it has failed before
            self._ask_to_end()

    def kill(self, cause: Cause) -> None:
        """Send SIGKILL, once."""
        self._kill(late=False)

    def kill_late(self) -> None:
        """Send SIGKILL, once, to what did not listen."""
        self._kill(late=True)

    def _kill(self, *, late: bool) -> None:
        if self.state in UP and self.pending is None and not self._killed:
            self._killed = True
            self.core.timers.cancel(self)
            self.core.emit(Kill(self.path, self.run, late))

    def limit_start(self) -> None:
        """From now on it has `start_timeout` seconds."""
        self.core.timers.set(self, self.core.now + self.spec.start_timeout)

    def start_timed_out(self) -> None:
        """Stop what did not get so far; when it is gone, the start has failed."""
        limit = f"within {self.spec.start_timeout:g} s"
        if self.state == "running":
            self.fail_start(Reason("error", f"not healthy {limit}: it has sent no heartbeat"))
            return
        why = f": {self.why_not}" if self.why_not else ""
        self.fail_start(Reason("error", f"not ready {limit}{why}"))

    def fail_start(self, reason: Reason) -> None:
        """Stop it; when it is gone, its start has failed."""
        self._failing = reason
        self.move("stop", Cause("start_failed", self.path, reason, parent=self.cause))
        if not self._killed:
            self._ask_to_end()

    def _ask_to_end(self) -> None:
        if self.spec.shutdown == BRUTAL_KILL:
            self.kill(self.cause)
            return
        self._asked = True
        self.core.timers.cancel(self)
        self.core.emit(Terminate(self.path, self.run))
        self.limit_stop()

    # What the process does.

    def spawned(self, pid: int) -> None:
        """There is a process now."""
        self.pid = pid
        self.parent.child_spawned(self)
        if isinstance(self.made_of.ready, Spawned):
            self.ready(None)

    def ready(self, info: Any) -> None:
        """It says that it is ready; news after the start's end are old news."""
        if self.state == "starting" and not self._declined:
            self.core.timers.cancel(self)
            self._forget_args()
            self.info = info
            self.move("ready", self.cause)
            self.parent.child_ready(self)

    def healthy(self) -> None:
        """It says that all is well; if it is being ended for its health, too late."""
        if not self.is_healthy and not self.is_failing:
            self.is_healthy = True
            if self.state == "running":
                self.core.timers.cancel(self)  # it has only that of its health
                self.parent.child_healthy(self)

    def unhealthy(self, reason: Reason) -> None:
        """A check has failed that means its end. While it runs its supervisor hears nothing of
        that: it hears of an end, as of any other."""
        if self.state == "starting" or self.is_awaited:
            self.fail_start(reason)
        elif self.state == "running" and self.pending is None and self._failing is None:
            self._failing = reason
            self.mark(str(reason))
            if not self._killed:
                self._ask_to_end()

    @property
    def is_failing(self) -> bool:
        """It is being ended, and nobody has asked for that."""
        return self._failing is not None

    def mark(self, why: str) -> None:
        """Whether it can serve just now; that changes nothing else."""
        if self.state == "running" and self.pending is None and why != self.unready:
            self.unready = why
            self.core.emit(
                Readiness(self.core.now, self.path, self.pid, why, self.cause, self.is_failing)
            )

    def ignored(self) -> None:
        """It declined to run; its exit will follow."""
        self._declined = self.state == "starting"

    def unstartable(self, reason: Reason) -> None:
        """There is no process, or there is no hope that it gets ready."""
        if self.pid is None:
            self._gone(reason)
        elif self.state == "starting":
            self.fail_start(reason)

    def exited(self, exit: Exit, given: Reason | None) -> None:
        """The process is gone."""
        self._gone(
            given
            or classify(
                exit,
                exitcodes=self.spec.exitcodes,
                stop_signal=self.spec.stop_signal,
                stopping=self._asked,
                killed=self._killed,
            )
        )

    def _gone(self, reason: Reason) -> None:
        self.core.timers.cancel(self)
        if self.state == "running":
            self.pending = reason if self._failing is None else self._why_failed(reason)
            self.parent.child_exited(self)
        elif self.state == "stopping" and self._failing is None:
            self.move("gone", self.cause, reason)
            self.parent.child_stopped(self, reason)
        elif self._declined:
            self.parent.child_ignored(self)
        elif self.state in ("starting", "stopping"):
            self.parent.child_start_failed(self, self._why_failed(reason))

    def _why_failed(self, reason: Reason) -> Reason:
        """Why it failed to start, or while it ran; with where it hung, if it was killed."""
        if self._failing is None:
            return _early(reason)
        return evolve(self._failing, traceback=reason.traceback or self._failing.traceback)


def _early(reason: Reason) -> Reason:
    """The reason of a start that failed because the process ended before it was ready."""
    if reason.kind in ("error", "exception"):
        return reason
    return Reason("error", f"{reason} before it was ready", reason.code, reason.signal)

"""What becomes of a child that ended: restart, retry, give up, or shut down with it.

The decisions of OTP's supervisor (`do_restart`, `restart`, `add_restart`; supervisor.erl) for one
incarnation of one supervisor, with its own restart window. The work is carried out by the node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from ..specs import After, Supervisor
from . import backoff, purpose
from .cause import Attempt, Cause, CauseKind
from .child import Child
from .intensity import RestartWindow
from .reasons import SHUTDOWN, Reason
from .strategy import affected, is_worth_a_report, should_restart

if TYPE_CHECKING:
    from .node import Node


class Restarter:
    """Decides for one incarnation of a supervisor; a new one begins with an empty window."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._window = RestartWindow(node.spec.intensity, node.spec.period)

    def attempts(self, now: float) -> tuple[Attempt, ...]:
        """The restarts that still count."""
        self._window.used(now)
        return self._window.attempts

    def restarts_left(self, now: float) -> int:
        """How many restarts at this time would not be too many."""
        return max(self._window.intensity - self._window.used(now), 0)

    def adopt(self) -> None:
        """The limits are now those of another spec."""
        self._window.limit(self._node.spec.intensity, self._node.spec.period)

    def remember(self, attempt: Attempt) -> None:
        """Count a restart that was before this engine."""
        self._window.add(attempt)

    def retry(self, child: Child) -> None:
        """The wait of a child that is `restarting` is over."""
        if not child.monitored:
            self._restart_without(child)
        elif child.awaited is not None:
            self._restart_group(child, self._released(child, child.awaited), 0.0)
        elif child.paid:
            cause = self._cause("retry", child, child.last_exit)
            self._restart_group(child, cause, 0.0)
        else:
            attempt = self._attempt(child, child.last_exit)
            self._restart(child, "retry", child.last_exit, attempt)

    def _restart_without(self, child: Child) -> None:
        """A child is not to come back; the others of its group, who waited with it, are."""
        cause = Cause("request", child.path, child.last_exit, "unmonitor")
        child.wanted = False
        stops, starts = self._group(child)  # its record may go, and its place among them with it
        self._leave_down(child, cause)
        self._node.carry_out(
            purpose.Restart(cause, child), stops=stops, starts=starts, others=[child]
        )

    def _released(self, child: Child, awaited: After) -> Cause:
        """Why it waits no longer: what it is after is there, or nobody waits for that any more."""
        other = self._node.children.get(awaited.name)
        is_there = other is not None and other.satisfies(awaited.condition)
        kind: CauseKind = "satisfied" if is_there else "unawaited"
        path = self._node.path_of(awaited.name)
        return Cause(kind, path, None, awaited.condition, parent=child.cause)

    def after_exit(self, child: Child, reason: Reason) -> None:
        """A child ended by itself (OTP: `do_restart`)."""
        attempt = self._attempt(child, reason)
        if is_worth_a_report(child.spec.restart, reason):
            self._node.report("child_terminated", child, reason)
            self._node.troubles.append(attempt)
        if should_restart(child.spec.restart, reason) and child.monitored:
            child.alone = False
            self._restart(child, "exit", reason, attempt)
        else:
            self.ended_for_good(child, Cause("exit", child.path, reason, parent=child.cause))

    def ended_for_good(self, child: Child, cause: Cause) -> None:
        """A child ended by itself and will not be restarted (OTP.md 8.1, 13.2)."""
        if not child.monitored:
            self._leave_down(child, cause)
        else:
            child.move("gone", cause, cause.reason)
            child.is_done = child.completes_with(cause.reason)
            self._node.forget_if_over(child)
        if self._shuts_down_with(child):
            why = Cause("auto_shutdown", child.path, cause.reason, parent=cause)
            self._node.end("auto_shutdown", SHUTDOWN, why)

    def _leave_down(self, child: Child, cause: Cause) -> None:
        """Nobody restarts a child that is not monitored, a sibling's group restart neither."""
        child.wanted = False
        child.move("gone", cause, child.pending)
        self._node.forget_if_over(child)

    def _shuts_down_with(self, child: Child) -> bool:
        """Whether the final end of this child ends the supervisor (OTP.md 13)."""
        mode = self._node.spec.auto_shutdown if isinstance(self._node.spec, Supervisor) else "never"
        if mode == "never" or not child.spec.significant:
            return False
        others = (c for c in self._node.children.values() if c is not child and c.spec.significant)
        return mode == "any_significant" or all(c.state == "down" for c in others)

    def _restart(
        self, child: Child, kind: CauseKind, reason: Reason | None, attempt: Attempt
    ) -> None:
        """Restart `child` and whom the strategy restarts with it, unless it is once too often."""
        if child.is_on_its_own:
            self._restart_on_its_own(child, kind, reason)
            return
        allowed = self._window.add(attempt)
        cause = self._cause(kind, child, reason)
        if not allowed:
            self._give_up(child, cause)
            return
        if child.state != "restarting":
            child.move("retry", cause, child.pending)
        wait = 0.0 if kind == "retry" else self._next_delay(child)
        self._node.report("restart", child, reason or SHUTDOWN, delay=wait, cause=cause)
        self._restart_group(child, cause, wait)

    def _restart_on_its_own(self, child: Child, kind: CauseKind, reason: Reason | None) -> None:
        """That concerns nobody and counts nowhere; whoever was ready has not failed to start."""
        if kind == "exit":
            child.attempts = 0
        cause = Cause(kind, child.path, reason, parent=_before(child.cause, child))
        if child.state != "restarting":
            child.move("retry", cause, child.pending)
        self._node.report("restart", child, reason or SHUTDOWN, cause=cause)
        self._restart_group(child, cause, 0.0)

    def _restart_group(self, child: Child, cause: Cause, wait: float) -> None:
        stops, starts = self._group(child)
        if wait > 0:
            due = self._node.core.now + wait
            why = purpose.StopGroup(cause, child, due)
            self._node.carry_out(why, stops=stops, others=[child])
            return
        why_now = purpose.Restart(cause, child)
        self._node.carry_out(why_now, stops=stops, starts=starts, others=[child])

    def replace(self, child: Child, why: purpose.Replace) -> None:
        """Restart on request, now; if the child waits for a retry, so do others, and come too."""
        waits = child.state == "restarting"
        stops, starts = self._group(child) if waits else ([child], [child])
        self._node.carry_out(why, stops=stops, starts=starts, others=[child])

    def _group(self, child: Child) -> tuple[list[Child], list[Child]]:
        """Who is stopped and who is started when `child` is restarted, each in its order."""
        if child.alone or self._node.strategy == "one_for_one":
            return [], [child] if child.wanted else []
        group = affected(self._node.strategy, self._node.order, child)
        group = [
            c for c in group if c is child or c.awaited is None
        ]  # they will come by themselves
        for other in group:
            other.alone = False
        stops = [c for c in reversed(group) if c is not child and c.state != "down"]
        starts = [c for c in group if c.wanted and (c is child or c.spec.restart != "temporary")]
        return stops, starts

    def _attempt(self, child: Child, reason: Reason | None) -> Attempt:
        """The attempt as it will be told if the supervisor gives up; a traceback is too long."""
        if reason is not None and reason.traceback:
            reason = evolve(reason, traceback="")
        return Attempt(self._node.core.now, child.path, reason, child.cause.attempts)

    def _cause(self, kind: CauseKind, child: Child, reason: Reason | None) -> Cause:
        """Why a child is restarted, and how much of the restart window that has used up."""
        node = self._node
        return Cause(
            kind,
            child.path,
            reason,
            node.strategy,
            self._window.used(node.core.now),
            node.spec.intensity,
            node.spec.period,
            supervisor=node.label,
            parent=_before(child.cause, child),
        )

    def _give_up(self, child: Child, cause: Cause) -> None:
        """Too many restarts: stop everything; the parent decides about us (OTP.md 12)."""
        why = evolve(
            cause,
            kind="gave_up",
            path=self._node.path,
            attempts=self._window.attempts,
            parent=cause,
        )
        too_many = Reason("shutdown", "too many restarts")
        self._node.report("shutdown", child, too_many, cause=why)
        if child.pending is not None:
            child.move("gone", why, child.pending)
        self._node.end("gave_up", too_many, why)

    def retry_later(self, child: Child, reason: Reason) -> None:
        """A start failed: try again when the mailbox has been served, or after the backoff.

        A temporary child, which had waited for a dependency, has had its only start.
        """
        cause = Cause("start_failed", child.path, reason, parent=child.cause)
        self._node.troubles.append(self._attempt(child, reason))
        if child.is_on_its_own:
            self._retry_on_its_own(child, cause)
            return
        if child.spec.restart == "temporary":
            self.ended_for_good(child, cause)
            return
        child.move("retry", cause, reason)
        child.retry_at(self._node.core.now + self._next_delay(child), paid=False)

    def _retry_on_its_own(self, child: Child, failed: Cause) -> None:
        """So many times in a row, then never (supervisord, *startretries*); of which restart type
        it is matters only once it has been ready."""
        child.attempts += 1
        if child.attempts > (child.start_retries or 0):
            why = evolve(failed, kind="retries_used", restarts=child.attempts, parent=failed)
            child.attempts = 0
            self.ended_for_good(child, why)
            return
        child.move("retry", failed, failed.reason)
        wait = backoff.delay(child.spec.backoff, child.attempts, self._node.core.random)
        child.retry_at(self._node.core.now + wait, paid=False)

    def go_on_without(self, failed: Child, left: Sequence[Child], cause: Cause) -> None:
        """Start those of a group whose turn had not come, and whom a failed start does not concern.

        In a list it concerns all that come later; they are started with the next attempt. In a
        graph there may be others, whom nobody else would start; and nobody else starts any of them
        if there will be no next attempt, for it has become temporary.
        """
        is_tried_again = failed.state == "restarting"
        concerned = set[Child]()
        if is_tried_again:
            concerned.update(affected(self._node.strategy, self._node.order, failed))
        left = [child for child in left if child not in concerned]
        if left:
            self._node.carry_out(purpose.Restart(cause, left[0]), starts=left)

    def _next_delay(self, child: Child) -> float:
        """Seconds to wait before the next attempt, which this call counts."""
        policy = child.spec.backoff
        if policy and child.was_ready_for >= policy.reset_after:
            child.attempts = 0
        child.attempts += 1
        return backoff.delay(policy, child.attempts, self._node.core.random)


def _before(cause: Cause, child: Child) -> Cause | None:
    """What is told of the time before: not once more that its start failed, or how it ended."""
    is_said = cause.kind == "start_failed" or (
        cause.kind == "exit" and cause.path == child.path and child.state == "restarting"
    )
    return cause.parent if is_said else cause

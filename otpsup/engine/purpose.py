"""What a plan is for: what follows when it is done, and when a start in it fails.

The plan itself only orders steps. Each purpose is one way in which OTP's supervisor uses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import StartFailed
from .cause import Cause
from .child import Child
from .effects import Reply
from .reasons import Reason

if TYPE_CHECKING:
    from .node import Node


def start_failed(child: Child, reason: Reason) -> StartFailed:
    """The error for whoever asked for this start."""
    return StartFailed(f"cannot start child {child.path!r}: {reason}")


def _failure(child: Child, reason: Reason, before: Cause) -> Cause:
    """Why a child whose start failed is down, and what led to that start."""
    return Cause("start_failed", child.path, reason, parent=before)


class Purpose:
    """What a plan is for, and the decision that led to it."""

    goes_on = False
    """When a start fails, those that do not depend on it are started all the same."""

    def __init__(self, cause: Cause) -> None:
        self.cause = cause

    def finished(self, node: Node) -> None:
        """Every step is done."""
        raise NotImplementedError

    def failed(self, node: Node, child: Child, reason: Reason) -> None:
        """A start in it failed; the rest of the plan is dropped."""
        raise NotImplementedError

    def dropped(self, node: Node) -> None:
        """The supervisor ends before the plan is done."""


class Boot(Purpose):
    """Bring the supervisor up: all children or none (OTP: `init_children`)."""

    def finished(self, node: Node) -> None:
        """All are up."""
        node.booted()

    def failed(self, node: Node, child: Child, reason: Reason) -> None:
        """Take down again what is up; never retried (OTP.md 4.3)."""
        node.report("start_error", child, reason)
        child.move("gone", _failure(child, reason, self.cause), reason)
        node.roll_back(child, reason)


class Restart(Purpose):
    """Start children again after one of them, the first, ended."""

    goes_on = True

    def __init__(self, cause: Cause, first: Child) -> None:
        super().__init__(cause)
        self.first = first

    def finished(self, node: Node) -> None:
        """Nobody waits for it."""

    def failed(self, node: Node, child: Child, reason: Reason) -> None:
        """The failed child waits for a retry; a first one whose turn had not come does not."""
        node.report("start_error", child, reason)
        if self.first is not child and self.first.state == "restarting":
            self.first.move("gone", self.cause)
        node.restarter.retry_later(child, reason)


class StopGroup(Purpose):
    """Stop the children that go down with one that waits for its restart."""

    def __init__(self, cause: Cause, first: Child, due: float) -> None:
        super().__init__(cause)
        self.first = first
        self.due = due

    def finished(self, node: Node) -> None:
        """The group is down; the restart itself comes when it is due."""
        self.first.retry_at(self.due, paid=True)

    def failed(self, node: Node, child: Child, reason: Reason) -> None:
        """Nothing is started here, so nothing can fail."""


class Answered(Purpose):
    """The base of purposes that somebody waits for."""

    def __init__(self, cause: Cause, ref: int, child: Child) -> None:
        super().__init__(cause)
        self.ref = ref
        self.child = child

    def dropped(self, node: Node) -> None:
        """The supervisor ended first (OTP: the caller exits with its reason)."""
        node.core.emit(Reply(self.ref, error=node.not_running()))

    def cut_short(self, node: Node) -> None:
        """The start was ended by another request before it was done."""
        reason = Reason("error", "stopped while it was starting")
        node.core.emit(Reply(self.ref, error=start_failed(self.child, reason)))


class ApiStart(Answered):
    """start_child: no retry, no intensity, no report (OTP.md 14.1, 14.3)."""

    def __init__(self, cause: Cause, ref: int, child: Child, *, new: bool) -> None:
        super().__init__(cause, ref, child)
        self.new = new

    def finished(self, node: Node) -> None:
        """It is up, or it declined, which is success without a process."""
        self.child.wanted, self.child.owed = True, False
        node.core.emit(Reply(self.ref, self.child))

    def failed(self, node: Node, child: Child, reason: Reason) -> None:
        """A new child's record is dropped; a declared one stays down; unless it is one that is
        tried again whoever has started it."""
        if child.is_on_its_own:
            self._failed_on_its_own(node, child, reason)
            return
        child.move("gone", _failure(child, reason, self.cause), reason)
        if self.new:
            node.forget(child)
        node.core.emit(Reply(self.ref, error=start_failed(child, reason)))

    def _failed_on_its_own(self, node: Node, child: Child, reason: Reason) -> None:
        child.wanted, child.owed = True, False
        node.report("start_error", child, reason)
        node.restarter.retry_later(child, reason)
        error = start_failed(child, reason)
        if child.state == "restarting":
            error = StartFailed(f"{error}; it will be tried again")
        node.core.emit(Reply(self.ref, error=error))


class ApiStop(Answered):
    """terminate_child."""

    def finished(self, node: Node) -> None:
        """It is down."""
        node.core.emit(Reply(self.ref, self.child))

    def failed(self, node: Node, child: Child, reason: Reason) -> None:
        """Nothing is started here, so nothing can fail."""


class Replace(Answered):
    """Stop and start on request. A failed start is retried, for the child is wanted."""

    goes_on = True

    def __init__(self, cause: Cause, ref: int, child: Child) -> None:
        super().__init__(cause, ref, child)
        self._waited = child.state == "restarting"

    def finished(self, node: Node) -> None:
        """It is up again."""
        node.core.emit(Reply(self.ref, self.child))

    def failed(self, node: Node, child: Child, reason: Reason) -> None:
        """Tell who asked, then go on as after any failed restart."""
        node.core.emit(Reply(self.ref, error=start_failed(child, reason)))
        node.report("start_error", child, reason)
        if not self._waited:
            child.alone = True
        elif self.child is not child and self.child.state == "restarting":
            self.child.move("gone", self.cause)
        node.restarter.retry_later(child, reason)


class End(Purpose):
    """Stop all children, in reverse order, because the supervisor itself ends."""

    def finished(self, node: Node) -> None:
        """Nothing is left below."""
        node.ended()

    def failed(self, node: Node, child: Child, reason: Reason) -> None:
        """Nothing is started here, so nothing can fail."""

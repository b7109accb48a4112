"""Why something was decided: carried by every state change, so that it can be told later."""

from __future__ import annotations

from typing import Literal

from attrs import field

from .reasons import Reason
from .value import value

CauseKind = Literal[
    "boot",
    "request",
    "exit",
    "retry",
    "waits",
    "satisfied",
    "unawaited",
    "start_failed",
    "retries_used",
    "gave_up",
    "auto_shutdown",
    "shutdown",
    "fault",
]


_MOST = 8
_KEPT = 4
"""A chain that has the most links is cut to so many: not at every decision, for a cut copies."""


def _cut(parent: Cause | None) -> Cause | None:
    """The latest decisions of a chain; older ones are forgotten."""
    if parent is None or parent.links < _MOST:
        return parent
    return _copy(parent, _KEPT)


def _copy(cause: Cause, links: int) -> Cause:
    earlier = cause.parent
    return cause.since(_copy(earlier, links - 1) if earlier and links > 1 else None)


@value
class Attempt:
    """A restart that a supervisor attempted, or would have to.

    Attributes:
        at: when, in seconds of the engine's clock.
        path: of the child that had ended, or did not start.
        reason: why.
        before: if that was a supervisor that gave up, the attempts that made it do so.
    """

    at: float
    path: str
    reason: Reason | None
    before: tuple[Attempt, ...] = ()


@value
class Cause:
    """One decision.

    Attributes:
        kind: what was decided upon: the start of the tree, somebody's request, a child's end,
            the retry of a failed start, a dependency that is not satisfied, or is so now, or that
            nobody waits for any more, a failed start, as many of these as `start_retries` allows,
            too many restarts, the end of a significant child, the shutdown of the tree, or a
            fault of otpsup itself.
        path: the child in question.
        reason: its exit reason, if it ended.
        rule: the rule that applied, in a word or two: `rest_for_one`, `restart_child`, `ready`.
        supervisor: whose rule that is, by its path; the root by its name.
        restarts, intensity, period: which restart in the window this is, of how many allowed.
        by: the path of the child that made the request; None if it came from outside the tree.
        attempts: for `gave_up`: all that the restart window holds, the oldest first.
        parent: the decision that led to this one; a chain is cut now and then, so that a tree
            that restarts for years does not remember all of them.
        links: how many decisions the chain holds, with this one.
    """

    kind: CauseKind
    path: str = ""
    reason: Reason | None = None
    rule: str = ""
    restarts: int = 0
    intensity: int = 0
    period: float = 0.0
    by: str | None = None
    supervisor: str = field(default="", kw_only=True)
    attempts: tuple[Attempt, ...] = field(default=(), kw_only=True)
    parent: Cause | None = field(default=None, converter=_cut)
    links: int = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "links", 1 + (self.parent.links if self.parent else 0))

    def since(self, parent: Cause | None) -> Cause:
        """The same decision with another history; several times as fast as attrs' `evolve`."""
        return Cause(
            self.kind,
            self.path,
            self.reason,
            self.rule,
            self.restarts,
            self.intensity,
            self.period,
            self.by,
            supervisor=self.supervisor,
            attempts=self.attempts,
            parent=parent,
        )


BOOT = Cause("boot")

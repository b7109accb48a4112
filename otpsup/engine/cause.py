"""Why something was decided: carried by every state change, so that it can be told later."""

from __future__ import annotations

from typing import Literal

from attrs import evolve, field, frozen

from .reasons import Reason

CauseKind = Literal[
    "boot",
    "request",
    "exit",
    "retry",
    "waits",
    "satisfied",
    "start_failed",
    "gave_up",
    "auto_shutdown",
    "shutdown",
]


_LINKS = 6


def _cut(parent: Cause | None, links: int = _LINKS - 1) -> Cause | None:
    """The latest decisions of a chain; older ones are forgotten."""
    if parent is None or links == 0:
        return None
    kept = _cut(parent.parent, links - 1)
    return parent if kept is parent.parent else evolve(parent, parent=kept)


@frozen
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


@frozen
class Cause:
    """One decision.

    Attributes:
        kind: what was decided upon: the start of the tree, somebody's request, a child's end,
            the retry of a failed start, a dependency that is not satisfied, or is so now, a failed
            start, too many restarts, the end of a significant child, or the shutdown of the tree.
        path: the child in question.
        reason: its exit reason, if it ended.
        rule: the rule that applied, in a word or two: `rest_for_one`, `restart_child`, `ready`.
        supervisor: whose rule that is, by its path; the root by its name.
        restarts, intensity, period: which restart in the window this is, of how many allowed.
        by: the path of the child that made the request; None if it came from outside the tree.
        attempts: for `gave_up`: all that the restart window holds, the oldest first.
        parent: the decision that led to this one; a chain is cut at six links, so that a tree
            that restarts for years does not remember all of them.
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


BOOT = Cause("boot")

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
class Cause:
    """One decision.

    Attributes:
        kind: what was decided upon: the start of the tree, somebody's request, a child's end,
            the retry of a failed start, a failed start, too many restarts, the end of a
            significant child, or the shutdown of the tree.
        path: the child in question.
        reason: its exit reason, if it ended.
        rule: the rule that applied, in a word or two: `rest_for_one`, `restart_child`.
        restarts, intensity, period: which restart in the window this is, of how many allowed.
        by: the path of the child that made the request; None if it came from outside the tree.
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
    parent: Cause | None = field(default=None, converter=_cut)


BOOT = Cause("boot")

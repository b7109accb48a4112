"""Events as users see them: flat, frozen, with times of the wall clock and causes in words."""

from __future__ import annotations

from attrs import field, frozen

from . import explain
from .engine import words
from .engine.effects import Halt, LastOutput, Report, StateChange, Told


@frozen
class Event:
    """Something that happened in a tree.

    Attributes:
        at: seconds since the epoch.
        kind: `state` for a change of state; `progress`, `restart`, `child_terminated`,
            `start_error`, `shutdown_error`, `shutdown` as in OTP's supervisor reports;
            `last_output` when it is known what a child that crashed wrote last; `halt` when the
            tree has ended.
        path: the child; `""` is the root.
        state: the new state, for `state`.
        pid: the process concerned, if any.
        reason: how the child ended, in words, or None.
        cause: why, in words.
        chain: the same, and what led to that, the latest first; for `halt` of a tree that gave up,
            how it came to that, from the first crash to the last.
        lines: for `last_output`: up to ten lines, without secrets.
        text: the whole event as one line.
        traceback: of the exception that ended a Python child, or "".
    """

    at: float
    kind: str
    path: str
    state: str | None
    pid: int | None
    reason: str | None
    cause: str
    text: str
    traceback: str = ""
    chain: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    lines: tuple[str, ...] = field(default=(), converter=tuple[str, ...])


def from_effect(effect: Told, epoch: float, now: float) -> Event:
    """The event for what the engine reported; `epoch` turns its clock into the wall clock."""
    if isinstance(effect, LastOutput):
        text = explain.said(effect)
        at = effect.at + epoch
        return Event(at, "last_output", effect.path, None, None, None, "", text, lines=effect.lines)
    chain = words.chain(effect.cause)
    cause = chain[0]
    match effect:
        case StateChange(at, path, state, _, pid, reason):
            why, trace = (str(reason), reason.traceback) if reason else (None, "")
            text = explain.change(effect)
            return Event(at + epoch, "state", path, state, pid, why, cause, text, trace, chain)
        case Report(at, context, _, path, reason, _, pid):
            text = explain.report(effect)
            why, trace = str(reason), reason.traceback
            return Event(at + epoch, context, path, None, pid, why, cause, text, trace, chain)
        case Halt(_, reason):
            text = explain.ending("the tree", effect)
            story = explain.story(effect)
            return Event(now + epoch, "halt", "", None, None, str(reason), cause, text, chain=story)

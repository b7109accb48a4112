"""Events as users see them (`views.Event`), from what the engine tells."""

from __future__ import annotations

from . import explain
from .engine import words
from .engine.effects import Halt, LastOutput, Readiness, Report, StateChange, Told
from .views import Event as Event


def from_effect(effect: Told, epoch: float, now: float) -> Event:
    """The event for what the engine reported; `epoch` turns its clock into the wall clock."""
    if isinstance(effect, LastOutput):
        text = explain.said(effect)
        at = effect.at + epoch
        return Event(at, "last_output", effect.path, None, None, None, "", text, lines=effect.lines)
    chain = words.chain(effect.cause)
    cause, kind = chain[0], effect.cause.kind
    match effect:
        case StateChange(at, path, state, _, pid, reason):
            why, trace = (str(reason), reason.traceback) if reason else (None, "")
            text = explain.change(effect)
            return Event(
                at + epoch, "state", path, state, pid, why, cause, text, trace, chain,
                cause_kind=kind,
            )  # fmt: skip
        case Report(at, context, _, path, reason, _, pid):
            text = explain.report(effect)
            why, trace = str(reason), reason.traceback
            return Event(
                at + epoch, context, path, None, pid, why, cause, text, trace, chain,
                cause_kind=kind,
            )  # fmt: skip
        case Readiness(at, path, pid, why):
            text = explain.readiness(effect)
            return Event(
                at + epoch, "readiness", path, None, pid, why or None, cause, text, cause_kind=kind
            )
        case Halt(_, reason):
            text = explain.ending("the tree", effect)
            story = explain.story(effect)
            return Event(
                now + epoch, "halt", "", None, None, str(reason), cause, text, chain=story,
                cause_kind=kind,
            )  # fmt: skip

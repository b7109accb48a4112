"""Reports, changes and endings in plain words. Pure: values in, sentences out.

The words for causes are the engine's own, `engine.words`.
"""

from __future__ import annotations

from .engine.cause import Cause
from .engine.effects import Halt, LastOutput, Readiness, Report, StateChange
from .engine.words import TREE, chain, history, how, named, sentence, span


def ending(name: str, halt: Halt) -> str:
    """One paragraph that says how a tree ended and what to do next."""
    match halt.kind:
        case "stopped":
            return f"{name} stopped: {sentence(halt.cause)}."
        case "auto_shutdown":
            return f"{name} stopped by itself: {sentence(halt.cause)}."
        case "start_failed":
            return f"{name} could not start: {halt.reason}. Nothing of it is left running."
        case "failed":
            return (
                f"{name} ended because of a bug in otpsup: {halt.reason}. Everything was stopped "
                "in reverse order. Please report it, with the lines that the log has of it."
            )
        case "gave_up":
            return (
                f"{name} gave up: {_gave_up(halt.cause)}. Everything was stopped in reverse order. "
                "Look at the output of that child, mend it and start again; if so many restarts "
                "are normal here, raise intensity or period, or give the child a backoff."
            )


def _gave_up(cause: Cause) -> str:
    """Who ended too often; if that is a supervisor that gave up itself, also who did that to it."""
    last = cause.parent or cause
    who = named(last.path) if last is not cause else "a child"
    why = how(last.reason)
    if last.parent and last.parent.kind == "gave_up":
        why += f": {_gave_up(last.parent)}"
    times = "once" if cause.restarts == 1 else f"{cause.restarts} times"
    return (
        f"its children ended too often, {times} within {cause.period:g} s where intensity allows "
        f"{cause.intensity} restart{'s' * (cause.intensity != 1)}; at last {who} {why}"
    )


def story(halt: Halt) -> tuple[str, ...]:
    """How a tree came to its end: from the first crash to the last, or what led to it."""
    earlier = tuple(f"before that, {text}" for text in chain(halt.cause)[1:])
    return history(halt.cause) or earlier


def report(value: Report) -> str:
    """A supervisor report as one line of a log."""
    path = value.path or TREE
    match value.context:
        case "progress":
            return f"{path} is up" + (f" (pid {value.pid})" if value.pid else "")
        case "child_terminated":
            return f"{path} {how(value.reason)}"
        case "start_error":
            return f"{path} did not start: {value.reason}"
        case "shutdown_error":
            return f"{path} did not stop as asked: {value.reason}"
        case "restart":
            wait = f" in {span(value.delay)}" if value.delay else ""
            return f"{path} restarts{wait}: {because(value.cause)}"
        case "shutdown":
            last = value.cause.parent or value.cause
            return f"{value.supervisor or TREE} gives up: {sentence(last)}"


def readiness(value: Readiness) -> str:
    """Whether a child that runs can serve."""
    if value.is_ending and value.why:
        return f"{named(value.path)} is being ended: {value.why}"
    if value.why:
        return f"{named(value.path)} is not ready: {value.why}"
    return f"{named(value.path)} is ready again"


def said(value: LastOutput) -> str:
    """The last of a child's last lines, in one line."""
    return f"{value.path} wrote last: {value.lines[-1]}"


def because(cause: Cause) -> str:
    """Why, and what was before that, in one line."""
    return "; before that, ".join(chain(cause))


def reason_of(value: StateChange) -> str:
    """Why a child is down, as the rest of a line; nothing if its own end says it all."""
    cause = value.cause
    if cause.kind == "gave_up":
        return f"; {named(cause.path)} gave up"
    is_own = cause.kind == "exit" and cause.path == value.path
    return "" if is_own else f"; {sentence(cause)}"


def change(value: StateChange) -> str:
    """A state change as one line of a log."""
    end = f", it ended: {value.reason}" if value.reason else ""
    return f"{value.path or TREE} is {value.state}{end}; {sentence(value.cause)}"

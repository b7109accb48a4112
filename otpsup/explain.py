"""Causes, exits and endings in plain words. Pure: values in, sentences out."""

from __future__ import annotations

from .engine.cause import Cause
from .engine.effects import Halt, Report, StateChange


def sentence(cause: Cause) -> str:
    """Why something happened, in one sentence without a full stop.

    For example: `ipc_server ended with SIGKILL and the supervisor is rest_for_one; restart 2 of 3
    in 60 s`.
    """
    child = repr(cause.path) if cause.path else "the tree"
    match cause.kind:
        case "boot":
            return "the tree was started"
        case "shutdown":
            return "the tree was asked to stop" + _by(cause)
        case "request":
            return f"{cause.rule} {child} was asked for" + _by(cause)
        case "exit":
            return f"{child} ended: {cause.reason}{_rule(cause)}{_count(cause)}"
        case "retry":
            return f"{child} is tried again after: {cause.reason}{_count(cause)}"
        case "waits":
            return f"{child} is not {_condition(cause)} yet"
        case "satisfied":
            return f"{child} is {_condition(cause)} now"
        case "start_failed":
            return f"{child} did not start: {cause.reason}"
        case "auto_shutdown":
            return f"the significant child {child} ended: {cause.reason}"
        case "gave_up":
            first = sentence(cause.parent) if cause.parent else "a child ended"
            return f"{child} gave up: {first}"


def _condition(cause: Cause) -> str:
    return "there" if cause.rule == "started" else cause.rule


def _by(cause: Cause) -> str:
    return f" by {cause.by!r}" if cause.by else ""


def _rule(cause: Cause) -> str:
    return f" ({cause.rule})" if cause.rule and cause.rule != "one_for_one" else ""


def _count(cause: Cause) -> str:
    if not cause.restarts:
        return ""
    if cause.restarts > cause.intensity:
        return f"; one more than the {cause.intensity} restarts in {cause.period:g} s allowed"
    return f"; restart {cause.restarts} of {cause.intensity} in {cause.period:g} s"


def ending(name: str, halt: Halt) -> str:
    """One paragraph that says how a tree ended and what to do next."""
    match halt.kind:
        case "stopped":
            return f"{name} stopped: {sentence(halt.cause)}."
        case "auto_shutdown":
            return f"{name} stopped by itself: {sentence(halt.cause)}."
        case "start_failed":
            return f"{name} could not start: {halt.reason}. Nothing of it is left running."
        case "gave_up":
            return (
                f"{name} gave up: {_gave_up(halt.cause)}. Everything was stopped in reverse order. "
                "Look at the output of that child, mend it and start again; if so many restarts "
                "are normal here, raise intensity or period, or give the child a backoff."
            )


def _gave_up(cause: Cause) -> str:
    """Who ended too often; if that is a supervisor that gave up itself, also who did that to it."""
    last = cause.parent or cause
    who = repr(last.path) if last is not cause else "a child"
    why = str(last.reason)
    if last.parent and last.parent.kind == "gave_up":
        why += f": {_gave_up(last.parent)}"
    times = "once" if cause.restarts == 1 else f"{cause.restarts} times"
    return (
        f"its children ended too often, {times} within {cause.period:g} s where intensity allows "
        f"{cause.intensity} restart{'s' * (cause.intensity != 1)}; the last was {who}: {why}"
    )


def report(value: Report) -> str:
    """A supervisor report as one line of a log."""
    path = value.path or "the tree"
    match value.context:
        case "progress":
            return f"{path} is up" + (f" (pid {value.pid})" if value.pid else "")
        case "child_terminated":
            return f"{path} ended: {value.reason}"
        case "start_error":
            return f"{path} did not start: {value.reason}"
        case "shutdown_error":
            return f"{path} did not stop as asked: {value.reason}"
        case "restart":
            wait = f" in {value.delay:.3g} s" if value.delay else ""
            return f"{path} restarts{wait}: {sentence(value.cause)}"
        case "shutdown":
            last = value.cause.parent or value.cause
            return f"{value.supervisor or 'the tree'} gives up: {sentence(last)}"


def change(value: StateChange) -> str:
    """A state change as one line of a log."""
    end = f", it ended: {value.reason}" if value.reason else ""
    return f"{value.path or 'the tree'} is {value.state}{end}; {sentence(value.cause)}"

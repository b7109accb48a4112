"""Decisions in plain words: why something is so, and what led to that. Pure: values in, text out.

`main_app restarted because ipc_server ended with SIGKILL and fastblog is rest_for_one; restart 2
of 3 in 60 s; next attempt in 4 s`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from .cause import Attempt, Cause
from .reasons import Reason

TREE = "the tree"
_GROUPS = ("one_for_all", "rest_for_one")

_VERBS = {
    "down": "is down",
    "starting": "is starting",
    "running": "is running",
    "stopping": "is stopping",
    "restarting": "is restarting",
}
_ASKED = {
    "start_child": "was told to start",
    "restart": "was told to restart",
    "terminate_child": "was told to stop",
    "kill": "was killed",
    "stop": "was told to end",
    "unmonitor": "was taken out of supervision",
    "update_start": "was started by an update",
    "update_stop": "was stopped by an update",
}
"""What a request comes to for the child that it is about."""
_AGAIN = ("exit", "retry", "satisfied", "unawaited")
"""The causes by which something that runs has been restarted."""


def named(path: str) -> str:
    """How a sentence names a child; quoted if it would not be seen as one word."""
    return (repr(path) if " " in path else path) or TREE


def span(seconds: float) -> str:
    """A time, to three digits, in the unit that suits it: `24 ms`, `5.52 s`, `16 min`, `4.1 h`."""
    if 0 < seconds < 0.1:
        return f"{seconds * 1000:.3g} ms"
    for size, unit, most in ((1, "s", 600), (60, "min", 7200), (3600, "h", 172_800)):
        if seconds < most:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 86400:.3g} days"


def recent(attempt: Attempt, now: float) -> str:
    """An end of a child, as of this time."""
    return f"{span(max(now - attempt.at, 0.0))} ago, {named(attempt.path)} {how(attempt.reason)}"


def how(reason: Reason | None) -> str:
    """What became of a process, as the rest of a sentence that begins with its name."""
    if reason is None:
        return "ended"
    match reason.kind:
        case "normal":
            return reason.detail or "ended normally"
        case "shutdown" if reason.detail == "too many restarts":
            return "gave up"
        case "shutdown" | "killed":
            return f"was {reason}"
        case "exited" | "signaled" | "exception":
            return f"ended with {reason}"
        case "unhealthy":
            return f"was {reason}"
        case _:
            return f"did not start ({reason})"


def sentence(cause: Cause, it: str | None = None) -> str:
    """Why something happened, in one sentence without a full stop.

    Args:
        it: a path that the reader has just been told; it is called `it`.
    """
    child = "it" if it is not None and it == cause.path else named(cause.path)
    match cause.kind:
        case "boot":
            return "the tree was started"
        case "shutdown":
            return "the tree was asked to stop" + _by(cause)
        case "request":
            return f"{child} {_ASKED[cause.rule]}" + _by(cause)
        case "exit":
            return f"{child} {how(cause.reason)}{_rule(cause, it)}{_count(cause)}"
        case "retry":
            again = "" if cause.restarts > cause.intensity else " and was tried again"
            return f"{child} {how(cause.reason)}{again}{_rule(cause, it, '; ')}{_count(cause)}"
        case "waits":
            return f"{child} is not {_condition(cause)} yet"
        case "satisfied":
            return f"{child} is {_condition(cause)} now"
        case "unawaited":
            return f"{child} is not waited for any more"
        case "start_failed":
            return f"{child} did not start: {cause.reason}"
        case "retries_used":
            times = f"{cause.restarts} time{'s' * (cause.restarts != 1)}"
            return f"{child} was given up, after it had failed to start {times}: {cause.reason}"
        case "auto_shutdown":
            return f"the significant child {named(cause.path)} {how(cause.reason)}"
        case "gave_up":
            return f"{child} gave up: {_last(cause)}"
        case "fault":
            return f"otpsup itself failed: {cause.reason}"


def _by(cause: Cause) -> str:
    return f" by {named(cause.by)}" if cause.by else ""


def _condition(cause: Cause) -> str:
    return "there" if cause.rule == "started" else cause.rule


def _rule(cause: Cause, it: str | None, joint: str = " and ") -> str:
    """The strategy, where it is the reason that more than the child itself is restarted."""
    if cause.rule not in _GROUPS or it == cause.path:
        return ""
    return f"{joint}{named(cause.supervisor)} is {cause.rule}"


def _count(cause: Cause) -> str:
    if not cause.restarts:
        return ""
    if cause.restarts > cause.intensity:
        allowed = f"{cause.intensity} restart{'s' * (cause.intensity != 1)}"
        return f"; one more than the {allowed} in {cause.period:g} s allowed"
    return f"; restart {cause.restarts} of {cause.intensity} in {cause.period:g} s"


def _last(cause: Cause) -> str:
    return sentence(cause.parent) if cause.parent else "a child ended too often"


def chain(cause: Cause) -> tuple[str, ...]:
    """The decisions that led to a state, each as a sentence, the latest first; what was so several
    times in a row is one."""
    sentences = []
    link: Cause | None = cause
    while link is not None:
        sentences.append(sentence(link))
        link = link.parent if link.kind != "gave_up" else _before(link)
    return tuple(_counted(sentences))


def _counted(sentences: Iterable[str]) -> Iterator[str]:
    for text, same in itertools.groupby(sentences):
        times = len(list(same))
        yield text if times == 1 else f"{text}, {times} times in a row"


def _before(gave_up: Cause) -> Cause | None:
    """What was before a supervisor gave up; the last end is told with it already."""
    return gave_up.parent.parent if gave_up.parent else None


def why(path: str, state: str, cause: Cause, waits: str = "") -> tuple[str, ...]:
    """Why a child is as it is, and what led to that, the latest first.

    Args:
        waits: what it waits for, as the rest of a sentence.
    """
    if state == "down" and cause.kind == "boot":
        return (f"{named(path)} is down because {waits or 'nobody has started it'}",)
    verb = "restarted" if state == "running" and cause.kind in _AGAIN else _VERBS[state]
    after = f"; {waits}" if waits else ""
    first = f"{named(path)} {verb} because {sentence(cause, it=path)}{after}"
    return (first, *_ends(cause), *_counted(_earlier(cause)))


def unready(path: str, why: str) -> tuple[str, ...]:
    """That a child which runs cannot serve just now; nothing if it can."""
    return (f"{named(path)} is not ready: {why}",) if why else ()


def quote(path: str, reason: Reason | None, lines: Sequence[str]) -> tuple[str, ...]:
    """What a child wrote last before it ended for this reason, a line each; nothing if that is not
    known."""
    if not lines:
        return ()
    return (f"before {named(path)} {how(reason)}, it wrote:", *(f"  | {line}" for line in lines))


def _earlier(cause: Cause) -> Iterator[str]:
    """What was before, a sentence each; where a supervisor gave up, with the ends that led to it,
    and so without the restarts that these led to."""
    link = _next(cause)
    while link is not None:
        yield f"before that, {sentence(link)}"
        yield from _ends(link)
        link = _next(link)


def _next(cause: Cause) -> Cause | None:
    if cause.kind != "gave_up":
        return cause.parent
    link = _before(cause)
    while link is not None and link.supervisor == cause.supervisor and _ends(cause):
        link = link.parent
    return link


def _ends(cause: Cause) -> tuple[str, ...]:
    """All the ends that made a supervisor give up, if it was more than the last."""
    return history(cause) if len(cause.attempts) > 1 else ()


def history(cause: Cause) -> tuple[str, ...]:
    """How a supervisor came to give up, from the first end to the last, a line each.

    What made a supervisor below it give up stands indented under that end.
    """
    return tuple(_history(cause.attempts, ""))


def _history(attempts: tuple[Attempt, ...], indent: str) -> list[str]:
    lines: list[str] = []
    last = "that" if indent else "the last"
    for number, attempt in enumerate(attempts, 1):
        ago = attempts[-1].at - attempt.at
        when = f"{span(ago)} before {last}: " if number < len(attempts) else ""
        lines.append(f"{indent}{number}. {when}{named(attempt.path)} {how(attempt.reason)}")
        lines += _history(attempt.before, indent + "   ")
    return lines

"""A message in words, for people who were just woken: what, when, where, why, what next. Pure.

Plain text, each line complete in itself. Times are those of the host, with their zone.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence

from ..engine.words import named, span
from .alert import Alert, Batch, Notice

DETAILED = 10
"""Alerts that are told in full; of further ones there is one line each."""
_LABEL = 10
_SUBJECT = 120
"""Characters of a headline that a subject has room for."""


def stamp(at: float) -> str:
    """`2026-11-26T12:03:01+01:00` (RFC 3339), in local time."""
    local = time.localtime(at)
    zone = time.strftime("%z", local)
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + f"{zone[:3]}:{zone[3:]}"


def when(at: float) -> str:
    """`2026-11-26 12:03:01 +0100 (CET)`."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z (%Z)", time.localtime(at))


def subject(tree: str, notices: Sequence[Notice], more: int) -> str:
    """In one line: the gravest, and how many there are beside it."""
    others = len(notices) - 1 + more
    first = notices[0].headline if notices else "alerts"
    if len(first) > _SUBJECT:
        first = f"{first[:_SUBJECT]}..."
    beside = f", and {others} more" if others > 0 else ""
    return f"[otpsup] {tree}: {first}{beside}"


def body(notices: Sequence[Notice], batch: Batch, tree: str, host: str, pid: int) -> str:
    """All of it."""
    parts = [_full(notice, tree, host, pid) for notice in notices[:DETAILED]]
    if len(notices) > 1:
        parts.insert(0, [_counted(notices, batch.more)])
    rest = [f"- {n.headline} ({when(n.alert.at)})" for n in notices[DETAILED:]]
    if rest:
        parts.append(["Also:", *rest])
    if batch.more:
        parts.append([f"... and {batch.more:,} more; `{_command('alerts', tree)}` lists them."])
    if batch.lost:
        parts.append(
            [f"Before this, {_messages(batch.lost)} could not be kept, and nobody was told."]
        )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"


def _counted(notices: Sequence[Notice], more: int) -> str:
    firing = sum(notice.status == "firing" for notice in notices)
    well = len(notices) - firing
    counts = [(firing, "alert"), (well, "recovery" if well == 1 else "recoveries"), (more, "other")]
    said = [
        f"{n:,} {word}{'s' * (n != 1 and word in ('alert', 'other'))}" for n, word in counts if n
    ]
    return f"{', '.join(said)} in this message."


def _full(notice: Notice, tree: str, host: str, pid: int) -> list[str]:
    alert = notice.alert
    place = f"tree {tree} on {host} (pid {pid})"
    if alert.path:
        place += f", child {alert.path}"
    rows = [("When", _period(notice)), ("Where", place)]
    if notice.status == "firing":
        rows += [("Severity", f"{alert.severity} ({alert.rule})"), *_often(alert)]
        rows += _labelled("Why", alert.evidence.why)
    else:
        rows += [("It was", alert.what), *_often(alert)]
    lines = [notice.headline, "", *(f"{label:<{_LABEL}}{value}".rstrip() for label, value in rows)]
    if notice.status == "firing":
        lines += _quotes(alert)
    return [*lines, *_next(notice, tree)]


def _period(notice: Notice) -> str:
    alert = notice.alert
    if notice.status == "firing" or alert.well_at is None:
        return when(alert.at)
    lasted = alert.well_at - alert.at
    if lasted < 1:  # it was over before anybody could have looked
        return when(alert.at)
    return f"{when(alert.at)} to {when(alert.well_at)}, for {span(lasted)}"


def _often(alert: Alert) -> list[tuple[str, str]]:
    if alert.count == 1:
        return []
    return [("How often", f"{alert.count:,} times, last at {when(alert.last_at)}")]


def _labelled(label: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    return [("" if number else label, text) for number, text in enumerate(texts)]


def _quotes(alert: Alert) -> Iterator[str]:
    known = alert.evidence
    if known.lines:
        yield from ("", f"{named(alert.culprit or alert.path)} wrote last:")
        yield from (f"  | {line}" for line in known.lines)
    if known.traceback:
        yield from ("", "Where it was:")
        yield from (f"  | {line}" for line in known.traceback.split("\n"))


def _next(notice: Notice, tree: str) -> list[str]:
    if notice.status != "firing":
        return []
    alert = notice.alert
    path = (
        (alert.culprit or alert.path) if alert.path else ""
    )  # of a tree that ended, its own words
    commands = [_command("why", tree, path)]
    if path:
        commands.append(_command("logs", tree, path))
    return ["", f"{'Next':<{_LABEL}}{commands[0]}", *(f"{'':<{_LABEL}}{c}" for c in commands[1:])]


def _command(verb: str, tree: str, path: str = "") -> str:
    words = ["otpsup", verb, *([path] if path else []), "--tree", tree]
    return shlex.join(words)


def of_test(channel: str, tree: str, host: str, pid: int, now: float) -> str:
    """That messages arrive."""
    return (
        f"Alerts of tree {tree} reach you through channel {channel}: somebody has asked for a test "
        f"at {when(now)}, on {host} (pid {pid}). Nothing is wrong.\n"
    )

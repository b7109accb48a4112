"""A message as it waits on disk and as channels get it: words, and JSON with a stable schema. Pure.

The schema of `payload` is told in docs/how-to/alerts.md; what is there stays there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ..plain import plain, plain_lines
from ..specs.alerts import SEVERITIES
from . import text
from .alert import Batch, Evidence, Notice
from .packed import packed

VERSION = 1
_ROOM = 1 << 20
"""Bytes that `why`, `lines` and `traceback` of all alerts in one message take."""


@frozen
class Where:
    """What a message tells of where it comes from.

    Attributes:
        tree, host, pid: the names of tree and machine, the process of the host.
        origin: begins the ids of its messages, and is told apart from that of others.
    """

    tree: str
    host: str
    pid: int
    origin: str


@frozen
class Message:
    """One message for one channel.

    Attributes:
        id: the same each time it is tried, so that who gets it twice can tell.
        at: when it was made, in seconds since the epoch.
        severity: of the gravest alert in it.
        subject: in one line.
        text: all of it, for people.
        payload: the same as JSON.
        keys: of the alerts in it.
    """

    id: str
    channel: str
    at: float
    severity: str
    subject: str
    text: str
    payload: Mapping[str, Any]
    keys: tuple[str, ...] = ()
    number: int = 0


def compose(batch: Batch, where: Where) -> Message:
    """The message for a batch."""
    shown = batch.notices
    severity = max((n.alert.severity for n in shown), key=SEVERITIES.index, default="info")
    subject = plain(text.subject(where.tree, shown, batch.more))
    body = plain_lines(text.body(shown, batch, where.tree, where.host, where.pid))
    id = f"{where.origin}.{batch.number}.{batch.channel}"
    payload = {
        **_head(id, batch.channel, where, batch.at),
        "status": _status(shown),
        "severity": severity,
        "subject": subject,
        "text": f"{subject}\n\n{body}",
        "alerts": _payloads(shown),
        "more": batch.more,
        "lost": batch.lost,
    }
    return Message(
        id, batch.channel, batch.at, severity, subject, body, payload, batch.keys, batch.number
    )


def of_test(channel: str, where: Where, now: float) -> Message:
    """A message that says that messages arrive."""
    subject = plain(f"[otpsup] {where.tree}: this is a test")
    body = text.of_test(channel, where.tree, where.host, where.pid, now)
    id = f"{where.origin}.test-{int(now * 1000)}.{channel}"
    payload = {
        **_head(id, channel, where, now),
        "status": "test", "severity": "info", "subject": subject, "text": f"{subject}\n\n{body}",
        "alerts": [], "more": 0, "lost": 0,
    }  # fmt: skip
    return Message(id, channel, now, "info", subject, body, payload)


def _head(id: str, channel: str, where: Where, at: float) -> dict[str, Any]:
    return {
        "version": VERSION, "id": id, "channel": channel, "tree": where.tree, "host": where.host,
        "pid": where.pid, "at": text.stamp(at),
    }  # fmt: skip


def _status(notices: tuple[Notice, ...]) -> str:
    found = {notice.status for notice in notices}
    return found.pop() if len(found) == 1 else "mixed"


def _payloads(notices: tuple[Notice, ...]) -> list[dict[str, Any]]:
    """What was seen of why they fired is left out where there is no room for it."""
    found, room = [], _ROOM
    for notice in notices:
        evidence = _seen(notice.alert.evidence)
        size = len(packed(evidence))
        if size > room:
            evidence, size = _seen(Evidence()), 0
        room -= size
        found.append({**_payload(notice), **evidence})
    return found


def _seen(evidence: Evidence) -> dict[str, Any]:
    return {
        "why": list(evidence.why),
        "lines": list(evidence.lines),
        "traceback": evidence.traceback,
    }


def _payload(notice: Notice) -> dict[str, Any]:
    alert = notice.alert
    return {
        "rule": alert.rule,
        "path": alert.path,
        "status": notice.status,
        "severity": alert.severity,
        "what": notice.headline,
        "since": text.stamp(alert.at),
        "until": text.stamp(alert.well_at) if alert.well_at is not None else None,
        "count": alert.count,
    }

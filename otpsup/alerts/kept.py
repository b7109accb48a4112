"""What is kept of the decisions from one life of the host to the next, as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict

from ..specs.alerts import SEVERITIES
from ..specs.check import MANY
from .alert import Alert, Evidence, Notice
from .decisions import Decisions
from .message import Message

_VERSION = 1
_LATEST = 1e11


def state_of(decisions: Decisions, origin: str, *, is_running: bool) -> dict[str, Any]:
    """All that has to survive.

    Args:
        origin: begins the ids of messages.
        is_running: the tree runs; who finds that later knows that its host was killed.
    """
    groups = decisions.groups.values()
    return {
        "version": _VERSION,
        "origin": origin,
        "is_running": is_running,
        "firing": [asdict(alert) for alert in decisions.active.values()],
        "channels": {
            group.name: {
                "number": group.number,
                "sent": list(group.sent),
                "more": group.more,
                "lost": group.lost,
                "waiting": [asdict(notice) for notice in group.waiting.values()],
            }
            for group in groups
        },
    }


def restore(decisions: Decisions, state: Mapping[str, Any], now: float) -> None:
    """Go on from there; channels that are no more are forgotten.

    Raises:
        KeyError, TypeError, ValueError: that is no state.
    """
    alerts = [_alert(each) for each in state["firing"]]
    channels = {name: _channel(value) for name, value in state["channels"].items()}
    decisions.restore(alerts)
    for name, group in decisions.groups.items():
        kept = channels.get(name)
        if kept is None:
            continue
        group.number, group.more, group.lost = kept["number"], kept["more"], kept["lost"]
        group.sent.extend(kept["sent"])
        for notice in kept["waiting"]:
            group.add(notice, now)


def _channel(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: _count(value[name]) for name in ("number", "more", "lost")},
        "sent": [_time(at) for at in value["sent"]],
        "waiting": [_notice(each) for each in value["waiting"]],
    }


def _notice(value: Mapping[str, Any]) -> Notice:
    if value["status"] not in ("firing", "resolved"):
        raise ValueError("no status of an alert")
    return Notice(_alert(value["alert"]), value["status"], bool(value["was_told"]))


def _alert(value: Mapping[str, Any]) -> Alert:
    well_at = value["well_at"]
    if value["severity"] not in SEVERITIES:
        raise ValueError("no severity")
    return Alert(
        rule=_text(value["rule"]),
        path=_text(value["path"]),
        what=_text(value["what"]),
        culprit=_text(value["culprit"]),
        well=_text(value["well"]),
        at=_time(value["at"]),
        last_at=_time(value["last_at"]),
        told_at=_time(value["told_at"]),
        severity=value["severity"],
        channels=_texts(value["channels"]),
        count=_count(value["count"]),
        evidence=_evidence(value["evidence"]),
        well_at=None if well_at is None else _time(well_at),
    )


def _evidence(value: Mapping[str, Any]) -> Evidence:
    why, lines = _texts(value["why"]), _texts(value["lines"])
    return Evidence(why, lines, _text(value["traceback"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError("no list of texts")
    return tuple(map(_text, value))


def _count(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < MANY:
        raise ValueError("no count")
    return int(value)


def _time(value: object) -> float:
    """One that a clock can show."""
    if not isinstance(value, int | float) or not 0 <= value < _LATEST:
        raise ValueError("no time")
    return value


def told_already(decisions: Decisions, messages: list[Message]) -> None:
    """The host was killed when it had written these and not yet noted that it had: what is in them
    does not wait any more."""
    for message in messages:
        group = decisions.groups.get(message.channel)
        if group is not None and message.number > group.number:
            group.number = message.number
            group.sent.append(message.at)
            group.forget(message.keys)
            group.more = group.lost = 0

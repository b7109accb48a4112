"""What is kept of the decisions from one life of the host to the next, as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict

from ..specs.alerts import SEVERITIES
from .alert import Alert, Evidence, Notice
from .decisions import Decisions
from .message import Message

_VERSION = 1


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
        "number": int(value["number"]),
        "more": int(value["more"]),
        "lost": int(value["lost"]),
        "sent": [float(at) for at in value["sent"]],
        "waiting": [_notice(each) for each in value["waiting"]],
    }


def _notice(value: Mapping[str, Any]) -> Notice:
    if value["status"] not in ("firing", "resolved"):
        raise ValueError("no status of an alert")
    return Notice(_alert(value["alert"]), value["status"], bool(value["was_told"]))


def _alert(value: Mapping[str, Any]) -> Alert:
    alert = Alert(**{**value, "evidence": Evidence(**value["evidence"])})
    texts = (alert.rule, alert.path, alert.what, alert.culprit, alert.well)
    numbers = (alert.at, alert.last_at, alert.told_at, alert.count)
    is_sound = all(isinstance(text, str) for text in texts) and alert.severity in SEVERITIES
    if not is_sound or not all(isinstance(number, int | float) for number in numbers):
        raise ValueError("other fields than an alert's")
    return alert


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

"""What is kept of the decisions from one life of the host to the next, as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import asdict, evolve

from ..specs.alerts import SEVERITIES
from ..specs.check import MANY
from .alert import Alert, Evidence, Notice
from .decisions import Decisions
from .grouping import Group
from .message import Message
from .packed import packed

_VERSION = 2
_LATEST = 1e11
_MOST = 2 << 20
"""Bytes that alerts take. What was seen of why they fired goes first, then the least grave."""
_PLACE = 64
"""Bytes of what refers to an alert."""
_SENT = 1000
"""Times of messages that are kept for each channel; a rate that allows more hardly holds one up."""


def state_of(decisions: Decisions, origin: str, most: int = _MOST) -> dict[str, Any]:
    """All that has to survive; each alert is in it once.

    Args:
        origin: begins the ids of messages.
        most: bytes that alerts may take.
    """
    groups = decisions.groups.values()
    waiting = [notice.alert for group in groups for notice in group.waiting.values()]
    alerts = _fitting([*decisions.active.values(), *waiting], most)
    places = {alert: place for place, alert in enumerate(alerts)}
    return {
        "version": _VERSION,
        "origin": origin,
        "alerts": list(alerts.values()),
        "firing": [places[alert] for alert in decisions.active.values() if alert in places],
        "channels": {group.name: _channel_of(group, places) for group in groups},
    }


def _channel_of(group: Group, places: Mapping[Alert, int]) -> dict[str, Any]:
    waiting = [
        {"alert": places[each.alert], "status": each.status, "was_told": each.was_told}
        for each in group.waiting.values()
        if each.alert in places
    ]
    return {
        "number": group.number,
        "sent": list(group.sent)[-_SENT:],
        "more": group.more + len(group.waiting) - len(waiting),
        "lost": group.lost,
        "waiting": waiting,
    }


def _fitting(alerts: list[Alert], most: int) -> dict[Alert, dict[str, Any]]:
    """Those that have room, the gravest and latest first, each as it is written."""
    places = Counter(alerts)
    found: dict[Alert, dict[str, Any]] = {}
    for alert in sorted(places, key=_gravest_first):
        bare = asdict(evolve(alert, evidence=Evidence()))
        most -= len(packed(bare)) + _PLACE * places[alert]
        if most < 0:
            break
        found[alert] = bare
    for alert in found:
        evidence = asdict(alert.evidence)
        size = len(packed(evidence))
        if size <= most:
            most -= size
            found[alert]["evidence"] = evidence
    return found


def _gravest_first(alert: Alert) -> tuple[int, float]:
    return -SEVERITIES.index(alert.severity), -alert.last_at


def restore(
    decisions: Decisions,
    state: Mapping[str, Any],
    now: float,
    messages: Iterable[Message] = (),
    *,
    is_own: bool = True,
) -> None:
    """Go on from there; channels that are no more are forgotten.

    Args:
        messages: that were written already. If the host was killed before it noted that, what is in
            them does not wait any more.
        is_own: the numbers of messages go on, too; else it is another host's that has ended, whose
            alerts come beside what there is.

    Raises:
        KeyError, TypeError, ValueError: that is no state.
    """
    alerts = [_alert(each) for each in state["alerts"]]
    firing = [_at(alerts, place) for place in state["firing"]]
    channels = {name: _channel(value, alerts) for name, value in state["channels"].items()}
    decisions.restore(alert for alert in firing if alert.key not in decisions.active)
    for name, group in decisions.groups.items():
        if name in channels:
            begin = f"{state['origin']}."
            mine = [each for each in messages if each.channel == name and each.id.startswith(begin)]
            _go_on(group, channels[name], mine, now, is_own=is_own)


def _go_on(
    group: Group, kept: dict[str, Any], messages: list[Message], now: float, *, is_own: bool
) -> None:
    unnoted = [each for each in messages if each.number > kept["number"]]
    if is_own:
        group.number = max([kept["number"], *(each.number for each in unnoted)])
        group.sent.extend([*kept["sent"], *(each.at for each in unnoted)])
    if not unnoted:  # they would have told these numbers
        group.more, group.lost = group.more + kept["more"], group.lost + kept["lost"]
    told = {key for each in unnoted for key in each.keys}
    for notice in kept["waiting"]:
        if notice.alert.key not in told:
            group.add(notice, now)


def _channel(value: Mapping[str, Any], alerts: list[Alert]) -> dict[str, Any]:
    return {
        **{name: _count(value[name]) for name in ("number", "more", "lost")},
        "sent": [_time(at) for at in value["sent"]],
        "waiting": [_notice(each, alerts) for each in value["waiting"]],
    }


def _notice(value: Mapping[str, Any], alerts: list[Alert]) -> Notice:
    if value["status"] not in ("firing", "resolved"):
        raise ValueError("no status of an alert")
    return Notice(_at(alerts, value["alert"]), value["status"], bool(value["was_told"]))


def _at(alerts: list[Alert], place: object) -> Alert:
    if not isinstance(place, int) or not 0 <= place < len(alerts):
        raise ValueError("no place of an alert")
    return alerts[place]


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

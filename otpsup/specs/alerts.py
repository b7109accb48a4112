"""Alerts: who hears of what, when, and how often.

These classes only describe; `otpsup.alerts` makes them work. Secrets are never in them: they name
files and environment variables, which are read at each delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs
from attrs import field, frozen

from ..errors import InvalidSpec
from . import check
from .channels import Channel, Mailbox
from .plugin import PluginSpec
from .quiet import RATE, QuietHours, are_hours, from_hours

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""The least first."""


def _several(value: Any) -> Any:
    """A tuple of texts; one text may stand for a tuple of it."""
    return check.converted(tuple, [value] if isinstance(value, str) else value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, str) and each for each in value)


def _texts(expected: str, example: str) -> check.Rule:
    schema = {"type": "array", "items": {"type": "string", "minLength": 1}}
    return check.rule(_are_texts, expected, example, schema=schema)


_severity = check.one_of(SEVERITIES, "severity='warning'")


def _seconds(example: str, default: Any = attrs.NOTHING) -> Any:
    return field(default=default, validator=check.positive_seconds(example))


def _seconds_or_none(example: str, default: float, *, kw_only: bool = True) -> Any:
    rule = check.rule(
        lambda v: check.is_seconds(v) and v >= 0,
        "seconds (0 or more)",
        example,
        schema={"type": "number", "minimum": 0},
    )
    return field(default=default, kw_only=kw_only, validator=rule)


@frozen
class Rule:
    """What makes an alert.

    Args:
        paths: children it is about, `*` and `?` within one part of a path; all if not given.
        channels: names of those that hear of it; all if not given.
        severity: `info`, `warning` or `critical`; only the last is told in quiet hours.
    """

    kind: ClassVar[str] = ""

    paths: tuple[str, ...] = field(
        default=(),
        converter=_several,
        kw_only=True,
        validator=_texts("paths, or patterns of paths", "paths=['backend/*']"),
    )
    channels: tuple[str, ...] = field(
        default=(),
        converter=_several,
        kw_only=True,
        validator=_texts("names of channels", "channels=['mail']"),
    )


@frozen
class GaveUp(Rule):
    """A supervisor has reached its restart intensity, or a child has used up its `start_retries`.

    Well again when it runs.
    """

    kind: ClassVar[str] = "gave_up"

    severity: Severity = field(default="critical", kw_only=True, validator=_severity)


@frozen
class Restarts(Rule):
    """A child is restarted again and again; well again when it was not, and runs.

    Args:
        count: so many restarts
        within: in so many seconds.
    """

    kind: ClassVar[str] = "restarts"

    count: int = field(
        default=5,
        validator=check.rule(check.Whole(1, 1_000_000), "a count (1 or more)", "count=5"),
    )
    within: float = _seconds("within=600", 600.0)
    severity: Severity = field(default="warning", kw_only=True, validator=_severity)


@frozen
class Unhealthy(Rule):
    """A child is not well: its readiness checks fail, it waits for its next start, or it was ended
    as unhealthy and is not back.

    Args:
        seconds: for so long without a break; 0 tells at once, and of each child that is ended as
            unhealthy, although it may run again before anybody could look.
    """

    kind: ClassVar[str] = "unhealthy"

    seconds: float = _seconds_or_none("seconds=60", 60.0, kw_only=False)
    severity: Severity = field(default="warning", kw_only=True, validator=_severity)


@frozen
class MemoryOver(Rule):
    """A child, with all below it, has much in memory; it is measured every 15 seconds.

    Args:
        limit: more than so many bytes, as the sum of resident sets
        seconds: for so long without a break.
    """

    kind: ClassVar[str] = "memory"

    limit: int = field(
        validator=check.rule(check.Whole(1, check.MANY), "bytes above 0", "MemoryOver(512 << 20)")
    )
    seconds: float = _seconds_or_none("seconds=60", 60.0)
    severity: Severity = field(default="warning", kw_only=True, validator=_severity)


@frozen
class TreeStopped(Rule):
    """The tree has ended, and nobody has asked for that; or its host was killed, which is told when
    it begins again.

    Args:
        asked: also if somebody has asked for it.
    """

    kind: ClassVar[str] = "tree_stopped"

    asked: bool = field(default=False, validator=check.boolean)
    severity: Severity = field(default="critical", kw_only=True, validator=_severity)


RULES: tuple[type[Rule], ...] = (GaveUp, Restarts, Unhealthy, MemoryOver, TreeStopped)
USUAL: tuple[Rule, ...] = (GaveUp(), Restarts(), Unhealthy(), TreeStopped())
"""The rules, if none are given."""


def _rules(value: Any) -> Any:
    return check.converted(tuple, value)


def _path(value: Any) -> Any:
    return value if value is None else check.converted(Path, value)


def _are_rules(value: Any) -> bool:
    return isinstance(value, tuple) and all(type(each) in RULES for each in value)


def _are_channels(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and all(check.is_name(name) for name in value)
        and all(
            isinstance(c, Channel) or callable(getattr(c, "send", None)) for c in value.values()
        )
    )


@frozen
class Alerts(PluginSpec):
    """Tell people when something breaks, once, and again when it is well.

    Args:
        channels: how they are told, by name: `Smtp`, `Webhook`, `Mailbox`, `Apprise`, or an object
            with `send(message)`. A mailbox in the folder of the outbox if not given.
        rules: what they are told of. If not given: what gave up, what is restarted five times in
            ten minutes, what is not well for a minute, and a tree that stopped.
        group_wait: what comes within so many seconds of one another goes in one message; none
            waits longer than six times that.
        repeat_within: the same alert is not told again within so many seconds, unless it was told
            to be well meanwhile.
        well_for: it is told to be well when it has been so for so many seconds.
        quiet_hours: when only what is critical is told; the rest comes afterwards, in one message.
        outbox: the folder of what waits to be delivered and of what is firing;
            `$XDG_STATE_HOME/otpsup/alerts/NAME-OF-THE-TREE` if not given, with
            `~/.local/state` where that variable is not set.
        max_messages, max_bytes: that wait in the outbox at most. Of more, the oldest of the least
            severity go, and that is told.
        max_age: seconds after which a message that nobody takes is not tried again.
    """

    name: ClassVar[str] = "alerts"
    runs: ClassVar[str] = "otpsup.alerts.service:Service"

    channels: Mapping[str, Any] = field(
        factory=lambda: {"mailbox": Mailbox()},
        validator=check.rule(
            lambda v: _are_channels(v) and v,
            "channels by name: Smtp, Webhook, Mailbox, Apprise, or objects with `send`",
            "channels={'ops': Webhook('https://...')}",
            secret=True,
        ),
    )
    rules: tuple[Rule, ...] = field(
        default=USUAL,
        converter=_rules,
        validator=check.rule(
            _are_rules, "rules such as GaveUp(), Restarts(5, 600)", "rules=[GaveUp()]"
        ),
    )
    group_wait: float = _seconds_or_none("group_wait=10", 10.0)
    repeat_within: float = _seconds_or_none("repeat_within=14400", 14_400.0)
    well_for: float = _seconds_or_none("well_for=60", 60.0)
    quiet_hours: tuple[QuietHours, ...] = field(
        default=(),
        converter=from_hours,
        validator=check.rule(are_hours, "quiet hours", "quiet_hours=[QuietHours('22:00-07:00')]"),
    )
    outbox: Path | None = field(
        default=None,
        converter=_path,
        validator=check.rule(
            lambda v: v is None or check.is_path(v), "a path", "outbox='/var/lib/shop/alerts'"
        ),
    )
    max_messages: int = field(
        default=1000,
        validator=check.rule(check.Whole(1, 100_000), "a count (1 or more)", "max_messages=1000"),
    )
    max_bytes: int = field(
        default=16 << 20,
        validator=check.rule(check.Whole(1, check.MANY), "bytes above 0", "max_bytes=16 << 20"),
    )
    max_age: float = _seconds("max_age=259200", 3 * 86_400.0)

    def __attrs_post_init__(self) -> None:
        for rule in self.rules:
            for name in rule.channels:
                self._must_have(name, rule)

    def _must_have(self, name: str, rule: Rule) -> None:
        if name in self.channels:
            return
        hint = check.nearest(name, self.channels) or f"there are: {', '.join(self.channels)}"
        problem = f"rule {rule.kind!r} has a channel {check.shown(name)} that there is not; {hint}"
        raise InvalidSpec(f"Alerts: {problem}", "invalid_channels", field="rules", problem=problem)


__all__ = ["RATE", "Alerts", "GaveUp", "MemoryOver", "Restarts", "TreeStopped", "Unhealthy"]

"""What waits to be told through one channel, and when it goes out as one message. Pure.

Nothing is lost silently: there is one entry for each alert, however often something is told of it,
and what a message has no room for is counted in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from attrs import evolve, frozen

from ..specs.alerts import SEVERITIES
from ..specs.quiet import QuietHours, Rate
from .alert import Alert, Batch, Notice

MOST = 100
"""Alerts that one message tells of; further ones are counted."""
KEPT = 10_000
"""Alerts that wait for one channel; further ones are counted."""
_PATIENCE = 6
"""How many times `group_wait` nothing waits longer than."""


@frozen
class Pace:
    """How one channel is spoken to."""

    group_wait: float
    rate: Rate
    quiet_hours: tuple[QuietHours, ...] = ()
    repeat_within: float = 0.0

    def is_quiet(self, now: float) -> bool:
        """Whether only what is critical may be told."""
        return any(hours.has(now) for hours in self.quiet_hours)


class Group:
    """What waits for one channel.

    Args:
        name: of the channel.
    """

    def __init__(self, name: str, pace: Pace) -> None:
        self.name = name
        self.number = 0
        self.lost = 0
        self.more = 0
        self.first_at = self.last_at = 0.0
        self.waiting: dict[str, Notice] = {}
        self.sent: deque[float] = deque(maxlen=pace.rate.count)
        self._pace = pace

    def add(self, notice: Notice, now: float) -> None:
        """Put one up; a later one about the same alert takes its place."""
        key = notice.alert.key
        before = self.waiting.pop(key, None)
        if before is None:
            self._put_up(notice, now)
        elif self._is_news(before, notice):
            self.waiting[key] = _joined(before, notice)

    def _put_up(self, notice: Notice, now: float) -> None:
        if not self.waiting:
            self.first_at = now
        self.last_at = now
        if len(self.waiting) < KEPT:
            self.waiting[notice.alert.key] = notice
        else:
            self.more += 1

    def _is_news(self, before: Notice, notice: Notice) -> bool:
        """People have heard that it is wrong, and not yet that it was well for a moment: soon after
        the first there is nothing to tell them."""
        was_well = before.status == "resolved" and before.was_told and notice.status == "firing"
        return not was_well or (
            notice.alert.told_at - before.alert.told_at >= self._pace.repeat_within
        )

    def refresh(self, alert: Alert) -> None:
        """More is known of an alert that waits."""
        before = self.waiting.get(alert.key)
        if before is not None and before.status == "firing":
            self.waiting[alert.key] = evolve(before, alert=alert)

    def take(self, now: float, *, wall: float | None = None, at_once: bool = False) -> Batch | None:
        """The message that is due, if one is.

        Args:
            wall: what clocks on walls show, for quiet hours; the same as `now` if not given.
            at_once: do not wait for others.

        What is critical does not wait for the rate, which others may have used up; it takes along
        all that waits. That it is well again is not urgent.
        """
        if not self.waiting or not (at_once or self._is_complete(now)):
            return None
        chosen = self._chosen(now if wall is None else wall)
        is_urgent = any(is_critical(each) and each.status == "firing" for each in chosen)
        if not chosen or not (self._rate_allows(now) or is_urgent):
            return None
        return self._batch(sorted(chosen, key=_gravest_first), now)

    def _is_complete(self, now: float) -> bool:
        wait = self._pace.group_wait
        return now - self.last_at >= wait or now - self.first_at >= _PATIENCE * wait

    def _chosen(self, wall: float) -> list[Notice]:
        notices = list(self.waiting.values())
        return [*filter(is_critical, notices)] if self._pace.is_quiet(wall) else notices

    def _rate_allows(self, now: float) -> bool:
        rate = self._pace.rate
        return len(self.sent) < rate.count or now - self.sent[0] >= rate.within

    def _batch(self, chosen: list[Notice], now: float) -> Batch:
        self.number += 1
        self.sent.append(now)
        keys = tuple(notice.alert.key for notice in chosen)
        self.forget(keys)
        more, lost = len(chosen[MOST:]) + self.more, self.lost
        self.more = self.lost = 0
        return Batch(self.name, self.number, now, tuple(chosen[:MOST]), more, lost, keys)

    def forget(self, keys: Iterable[str]) -> None:
        """These are in a message already."""
        for key in keys:
            self.waiting.pop(key, None)

    def rewind(self, now: float) -> None:
        """The clock was set back: nothing waits for a time that has been already."""
        self.first_at, self.last_at = min(self.first_at, now), min(self.last_at, now)
        self.sent = deque((min(at, now) for at in self.sent), maxlen=self.sent.maxlen)


def is_critical(notice: Notice) -> bool:
    """Whether it is told in quiet hours."""
    return notice.alert.severity == SEVERITIES[-1]


def _gravest_first(notice: Notice) -> tuple[bool, int, float]:
    gravity = SEVERITIES.index(notice.alert.severity)
    return notice.status != "firing", -gravity, notice.alert.at


def _joined(before: Notice, notice: Notice) -> Notice:
    """What is well before anybody has heard that it was not, is told as one."""
    is_first = before.status == "firing" or not before.was_told
    was_told = not (is_first and notice.status == "resolved")
    return evolve(notice, was_told=was_told)

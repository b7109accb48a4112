"""Who is told what, and when: events and the time in, messages out. Pure.

An alert is told once. While it goes on, and for `repeat_within` seconds, whatever else makes it
fire is only counted. When it has been well for `well_for` seconds that is told, once, to those who
have heard of it, or are about to.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from ..engine.words import named
from ..specs.alerts import Alerts
from ..specs.channels import Channel
from ..specs.quiet import RATE
from ..views import Event
from . import clean
from .alert import Alert, Batch, Evidence, Notice
from .children import Children, Look
from .grouping import Group, Pace
from .rules import Sign, TreeStoppedWatch, Watch, watches

_ENDS = ("child_terminated", "start_error")
_KNOWN = 2000
"""Children of which it is kept how they ended."""


class Decisions:
    """All that is decided for one tree.

    Args:
        settings: what the alerts are, and who hears of them.
    """

    def __init__(self, settings: Alerts) -> None:
        self.active: dict[str, Alert] = {}
        self.groups = {
            name: Group(name, pace(channel, settings))
            for name, channel in settings.channels.items()
        }
        self._settings = settings
        self._children = Children()
        self._watches = watches(settings.rules, self._children)
        self._evidence: dict[str, Evidence] = {}
        self._of: dict[str, set[str]] = {}
        """The alerts of each culprit."""
        self._now = 0.0
        self._is_over = False
        self.changes = 0
        """Counts up whenever there is something new to be kept on disk."""

    def restore(self, active: Iterable[Alert]) -> None:
        """Go on with what was firing when the host ended; what rules are no more is forgotten."""
        for alert in active:
            if alert.rule in self._watches:
                self._keep(alert)

    def vanished(self, now: float) -> None:
        """The host of this tree was killed before, as is found when it begins again."""
        for watch in self._watches.values():
            if isinstance(watch, TreeStoppedWatch):
                self._heed(watch, watch.vanished(now), now)

    def event(self, event: Event) -> None:
        """Something happened."""
        self._is_over = event.kind == "halt"
        self._children.event(event)
        self._remember(event)
        for watch in self._watches.values():
            self._heed(watch, watch.event(event), event.at)

    def look(self, look: Look) -> None:
        """The whole tree was looked at."""
        self._children.look(look)

    def lost(self, look: Look) -> None:
        """Events were not told: what they would have been is seen, as far as the tree shows it."""
        self.look(look)
        for watch in self._watches.values():
            news = [s for s in watch.look(look) if _key(watch, s) not in self.active]
            self._heed(watch, news, look.at)

    @property
    def wants_memory(self) -> bool:
        """Whether a rule goes by it."""
        return any(watch.rule.kind == "memory" for watch in self._watches.values())

    def advance(
        self, now: float, *, wall: float | None = None, at_once: bool = False
    ) -> list[Batch]:
        """The messages that are due.

        Args:
            wall: what clocks on walls show, for quiet hours; the same as `now` if not given.
            at_once: the tree has ended: no message waits for others.
        """
        if now < self._now:
            self._rewind(now)
        self._now = now
        if not self._is_over:  # what ends with its tree is not well
            self._look_around(now)
        batches = [group.take(now, wall=wall, at_once=at_once) for group in self.groups.values()]
        return [batch for batch in batches if batch is not None]

    def _look_around(self, now: float) -> None:
        for watch in self._watches.values():
            self._heed(watch, watch.due(now), now)
        for alert in tuple(self.active.values()):
            self._see(alert, now)

    # What fires.

    def _heed(self, watch: Watch, signs: Iterable[Sign], now: float) -> None:
        for sign in signs:
            if watch.is_about(sign.path):
                self._fire(watch, sign, now)

    def _fire(self, watch: Watch, sign: Sign, now: float) -> None:
        before = self.active.get(_key(watch, sign))
        if before is None:
            self._tell(self._alert(watch, sign), now)
            return
        again = evolve(before, count=before.count + 1, last_at=sign.at, well_at=None)
        if now - before.told_at >= self._settings.repeat_within:
            self._tell(evolve(again, what=clean.line(sign.what)), now)
        else:
            self._keep(again)

    def _alert(self, watch: Watch, sign: Sign) -> Alert:
        known = self._evidence.get(sign.culprit, Evidence())
        why = clean.lines(sign.why) or known.why
        what = clean.line(sign.what)
        rule = watch.rule
        return Alert(
            watch.name, sign.path, rule.severity, rule.channels, what, sign.at, sign.at,
            sign.count, sign.culprit, evolve(known, why=why),
        )  # fmt: skip

    def _tell(self, alert: Alert, now: float) -> None:
        told = evolve(alert, told_at=now)
        self._keep(told)
        self._put_up(Notice(told), now)

    def _put_up(self, notice: Notice, now: float) -> None:
        names = notice.alert.channels or self.groups
        for name in names:
            if name in self.groups:
                self.groups[name].add(notice, now)

    def _keep(self, alert: Alert) -> None:
        self.changes += 1
        self.active[alert.key] = alert
        self._of.setdefault(alert.culprit, set()).add(alert.key)
        for group in self.groups.values():
            group.refresh(alert)

    # What led to it.

    def _remember(self, event: Event) -> None:
        """The last output of a child is told some time after its end; who fires waits for it."""
        before = self._evidence.get(event.path, Evidence())
        if event.kind in _ENDS:
            why = clean.lines((event.text, *event.chain))
            new = Evidence(why, (), clean.trace(event.traceback))
        elif event.kind == "last_output":
            new = evolve(before, lines=clean.lines(event.lines))
        else:
            return
        self._evidence.pop(event.path, None)
        self._evidence[event.path] = new
        if len(self._evidence) > _KNOWN:
            del self._evidence[next(iter(self._evidence))]
        for key in tuple(self._of.get(event.path, ())):
            self._know(self.active[key], new)

    def _know(self, alert: Alert, new: Evidence) -> None:
        """What an earlier end has left to say is kept until the later one says something."""
        old = alert.evidence
        evidence = Evidence(
            old.why or new.why, new.lines or old.lines, new.traceback or old.traceback
        )
        self._keep(evolve(alert, evidence=evidence))

    # What is well again.

    def _see(self, alert: Alert, now: float) -> None:
        watch = self._watches[alert.rule]
        if not self._children.is_gone(alert.path) and not watch.is_well(alert.path, now):
            if alert.well_at is not None:
                self._keep(evolve(alert, well_at=None))
        elif alert.well_at is None:
            self._keep(evolve(alert, well_at=now))
        elif now - alert.well_at >= self._settings.well_for:
            self._resolve(alert, now)

    def _resolve(self, alert: Alert, now: float) -> None:
        done = evolve(alert, well=f"{named(alert.path)} {self._children.how_well(alert.path)}")
        self.changes += 1
        del self.active[alert.key]
        self._of[alert.culprit].discard(alert.key)
        if not self._of[alert.culprit]:
            del self._of[alert.culprit]
        self._put_up(Notice(done, "resolved"), now)

    def _rewind(self, now: float) -> None:
        """The clock was set back."""
        for group in self.groups.values():
            group.rewind(now)
        for alert in tuple(self.active.values()):
            told, well = min(alert.told_at, now), alert.well_at and min(alert.well_at, now)
            self._keep(evolve(alert, told_at=told, well_at=well))


def _key(watch: Watch, sign: Sign) -> str:
    """Of the alert; see `Alert.key`."""
    return f"{watch.name} {sign.path}"


def pace(channel: object, settings: Alerts) -> Pace:
    """How a channel is spoken to; an object of somebody else's as usual."""
    own = channel.quiet_hours if isinstance(channel, Channel) else None
    rate = channel.rate if isinstance(channel, Channel) else RATE
    quiet = settings.quiet_hours if own is None else own
    return Pace(settings.group_wait, rate, quiet, settings.repeat_within)

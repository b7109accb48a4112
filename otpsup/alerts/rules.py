"""What fires, and whether it is well again. Pure: events and the time in, signs out.

Who fires is told once, by what happens; who is well again is asked every now and then, so that
nothing depends on having heard of the right event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from attrs import frozen

from ..engine.words import named, span
from ..specs.alerts import GaveUp, MemoryOver, Restarts, Rule, TreeStopped, Unhealthy
from ..views import ChildStatus, Event
from .children import Children, Look, is_unhealthy

_ASKED = "stopped"
"""The reason of a tree that was asked to stop."""


@frozen
class Sign:
    """A rule has found something.

    Attributes:
        what: in one line.
        why: sentences, the latest first.
        culprit: the child whose end led to it.
        count: how many ends that are.
    """

    path: str
    at: float
    what: str
    why: tuple[str, ...] = ()
    culprit: str = ""
    count: int = 1


class Watch:
    """One rule at work.

    Args:
        name: of the rule, for messages and for what is kept.
        rule: its settings.
        children: how they are.
    """

    def __init__(self, name: str, rule: Any, children: Children) -> None:
        self.name = name
        self.rule = rule
        self._children = children

    def event(self, event: Event) -> Iterator[Sign]:
        """What this event makes of it."""
        yield from ()

    def due(self, now: float) -> Iterator[Sign]:
        """What the time makes of it."""
        yield from ()

    def look(self, look: Look) -> Iterator[Sign]:
        """What a look at the whole tree makes of it, of which events were lost."""
        yield from ()

    def is_well(self, path: str, now: float) -> bool:
        """Whether what fired for this child is over."""
        return self._children.is_up(path)

    def is_about(self, path: str) -> bool:
        """Whether the rule is about this child."""
        return not self.rule.paths or any(matches(path, each) for each in self.rule.paths)


def matches(path: str, pattern: str) -> bool:
    """Part by part: `*` does not reach into a supervisor, as on the command line."""
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


class GaveUpWatch(Watch):
    """Supervisors at their intensity, children at the end of their `start_retries`."""

    rule: GaveUp
    skips_root = False
    """Another rule tells of the end of the tree."""

    def __init__(self, name: str, rule: Any, children: Children) -> None:
        super().__init__(name, rule, children)
        self._seen: dict[str, float] = {}
        """When a look has shown it; an event from before that tells it no second time."""

    def event(self, event: Event) -> Iterator[Sign]:
        """As events tell it."""
        for sign in self._signs(event):
            if sign.at > self._seen.pop(sign.path, 0.0):
                yield sign

    def look(self, look: Look) -> Iterator[Sign]:
        """As the state of who gave up, and does not run again, tells it."""
        for node in look.root.walk() if look.root else ():
            what = _how_it_gave_up(node)
            if what and node.path:
                self._seen[node.path] = look.at
                why = tuple(line.removeprefix("before that, ") for line in node.why[1:])
                yield Sign(node.path, node.since, f"{named(node.path)} {what}", why, node.path)

    def _signs(self, event: Event) -> Iterator[Sign]:
        """It is told of the child that ended last."""
        if event.kind == "shutdown":
            path = event.path.rpartition("/")[0]
            if path or not self.skips_root:
                yield Sign(path, event.at, f"{named(path)} gave up", event.chain, event.path)
        elif event.state == "down" and event.cause.startswith(f"{named(event.path)} was given up"):
            what = f"{named(event.path)} was given up"
            yield Sign(event.path, event.at, what, event.chain, event.path)


def _how_it_gave_up(node: ChildStatus) -> str:
    """The rest of a sentence (`otpsup.engine.words`); nothing if it did not, or runs again."""
    why = node.why[0] if node.why else ""
    begin = f"{named(node.path)} is {node.state} because it "
    found = (what for what in ("gave up", "was given up") if why.startswith(begin + what))
    return "" if node.state == "running" else next(found, "")


class RestartsWatch(Watch):
    """Children that are restarted again and again."""

    rule: Restarts

    def __init__(self, name: str, rule: Any, children: Children) -> None:
        super().__init__(name, rule, children)
        self._times: dict[str, deque[float]] = {}

    def event(self, event: Event) -> Iterator[Sign]:
        """Each restart is counted."""
        if event.kind != "restart" or not self.is_about(event.path):
            return
        times = self._times.setdefault(event.path, deque(maxlen=self.rule.count))
        times.append(event.at)
        if event.at - times[0] < self.rule.within and len(times) >= self.rule.count:
            often = "once" if self.rule.count == 1 else f"{self.rule.count} times"
            what = f"{named(event.path)} was restarted {often} within {span(self.rule.within)}"
            count = self.rule.count
            yield Sign(event.path, event.at, what, event.chain, event.path, count)

    def due(self, now: float) -> Iterator[Sign]:
        """What was long ago is forgotten."""
        old = [path for path, times in self._times.items() if self._is_over(times, now)]
        for path in old:
            del self._times[path]
        yield from ()

    def _is_over(self, times: deque[float], now: float) -> bool:
        return now - times[-1] >= self.rule.within

    def is_well(self, path: str, now: float) -> bool:
        """Not restarted so often any more, and nothing is wrong with it."""
        times = self._times.get(path, ())
        recent = sum(now - at < self.rule.within for at in times)
        return (
            recent < self.rule.count
            and self._children.is_known(path)
            and not self._children.is_failing(path)
        )


class UnhealthyWatch(Watch):
    """Children that are not well for long."""

    rule: Unhealthy

    def __init__(self, name: str, rule: Any, children: Children) -> None:
        super().__init__(name, rule, children)
        self._told: set[str] = set()

    def event(self, event: Event) -> Iterator[Sign]:
        """At once, if the rule knows no patience: it may run again before anybody looks."""
        is_end = event.kind in ("child_terminated", "start_error") and is_unhealthy(event)
        is_mark = event.kind == "readiness" and event.reason
        if self.rule.seconds == 0 and (is_end or is_mark) and event.path not in self._told:
            self._told.add(event.path)
            yield self._sign(event.path, event.at, event.reason or "")

    def due(self, now: float) -> Iterator[Sign]:
        """Whoever has not been well for so long."""
        self._told &= self._children.unwell.keys()
        for path, unwell in self._children.unwell.items():
            is_long = now - unwell.since >= self.rule.seconds > 0
            is_marked = self.rule.seconds == 0 and unwell.is_unhealthy
            if (is_long or is_marked) and path not in self._told:
                self._told.add(path)
                yield self._sign(path, now, unwell.why)

    def _sign(self, path: str, at: float, why: str) -> Sign:
        what = f"{named(path)} is not well"
        if why:
            what += f": {why.removeprefix('unhealthy: ')}"
        return Sign(path, at, what, (why,) if why else (), path)

    def is_well(self, path: str, now: float) -> bool:
        """Nothing is wrong with it any more."""
        return self._children.is_known(path) and not self._children.is_failing(path)


class MemoryWatch(Watch):
    """Children with too much in memory."""

    rule: MemoryOver

    def __init__(self, name: str, rule: Any, children: Children) -> None:
        super().__init__(name, rule, children)
        self._since: dict[str, float] = {}
        self._told: set[str] = set()

    def due(self, now: float) -> Iterator[Sign]:
        """Whoever has had more for so long."""
        used = self._children.memory
        over = {path for path in used if used[path] > self.rule.limit}
        self._since = {path: self._since.get(path, now) for path in over}
        self._told &= over
        for path in sorted(over - self._told):
            if now - self._since[path] >= self.rule.seconds:
                self._told.add(path)
                what = (
                    f"{named(path)} has {size(used[path])} in memory, more than "
                    f"{size(self.rule.limit)}"
                )
                yield Sign(path, now, what, (), path)

    def is_well(self, path: str, now: float) -> bool:
        """It has less; it may have ended."""
        used = self._children.memory
        return bool(used) and used.get(path, 0) <= self.rule.limit


class TreeStoppedWatch(Watch):
    """The end of the tree."""

    rule: TreeStopped
    _culprit = ""
    _failed_to_start = ""

    def event(self, event: Event) -> Iterator[Sign]:
        """How it ended is the first half of what it says."""
        if event.kind == "shutdown" and "/" not in event.path:
            self._culprit = event.path
        elif event.kind == "start_error" and not self._failed_to_start.startswith(f"{event.path}/"):
            self._failed_to_start = event.path  # and not its supervisor, which failed for that
        if event.kind == "halt" and (self.rule.asked or event.reason != _ASKED):
            what, _, more = event.text.partition(":")
            why = (more.strip(), *event.chain) if more else (event.text, *event.chain)
            never_began = what == "the tree could not start"
            culprit = self._failed_to_start if never_began else self._culprit
            yield Sign("", event.at, what.strip(". "), why, culprit)

    def vanished(self, now: float) -> Iterator[Sign]:
        """The host of the tree was killed, as is found when it begins again."""
        why = (
            "its host was killed (SIGKILL, or for want of memory), or the machine stopped: it said "
            "nothing when it ended, and this is told by the one that began now"
        )
        yield Sign("", now, "the tree ended without a word", (why,))


def size(count: int) -> str:
    """Bytes for people: `512 MB`, with the factor 1,000."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


_WATCHES: dict[type[Rule], type[Watch]] = {
    GaveUp: GaveUpWatch,
    Restarts: RestartsWatch,
    Unhealthy: UnhealthyWatch,
    MemoryOver: MemoryWatch,
    TreeStopped: TreeStoppedWatch,
}


def watches(rules: Sequence[Rule], children: Children) -> dict[str, Watch]:
    """All rules at work, by their names: the kind, with a number where there are several."""
    found: dict[str, Watch] = {}
    for rule in rules:
        same = sum(watch.rule.kind == rule.kind for watch in found.values())
        name = f"{rule.kind}-{same + 1}" if same else rule.kind
        found[name] = watch = _WATCHES[type(rule)](name, rule, children)
        if isinstance(watch, GaveUpWatch):
            watch.skips_root = any(isinstance(each, TreeStopped) for each in rules)
    return found

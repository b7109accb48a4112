"""What is counted of each child: its starts and ends, and what it used, in all its incarnations.

A child's account is kept as long as there is a child at its path. Accounts of others are thrown
away now and then: not when the child goes, which would be one more thing to do for each of a
million that come and go, but when there are twice as many as children.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..engine.child import Child
from ..engine.effects import StateChange, Told
from .logs.counts import Count
from .usage import Usage

if TYPE_CHECKING:
    from ..statistics import CheckResult

_SOME = 64
_NOTHING = Usage()
_SAMPLE = struct.Struct("=IfI")
"""Number of the sample among all, processors, and KiB of memory: 12 bytes for each that is kept."""


class Account:
    """Of one child, or supervisor.

    Attributes:
        starts, restarts: how many there were.
        exits: how often it ended, by the kind of reason; None if it never did.
        begun: when its last start began, in the engine's time.
        start_seconds: what that took until it was ready; None if it never was.
        log: of its output; None if that does not come to us.
        checks: how often each check looked, and in vain, in incarnations that are over, by its
            purpose and what it looks at; None if it has none.
    """

    __slots__ = (
        *("starts", "restarts", "exits", "begun", "start_seconds", "checks", "log"),
        *("_known", "_use"),
    )

    def __init__(self) -> None:
        self.starts = self.restarts = 0
        self.exits: dict[str, int] | None = None
        self.begun = 0.0
        self.start_seconds: float | None = None
        self.log: Count | None = None
        self.checks: dict[tuple[str, str], tuple[int, int]] | None = None
        self._known = 0
        """Restarts that its record had when it was looked at; a new record begins anew."""
        self._use: Use | None = None

    def started(self, at: float, restarts: int) -> None:
        """A start begins; its record says so many restarts."""
        self.starts += 1
        self.begun = at
        self.restarts += restarts - self._known if restarts >= self._known else restarts
        self._known = restarts

    def ended(self, kind: str) -> None:
        """An incarnation is over."""
        exits = self.exits = self.exits or {}
        exits[kind] = exits.get(kind, 0) + 1
        if self._use:
            self._use.usage = _NOTHING

    @property
    def use(self) -> Use:
        """What it uses. Apart, for nobody may ever ask."""
        if self._use is None:
            self._use = Use()
        return self._use

    def checked(self, results: Iterable[CheckResult]) -> None:
        """The checks of an incarnation end with these, in which those before it are counted."""
        for each in results:
            checks = self.checks = self.checks or {}
            checks[each.purpose, each.what] = each.looks, each.failures


class Use:
    """What one child uses.

    Attributes:
        cpu: seconds of processor time, of all its incarnations.
        usage: what it used when it was measured last.
    """

    __slots__ = ("_pid", "_sampled", "_samples", "_seen", "cpu", "usage")

    def __init__(self) -> None:
        self.cpu = 0.0
        self.usage = _NOTHING
        self._pid = 0
        self._seen = 0.0
        """Processor time of this incarnation, when it was measured last."""
        self._sampled: tuple[float, float] | None = None
        self._samples: bytearray | None = None

    def measured(self, pid: int, usage: Usage) -> None:
        """What its process uses now, and all below that."""
        if pid != self._pid:
            self._pid, self._seen = pid, 0.0
        now = usage.cpu + usage.ended
        self.cpu += max(now - self._seen, 0.0)  # processes that nobody waited for may be gone
        self._seen = now
        self.usage = usage

    def sample(self, number: int, at: float, most: int) -> None:
        """Keep what it used since the sample before, and forget all but the last samples."""
        before, self._sampled = self._sampled, (at, self.cpu)
        if before is None or at <= before[0]:
            return
        rate = (self.cpu - before[1]) / (at - before[0])
        samples = self._samples = self._samples or bytearray()
        samples += _SAMPLE.pack(number, rate, min(self.usage.memory >> 10, 0xFFFFFFFF))
        if len(samples) > most * _SAMPLE.size:
            del samples[: _SAMPLE.size]

    def samples(self, most: int) -> Iterator[tuple[int, float, int]]:
        """The last of them: number, processors, and bytes of memory."""
        data = bytes(self._samples or b"")[-most * _SAMPLE.size :] if most else b""
        for number, rate, memory in _SAMPLE.iter_unpack(data):
            yield number, rate, memory << 10


class Ledger:
    """The accounts of a tree.

    Args:
        children: the records of all children, which say who is there.
    """

    def __init__(self, children: Mapping[str, Child]) -> None:
        self._children = children
        self._accounts: dict[str, Account] = {}

    def of(self, path: str) -> Account:
        """The account of a child."""
        return self._accounts.get(path) or self._opened(path)

    def log(self, path: str) -> Count:
        """Where the output of a child is counted."""
        account = self.of(path)
        if account.log is None:
            account.log = Count()
        return account.log

    def _opened(self, path: str) -> Account:
        if len(self._accounts) > 2 * len(self._children) + _SOME:
            there = self._children
            self._accounts = {p: each for p, each in self._accounts.items() if p in there}
        return self._accounts.setdefault(path, Account())

    def heard(self, effect: Told) -> None:
        """What the engine tells: it is about a child's state, or nothing of ours."""
        if type(effect) is StateChange:
            self._changed(effect)

    def _changed(self, change: StateChange) -> None:
        account = self.of(change.path)
        if change.state == "starting":
            record: Any = self._children.get(change.path)
            account.started(change.at, record.restarts if record else 0)
        elif change.state == "running":
            account.start_seconds = change.at - account.begun
        elif change.run and change.reason:
            account.ended(change.reason.kind)

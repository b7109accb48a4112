"""Looks after one incarnation of a child while it runs, as its checks say.

What fails is told to the engine: that it is unhealthy, which ends it, or that it cannot serve just
now, which only marks it. Kubernetes' rules: startup checks come first, and the others begin when
they have succeeded; a check fails after so many failures in a row, and is well again after so many
successes. Nothing here waits for a look that hangs, nor does any other check.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

from ..specs import Command, Http, Port, Probe, Worker, health
from ..specs.health import Check, Purpose
from . import checks
from .checks import Look
from .usage import Meter


class Facts(Protocol):
    """What is known of the process."""

    loop: asyncio.AbstractEventLoop
    meter: Meter
    pid: int
    path: str
    busy: checks.Busy
    """Looks that have not ended, of earlier incarnations, too."""

    @property
    def heartbeat_at(self) -> float:
        """When it last said that all is well, in the loop's time; 0 if never."""

    @property
    def output_at(self) -> float:
        """When it last wrote something (time.monotonic); 0 if never."""

    def exec(self, argv: Sequence[str]) -> Look:
        """What looks by running a program as the child is run."""

    def plugged(self, what: health.Plugged, patience: float, key: Hashable) -> Look:
        """What looks by a plug-in; `key` as in `busy`."""


class Health:
    """All checks of one incarnation.

    Args:
        unhealthy: called once, with why, when it is to be ended.
        marked: called with why it cannot serve, or with "" when it can again.
        of_tree: liveness checks beside its own.
    """

    def __init__(
        self,
        facts: Facts,
        spec: Worker | Command,
        unhealthy: Callable[[str], None],
        marked: Callable[[str], None],
        of_tree: health.Checks = (),
    ) -> None:
        self._facts = facts
        self._spec = spec
        self._liveness = (*spec.liveness, *of_tree)
        self._unhealthy = unhealthy
        self._marked = marked
        self._unready: dict[Watch, str] = {}
        self._watches: list[Watch] = []
        self._starting: set[Watch] = set()
        self._is_over = False

    @property
    def results(self) -> list[Watch]:
        """Every check, with how it stands."""
        return list(self._watches)

    def begin(self) -> None:
        """It runs: begin to look."""
        self._starting = set(self._begin_all("startup", self._spec.startup))
        if not self._starting:
            self._begin_others()

    def _begin_others(self) -> None:
        self._begin_all("readiness", self._spec.readiness)
        self._begin_all("liveness", self._liveness)

    def _begin_all(self, purpose: Purpose, found: health.Checks) -> list[Watch]:
        begun = [
            Watch(self._facts, purpose, check, self._turned, number)
            for number, check in enumerate(found)
        ]
        self._watches += begun
        for watch in begun:
            watch.begin()
        return begun

    def _turned(self, watch: Watch) -> None:
        """A check has come to fail, or to succeed."""
        if self._is_over:
            return
        if watch.purpose == "readiness":
            self._mark(watch)
        elif watch.why:
            self.end()
            of_start = "startup: " if watch.purpose == "startup" else ""
            self._unhealthy(f"{of_start}{watch.why}")
        elif watch in self._starting:
            watch.end()
            self._starting.discard(watch)
            if not self._starting:
                self._begin_others()

    def _mark(self, watch: Watch) -> None:
        before = bool(self._unready)
        if watch.why:
            self._unready[watch] = watch.why
        else:
            self._unready.pop(watch, None)
        if before or self._unready:
            self._marked("; ".join(self._unready.values()))

    def end(self) -> None:
        """It is gone, or is to go: look no more."""
        self._is_over = True
        for watch in self._watches:
            watch.end()


class Watch:
    """One check at work.

    Attributes:
        is_well: what the last looks came to; None as long as they came to nothing.
        why: why it fails; "" while it does not.
        looks, failures: how often it was looked at, and how often in vain.
    """

    def __init__(
        self,
        facts: Facts,
        purpose: Purpose,
        check: Check,
        turned: Callable[[Watch], None],
        number: int = 0,
    ) -> None:
        self.purpose = purpose
        self.check = check
        self.is_well: bool | None = None
        self.why = ""
        self.looks = self.failures = 0
        self.said = ""
        """What the last look said; "" if all was well."""
        self._row = 0
        """How many looks in a row have come to the same."""
        self._facts = facts
        self._turned = turned
        self._began = facts.loop.time()
        key = facts.path, purpose, number, health.described(check.what)
        self._kind = _kind(facts, check, key)
        self._next: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    def begin(self) -> None:
        """Look for the first time."""
        self._at(self._began + self.check.initial_delay + self._kind.first(self.check))

    def _at(self, when: float) -> None:
        self._next = self._facts.loop.call_at(when, self._look)

    def _look(self) -> None:
        self._next = None
        due = self._kind.due()
        if due is not None and due > self._facts.loop.time():  # it was not idle since
            self._at(due)
            return
        begun = self._facts.loop.time()
        self._task = self._facts.loop.create_task(self._looked(begun))

    async def _looked(self, begun: float) -> None:
        patience = self.check.patience if self._kind.may_be_late else None
        with contextlib.suppress(checks.Unknown):
            said = await checks.why_not(self._kind.look, patience)
            if not self._is_over:
                self._judge(said)
        self._task = None
        if not self._is_over:
            now = self._facts.loop.time()
            due = self._kind.due()
            self._at(max(begun + self.check.every, now) if due is None else max(due, now + _SOON))

    def _judge(self, said: str | None) -> None:
        self.looks += 1
        self.failures += said is not None
        is_same = (said is None) == (self.said == "")
        self._row = self._row + 1 if is_same and self.looks > 1 else 1
        self.said = said or ""
        if said is None:
            self._succeeded()
        elif self._row >= self.check.threshold:
            self._failed(said)

    def _succeeded(self) -> None:
        needed = self.check.successes if self.is_well is False or self.purpose == "startup" else 1
        if self.is_well is not True and self._row >= needed:
            self.is_well, self.why = True, ""
            self._turned(self)

    def _failed(self, said: str) -> None:
        if self.is_well is False:  # that is known
            return
        times = f" {self._row} times in a row" if self._row > 1 else ""
        self.why = f"{health.described(self.check.what)} failed{times}: {said}"
        self.is_well = False
        self._turned(self)

    def end(self) -> None:
        """Look no more."""
        self._is_over = True
        if self._next:
            self._next.cancel()
        if self._task:
            self._task.cancel()


_SOON = 0.05
"""Seconds, at least, between two looks at what is known and not tried."""


class _Kind:
    """How one kind of condition is looked at.

    Args:
        may_be_late: a look that takes too long is a failure; if not, it ends in time by itself.
    """

    def __init__(self, look: Look, *, may_be_late: bool = True) -> None:
        self.look = look
        self.may_be_late = may_be_late

    def first(self, check: Check) -> float:
        """Seconds to the first look: not all at once in a tree of many."""
        return random.uniform(0.0, min(check.every, 1.0))

    def due(self) -> float | None:
        """When it could fail first, in the loop's time; None if that is not known before."""
        return None


class _Due(_Kind):
    """What fails at a moment that is known before.

    Args:
        due: that moment.
        why: what is said then.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, due: Callable[[], float], why: str) -> None:
        async def look() -> str | None:
            return why if loop.time() >= due() else None

        super().__init__(look)
        self._when = due

    def first(self, check: Check) -> float:
        """At that moment."""
        return 0.0

    def due(self) -> float | None:
        """Then."""
        return self._when()


def _kind(facts: Facts, check: Check, key: Hashable) -> _Kind:
    what = check.what
    match what:
        case Port() | Http() | Probe():
            return _Kind(checks.look(what, facts.busy, key))
        case health.Exec():
            return _Kind(facts.exec(what.argv))
        case health.Plugged():
            look = facts.plugged(what, check.patience, key)
            return _Kind(look, may_be_late=not what.of_tree)
        case health.Memory():
            return _Kind(_memory(facts, what.limit))
        case health.Cpu():
            return _Kind(_cpu(facts, what.limit))
        case health.FileAge():
            began = facts.loop.time()
            look = checks.InThread(
                lambda: _file_age(what, facts.loop.time() - began), busy=facts.busy, key=key
            )
            return _Kind(look)
        case health.Heartbeat():
            return _since(facts, check, lambda: facts.heartbeat_at, "no heartbeat")
        case health.Silence():
            return _since(facts, check, lambda: facts.output_at, "no output")
        case health.MaxAge():
            age = what.seconds + random.uniform(0.0, what.jitter)
            until = facts.loop.time() + age
            return _Due(facts.loop, lambda: until, f"it has run for {age:.0f} s")


def _since(facts: Facts, check: Check, last: Callable[[], float], why: str) -> _Due:
    """What fails when there was none of it for so long."""
    seconds = check.what.seconds  # type: ignore[union-attr]
    began = facts.loop.time() + check.initial_delay
    return _Due(facts.loop, lambda: max(began, last()) + seconds, f"{why} for {seconds:g} s")


def _memory(facts: Facts, limit: int) -> Look:
    async def look() -> str | None:
        used = (await facts.meter.usage(facts.pid))[1].memory
        return f"{_size(used)} are more than {_size(limit)}" if used > limit else None

    return look


def _size(size: int) -> str:
    """In a unit of which there are ten or more, so that a small limit is no 0."""
    for shift, unit in ((20, "MiB"), (10, "KiB")):
        if size >= 10 << shift:
            return f"{size / (1 << shift):.0f} {unit}"
    return f"{size} bytes"


def _cpu(facts: Facts, limit: float) -> Look:
    before: tuple[float, float] | None = None
    said: str | None = None

    async def look() -> str | None:
        nonlocal before, said
        at, usage = await facts.meter.usage(facts.pid)
        last, before = before, (at, usage.cpu)
        if last is not None and at > last[0]:  # else it was not measured since
            rate = max(usage.cpu - last[1], 0.0) / (at - last[0])
            said = f"{rate:.2f} processors are more than {limit:g}" if rate > limit else None
        return said

    return look


def _file_age(what: health.FileAge, running: float) -> str | None:
    """A child that has not run for so long may not have changed it yet."""
    if running <= what.seconds:
        return None
    try:
        age = time.time() - os.stat(what.path).st_mtime  # noqa: PTH116
    except OSError as error:
        return error.strerror or str(error)
    return f"it was changed {age:.0f} s ago" if age > what.seconds else None

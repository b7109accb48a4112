"""Measures the children of a tree every now and then, and how late the tree's loop is.

It begins when somebody asks first, and ends when nobody has asked for an hour: a tree of which
nobody wants to know this pays nothing for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from .ledger import Ledger
from .usage import Measured, Meter

INTERVAL = 15.0
"""Seconds between two samples."""
MOST = 240
"""Samples that are kept of a child: an hour of them, 3 KB."""
_PATIENCE = 3600.0
"""Seconds after which nobody seems to want any more."""
_TICK = 0.5
"""Seconds between two looks at how late the loop is."""


class Sampler:
    """Of one tree; on its loop.

    Args:
        running: the process of each child that has one, by the child's path.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        meter: Meter,
        ledger: Ledger,
        running: Callable[[], Mapping[str, int]],
    ) -> None:
        self._loop = loop
        self._meter = meter
        self._ledger = ledger
        self._running = running
        self._asked = 0.0
        self._number = 0
        """Of the next sample."""
        self._times: deque[float] = deque(maxlen=MOST)
        self._taken = 0.0
        """When that was measured which the ledger has."""
        self._lag = _Lag(loop)
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def lag(self) -> float:
        """By how many seconds the loop was late at worst, lately."""
        return self._lag.worst

    def at(self, number: int) -> float | None:
        """When this sample was taken, in the loop's time; None if that is too long ago."""
        index = len(self._times) - (self._number - number)
        return self._times[index] if index >= 0 else None

    async def look(self) -> None:
        """Bring the ledger up to date; from here on there are samples."""
        self._asked = self._loop.time()
        if self._timer is None and self._task is None:
            self._lag.begin()
            self._begin_sample()
        self._take(await self._meter.all())

    def _take(self, measured: Measured) -> None:
        if measured.at <= self._taken:
            return
        self._taken = measured.at
        for path, pid in self._running().items():
            usage = measured.usage.get(pid)
            if usage is not None and usage.processes:  # else it was made, or has ended, meanwhile
                self._ledger.of(path).use.measured(pid, usage)

    def _begin_sample(self) -> None:
        self._timer = None
        if self._loop.time() - self._asked > _PATIENCE:
            self._lag.end()
            return
        self._task = self._loop.create_task(self._sample())
        self._task.add_done_callback(self._sampled)

    async def _sample(self) -> None:
        self._take(await self._meter.all())
        now = self._loop.time()
        for path in self._running():
            self._ledger.of(path).use.sample(self._number, now, MOST)
        self._times.append(now)
        self._number += 1

    def _sampled(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled():
            task.exception()  # the machine had no thread for it: the next one may have
            self._timer = self._loop.call_later(INTERVAL, self._begin_sample)

    def close(self) -> None:
        """The tree is over."""
        self._lag.end()
        if self._timer:
            self._timer.cancel()
        if self._task:
            self._task.cancel()


class _Lag:
    """How late a loop serves its timers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._now = self._before = 0.0
        """The worst in this span of time, and in the one before."""
        self._left = 0

    @property
    def worst(self) -> float:
        """In seconds, in the last `INTERVAL` or two of them."""
        return max(self._now, self._before)

    def begin(self) -> None:
        """Look from now on."""
        self._timer = self._loop.call_later(_TICK, self._tick)

    def _tick(self) -> None:
        assert self._timer is not None
        late = self._loop.time() - self._timer.when()
        if self._left == 0:
            self._before, self._now, self._left = self._now, 0.0, int(INTERVAL / _TICK)
        self._left -= 1
        self._now = max(self._now, late)
        self.begin()

    def end(self) -> None:
        """Look no more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

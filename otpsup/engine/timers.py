"""Deadlines, at most one an owner. Reads no clock; the caller says what time it is."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

O = TypeVar("O", bound=Hashable)  # noqa: E741


class Timers(Generic[O]):
    """A heap of deadlines, served in the order of time, then of setting."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, O]] = []
        self._live: dict[O, int] = {}
        self._count = 0

    @property
    def deadline(self) -> float | None:
        """The earliest deadline, or None."""
        self._prune()
        return self._heap[0][0] if self._heap else None

    def set(self, owner: O, due: float) -> None:
        """Give `owner` this deadline in place of the one it may have."""
        self._count += 1
        self._live[owner] = self._count
        heapq.heappush(self._heap, (due, self._count, owner))
        if len(self._heap) > 2 * len(self._live) + 8:  # mostly cancelled ones
            self._heap = [entry for entry in self._heap if self._live.get(entry[2]) == entry[1]]
            heapq.heapify(self._heap)

    def cancel(self, owner: O) -> None:
        """Take `owner`'s deadline away, if it has one."""
        self._live.pop(owner, None)

    def due(self, now: float) -> Iterator[O]:
        """Owners whose deadline has come and was set before this call, taken off one by one."""
        last = self._count
        self._prune()
        while self._heap and self._heap[0][0] <= now and self._heap[0][1] <= last:
            owner = heapq.heappop(self._heap)[2]
            del self._live[owner]
            yield owner
            self._prune()

    def _prune(self) -> None:
        """Drop cancelled entries from the top, so that the top is a live deadline."""
        while self._heap and self._live.get(self._heap[0][2]) != self._heap[0][1]:
            heapq.heappop(self._heap)

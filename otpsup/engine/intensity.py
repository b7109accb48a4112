"""The restart window: how many restarts are too many.

OTP, supervisor.erl `add_restart`: every attempt is recorded; it is allowed if the attempts within
the last `period` seconds, this one included, are at most `intensity`. Both ends of the window
count. Our clock is a float where OTP's is whole seconds.
"""

from __future__ import annotations

from collections import deque


class RestartWindow:
    """A sliding log of restart attempts, shared by all children of one supervisor."""

    def __init__(self, intensity: int, period: float) -> None:
        self.intensity = intensity
        self.period = period
        self._attempts: deque[float] = deque()

    def add(self, now: float) -> bool:
        """Record an attempt at `now` (seconds, monotonic); False if it is one too many."""
        self._prune(now)
        self._attempts.append(now)
        return len(self._attempts) <= self.intensity

    def used(self, now: float) -> int:
        """How many attempts the window holds at `now`."""
        self._prune(now)
        return len(self._attempts)

    def _prune(self, now: float) -> None:
        while self._attempts and self._attempts[0] < now - self.period:
            self._attempts.popleft()

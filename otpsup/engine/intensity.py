"""The restart window: how many restarts are too many.

OTP, supervisor.erl `add_restart`: every attempt is recorded; it is allowed if the attempts within
the last `period` seconds, this one included, are at most `intensity`. Both ends of the window
count. Our clock is a float where OTP's is whole seconds.
"""

from __future__ import annotations

from collections import deque

from .cause import Attempt


class RestartWindow:
    """A sliding log of restart attempts, shared by all children of one supervisor."""

    def __init__(self, intensity: int, period: float) -> None:
        self.intensity = intensity
        self.period = period
        self._attempts: deque[Attempt] = deque()

    def add(self, attempt: Attempt) -> bool:
        """Record an attempt; False if it is one too many."""
        self._prune(attempt.at)
        self._attempts.append(attempt)
        return len(self._attempts) <= self.intensity

    def limit(self, intensity: int, period: float) -> None:
        """Allow so many from here on; what the window holds still counts."""
        self.intensity, self.period = intensity, period

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All that the window held when it was last looked at, the oldest first."""
        return tuple(self._attempts)

    def used(self, now: float) -> int:
        """How many attempts the window holds at `now`."""
        self._prune(now)
        return len(self._attempts)

    def _prune(self, now: float) -> None:
        while self._attempts and self._attempts[0].at < now - self.period:
            self._attempts.popleft()

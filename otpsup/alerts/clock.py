"""The time by which alerts are decided: a step of the wall clock holds up none, nor repeats one."""

from __future__ import annotations

import time


class Clock:
    """Seconds since the epoch as they were when this was made, and counted on from there; events
    have theirs from such a clock, too."""

    def __init__(self) -> None:
        self._epoch = time.time() - time.monotonic()

    def now(self) -> float:
        """Never goes back."""
        return self._epoch + time.monotonic()

    def wall(self) -> float:
        """What clocks on walls show."""
        return time.time()

"""What the pump needs of a place to write to, and what such a place says of lines it has lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ...logger import logger

Lines = bytes | memoryview
"""What is written. A view is of memory that is used again: who keeps it makes a copy."""

Lost = Callable[[int], None]
"""Is told how many lines were lost, from whichever thread that is found."""


def nobody(_lines: int) -> None:
    """Who does not want to be told of it."""


class Sink(Protocol):
    """Where output goes: whole lines, and pieces of those that are too long to wait for.

    Attributes:
        writers: how many pipes lead to it now.
        is_quick: it takes what it gets at once; much may be read for it.
        is_full: whoever makes it true wakes the pump when it is not any more.
    """

    writers: int

    @property
    def is_quick(self) -> bool:
        """Whether it writes by itself; False if it has a queue."""

    @property
    def is_full(self) -> bool:
        """Whether nothing should be read for it now."""

    def write(self, data: Lines, lost: Lost = nobody) -> None:
        """Write it all, now or later; or drop it if there is no way to, and tell `lost`."""

    def close(self) -> None:
        """Nobody writes for now."""

    def reopen(self) -> None:
        """Somebody has moved the file away: take the one of that name from now on."""


class Nowhere:
    """A sink that keeps nothing."""

    writers = 0
    is_quick = True
    is_full = False

    def write(self, data: Lines, lost: Lost = nobody) -> None:
        """Drop it, as is wanted: that is no loss."""

    def close(self) -> None:
        """Nothing is open."""

    def reopen(self) -> None:
        """Nothing is open."""


class Losses:
    """Lines that could not be written: said when it begins, and counted when it is over.

    Args:
        name: the place, for the log: `the log /var/log/web.log`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines = 0
        self.is_failing = False

    def failed(self, error: OSError, lines: int) -> None:
        """So many lines are lost, and so will be more."""
        if not self.is_failing:
            text = "cannot write {}: {}; lines are lost until it works"
            logger.error(text, self.name, error.strerror)
        self.is_failing = True
        self.lines += lines

    def recovered(self) -> None:
        """Writing works."""
        if self.is_failing:
            logger.warning("{} works again; {} lines are lost", self.name, self.lines)
            self.is_failing, self.lines = False, 0

"""How much a child has written, in all its incarnations."""

from __future__ import annotations

import threading

_ADDING = threading.Lock()
"""Of all: lines are rarely lost."""


class Count:
    """Of one child.

    Attributes:
        bytes: what came through its pipes; written by the pump's thread alone.
        dropped: lines that could not be written where they belong.
    """

    __slots__ = ("bytes", "dropped")

    def __init__(self) -> None:
        self.bytes = self.dropped = 0

    def lost(self, lines: int) -> None:
        """So many more could not be written; found by the pump, or by a thread behind a queue."""
        with _ADDING:
            self.dropped += lines

"""How much a child has written, in all its incarnations."""

from __future__ import annotations


class Count:
    """Of one child. Written by the pump's thread alone.

    Attributes:
        bytes: what came through its pipes.
        dropped: lines that could not be written where they belong.
    """

    __slots__ = ("bytes", "dropped")

    def __init__(self) -> None:
        self.bytes = self.dropped = 0

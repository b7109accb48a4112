"""How much each child has written, in all its incarnations."""

from __future__ import annotations

from collections.abc import Container


class Count:
    """Of one child. Written by the pump's thread alone.

    Attributes:
        bytes: what came through its pipes.
        dropped: lines that could not be written where they belong.
    """

    __slots__ = ("bytes", "dropped")

    def __init__(self) -> None:
        self.bytes = self.dropped = 0


class Counts:
    """Of all children, by their paths."""

    def __init__(self) -> None:
        self._found: dict[str, Count] = {}

    def of(self, path: str) -> Count:
        """That of a child, to be counted on."""
        return self._found.get(path) or self._found.setdefault(path, Count())

    def told(self, path: str) -> tuple[int, int]:
        """Bytes, and lines that were dropped; nothing of one that has no output."""
        count = self._found.get(path)
        return (count.bytes, count.dropped) if count else (0, 0)

    def keep(self, paths: Container[str]) -> None:
        """Forget all others."""
        for path in tuple(self._found):
            if path not in paths:
                del self._found[path]

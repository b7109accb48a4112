"""Taps: somebody of this process reads along with a child's output, byte by byte, and may change
what is logged of it."""

from __future__ import annotations

from collections.abc import Callable

from ...logger import logger
from .stream import Filter

Tap = Callable[[int, bytes], bytes]
"""Is given the pid and what was read, in the pump's thread; returns what is to be logged. At
the end of the output it is given nothing, and may return what it had held back."""


class Taps:
    """By child and stream. A child is read along with from its next start."""

    def __init__(self) -> None:
        self._taps: dict[tuple[str, str], Tap] = {}

    def add(self, path: str, stream: str, tap: Tap) -> Callable[[], None]:
        """Read along with this stream of this child; returns what ends that."""
        key = (path, stream)
        self._taps[key] = tap

        def remove() -> None:
            if self._taps.get(key) is tap:
                del self._taps[key]

        return remove

    def has(self, path: str, stream: str) -> bool:
        """Whether somebody reads along."""
        return (path, stream) in self._taps

    def filter(self, path: str, stream: str, pid: int | None) -> Filter | None:
        """What the output of this process goes through; None if nobody reads along."""
        tap = self._taps.get((path, stream))
        if tap is None:
            return None

        def through(data: bytes) -> bytes:
            try:
                return tap(pid or 0, data)
            except Exception as error:  # whoever reads along must not silence the child
                logger.error("who reads along with {} failed", path, error=error)
                return data

        return through

"""The last lines of each child, kept in memory, and whoever follows them.

Any thread may ask. What is kept is bounded, for each child and for all together; the child that has
been silent for longest is forgotten first.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from ...wire.lines import LogLine
from .entries import Entry, concerns, lines_of
from .followers import Follower
from .sink import Lines
from .source import Source

EACH = 16 * 1024
"""Bytes that are kept of one child."""
TOTAL = 16 * 1024 * 1024
"""Bytes that are kept of all."""
_ENTRY = 200
"""Bytes that a piece costs beside its text, about."""


class _Tail:
    """The last output of one child."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.size = 0

    def add(self, entry: Entry) -> int:
        """Add lines; returns by how much the size has changed."""
        entries = self.entries
        entries.append(entry)
        grown = len(entry[2]) + _ENTRY
        while self.size + grown > EACH and len(entries) > 1:
            grown -= len(entries.popleft()[2]) + _ENTRY
        self.size += grown
        return grown


class Ring:
    """What all children said last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tails: dict[str, _Tail] = {}
        self._size = 0
        self._followers: tuple[Follower, ...] = ()

    def add(self, source: Source, at: float, lines: Lines) -> None:
        """Keep what is new; called for all output, so it costs little."""
        kept = bytes(lines) if len(lines) <= EACH else _end(lines)
        with self._lock:
            if self._followers:
                self._tell((at, source, bytes(lines)))
            tail = self._tails.get(source.path) or self._tails.setdefault(source.path, _Tail())
            self._size += tail.add((at, source, kept))
            if self._size > TOTAL:
                self._forget_one()

    def _tell(self, entry: Entry) -> None:
        for follower in self._followers:
            follower.put(entry)

    def _forget_one(self) -> None:
        path = min(self._tails, key=lambda path: self._tails[path].entries[-1][0])
        self._size -= self._tails.pop(path).size

    def tail(self, path: str | None, count: int, stream: str | None = None) -> list[LogLine]:
        """The last lines of one child, or of all by their time, the oldest first.

        Args:
            stream: `stdout` or `stderr` only.
        """
        with self._lock:
            return self._last(None if path is None else (path,), count, stream)

    def follow(
        self,
        listener: Callable[[LogLine], None],
        paths: Sequence[str] | None,
        *,
        lines: int = 0,
        stream: str | None = None,
    ) -> Callable[[], None]:
        """Call `listener`, in a thread of its own, for the last `lines` and for each from now on;
        returns what ends that."""
        follower = Follower(listener, paths, stream)
        with self._lock:
            follower.begin(self._last(paths, lines, stream))
            self._followers = (*self._followers, follower)

        def unfollow() -> None:
            with self._lock:
                self._followers = tuple(f for f in self._followers if f is not follower)
            follower.stop()

        return unfollow

    def last(self, path: str, run: int) -> bytes:
        """What one incarnation of a child said last, whole lines."""
        with self._lock:
            tail = self._tails.get(path)
            entries = list(tail.entries) if tail else []
        return b"".join(_closed(data) for _, source, data in entries if source.run == run)

    def close(self, timeout: float) -> None:
        """Tell the followers what is left; wait so many seconds for each, at most."""
        with self._lock:
            followers, self._followers = self._followers, ()
        for follower in followers:
            follower.close()
        for follower in followers:
            follower.join(timeout)

    def _last(self, paths: Sequence[str] | None, count: int, stream: str | None) -> list[LogLine]:
        entries = [
            entry
            for path, tail in self._tails.items()
            if concerns(paths, path)
            for entry in tail.entries
            if stream in (None, entry[1].stream)
        ]
        entries.sort(key=lambda entry: entry[0])
        newest = (line for entry in reversed(entries) for line in reversed(list(lines_of(entry))))
        return list(islice(newest, count))[::-1]


def _end(lines: Lines) -> bytes:
    """Whole lines from the end of it, as many as are kept; of one that is longer, its end."""
    data = bytes(lines[-EACH:])
    return data[data.find(b"\n", 0, -1) + 1 :]


def _closed(data: bytes) -> bytes:
    return data if data.endswith(b"\n") else data + b"\n"

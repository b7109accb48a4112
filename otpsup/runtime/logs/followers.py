"""Somebody who follows children's output, in a thread of its own: whoever is slow misses lines, is
told how many, and keeps nobody waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from ...logger import logger
from ...wire.lines import LogLine
from .entries import Entry, concerns, lines_of

ROOM = 1024 * 1024
"""Bytes that wait for a slow follower."""


class Follower:
    """Calls a listener for each line.

    Args:
        listener: called in the follower's thread, one call at a time; it may wait. It is not called
            any more once it has raised something.
        paths: the children, or what is above them; None is all.
        stream: `stdout` or `stderr` only; None is both.
    """

    def __init__(
        self,
        listener: Callable[[LogLine], None],
        paths: Sequence[str] | None,
        stream: str | None,
    ) -> None:
        self._listener = listener
        self._paths = None if paths is None else tuple(paths)
        self._stream = stream
        self._news = threading.Condition()
        self._waiting: deque[Entry] = deque()
        self._size = 0
        self._skipped = 0
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def begin(self, lines: Iterable[LogLine]) -> None:
        """Tell these first."""
        self._thread = threading.Thread(
            target=self._run, args=(lines,), name="otpsup-follow", daemon=True
        )
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """There are lines; never waits."""
        _, source, data = entry
        if not concerns(self._paths, source.path) or self._stream not in (None, source.stream):
            return
        with self._news:
            if self._is_closed:
                return
            if self._size >= ROOM or self._skipped:  # one gap, not many
                self._skipped += data.count(b"\n")
                return
            self._waiting.append(entry)
            self._size += len(data)
            self._news.notify()

    def close(self) -> None:
        """Nothing new; what waits is still told."""
        with self._news:
            self._is_closed = True
            self._news.notify()

    def stop(self) -> None:
        """Nothing more; one call may be under way."""
        with self._news:
            self._waiting.clear()
        self.close()

    def join(self, timeout: float) -> None:
        """Wait until all is told."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self, lines: Iterable[LogLine]) -> None:
        try:
            for line in lines:
                self._listener(line)
            while (entry := self._next()) is not None:
                self._tell(entry)
        except Exception as error:
            logger.error("a follower of the children's output failed", error=error)
            self.stop()

    def _next(self) -> Entry | None:
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._is_closed)
            if not self._waiting:
                return None
            entry = self._waiting.popleft()
            self._size -= len(entry[2])
            return entry

    def _tell(self, entry: Entry) -> None:
        for line in lines_of(entry):
            self._listener(line)
        if skipped := self._take_skipped():
            at, source, _ = entry
            text = f"{skipped} lines are not told here: they came too fast"
            self._listener(LogLine(at, source.path, source.stream, text, skipped))

    def _take_skipped(self) -> int:
        """How many lines were skipped, once all that came before them is told."""
        with self._news:
            if self._waiting:
                return 0
            skipped, self._skipped = self._skipped, 0
            return skipped

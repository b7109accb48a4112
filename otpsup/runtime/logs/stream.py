"""One pipe of one child: bytes in, whole lines out."""

from __future__ import annotations

import time
from collections.abc import Callable
from mmap import mmap

from .counts import Count
from .formats import Formatter
from .pipe import FRONT, Buffer, Pipe
from .ring import Ring
from .sink import Lines, Sink
from .source import Source

LONGEST_LINE = 1024 * 1024
"""Bytes of a line that are waited for; a longer one is passed on in pieces."""
_SMALL = 16 * 1024
"""Bytes that are rather copied than written in two pieces."""

Watcher = Callable[[bytes], bool]
"""Is given all output; True once it has seen enough."""

Filter = Callable[[bytes], bytes]
"""Is given all output, and nothing at its end; returns what is to be logged."""


class Stream:
    """A pipe, and where its lines go.

    Args:
        fd: the reading end.
        buffer: what it is read into.
        source: whose pipe it is; None if it is nobody's output.
        ring: keeps the last lines of `source`.
        count: of what the child writes; None if nobody wants to know.
        filter: what all goes through before anything else is done with it.
        at_once: the sink gets what comes as it is, and no line is waited for.
    """

    __slots__ = (
        "_at_once",
        "_count",
        "_data",
        "_filter",
        "_format",
        "_partial",
        "_pipe",
        "_ring",
        "_watcher",
        "fd",
        "last_at",
        "sink",
        "source",
    )

    def __init__(
        self,
        fd: int,
        buffer: Buffer,
        sink: Sink,
        watcher: Watcher | None = None,
        source: Source | None = None,
        format: Formatter | None = None,
        ring: Ring | None = None,
        filter: Filter | None = None,
        count: Count | None = None,
        *,
        at_once: bool = False,
    ) -> None:
        self.fd = fd
        self.last_at = 0.0
        """When something came last (time.monotonic)."""
        self.sink = sink
        self.source = source
        self._pipe = Pipe(fd, buffer, may_grow=sink.is_quick)
        self._data = buffer.data
        self._watcher = watcher
        self._format = format
        self._ring = ring
        self._filter = filter
        self._count = count or Count()
        self._at_once = at_once
        self._partial = bytearray()
        sink.writers += 1

    @property
    def rest(self) -> float:
        """Seconds for which it need not be read again."""
        return self._pipe.rest

    def pump(self) -> bool:
        """Read once and write on; False at the end.

        Whole lines only, unless `at_once`: others may write to the same place, now or after this
        one.
        """
        count = self._pipe.read()
        self.last_at = time.monotonic()
        self._count.bytes += count
        if self._watcher or self._filter or self._at_once:
            data = self._through(self._data[FRONT : FRONT + count])
            self._split(data, 0, len(data))
        else:
            self._split(self._data, FRONT, FRONT + count)
        return count > 0

    def _through(self, data: bytes) -> bytes:
        """Show it to whoever reads along, and change it as they want."""
        if self._watcher and self._watcher(data):
            self._watcher = None
        if self._filter:
            data = self._filter(data)  # at the end, too: it may have held something back
        if self._at_once and data:
            self._write(data)
        return data

    def _split(self, data: bytes | mmap, begin: int, stop: int) -> None:
        """Pass on the whole lines from `begin` to `stop`; keep the rest. What is large is not
        copied on its way."""
        end = data.rfind(b"\n", begin, stop) + 1
        if end:
            begin = self._begun(data, begin, end) if self._partial else begin
            if begin < end:
                self._pass_on(memoryview(data)[begin:end])
            begin = end
        if begin < stop:
            self._partial += data[begin:stop]
            if len(self._partial) > LONGEST_LINE:
                self._pass_on_partial()

    def _begun(self, data: bytes | mmap, begin: int, end: int) -> int:
        """Put what was kept in front of the rest of its line, or pass both on if there is no room;
        returns where that is which is to be passed on."""
        front = begin - len(self._partial)
        if isinstance(data, mmap) and front >= 0:
            data[front:begin] = self._partial
            self._partial.clear()
            return front
        begun = end if end - begin <= _SMALL else data.find(b"\n", begin, end) + 1
        self._partial += data[begin:begun]
        self._pass_on_partial()
        return begun

    def _pass_on_partial(self) -> None:
        lines = bytes(self._partial)
        self._partial.clear()
        self._pass_on(lines)

    def _pass_on(self, lines: Lines) -> None:
        at = time.time()
        if self._ring and self.source:
            self._ring.add(self.source, at, lines)
        if not self._at_once:
            self._write(self._format(bytes(lines), at) if self._format else lines)

    def _write(self, data: Lines) -> None:
        self.sink.write(data, self._count.lost)

    def close(self) -> None:
        """Let go of pipe and sink; a last line without an end gets one."""
        self._pipe.close()
        self.sink.writers -= 1
        if self._partial:
            self._partial += b"\n"
            self._pass_on_partial()
        if self.sink.writers == 0:
            self.sink.close()

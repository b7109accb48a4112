"""One pipe of one child: bytes in, whole lines out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from .formats import Formatter
from .ring import Ring
from .sink import Sink
from .source import Source

LONGEST_LINE = 1024 * 1024
"""Bytes of a line that are waited for; a longer one is passed on in pieces."""
_READ = 64 * 1024
"""What a pipe holds unless told otherwise (pipe(7))."""

Watcher = Callable[[bytes], bool]
"""Is given all output; True once it has seen enough."""

Filter = Callable[[bytes], bytes]
"""Is given all output, and nothing at its end; returns what is to be logged."""


class Stream:
    """A pipe, and where its lines go.

    Args:
        fd: the reading end.
        source: whose pipe it is; None if it is nobody's output.
        ring: keeps the last lines of `source`.
        filter: what all goes through before anything else is done with it.
        at_once: the sink gets what comes as it is, and no line is waited for.
    """

    __slots__ = (
        "_at_once",
        "_filter",
        "_format",
        "_partial",
        "_ring",
        "_watcher",
        "fd",
        "sink",
        "source",
    )

    def __init__(
        self,
        fd: int,
        sink: Sink,
        watcher: Watcher | None = None,
        source: Source | None = None,
        format: Formatter | None = None,
        ring: Ring | None = None,
        filter: Filter | None = None,
        *,
        at_once: bool = False,
    ) -> None:
        self.fd = fd
        self.sink = sink
        self.source = source
        self._watcher = watcher
        self._format = format
        self._ring = ring
        self._filter = filter
        self._at_once = at_once
        self._partial = b""
        sink.writers += 1

    def pump(self) -> bool:
        """Read once and write on; False at the end.

        Whole lines only, unless `at_once`: others may write to the same place, now or after this
        one.
        """
        data = os.read(self.fd, _READ)
        is_over = not data
        if self._watcher and self._watcher(data):
            self._watcher = None
        if self._filter:
            data = self._filter(data)  # at the end, too: it may have held something back
        if self._at_once and data:
            self.sink.write(data)
        end = data.rfind(b"\n") + 1
        if end:
            self._pass_on(self._partial + data[:end])
            self._partial = data[end:]
        else:
            self._wait_for_end(data)
        return not is_over

    def _pass_on(self, lines: bytes) -> None:
        at = time.time()
        if self._ring and self.source:
            self._ring.add(self.source, at, lines)
        if not self._at_once:
            self.sink.write(self._format(lines, at) if self._format else lines)

    def _wait_for_end(self, data: bytes) -> None:
        self._partial += data
        if len(self._partial) > LONGEST_LINE:
            self._pass_on(self._partial)
            self._partial = b""

    def close(self) -> None:
        """Let go of pipe and sink; a last line without an end gets one."""
        os.close(self.fd)
        self.sink.writers -= 1
        if self._partial:
            self._pass_on(self._partial + b"\n")
        if self.sink.writers == 0:
            self.sink.close()

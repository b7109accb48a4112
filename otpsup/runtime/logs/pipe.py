"""One pipe, and how it is read so that much output costs little: into memory that all pipes share,
in large pieces, and not again before a piece has come together.

A pipe that is read whenever something is in it makes its writer slower, and us busy: a write of one
line is then a read of one line. So while output flows, a pipe that is empty has a rest; the first
line after a silence is read at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import time

REST = 0.001
"""Seconds, at most, that a line waits for others to be read with it."""
_WORTH_IT = 0.0001
"""Seconds below which going to sleep costs more than it saves."""
_HOLDS = 64 * 1024
"""Bytes that a pipe holds unless told otherwise (pipe(7))."""
_LARGE = 1024 * 1024
"""The same for those that are used to it."""
_MOST_LARGE = 16
"""Pipes that may be so large at once. All pipes of a user together may have 64 MiB; who has more
gets only tiny ones (pipe(7): pipe-user-pages-soft)."""
MOST = _LARGE
"""Bytes that are read at once: all that such a pipe holds, for each write has its price."""
FRONT = mmap.PAGESIZE
"""Bytes before those that are read: room for the beginning of a line that was read earlier."""


class Buffer:
    """What was read last, of whichever pipe; one for all that one thread reads.

    It is mapped, not allocated, so that what is read begins with a page, as it does in the pipe:
    some processors copy four times as slowly to where is a few bytes further in its page than
    where it comes from (AMD's `rep movsb`), and large allocations begin 16 bytes after a page.

    Attributes:
        data: from `FRONT` on what was read; what comes after that is of earlier reads.
    """

    def __init__(self) -> None:
        kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.data = mmap.mmap(-1, FRONT + MOST, kind)
        view = memoryview(self.data)
        self.few = view[FRONT : FRONT + _HOLDS]
        """For what a pipe holds, and for what a larger one does."""
        self.many = view[FRONT:]
        self.large = 0
        """How many of the pipes have been made larger."""


class Pipe:
    """The reading end of a pipe.

    Args:
        fd: it; belongs to this object.
        may_grow: read more at once of one whose writer is fast, and let it hold more.

    Attributes:
        rest: seconds for which it need not be read again: it will be half full then at most.
    """

    __slots__ = (
        *("_buffer", "_holds", "_is_large", "_may_grow", "_read_at", "_view"),
        *("fd", "rest"),
    )

    def __init__(self, fd: int, buffer: Buffer, *, may_grow: bool) -> None:
        self.fd = fd
        self.rest = 0.0
        self._buffer = buffer
        self._view = buffer.few
        self._holds = _HOLDS
        self._may_grow = may_grow
        self._is_large = False
        self._read_at = 0.0

    def read(self) -> int:
        """Read once; how many bytes there are in the buffer now, from `FRONT` on; 0 at the
        end.

        Raises:
            OSError: it cannot be read.
        """
        count = os.readv(self.fd, (self._view,))
        now = time.monotonic()
        passed, self._read_at = now - self._read_at, now
        is_flowing = passed < 2 * REST and 0 < count < len(self._view)
        rest = passed * self._holds / 2 / count if is_flowing else 0.0
        self.rest = min(rest, REST) if rest >= _WORTH_IT else 0.0
        if self._may_grow and (count == _HOLDS or (is_flowing and rest < REST)):
            self._grow()
        return count

    def _grow(self) -> None:
        if self._buffer.large >= _MOST_LARGE:
            return
        self._may_grow = False
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
            with contextlib.suppress(OSError):  # no pipe, or the user has no more pages for pipes
                self._holds = fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, _LARGE)
                self._view = self._buffer.many
                self._buffer.large += 1
                self._is_large = True

    def close(self) -> None:
        """Let go of it."""
        os.close(self.fd)
        self._buffer.large -= self._is_large

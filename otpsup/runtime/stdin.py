"""The host's end of a command's standard input: bytes are written as the command reads them."""

from __future__ import annotations

import asyncio
import errno
import os

MOST = 16 * 1024 * 1024
"""Bytes that may wait for a command that does not read."""


class StdinPipe:
    """A pipe into one process.

    Args:
        loop: on which it is used.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.reader, self._writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._writer, False)
        self._unwritten = bytearray()
        self._is_broken = False

    def write(self, data: bytes) -> None:
        """Write it, as far as there is room now, and the rest when there is.

        Raises:
            BrokenPipeError: the process has closed its end.
            BlockingIOError: too much waits already; nothing of this was taken.
        """
        if self._is_broken:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        if len(self._unwritten) + len(data) > MOST:
            raise BlockingIOError(errno.EAGAIN, "it does not read what was written before")
        was_empty = not self._unwritten
        self._unwritten += data
        if was_empty:
            self._flush()
            if self._is_broken:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            if self._unwritten:
                self._loop.add_writer(self._writer, self._writable)

    def _flush(self) -> None:
        try:
            while self._unwritten:
                del self._unwritten[: os.write(self._writer, self._unwritten)]
        except BlockingIOError:
            pass
        except OSError:
            self._is_broken = True
            self._unwritten.clear()

    def _writable(self) -> None:
        self._flush()
        if not self._unwritten:
            self._loop.remove_writer(self._writer)

    def hand_over(self) -> None:
        """The reading end is the child's now."""
        if self.reader >= 0:
            os.close(self.reader)
            self.reader = -1

    def close(self) -> None:
        """The process is gone."""
        if self._writer >= 0:
            self._loop.remove_writer(self._writer)
            os.close(self._writer)
            self._writer = -1
            self._is_broken = True

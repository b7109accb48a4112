"""A log as it grows, for `tail -f`: from its last bytes on, over truncations and rotations.

Source: http://supervisord.org and 4.3.0, `/logtail`. It is looked at ten times a second, as long as
somebody reads it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

HEAD = 1024
"""Bytes that are told of what was there before."""
_INTERVAL = 0.1
_MOST = 1024 * 1024
TRUNCATED = b"==> File truncated <==\n"


class Tail:
    """Reads a log.

    Args:
        path: of a file.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self._at = 0
        size = os.fstat(self._file).st_size
        if size >= HEAD:
            self._at = size - HEAD

    def close(self) -> None:
        """Read no more."""
        os.close(self._file)

    def more(self) -> bytes:
        """What came since the last call; nothing if that is nothing."""
        if os.fstat(self._file).st_size < self._at:
            self._at = 0
            return TRUNCATED
        has_new = self._has_new()  # first: until then there may be more in this one
        data = self._read()
        if not data and has_new:
            self._follow()
            data = self._read()
        return data

    def _read(self) -> bytes:
        data = os.pread(self._file, _MOST, self._at)
        self._at += len(data)
        return data

    def _has_new(self) -> bool:
        """Whether there is another file of that name."""
        with contextlib.suppress(OSError):
            new, old = Path(self._path).stat(), os.fstat(self._file)
            return (new.st_dev, new.st_ino) != (old.st_dev, old.st_ino)
        return False

    def _follow(self) -> None:
        """Read on in the new one."""
        with contextlib.suppress(OSError):
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            os.close(self._file)
            self._file, self._at = file, 0


async def follow(tail: Tail, over: asyncio.Event) -> AsyncIterator[bytes]:
    """What comes, until it is `over`."""
    while not over.is_set():
        with contextlib.suppress(OSError):
            data = tail.more()
            while data:
                yield data
                data = tail.more()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), _INTERVAL)

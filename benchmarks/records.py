"""Who came to life when: records that started programs write into a FIFO.

A record is (id, pid, CLOCK_MONOTONIC in ns), written in one write(2), so records never mix.
"""

from __future__ import annotations

import fcntl
import os
import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .announce import RECORD


class Record(NamedTuple):
    """Somebody's first own statement."""

    id: int
    pid: int
    at: int
    """CLOCK_MONOTONIC, ns."""


class TooLateError(Exception):
    """A record did not come in time."""


class Records:
    """The reading end of a FIFO, made here.

    Attributes:
        pids: the pid that each id has now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pids: dict[int, int] = {}
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, 1 << 20)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def take(self, timeout: float) -> list[Record]:
        """What has come, waiting up to `timeout` seconds for the first."""
        if not self._poll.poll(max(timeout, 0.0) * 1000):
            return []
        data = os.read(self._fd, RECORD.size * 40_000)
        found = [Record(*fields) for fields in RECORD.iter_unpack(data)]
        self.pids.update((record.id, record.pid) for record in found)
        return found

    def until(self, seconds: float) -> Iterator[Record]:
        """Records as they come.

        Raises:
            TooLateError: `seconds` have passed.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            yield from self.take(left)
        raise TooLateError(f"no record within {seconds:g} s")

    def of_all(self, count: int, seconds: float) -> int:
        """Wait for a record of `count` different ids; when the last of them came to life, ns.

        Raises:
            TooLateError: not all came in `seconds`.
        """
        seen: set[int] = set()
        last = 0
        for record in self.until(seconds):
            seen.add(record.id)
            last = max(last, record.at)
            if len(seen) == count:
                break
        return last

    def of(self, id: int, seconds: float) -> int:
        """Wait for the record of one id; when it came to life, ns.

        Raises:
            TooLateError: it did not come in `seconds`.
        """
        return next(record.at for record in self.until(seconds) if record.id == id)

    def close(self) -> None:
        """Remove the FIFO."""
        os.close(self._fd)
        self.path.unlink()


class Gate:
    """A FIFO on which programs wait until they may begin: each reads a byte, of `<fifo>.go`."""

    def __init__(self, fifo: Path) -> None:
        self._path = fifo.with_name(f"{fifo.name}.go")
        os.mkfifo(self._path)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)

    def open(self, count: int = 1) -> float:
        """Let so many begin; returns when that was, on the monotonic clock."""
        begun = time.monotonic()
        os.write(self._fd, b"." * count)
        return begun

    def close(self) -> None:
        """Remove the FIFO."""
        os.close(self._fd)
        self._path.unlink()

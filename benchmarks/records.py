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

_GLANCE = 0.02


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
        born: when it came to life, CLOCK_MONOTONIC in ns.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pids: dict[int, int] = {}
        self.born: dict[int, int] = {}
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
        for record in found:
            self.pids[record.id] = record.pid
            self.born[record.id] = record.at
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

        Looks rarely, so as not to take a processor from those who are at work.

        Raises:
            TooLateError: not all came in `seconds`.
        """
        seen: dict[int, int] = {}
        end = time.monotonic() + seconds
        while len(seen) < count:
            if time.monotonic() > end:
                raise TooLateError(f"{len(seen)} of {count} came to life within {seconds:g} s")
            seen |= {record.id: record.at for record in self.take(0.1)}
            time.sleep(_GLANCE)
        return max(seen.values())

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

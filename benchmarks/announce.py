"""A record of who came to life when, see `records`; a module of its own, so that a worker that
writes one imports nothing else."""

from __future__ import annotations

import os
import struct
import time

RECORD = struct.Struct("<qqq")


def announce(fifo: str, id: int) -> None:
    """Write a record of this process, now: the first line of a Python worker."""
    at = time.monotonic_ns()
    fd = os.open(fifo, os.O_WRONLY | os.O_CLOEXEC)
    os.write(fd, RECORD.pack(id, os.getpid(), at))
    os.close(fd)

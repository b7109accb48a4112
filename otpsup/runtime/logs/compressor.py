"""Makes .gz files of rotated logs, in a thread of its own: nobody waits for it.

What is compressed is known by its inode, for it may be renamed meanwhile. The new file is written
beside it and takes its place when it is whole; who is killed before that leaves a `.gz.part`, which
is deleted when the log is next opened.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from typing import BinaryIO

from ...logger import logger
from .backups import Backups

_PIECE = 256 * 1024
_NICE = 10
"""How much less urgent than the host's other threads (setpriority(2) of one thread)."""


class Stopped(Exception):
    """The host cannot wait for the rest."""


class Compressor:
    """The thread, and the files that wait for it."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Backups, int] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_hurried = False
        self._is_failing = False

    def add(self, backups: Backups, inode: int) -> None:
        """Compress the old file of this number, some time."""
        self._jobs.put((backups, inode))
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="otpsup-compress", daemon=True)
            with contextlib.suppress(RuntimeError):  # no thread can be had: another time
                thread.start()
                self._thread = thread

    def close(self, timeout: float) -> None:
        """Finish what waits, for so many seconds; the rest is done when the log is opened next."""
        if self._thread is None:
            return
        self._jobs.put(None)
        self._thread.join(timeout)
        self._is_hurried = True
        self._thread.join(timeout)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while (job := self._jobs.get()) is not None:
            if not self._is_hurried:
                self._compress(*job)

    def _compress(self, backups: Backups, inode: int) -> None:
        try:
            fd = backups.open(inode)
            if fd is not None:
                with os.fdopen(fd, "rb") as old:
                    self._write(old, backups)
                    backups.replace(inode)
            self._is_failing = False
        except (OSError, ImportError, Stopped) as error:
            with contextlib.suppress(OSError):
                backups.part.unlink(missing_ok=True)
            self._complain(error)

    def _write(self, old: BinaryIO, backups: Backups) -> None:
        """A file like the old one, in its rights and its time."""
        import gzip  # few trees compress, and this is a thread of its own

        status = os.fstat(old.fileno())
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        backups.part.unlink(missing_ok=True)
        fd = os.open(backups.part, flags, status.st_mode & 0o777)
        with os.fdopen(fd, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, status.st_mtime) as new:
            while piece := old.read(_PIECE):
                if self._is_hurried:
                    raise Stopped
                new.write(piece)
        os.utime(backups.part, (status.st_atime, status.st_mtime))

    def _complain(self, error: Exception) -> None:
        if isinstance(error, OSError) and not self._is_failing:
            where, why = error.filename or "a rotated log", error.strerror
            logger.error("cannot compress {}: {}; old logs stay as they are", where, why)
            self._is_failing = True

"""A log file: appended to, rotated between two lines, opened anew when asked.

Runs in the pump's thread alone. What cannot be written is lost, counted and said, and never waited
for; what cannot be rotated grows.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
import time
from collections.abc import Callable

from ...logger import logger
from ...specs import LogFile
from . import rotation
from .backups import Backups
from .compressor import Compressor
from .sink import Lines, Losses, Lost, nobody

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""A pipe with a name that came in the place of the file must not make us wait."""
_NEWLINE = 10


class FileSink:
    """A file rotated by size and time: `path`, then `path.1` (the newest) to `path.<backups>`.

    Args:
        target: the file, and when it is rotated.
        compressor: makes .gz files of what was rotated; without it they stay as they are.
        clock: tells the time, in seconds since the epoch.
    """

    is_quick = True
    is_full = False

    def __init__(
        self,
        target: LogFile,
        compressor: Compressor | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.writers = 0
        self._target = target
        self._clock = clock
        self._compressor = compressor
        self._backups = Backups(target.path)
        self._losses = Losses(f"the log {target.path}")
        self._file: int | None = None
        self._size = 0
        self._limit = math.inf
        self._due: float | None = None
        """When it is rotated for its time."""
        self._at_line_start = True
        self._is_regular = self._is_swept = self._is_to_reopen = self._cannot_rotate = False
        self._unwritten: Lines = b""

    def write(self, data: Lines, lost: Lost = nobody) -> None:
        """Append; rotate wherever a limit would be crossed. Tells `lost` what cannot be written."""
        losses = self._losses
        try:
            self._write(data)
        except OSError as error:  # a full disk loses lines, never the tree
            lines = bytes(self._unwritten).count(b"\n")
            losses.failed(error, lines)
            lost(lines)
            return
        if losses.is_failing:
            losses.recovered()

    def _write(self, data: Lines) -> None:
        self._unwritten = data
        if self._is_to_reopen and self._at_line_start:
            self.close()
        if self._file is None:
            self._open()
        if self._losses.is_failing and not self._at_line_start:
            self._append(b"\n")  # the line that was cut off ends here
        if self._due is not None and self._at_line_start and self._clock() >= self._due:
            self._rotate_if_begun()
        while data:
            if self._size + len(data) <= self._limit:
                self._append(data)
                break
            fits = self._fitting(data)
            self._append(data[:fits])
            self._unwritten = data = data[fits:]
            if data:
                self._rotate()

    def retarget(self, target: LogFile) -> None:
        """From the next line on it is rotated in this way."""
        if target != self._target:
            self._target = target
            self._is_to_reopen = True

    def _set_limit(self) -> None:
        most = self._target.max_bytes if self._is_regular else 0
        self._limit = most or math.inf

    def _fitting(self, data: Lines) -> int:
        size, limit = self._size, self._target.max_bytes
        return rotation.fitting(bytes(data), size, limit, at_line_start=self._at_line_start)

    def _append(self, data: Lines) -> None:
        file = self._open() if self._file is None else self._file
        while data:
            written = os.write(file, data)
            self._size += written
            self._at_line_start = data[written - 1] == _NEWLINE
            if written == len(data):
                break
            self._unwritten = self._unwritten[written:]
            data = data[written:]
        if self._is_to_reopen and self._at_line_start:
            self.close()

    def _open(self) -> int:
        path = self._target.path
        try:
            file = self._file = os.open(path, _FLAGS, 0o644)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = self._file = os.open(path, _FLAGS, 0o644)
        status = os.fstat(file)
        self._size = status.st_size
        self._is_regular = stat.S_ISREG(status.st_mode)
        self._is_to_reopen = False
        self._set_limit()
        if self._is_regular:
            self._set_due(status.st_mtime if self._size else self._clock())
            self._sweep()
        return file

    def _set_due(self, begun: float) -> None:
        every = self._target.every
        self._due = rotation.next_boundary(every, begun) if every else None

    def _sweep(self) -> None:
        """When it is opened first: finish what an earlier host has left, and forget what is old."""
        if self._is_swept:
            return
        self._is_swept = True
        with contextlib.suppress(OSError):
            self._backups.sweep()
            self._backups.prune(self._target, self._clock())
            if self._target.compress:
                plain = [each for each in self._backups.found() if not each.is_compressed]
                for backup in sorted(plain, key=lambda each: each.number):
                    self._compress(backup.inode)

    def _rotate_if_begun(self) -> None:
        if self._size:
            self._rotate()
        else:
            self._set_due(self._clock())

    def _rotate(self) -> None:
        """Begin a new file; if that cannot be, go on with the old one, and say so once."""
        self.close()
        try:
            self._push()
        except OSError as error:
            self._keep_on(error)
        else:
            self._cannot_rotate = False
            self._open()

    def _push(self) -> None:
        target = self._target
        if target.backups == 0:
            target.path.unlink(missing_ok=True)
            return
        inode = self._backups.push(target, self._clock())
        if target.compress:
            self._compress(inode)

    def _keep_on(self, error: OSError) -> None:
        """The limits count anew from here, so that it is not tried at every line."""
        if not self._cannot_rotate:
            text = "cannot rotate the log {}: {}; it grows until that works"
            logger.error(text, self._target.path, error.strerror)
        self._cannot_rotate = True
        self._open()
        self._size = 0
        self._set_due(self._clock())

    def _compress(self, inode: int) -> None:
        if self._compressor:
            self._compressor.add(self._backups, inode)

    def reopen(self) -> None:
        """Somebody has moved the file: the next line goes to the one of that name."""
        if self._at_line_start:
            self.close()
        else:
            self._is_to_reopen = True

    def close(self) -> None:
        """Close the file; the next write opens it again."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # some file systems tell only now of a full disk
                os.close(file)

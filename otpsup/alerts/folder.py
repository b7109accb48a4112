"""The folder of an outbox: one host at a time has it, and one that was killed is known by it."""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from ..logger import logger

_LOCK = "lock"
_RUNNING = b"running"
"""What is in the file of the lock while the tree runs: a host that was killed leaves it there."""
_ours: set[tuple[int, int, int]] = set()
"""The files that this process has locked, by process, device and inode."""
_mutex = threading.Lock()


def lock(path: Path) -> int | None:
    """Lock a file, which is made if need be; None if somebody has it.

    A record lock ends with the process, whatever it has forked; but also when the process closes
    any descriptor of that file, and it does not keep a process from itself (fcntl_locking(2)). So
    it is known here what this process has.

    Raises:
        OSError: the file cannot be made.
    """
    with _mutex:
        if path.exists() and _key(path.stat()) in _ours:
            return None
        fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            os.close(fd)
            return None
        except OSError:  # a file system without locks
            pass
        _ours.add(_key(os.fstat(fd)))
        return fd


def unlock(fd: int) -> None:
    """Let it go."""
    with _mutex:
        _ours.discard(_key(os.fstat(fd)))
        os.close(fd)


def _key(found: os.stat_result) -> tuple[int, int, int]:
    return os.getpid(), found.st_dev, found.st_ino


class Left:
    """A folder that a host has left, and that is this one's for a while.

    Attributes:
        was_running: it was killed.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd
        self.was_running = os.pread(fd, len(_RUNNING), 0) == _RUNNING

    def mark(self, *, is_running: bool) -> None:
        """Say to the next host whether the tree runs."""
        os.ftruncate(self._fd, 0)
        if is_running:
            os.pwrite(self._fd, _RUNNING, 0)
        os.fsync(self._fd)

    def is_there(self) -> bool:
        """Nobody has removed it, or its lock."""
        try:
            return os.path.samestat((self.path / _LOCK).stat(), os.fstat(self._fd))
        except OSError:
            return False

    def close(self) -> None:
        """Another host may have it."""
        unlock(self._fd)


class Folder:
    """The folder that a host has, as soon as it can be had, and again if it was removed.

    Args:
        path: that is wanted; `<path>~2` and so on while another host has it. No tree's usual folder
            has such a name.
        name: of the tree, for the log.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._wanted, self._name = path, name
        self._held: Left | None = None
        self._is_running = False
        self._last = path

    @property
    def path(self) -> Path:
        """Where it is, or was, or should be."""
        return self._held.path if self._held else self._last

    @property
    def was_running(self) -> bool:
        """A host was killed that had it."""
        return bool(self._held and self._held.was_running)

    def hold(self) -> bool:
        """Have it; True if it is new to us.

        Raises:
            OSError: it cannot be made.
        """
        if self._held is not None and self._held.is_there():
            return False
        self.close()
        self._held = self._take()
        self._last = self._held.path
        if self._is_running:
            self._held.mark(is_running=True)
        return True

    def _take(self) -> Left:
        path, number = self._wanted, 1
        while True:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = lock(path / _LOCK)
            if fd is not None:
                break
            number += 1
            path = self._wanted.with_name(f"{self._wanted.name}~{number}")
        if number > 1:
            logger.warning(
                "alerts of {}: another host has {}, so this one takes {}; what waits there is told "
                "by that host, or by the next one that begins", self._name, self._wanted, path,
            )  # fmt: skip
        return Left(path, fd)

    def mark(self, *, is_running: bool) -> None:
        """Say to the next host whether the tree runs, until it is said otherwise."""
        self._is_running = is_running
        if self._held is not None:
            self._held.mark(is_running=is_running)

    def others(self) -> Iterator[Left]:
        """Those beside it that hosts have taken while another had it, and that nobody has now."""
        name = re.compile(re.escape(self._wanted.name) + "~[0-9]+")
        for path in sorted(self._wanted.parent.iterdir()):
            if path == self.path or not name.fullmatch(path.name):
                continue
            try:
                fd = lock(path / _LOCK)
            except OSError:  # somebody else's
                continue
            if fd is not None:
                yield Left(path, fd)

    def close(self) -> None:
        """Another host, or another life of this one, may have it."""
        if self._held is not None:
            self._held.close()
            self._held = None

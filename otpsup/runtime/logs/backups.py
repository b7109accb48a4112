# ruff: noqa: PTH104, PTH108, PTH116
# All are renamed at each rotation, and paths as objects cost more than that
"""The old files of one log: renamed, counted, deleted. `rotation` decides which.

The pump rotates and the compressor replaces, each in a thread of its own: one lock for both.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from ...specs import LogFile
from . import rotation
from .rotation import Backup

_NUMBER = re.compile(r"\.(\d{1,9})(\.gz)?")


class Backups:
    """The old files of the log at `path`."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.Lock()
        self._path = path
        self._log = os.fspath(path)

    def found(self) -> list[Backup]:
        """Those that there are."""
        backups = []
        for entry, number, is_compressed in self._numbered():
            stat = entry.stat(follow_symlinks=False)
            backup = Backup(number, is_compressed, stat.st_size, stat.st_mtime, stat.st_ino)
            backups.append(backup)
        return backups

    def _numbered(self) -> Iterator[tuple[os.DirEntry[str], int, bool]]:
        """Those in the folder that are called so: the number, and whether it is compressed."""
        folder, log = os.path.split(self._log)
        with os.scandir(folder) as entries:
            for entry in entries:
                match = entry.name.startswith(log) and _NUMBER.fullmatch(entry.name, len(log))
                if match and int(match[1]) > 0 and str(int(match[1])) == match[1]:
                    yield entry, int(match[1]), bool(match[2])

    def push(self, target: LogFile, now: float) -> int:
        """Make `path.1` of the log, and room for it; returns its inode.

        Raises:
            OSError: some of it could not be done. The log may still be there, under its name.
        """
        with self.lock:
            found = [Backup(number, is_compressed) for _, number, is_compressed in self._numbered()]
            shift = rotation.shift(found, max(target.backups, 1))
            for backup in shift.deleted:
                self._delete(backup)
            for old, new in shift.renamed:
                os.rename(self.path_of(old), self.path_of(new))
            first = self.path_of(Backup(1))
            os.rename(self._log, first)
            inode = os.stat(first).st_ino
            if target.max_age is not None or target.max_total is not None:
                self._prune(target, now)
            return inode

    def prune(self, target: LogFile, now: float) -> None:
        """Delete what is too old, or too much."""
        with self.lock:
            self._prune(target, now)

    def _prune(self, target: LogFile, now: float) -> None:
        for backup in list(rotation.expired(self.found(), target, now)):
            self._delete(backup)

    def sweep(self) -> None:
        """Delete what a compressor that was killed has left half done."""
        with self.lock:
            self.part.unlink(missing_ok=True)
            for backup in list(rotation.doubled(self.found())):
                self._delete(backup)

    def open(self, inode: int) -> int | None:
        """The old file of this inode, for reading; None if it is gone, or compressed already."""
        with self.lock, contextlib.suppress(FileNotFoundError):
            if backup := self._plain(inode):
                return os.open(self.path_of(backup), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        return None

    def replace(self, inode: int) -> None:
        """Put `part` in the place of the file of this inode, wherever that is by now."""
        with self.lock:
            if backup := self._plain(inode):
                os.rename(self.part, self.path_of(Backup(backup.number, True)))
                self._delete(backup)
            else:
                self.part.unlink(missing_ok=True)

    @property
    def part(self) -> Path:
        """Where a compressed file is written until it is whole."""
        return self._path.with_name(f"{self._path.name}.gz.part")

    def path_of(self, backup: Backup) -> str:
        """Its file."""
        return backup.name(self._log)

    def _plain(self, inode: int) -> Backup | None:
        plain = (backup for backup in self.found() if not backup.is_compressed)
        return next((backup for backup in plain if backup.inode == inode), None)

    def _delete(self, backup: Backup) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path_of(backup))

"""When a log is rotated, what its old files are called then, and which of them go. Pure.

A rotation makes `log.1` of `log`, `log.2` of `log.1` and so on, up to the first number that is
free; a compressed one is `log.1.gz`. The higher the number, the older the lines.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from attrs import frozen

from ...specs.output import Every, LogFile

_HOUR = 3600


@frozen
class Backup:
    """A file that was rotated.

    Attributes:
        number: 1 is the newest.
        is_compressed: its name ends in `.gz`.
        size: in bytes.
        at: when its last line was written, in seconds since the epoch.
        inode: its number in the file system.
    """

    number: int
    is_compressed: bool = False
    size: int = 0
    at: float = 0.0
    inode: int = 0

    def name(self, log: str) -> str:
        """What it is called if the log is called so."""
        return f"{log}.{self.number}{'.gz' * self.is_compressed}"


def next_boundary(every: Every, at: float) -> float:
    """When the hour, day or week of that time is over, local time; seconds since the epoch."""
    if every == "hour":
        return at + _HOUR - (at + time.localtime(at).tm_gmtoff) % _HOUR
    from datetime import datetime, timedelta  # a fifth of a megabyte, for logs cut by days

    local = datetime.fromtimestamp(at)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    days = 1 if every == "day" else 7 - local.weekday()
    return (midnight + timedelta(days=days)).timestamp()


def fitting(data: bytes, size: int, limit: int, *, at_line_start: bool) -> int:
    """How many bytes of `data` still belong in a file: whole lines, as many as there is room.

    Args:
        size: of the file.
        limit: what it may have; 0 is no limit.
        at_line_start: the file ends with a line, not in the middle of one.
    """
    if limit == 0 or size + len(data) <= limit:
        return len(data)
    whole = data.rfind(b"\n", 0, max(limit - size, 0)) + 1
    if whole or (size > 0 and at_line_start):
        return whole
    return data.find(b"\n") + 1 or len(data)  # one line longer than a file, or its rest


@frozen
class Shift:
    """What makes room for a new `log.1`: first deleted, then renamed, in this order."""

    deleted: tuple[Backup, ...]
    renamed: tuple[tuple[Backup, Backup], ...]


def shift(found: Iterable[Backup], keep: int) -> Shift:
    """Give each old file the next number, up to the first number that is free.

    Args:
        keep: how many old files there may be, with the new one.
    """
    by_number = sorted(found, key=lambda backup: backup.number)
    free = _first_free(by_number)
    moved = [_older(backup) if backup.number < free else backup for backup in by_number]
    pairs = list(zip(by_number, moved, strict=True))
    return Shift(
        deleted=tuple(old for old, new in pairs if new.number > keep),
        renamed=tuple(
            (old, new) for old, new in reversed(pairs) if old != new and new.number <= keep
        ),
    )


def _first_free(by_number: list[Backup]) -> int:
    taken = {backup.number for backup in by_number}
    return next(number for number in range(1, len(taken) + 2) if number not in taken)


def _older(backup: Backup) -> Backup:
    number, rest = backup.number + 1, (backup.size, backup.at, backup.inode)
    return Backup(number, backup.is_compressed, *rest)


def expired(found: Iterable[Backup], target: LogFile, now: float) -> Iterator[Backup]:
    """Those that are older than `max_age`, or too much for `max_total` or `backups`.

    Once one is too much, so are all that are older: what is kept has no gap in it.
    """
    total, is_over = 0, False
    for backup in sorted(found, key=lambda backup: backup.number):
        total += backup.size
        is_over |= backup.number > target.backups
        is_over |= target.max_total is not None and total > target.max_total
        is_over |= target.max_age is not None and now - backup.at > target.max_age
        if is_over:
            yield backup


def doubled(found: Iterable[Backup]) -> Iterator[Backup]:
    """Compressed files beside the whole file that they were made of: nobody knows how far."""
    backups = list(found)
    plain = {backup.number for backup in backups if not backup.is_compressed}
    return (backup for backup in backups if backup.is_compressed and backup.number in plain)

"""The mark of a child: a variable in its environment, and so in that of all below it.

By it the launcher knows whose an orphan was, and `otpsup orphans` whose tree is dead. It names the
host by its pid and the time at which that process started: no later one is taken for it.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
from collections.abc import Container
from pathlib import Path

from .launcher.strays import MARK, read_mark
from .launcher.syscalls import send_signal

NAME = MARK.decode()
ROOM = 64
"""Bytes that a mark may have."""

_trees = itertools.count(1)


def started_at(pid: int | str) -> int:
    """When a process started, in clock ticks since the machine did; 0 if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return int(stat.rpartition(b")")[2].split()[19])  # field 22 of proc_pid_stat(5)


def new_tree() -> str:
    """The part of the mark that all children of one tree share."""
    return f"{os.getpid()}-{started_at('self')}-{next(_trees)}"


def mark(tree: str, run: int) -> str:
    """The mark of one incarnation of one child."""
    return f"{tree}-{run}"


_PASSES = 5


def sweep(marks: Container[str]) -> bool:
    """Kill every process with one of these marks: their launcher is gone, and cannot.

    First all have to stand still, for some may fork faster than they are killed. A process is
    signalled through a pidfd that was opened before its mark was looked at once more. One that was
    forked meanwhile is found in the next pass.

    Returns:
        False if some may be left, or could not be looked at, for want of descriptors: then it has
        to be done again.
    """
    try:
        _signal_all(signal.SIGSTOP, marks)
        return _signal_all(signal.SIGKILL, marks)
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        return False


def _signal_all(signum: int, marks: Container[str]) -> bool:
    """Whether nobody was left to be told, in the end."""
    told: set[int] = set()
    news = (sum(_tell(pid, signum, marks, told) for pid in _pids()) for _ in range(_PASSES))
    return 0 in news


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208


def _tell(pid: int, signum: int, marks: Container[str], told: set[int]) -> bool:
    """Signal it if it has one of the marks; whether it was told for the first time, or may have to
    be told."""
    try:
        if not _has_one(pid, marks):
            return False
        pidfd = os.pidfd_open(pid)
        try:
            is_new = pid not in told
            told.add(pid)
            return _has_one(pid, marks) and send_signal(pidfd, signum) and is_new
        finally:
            os.close(pidfd)
    except BlockingIOError:
        return True
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def _has_one(pid: int, marks: Container[str]) -> bool:
    return read_mark(pid).decode(errors="replace") in marks

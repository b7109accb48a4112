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

from .launcher.strays import MARK, mark_of, read_mark
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

    A process is killed through a pidfd that was opened before its mark was looked at once more. One
    that forks meanwhile is found in the next pass.

    Returns:
        False if not all could be looked at, for want of descriptors: then it has to be done again.
    """
    try:
        for _ in range(_PASSES):
            if not sum([_end(pid, marks) for pid in _pids()]):
                return True
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        return False
    return True


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208


def _end(pid: int, marks: Container[str]) -> bool:
    """Kill it if it has one of the marks; whether it had."""
    try:
        if read_mark(pid).decode(errors="replace") not in marks:
            return False
        pidfd = os.pidfd_open(pid)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    try:
        is_still = mark_of(pid).decode(errors="replace") in marks
        return is_still and send_signal(pidfd, signal.SIGKILL)
    finally:
        os.close(pidfd)

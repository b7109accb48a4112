"""The mark of a child: a variable in its environment, and so in that of all below it.

By it the launcher knows whose an orphan was, and `otpsup orphans` whose tree is dead. It names the
host by its pid and the time at which that process started: no later one is taken for it.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Container

from .launcher.strays import MARK, read_mark
from .launcher.syscalls import send_signal

NAME = MARK.decode()
ROOM = 64
"""Bytes that a mark may have."""
_PASSES = 5
"""In each of which everybody is looked at once."""

_trees = itertools.count(1)


def started_at(pid: int | str) -> int:
    """When a process started, in clock ticks since the machine did; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except OSError:
        return 0
    return int(stat.rpartition(b")")[2].split()[19])  # field 22 of proc_pid_stat(5)


def new_tree() -> str:
    """The part of the mark that all children of one tree share."""
    return f"{os.getpid()}-{started_at('self')}-{next(_trees)}"


def prefix(tree: str) -> str:
    """What all marks of one tree begin with."""
    return f"{tree}-"


def mark(tree: str, number: int) -> str:
    """The mark of one incarnation of one child, which the launcher makes likewise; see `launch`."""
    return f"{prefix(tree)}{number}"


def zygote_mark(tree: str, number: int) -> str:
    """The mark of a zygote; it has room for that of any child, see `zygote`."""
    return f"{tree}-zygote{number}-".ljust(ROOM, "0")


def sweep(marks: Container[str]) -> set[str]:
    """Kill every process with one of these marks: their launcher is gone, and cannot.

    First all have to stand still, for some may fork faster than they are killed. A process is
    signalled through a pidfd that was opened before its mark was looked at once more. One that was
    forked meanwhile is found in the next pass.

    Returns:
        the marks of those that were found: to be done again until there are none.

    Raises:
        OSError: not all could be looked at, for want of descriptors.
    """
    found = _signal_all(signal.SIGSTOP, marks)
    if found:
        _signal_all(signal.SIGKILL, marks)
    return found


def _signal_all(signum: int, marks: Container[str]) -> set[str]:
    """Pass after pass, until nobody is found who was not told before; returns whom it found."""
    told: dict[int, str] = {}
    for _ in range(_PASSES):
        before = len(told)
        for pid in _pids():
            _tell(pid, signum, marks, told)
        if len(told) == before:
            break
    return set(told.values())


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _tell(pid: int, signum: int, marks: Container[str], told: dict[int, str]) -> None:
    """Signal it if it has one of the marks, and take that down; "" if it cannot be told now."""
    try:
        if (mark := _mark(pid)) not in marks:
            return
        if _signal(pid, signum, mark):
            told[pid] = mark
    except BlockingIOError:
        told[pid] = ""
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return


def _signal(pid: int, signum: int, mark: str) -> bool:
    """Signal it if it still has this mark; False if it is gone. Where the kernel has no pidfds, its
    number could become another's between the look and the signal."""
    if not hasattr(os, "pidfd_open"):
        if _mark(pid) == mark:
            os.kill(pid, signum)
        return True
    pidfd = os.pidfd_open(pid)
    try:
        return _mark(pid) == mark and send_signal(pidfd, signum)
    finally:
        os.close(pidfd)


def _mark(pid: int) -> str:
    return read_mark(pid).decode(errors="replace")

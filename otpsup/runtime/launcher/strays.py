"""Whom a dead child has left behind.

What was below it has come to this process, its subreaper, and is ours to reap: its number stays
taken until then, so a signal to it reaches nobody else. Whose it was is told by its process group,
by its session, or by the mark in its environment, which only a program that clears its environment
takes off.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Container

MARK = b"OTPSUP_RUN"
_PF_EXITING = 0x4
"""A flag of a process that is on its way out (proc_pid_stat(5): flags)."""


class Children:
    """The list of this process's children; open for as long as it lives, for it may have to be read
    when nothing can be opened any more."""

    def __init__(self) -> None:
        me = os.getpid()
        self._fd: int | None = None
        with contextlib.suppress(OSError):  # a kernel without CONFIG_PROC_CHILDREN
            path = f"/proc/{me}/task/{me}/children"  # of the one thread that we have
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """In a fork of this process, whose children these are not."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def orphans(self, known: Container[int]) -> list[int]:
        """The pids of those that nobody ordered."""
        return [pid for pid in self._all() if pid not in known]

    def _all(self) -> list[int]:
        if self._fd is None:
            return _by_parent(os.getpid())
        parts, at = [], 0
        while part := os.pread(self._fd, 65536, at):
            parts.append(part)
            at += len(part)
        return [int(pid) for pid in b"".join(parts).split()]


def _by_parent(parent: int) -> list[int]:
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    return [pid for pid in pids if (fields := _stat(pid)) and int(fields[1]) == parent]


def _stat(pid: int | str) -> list[bytes] | None:
    """State, parent, group, session and so on, see proc_pid_stat(5); None if it cannot be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None


def was_below(pid: int, leader: int, mark: bytes) -> bool | None:
    """Whether an orphan comes from the child that had this pid and this mark; None if that cannot
    be told now.

    One that is just ending has no environment any more, while its own children have not come to us
    yet: it may be anybody's, for as long as that takes.
    """
    fields = _stat(pid)
    if fields is None or fields[0] == b"Z" or int(fields[6]) & _PF_EXITING:
        return None
    if leader in (int(fields[2]), int(fields[3])):
        return True
    try:
        return bool(mark) and read_mark(pid) == mark
    except PermissionError:  # another user's: no telling, ever
        return False
    except OSError:
        return None


def group_of(pid: int) -> int:
    """The process group of a process; 0 if it is gone."""
    fields = _stat(pid)
    return int(fields[2]) if fields else 0


def mark_of(pid: int | str) -> bytes:
    """The mark in the environment with which a process was executed; b"" if there is none, or it
    may not be read."""
    try:
        return read_mark(pid)
    except OSError:
        return b""


def read_mark(pid: int | str) -> bytes:
    """As `mark_of`.

    Raises:
        OSError: it may not be read, or nothing can be opened now.
    """
    with open(f"/proc/{pid}/environ", "rb") as file:
        environment = file.read()
    for variable in environment.split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name == MARK:
            return value
    return b""

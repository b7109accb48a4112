"""Whom a dead child has left behind.

What was below it has come to this process, its subreaper, and is ours to reap: its number stays
taken until then, so a signal to it reaches nobody else. Whose it was is told by its process group,
by its session, or by the mark in its environment, which only a program that clears its environment
takes off.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator

MARK = b"OTPSUP_RUN"
_PF_EXITING = 0x4
"""A flag of a process that is on its way out (proc_pid_stat(5): flags)."""


def orphans(known: Container[int]) -> Iterator[int]:
    """Our children that nobody ordered."""
    return (pid for pid in _children() if pid not in known)


def _children() -> list[int]:
    """The pids whose parent this process is; of a process with one thread, which we are."""
    me = os.getpid()
    try:
        with open(f"/proc/{me}/task/{me}/children", "rb") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:  # a kernel without CONFIG_PROC_CHILDREN
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and _ppid(name) == me]


def _ppid(pid: str) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _stat(pid: int | str) -> list[bytes]:
    """State, parent, group, session and so on, see proc_pid_stat(5); nothing if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def was_below(pid: int, leader: int, mark: bytes) -> bool:
    """Whether an orphan comes from the child that had this pid and this mark.

    One that is just ending has no environment any more, while its own children have not come to us
    yet: it counts, for as long as that takes.
    """
    fields = _stat(pid)
    if not fields:
        return False
    if fields[0] == b"Z" or int(fields[6]) & _PF_EXITING:
        return True
    if leader in (int(fields[2]), int(fields[3])):
        return True
    return bool(mark) and mark_of(pid) == mark


def group_of(pid: int) -> int:
    """The process group of a process; 0 if it is gone."""
    fields = _stat(pid)
    return int(fields[2]) if fields else 0


def mark_of(pid: int | str) -> bytes:
    """The mark in the environment with which a process was executed; b"" if there is none."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
    except OSError:
        return b""
    for variable in environment.split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name == MARK:
            return value
    return b""

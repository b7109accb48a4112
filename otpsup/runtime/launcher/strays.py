"""Whom a dead child has left behind.

What was below it has come to this process, its subreaper, and is ours to reap: its number stays
taken until then, so a signal to it reaches nobody else. Whose it was is told by its process group,
by its session, or by the mark in its environment, which only a program that clears its environment
takes off.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Container, Sequence

from .bare import signal
from .syscalls import pidfd_open, send_signal

MARK = b"OTPSUP_RUN"
_PF_EXITING = 0x4
_PF_KTHREAD = 0x200000
"""Flags of a process that is on its way out, and of one of the kernel's (proc_pid_stat(5))."""
_FLAGS, _ENV_END = 6, 48
"""Where in `_stat` flags are, and the end of the environment."""


class Offspring:
    """The list of this process's children; open for as long as it lives, for it may have to be read
    when nothing can be opened any more.

    It has those whom the first thread has made, and those who came to us as orphans; so it is short
    where another thread makes the children, see `main`.
    """

    def __init__(self) -> None:
        me = os.getpid()
        self._fd: int | None = None
        with contextlib.suppress(OSError):  # a kernel without CONFIG_PROC_CHILDREN
            path = f"/proc/{me}/task/{me}/children"
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
        while part := os.pread(self._fd, 4096, at):
            parts.append(part)
            at += len(part)
        return [int(pid) for pid in b"".join(parts).split()]


def _by_parent(parent: int) -> list[int]:
    return [pid for pid, fields in _everybody().items() if int(fields[1]) == parent]


def _everybody() -> dict[int, list[bytes]]:
    """What `_stat` says of each process that there is."""
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return {}
    return {pid: fields for pid in pids if (fields := _stat(pid))}


def _stat(pid: int | str) -> list[bytes] | None:
    """State, parent, group, session and so on, see proc_pid_stat(5); None if it cannot be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None


_OUTRUN = 0.1
"""Seconds after which whoever is still there forks faster than it is killed."""
_STILL = b"TtDZX"
"""The states in which a process does not fork (proc_pid_stat(5): state)."""


def end(orphans: Sequence[int], late: float) -> None:
    """Kill these children of ours; `late` says for how many seconds that has been tried.

    Where a limit bounds them, each kill makes room for a fork. So those who are not gone soon have
    to stand still first, with all below them.
    """
    if late < _OUTRUN or not _stop_all_below(orphans):
        for pid in orphans:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _stop_all_below(orphans: Sequence[int]) -> bool:
    """Send SIGSTOP to whoever runs of these, and of all below them; whether there was anybody."""
    everybody = _everybody()
    below = [pid for pid in everybody if _is_below(pid, orphans, everybody)]
    stopped = [_stop(pid, everybody[pid]) for pid in below]
    return any(stopped)


def _is_below(pid: int, orphans: Sequence[int], everybody: dict[int, list[bytes]]) -> bool:
    for _ in everybody:  # no further: the list was not made in one moment, and may have a circle
        if pid in orphans or pid not in everybody:
            break
        pid = int(everybody[pid][1])
    return pid in orphans


def _stop(pid: int, fields: list[bytes]) -> bool:
    """Whether it ran, and has been told to stop. It may be no child of ours: a pidfd holds its
    number while its parent is looked at once more."""
    pidfd = pidfd_open(pid) if fields[0] not in b"TtZX" else None
    if pidfd is None:
        return False
    now = _stat(pid)
    is_same = now is not None and now[1] == fields[1]
    told = is_same and send_signal(pidfd, signal.SIGSTOP)
    os.close(pidfd)
    return told and fields[0] not in _STILL


def kill_marked(prefix: bytes) -> bool:
    """Kill whoever has a mark that begins so; whether there was anybody. For what was never below
    this process: the host's own workers have other parents, and so has what they leave behind."""
    return sum(_kill_if_marked(pid, prefix) for pid in _everybody()) > 0


def _kill_if_marked(pid: int, prefix: bytes) -> bool:
    if not mark_of(pid).startswith(prefix) or (pidfd := pidfd_open(pid)) is None:
        return False
    told = mark_of(pid).startswith(prefix) and send_signal(pidfd, signal.SIGKILL)
    os.close(pidfd)
    return told


def was_below(pid: int, leader: int, mark: bytes) -> bool | None:
    """Whether an orphan comes from the child that had this pid and this mark; None if that cannot
    be told now.

    One that is just ending has no environment any more, while its own children have not come to us
    yet: it may be anybody's, for as long as that takes.
    """
    fields = _stat(pid)
    if fields is None or fields[0] == b"Z" or int(fields[_FLAGS]) & _PF_EXITING:
        return None
    if leader in (int(fields[2]), int(fields[3])):
        return True
    try:
        return bool(mark) and read_mark(pid) == mark
    except PermissionError:  # another user's: no telling, ever
        return False
    except OSError:
        return None


def can_look() -> bool:
    """Whether processes can be looked at now: for that something has to be opened."""
    return _stat("self") is not None


def above(pid: int) -> list[int]:
    """The processes above this one, its parent first."""
    found: list[int] = []
    while (fields := _stat(pid)) and (pid := int(fields[1])) and pid not in found:
        found.append(pid)
    return found


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
        OSError: it may not be read, or nothing can be opened now, or it is not there for the moment
            (EAGAIN).
    """
    for variable in _environment(pid).split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name == MARK:
            return value
    return b""


def _environment(pid: int | str) -> bytes:
    """One that is just being executed shows none for a moment; that says nothing about it."""
    path = f"/proc/{pid}/environ"
    for _ in range(2):  # it may have been there again when its state was looked at
        with open(path, "rb") as file:
            if found := file.read():
                return found
        if _is_being_executed(pid):
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), path)
    return b""


def _is_being_executed(pid: int | str) -> bool:
    fields = _stat(pid)
    if fields is None or fields[0] == b"Z" or int(fields[_FLAGS]) & (_PF_EXITING | _PF_KTHREAD):
        return False
    return fields[_ENV_END] == b"0"

"""What processes cost: their CPU time, their wake-ups, their memory (proc(5))."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

_PROC = Path("/proc")
_PR_SET_CHILD_SUBREAPER = 36


def below(pid: int) -> list[int]:
    """A process and all below it, in no order; nothing if it is gone."""
    try:
        root = psutil.Process(pid)
        return [root.pid, *(each.pid for each in root.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def children(pid: int) -> list[int]:
    """Those whom this process itself has started."""
    try:
        return [each.pid for each in psutil.Process(pid).children()]
    except psutil.NoSuchProcess:
        return []


def cpu(pids: Iterable[int]) -> float:
    """CPU seconds that these have used up to now, all their threads; not those of who has ended."""
    total = 0
    for pid in pids:
        for task in _tasks(pid):
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_bytes().split()[0])
    return total / 1e9


def switches(pids: Iterable[int]) -> int:
    """How often the threads of these have been given a processor up to now."""
    total = 0
    for pid in pids:
        for task in _tasks(pid):
            with contextlib.suppress(OSError):
                text = (task / "status").read_text()
                total += sum(
                    int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line
                )
    return total


def _tasks(pid: int) -> list[Path]:
    try:
        return list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return []


def pss(pids: Iterable[int]) -> float:
    """The proportional set size of these, MiB: what is shared counts by its share."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def alive(pids: Iterable[int]) -> list[int]:
    """Those that exist and are no zombies."""
    return [pid for pid in pids if _state(pid) not in "ZX"]


def _state(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def await_gone(pids: Iterable[int], seconds: float) -> list[int]:
    """Wait up to so long until all of these have ended; returns who is left."""
    end = time.monotonic() + seconds
    left = {pidfd: pid for pid in alive(pids) if (pidfd := _pidfd(pid)) is not None}
    poll = select.poll()
    for pidfd in left:
        poll.register(pidfd, select.POLLIN)
    try:
        while left and (ready := poll.poll(max(end - time.monotonic(), 0.0) * 1000)):
            for pidfd, _ in ready:
                poll.unregister(pidfd)
                os.close(pidfd)
                del left[pidfd]
        return list(left.values())
    finally:
        for pidfd in left:
            os.close(pidfd)


def _pidfd(pid: int) -> int | None:
    """A descriptor of the process; nothing if it is gone."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def kill(pids: Iterable[int]) -> None:
    """SIGKILL to each that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def adopt() -> None:
    """From now on, whoever loses its parent below this process becomes its child (a subreaper).

    So nobody can get out of `sweep`'s sight. Raises RLIMIT_NOFILE too: a pidfd for each process.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def sweep() -> int:
    """Put an end to all below this process; how many there were.

    Those that it started itself as `Popen` objects are to be waited for before.
    """
    count = 0
    while left := below(os.getpid())[1:]:
        kill(left)
        await_gone(left, 1.0)
        count += _reap()
    return count


def _reap() -> int:
    """Take leave of all children that have ended; how many."""
    count = 0
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            count += 1
    return count

"""What processes cost: their CPU time, their wake-ups, their memory (proc(5))."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

_PROC = Path("/proc")


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
    """Wait up to so long until all of these are gone; returns who is left."""
    left = alive(pids)
    end = time.monotonic() + seconds
    while left and time.monotonic() < end:
        time.sleep(0.002)
        left = alive(left)
    return left


def kill(pids: Iterable[int]) -> None:
    """SIGKILL to each that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

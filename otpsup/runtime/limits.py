"""The kernel's limits: how many there may be, and what to say when there are no more."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import resource
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc/sys/kernel")
_HINTS = {
    errno.EMFILE: " (ulimit -n; LimitNOFILE= under systemd)",
    errno.EAGAIN: " (no more processes: ulimit -u, pids.max of the cgroup, kernel.pid_max)",
}


def hint(number: int | None) -> str:
    """What a start with this error lacked, and where that is set; nothing for others."""
    return _HINTS.get(number or 0, "")


def of_processes() -> Iterator[tuple[str, float]]:
    """How many processes there may be, and what says so."""
    for name in ("pid_max", "threads-max"):
        yield f"kernel.{name}, sysctl(8)", _number(_PROC / name)
    if os.geteuid() != 0:
        yield "ulimit -u", limit(resource.getrlimit(resource.RLIMIT_NPROC)[0])
    for folder in _cgroups():
        yield f"pids.max in {folder}", _number(folder / "pids.max")


def _cgroups() -> Iterator[Path]:
    """Those of version 2 that this process is in (cgroups(7))."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::"):
                inner = Path("/sys/fs/cgroup") / line[3:].lstrip("/")
                yield from (each for each in (inner, *inner.parents) if each.name != "fs")


def _number(path: Path) -> float:
    """What a file says; no limit if it is not there, or says `max`."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return math.inf


def limit(value: int) -> float:
    """A limit as getrlimit(2) has it, as a number."""
    return math.inf if value == resource.RLIM_INFINITY else value

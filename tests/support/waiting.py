"""Waiting for the world, with a deadline: no test sleeps for a time it guessed."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

LONG = 30.0
"""Seconds that nothing takes unless it is broken."""


def until(look: Callable[[], T | None], within: float = LONG) -> T:
    """Look again and again until there is something; returns it."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.002)
    raise AssertionError(f"not seen within {within} s: {look}")


def is_alive(pid: int) -> bool:
    """Whether a process runs: a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b") ")[2][:1] not in b"ZX"


def gone(*pids: int, within: float = LONG) -> None:
    """Wait until none of these processes runs."""
    deadline = time.monotonic() + within
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            fd = os.pidfd_open(pid)
            try:
                left = max(0.0, deadline - time.monotonic())
                if not select.select([fd], [], [], left)[0]:
                    raise AssertionError(f"process {pid} still runs after {within} s")
            finally:
                os.close(fd)


def descriptors() -> dict[int, str]:
    """This process's open descriptors, and what they are."""
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        try:
            found[int(link.name)] = str(link.readlink())
        except FileNotFoundError:  # the one that listed them
            continue
    return found

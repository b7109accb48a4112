"""A child that forks without end, each of its processes in a session of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from otpsup import Command
from otpsup.runtime.launcher.strays import mark_of

_ENDLESS = """
    trap '[ $(($$ % 10)) = 0 ] && exec sh -c "$BOMB"; exec sleep 1000' EXIT
    while :; do setsid sh -c "$BOMB" & done 2>/dev/null
"""
"""Whoever cannot fork any more begins anew, or stays: so it never dies out, and never rests."""
_COUNTED = """
    if [ ${#N} -lt 6 ]; then for i in 1 2; do N=x$N setsid sh -c "$BOMB" & done; fi
    exec sleep 1000
"""
USER = 1_000_000 + os.getpid()
"""The bomb's user, a number of our own: RLIMIT_NPROC counts all of a user's processes."""
LIMIT = 60
"""Processes that the bomb's user may have."""
MANY = 10
"""So many have been seen at once, and then it is a bomb: of most there is nothing to be seen, for
they are just being made."""


def bomb(name: str, **options: Any) -> Command:
    """A fork bomb. RLIMIT_NPROC bounds it, as another user, which nobody else is; where we cannot
    be that, it stops at 127 processes by itself (the limit counts all that a user has)."""
    is_root = os.geteuid() == 0
    bounds: dict[str, Any] = {"user": USER, "rlimits": {"nproc": LIMIT}} if is_root else {}
    return Command(
        name,
        ["sh", "-c", 'setsid sh -c "$BOMB" & exec sleep 1000'],
        environment={"BOMB": _ENDLESS if is_root else _COUNTED},
        stdout="null",
        stderr="null",
        **bounds,
        **options,
    )


def marked(prefix: str) -> list[int]:
    """The pids of all whose mark begins so: with the host's pid and a dash for all of its trees."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    return [pid for pid in pids if mark_of(pid).startswith(prefix.encode())]


def below(path: str) -> list[int]:
    """The pids of all that belongs to the child of this path in one of this process's trees."""
    return list(_below(f"OTPSUP_PATH={path}".encode(), f"OTPSUP_RUN={os.getpid()}-".encode()))


def _below(path: bytes, mark: bytes) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (folder / "environ").read_bytes()
            if mark in environment and path in environment.split(b"\0"):
                yield int(folder.name)

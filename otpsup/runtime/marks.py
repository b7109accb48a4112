"""The mark of a child: a variable in its environment, and so in that of all below it.

By it the launcher knows whose an orphan was, and `otpsup orphans` whose tree is dead. It names the
host by its pid and the time at which that process started: no later one is taken for it.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from .launcher.strays import MARK

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

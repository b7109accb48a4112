"""What the processes of a tree use: CPU and memory of each child with all that it has started.

One look at all processes of the machine tells who descends from whom; only those of the tree are
asked what they use.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import psutil
from attrs import frozen

from ..views import ChildStatus

KEYS = ("tree", "cpu", "memory", "uptime", "restarts")
"""What rows may be sorted by; `tree` is the order of the tree."""


@frozen
class Row:
    """One child.

    Attributes:
        ready: False for one that runs and cannot serve just now.
        cpu: percent of one processor since the look before, of its processes together; None at the
            first look, and for what has no process.
        memory: bytes of resident memory of its processes together; what they share counts for
            each.
        processes: how many it has.
        uptime: seconds since it came into its state.
    """

    path: str
    state: str
    pid: int | None
    cpu: float | None
    memory: int | None
    processes: int
    uptime: float
    restarts: int
    ready: bool = True


class Sampler:
    """Looks at processes, and remembers how much they had used the time before."""

    def __init__(self) -> None:
        self._used: dict[psutil.Process, float] = {}
        self._at = 0.0

    def rows(self, root: ChildStatus) -> list[Row]:
        """What each child that is no supervisor uses, in the order of the tree."""
        nodes = [node for node in root.walk() if node.path and not _is_supervisor(node)]
        families = _families({node.pid for node in nodes if node.pid})
        now, before, self._used = time.monotonic(), self._used, {}
        since, self._at = now - self._at, now
        return [self._row(node, families.get(node.pid or 0, ()), before, since) for node in nodes]

    def _row(
        self, node: ChildStatus, family: Sequence[psutil.Process],
        before: Mapping[psutil.Process, float], since: float,
    ) -> Row:  # fmt: skip
        memory, delta, known = 0, 0.0, False
        for process in family:
            try:
                with process.oneshot():
                    times, resident = process.cpu_times(), process.memory_info().rss
            except psutil.Error:  # it has ended meanwhile
                continue
            used = self._used[process] = times.user + times.system
            memory += resident
            known = known or process in before
            delta += used - before.get(process, used)
        cpu = max(0.0, delta / since * 100) if known and since else None
        return Row(
            node.path, node.state, node.pid, cpu, memory if family else None, len(family),
            max(0.0, time.time() - node.since), node.restarts, node.ready,
        )  # fmt: skip


def _is_supervisor(node: ChildStatus) -> bool:
    return node.type in ("supervisor", "dynamic_supervisor")


def _families(pids: set[int]) -> dict[int, list[psutil.Process]]:
    """Each of these processes with all that descend from it, but not from another of them."""
    below: dict[int, list[psutil.Process]] = defaultdict(list)
    roots: dict[int, psutil.Process] = {}
    for process in psutil.process_iter(["ppid"]):
        if process.pid in pids:
            roots[process.pid] = process
        else:
            below[process.info["ppid"]].append(process)
    return {pid: [*_descendants(process, below)] for pid, process in roots.items()}


def _descendants(
    process: psutil.Process, below: Mapping[int, list[psutil.Process]]
) -> Iterator[psutil.Process]:
    waiting = [process]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += below.get(found.pid, ())


def ordered(rows: list[Row], key: str) -> list[Row]:
    """The rows, the largest first; by `tree` as they are."""
    if key == "tree":
        return rows
    return sorted(rows, key=lambda row: -(getattr(row, key) or 0))

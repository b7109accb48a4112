"""What processes use: one pass over /proc for the children of a tree and all that is below them.

A process belongs to the nearest of the children above it; one that has lost its parents, to the one
whose session it is in. Source: proc_pid_stat(5).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Container, Iterable, Mapping
from concurrent.futures import Future
from threading import Thread
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")
_FRESH = 0.5
"""Seconds for which one pass is good for all who ask."""


class Usage(NamedTuple):
    """Of a child, and all below it.

    Attributes:
        memory: bytes in memory, the sum of the resident sets.
        cpu: seconds of processor time up to now, without those of processes that have ended.
        threads, processes: how many there are.
    """

    memory: int = 0
    cpu: float = 0.0
    threads: int = 0
    processes: int = 0


class _Process(NamedTuple):
    parent: int
    session: int
    usage: Usage


def measure(pids: Iterable[int]) -> dict[int, Usage]:
    """What each of these children uses; one that is gone uses nothing."""
    known = set(pids)
    everybody = _everybody()
    found = dict.fromkeys(known, Usage())
    owners: dict[int, int] = {}
    for pid, process in everybody.items():
        owner = _owner(pid, everybody, known, owners)
        if owner:
            found[owner] = _sum(found[owner], process.usage)
    return found


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.memory + other.memory,
        one.cpu + other.cpu,
        one.threads + other.threads,
        one.processes + other.processes,
    )


def _owner(
    pid: int,
    everybody: Mapping[int, _Process],
    known: Container[int],
    owners: dict[int, int],
) -> int:
    """The nearest of `known` above this process, itself included; 0 if there is none."""
    way: list[int] = []
    owner, at = 0, pid
    while at in everybody and at not in owners and len(way) <= len(everybody):
        way.append(at)
        if at in known:
            owner = at
            break
        at = everybody[at].parent
    else:
        owner = owners.get(at, 0)
    for each in way:
        session = everybody[each].session
        owners[each] = owner or (session if session in known else 0)
    return owners.get(pid, 0)


def _everybody() -> dict[int, _Process]:
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit() and (process := _look(name)):
            found[int(name)] = process
    return found


def _look(name: str) -> _Process | None:
    try:
        with open(f"/proc/{name}/stat", "rb", buffering=0) as file:  # noqa: PTH123
            fields = file.read(1024).rpartition(b")")[2].split()
    except OSError:
        return None
    usage = Usage(
        memory=int(fields[21]) * _PAGE,
        cpu=(int(fields[11]) + int(fields[12])) / _TICK,
        threads=int(fields[17]),
        processes=1,
    )
    return _Process(int(fields[1]), int(fields[3]), usage)


class Meter:
    """Measures for all who ask at about the same time in one pass, in a thread."""

    def __init__(self) -> None:
        self._pids: dict[str, int] = {}
        self._last: tuple[float, dict[int, Usage]] = 0.0, {}
        self._running: Future[dict[int, Usage]] | None = None

    def add(self, path: str, pid: int) -> None:
        """From here on this child may be asked about."""
        self._pids[path] = pid

    def remove(self, path: str) -> None:
        """It is gone."""
        self._pids.pop(path, None)

    async def usage(self, pid: int) -> Usage:
        """What a child uses now, or half a second ago at most."""
        at, found = self._last
        if time.monotonic() - at > _FRESH or pid not in found:
            found = await asyncio.wrap_future(self._running or self._begin())
        return found.get(pid, Usage())

    def _begin(self) -> Future[dict[int, Usage]]:
        running: Future[dict[int, Usage]] = Future()
        running.set_running_or_notify_cancel()
        self._running = running
        Thread(target=self._run, args=(running,), name="otpsup-usage", daemon=True).start()
        return running

    def _run(self, running: Future[dict[int, Usage]]) -> None:
        found: dict[int, Usage] = {}
        try:
            found = measure(tuple(self._pids.values()))
            self._last = time.monotonic(), found
        finally:
            self._running = None
            running.set_result(found)

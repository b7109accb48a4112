"""What processes use: one pass over /proc for the children of a tree and all that is below them.

A process belongs to the nearest of the children above it; one that has lost its parents, to the one
whose session it is in. Source: proc_pid_stat(5), proc_pid_fd(5).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Container, Iterable, Mapping
from concurrent.futures import Future
from threading import Thread
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")
_FRESH = 0.5
"""Seconds for which one pass is good for all who ask."""
_SHARE = 50
"""It is good for longer where it is dear: all passes together take a fiftieth of a processor at
most, however many ask."""


class Usage(NamedTuple):
    """Of a child, and all below it.

    Attributes:
        memory: bytes in memory, the sum of the resident sets.
        cpu: seconds of processor time up to now, without those of processes that have ended.
        threads, processes, descriptors: how many there are.
        ended: seconds of processor time of processes that have ended and been waited for.
    """

    memory: int = 0
    cpu: float = 0.0
    threads: int = 0
    processes: int = 0
    descriptors: int = 0
    ended: float = 0.0


_NOTHING = Usage()


class Measured(NamedTuple):
    """One pass: when it was begun (time.monotonic), and what each child used then, by its pid."""

    at: float
    usage: Mapping[int, Usage]


_Process = tuple[int, int, list[bytes]]
"""Its parent, its session, and its fields from the third on."""


def measure(pids: Iterable[int]) -> dict[int, Usage]:
    """What each of these children uses; one that is gone uses nothing."""
    known = set(pids)
    found = dict.fromkeys(known, _NOTHING)
    owners: dict[int, int] = {}
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        everybody = _everybody(proc)
        for pid, process in everybody.items():
            owner = _owner(pid, everybody, known, owners)
            if owner:
                usage, before = _usage(proc, pid, process[2]), found[owner]
                found[owner] = usage if before is _NOTHING else _sum(before, usage)
    finally:
        os.close(proc)
    return found


def own() -> Usage:
    """What this process uses, alone."""
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        process = _look(proc, "self")
        return _usage(proc, os.getpid(), process[2]) if process else _NOTHING
    finally:
        os.close(proc)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.memory + other.memory,
        one.cpu + other.cpu,
        one.threads + other.threads,
        one.processes + other.processes,
        one.descriptors + other.descriptors,
        one.ended + other.ended,
    )


def _owner(
    pid: int,
    everybody: Mapping[int, _Process],
    known: Container[int],
    owners: dict[int, int],
) -> int:
    """The nearest of `known` above this process, itself included; 0 if there is none."""
    if pid in known:
        return pid
    way: list[int] = []
    owner, at = 0, pid
    while at in everybody and at not in owners and len(way) <= len(everybody):
        way.append(at)
        if at in known:
            owner = at
            break
        at = everybody[at][0]
    else:
        owner = owners.get(at, 0)
    for each in way:
        session = everybody[each][1]
        owners[each] = owner or (session if session in known else 0)
    return owners.get(pid, 0)


def _everybody(proc: int) -> dict[int, _Process]:
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name[0] in "123456789" and (process := _look(proc, name)):
            found[int(name)] = process
    return found


def _look(proc: int, name: str) -> _Process | None:
    """By plain system calls: for a thousand processes that is half of the time."""
    try:
        fd = os.open(f"{name}/stat", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    except OSError:
        return None
    try:
        data = os.read(fd, 1024)
    except OSError:  # it has ended just now
        return None
    finally:
        os.close(fd)
    fields = data[data.rfind(b")") + 2 :].split(b" ", 22)
    return (int(fields[1]), int(fields[3]), fields) if len(fields) > 21 else None


def _usage(proc: int, pid: int, fields: list[bytes]) -> Usage:
    return Usage(
        int(fields[21]) * _PAGE,
        (int(fields[11]) + int(fields[12])) / _TICK,
        int(fields[17]),
        1,
        _descriptors(proc, pid),
        (int(fields[13]) + int(fields[14])) / _TICK,
    )


def _descriptors(proc: int, pid: int) -> int:
    """Since Linux 6.2 the size of the folder says how many there are; else they are counted, if we
    may. 0 for a process that is gone, or that we may not look at."""
    try:
        if _IS_SIZED:
            return os.stat(f"{pid}/fd", dir_fd=proc).st_size
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    except OSError:
        return 0


def _is_sized() -> bool:
    try:
        return os.stat("/proc/self/fd").st_size > 0  # noqa: PTH116
    except OSError:
        return False


_IS_SIZED = _is_sized()


class Meter:
    """Measures for all who ask at about the same time in one pass, in a thread.

    Args:
        running: the processes of all children that have one; called on the loop.
    """

    def __init__(self, running: Callable[[], Iterable[int]]) -> None:
        self._running = running
        self._last = Measured(0.0, {})
        self._fresh = _FRESH
        self._pass: Future[Measured] | None = None

    async def usage(self, pid: int) -> tuple[float, Usage]:
        """When it was measured last, and what a child used then: a moment ago at most."""
        measured = self._last
        if pid not in measured.usage and time.monotonic() - measured.at > _FRESH:
            measured = await asyncio.wrap_future(self._pass or self._begin())
        else:
            measured = await self.all()
        return measured.at, measured.usage.get(pid, _NOTHING)

    async def all(self) -> Measured:
        """What all children use now, or a moment ago."""
        if time.monotonic() - self._last.at <= self._fresh:
            return self._last
        return await asyncio.wrap_future(self._pass or self._begin())

    def _begin(self) -> Future[Measured]:
        begun: Future[Measured] = Future()
        begun.set_running_or_notify_cancel()
        pids = tuple(self._running())
        self._pass = begun
        try:
            Thread(target=self._run, args=(begun, pids), name="otpsup-usage", daemon=True).start()
        except RuntimeError:  # the machine has no thread for us: another time
            self._pass = None
            raise
        return begun

    def _run(self, begun: Future[Measured], pids: tuple[int, ...]) -> None:
        measured = Measured(time.monotonic(), {})
        try:
            measured = self._last = Measured(measured.at, measure(pids))
            self._fresh = max(_FRESH, _SHARE * time.thread_time())
        except OSError:  # no descriptor is left, for one: nothing is known then
            pass
        finally:
            self._pass = None
            begun.set_result(measured)

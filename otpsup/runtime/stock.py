"""Workers of multiprocessing's own start methods: spawn, forkserver, fork.

They are the host's children, not the launcher's. They carry out their order on themselves, die
with the host, and are watched by pidfd; forkserver's by its sentinel.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes  # noqa: F401 - for prctl(2) after a change of user, who may not be able to import it
import multiprocessing
import multiprocessing.connection  # used after a change of user, who may not be able to import it
import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing import reduction
from typing import Any

import psutil

from ..engine.reasons import Exit
from ..specs import Worker
from . import bootstrap, marks, watch, workers
from .launcher import execute
from .launcher.leftovers import LINGER, group_exists
from .launcher.server import GLANCE
from .launcher.syscalls import die_with_parent, die_with_pipe, pidfd_open

_UNKNOWN = 255
"""The exit code of a worker whose own was lost, as in asyncio."""


class _Handed:
    """A descriptor among a worker's arguments, handed over however the start method does it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> tuple[Callable[[Any], _Handed], tuple[Any]]:
        return _received, (reduction.DupFd(self.fd),)


def _received(duplicate: Any) -> _Handed:
    return _Handed(duplicate.detach())


def _main(fds: list[_Handed], order: dict[str, Any], call: tuple[Any, ...]) -> None:
    """In the worker: arrange the process, then run the target."""
    try:
        numbers = [handed.fd for handed in fds]
        bootstrap.enter(order, numbers[0], numbers[1:])
        _end_with_host()
    except execute.Failure as failure:
        bootstrap.tell_crash(failure)
        raise SystemExit(1) from None
    bootstrap.run(*call)


def _end_with_host() -> None:
    """Die when the host does, by two means: a fork server's child has another parent, and forks of
    the host keep the pipe open. After a change of user, which undoes the first (prctl(2))."""
    die_with_parent()
    host = multiprocessing.parent_process()
    if host is not None:
        die_with_pipe(host.sentinel)
        if not host.is_alive():  # it ended while this process was being made
            os._exit(1)


def _group_lives(leader: int) -> bool:
    """Whether anybody in this group is more than a zombie: those are left to whoever adopted them,
    and hold nothing any more."""
    return group_exists(leader) and any(_is_living_member(p, leader) for p in psutil.process_iter())


def _is_living_member(process: psutil.Process, leader: int) -> bool:
    try:
        return os.getpgid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.Error):
        return False


class StockWorker:
    """One worker of a stock start method.

    Args:
        mark: of it, and of whatever it starts.
        gone: called once, on the loop, with how it ended.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        spec: Worker,
        mark: str,
        gone: Callable[[Exit], None],
    ) -> None:
        self._loop = loop
        self._spec = spec
        self._mark = mark
        self._gone = gone
        self._process: Any = None

    def start(
        self, name: str, args: Sequence[Any], order: dict[str, Any], fds: Sequence[int]
    ) -> tuple[int, int | None]:
        """Start it; returns its pid and, where there are any, a pidfd."""
        context: Any = multiprocessing.get_context(self._spec.start_method)

        def make(*, args: tuple[Any, ...], **options: Any) -> Any:
            handed = [_Handed(fd) for fd in copies]
            return context.Process(target=_main, args=(handed, order, args), **options)

        copies = [os.dup(fd) for fd in fds]  # each number once, as spawn demands
        try:
            self._process = workers.worker_process(self._spec, name, tuple(args), make)
            self._process.start()
        finally:
            for fd in copies:
                os.close(fd)
        pid: int = self._process.pid
        pidfd = pidfd_open(pid)
        if self._spec.start_method == "forkserver":
            self._loop.add_reader(self._process.sentinel, self._sentinel_readable)
        else:
            watch.watch(self._loop, pid, self._ended)
        return pid, pidfd

    def _sentinel_readable(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self._reap()

    def _ended(self) -> None:
        """It is a zombie of ours still, so its number is its group's: end what it left behind."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._reap()

    def _reap(self) -> None:
        self._process.join()
        pid, code = self._process.pid, self._process.exitcode
        if code is None:  # somebody else in the host has reaped it (os.wait, SIGCHLD ignored)
            code = _UNKNOWN
        else:
            self._process.close()
        exit = Exit(signal=-code) if code < 0 else Exit(code=code)
        self._report_when_alone(pid, exit, self._loop.time() + LINGER)

    def _report_when_alone(self, pid: int, exit: Exit, until: float) -> None:
        """What it has left behind gets a moment to vanish, as with the launcher's children."""
        if (self._is_marked_left() or _group_lives(pid)) and self._loop.time() < until:
            self._loop.call_later(GLANCE, self._report_when_alone, pid, exit, until)
        else:
            self._gone(exit)

    def _is_marked_left(self) -> bool:
        """Kill what it has left behind in other groups and sessions; whether there was anything, or
        it could not be looked for."""
        try:
            return bool(marks.sweep({self._mark}))
        except OSError:
            return True

"""Where the runtime meets the kernel, and the made-up one in its place.

This is the complete list of what is not real in a simulation. All else is the code that runs
in earnest: handle, session, loop, processes, readiness, spawners, and the servers behind them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import select
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from otpsup.operations import asked, updates
from otpsup.runtime import (
    checks,
    freshness,
    launch,
    launchers,
    loop,
    marks,
    notify,
    ports,
    process,
    stacks,
    succession,
    watch,
)
from otpsup.runtime.launcher import farewell, leftovers, reports, server, strays
from otpsup.runtime.logs.taps import Taps
from tests.simulation.agents import Agent
from tests.simulation.incarnations import Numbers
from tests.simulation.kernel import Kernel
from tests.simulation.system import System


class Overlay:
    """A module with some of its names replaced."""

    def __init__(self, module: Any, **names: Any) -> None:
        self._module = module
        self.__dict__.update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class Pump:
    """Children's output, read on the loop and given to whoever watches it for a line."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._readers: set[int] = set()
        self.taps = Taps()
        self.count: Any = None

    def start(self) -> None:
        """There is no thread."""

    def attach(
        self, reader: int, sink: Any, watcher: Callable[[bytes], bool] | None, *_: Any
    ) -> None:
        """Read this, and close it at its end."""
        self._readers.add(reader)
        self._loop.add_reader(reader, self._read, reader, watcher or (lambda _: False))

    def sink(self, target: Any) -> None:
        """Nobody looks at it."""

    def at_end(self, run: int, call: Callable[[], None]) -> None:
        """Nobody waits for it."""
        call()

    def last(self, path: str, run: int) -> bytes:
        """Everybody says the same."""
        return b"that was all\n"

    def _read(self, reader: int, watcher: Callable[[bytes], bool]) -> None:
        data = os.read(reader, 65536)
        watcher(data)
        if not data:
            self._drop(reader)

    def _drop(self, reader: int) -> None:
        self._loop.remove_reader(reader)
        self._readers.discard(reader)
        os.close(reader)

    def close(self, timeout: float) -> None:
        """Drop whatever somebody still holds open."""
        for reader in list(self._readers):
            self._drop(reader)


class Imported:
    """What a zygote has imported, of which somebody has deployed a new version now and then."""

    fd = 2

    def __init__(self, kernel: Kernel) -> None:
        self._random = kernel.random

    def is_outdated(self) -> bool:
        """Once in a while."""
        return self._random.random() < 0.2

    def close(self) -> None:
        """Nothing is open."""


class Datagrams(socket.socket):
    """A socket that takes the first line of each datagram for the pid of its sender."""

    def recvmsg(self, *args: int) -> Any:
        """As usual, with the credentials of a process of this world."""
        data, _, *rest = super().recvmsg(*args)
        pid, _, said = data.partition(b"\n")
        credentials = struct.pack("3i", int(pid), 0, 0)
        return said, [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, credentials)], *rest


def _poll(kernel: Kernel) -> Any:
    class Poll:
        """select.poll for an agent."""

        def __init__(self) -> None:
            self._fds: list[int] = []

        def register(self, file: Any, events: int) -> None:
            self._fds.append(file if isinstance(file, int) else file.fileno())

        def poll(self, timeout: float | None) -> list[tuple[int, int]]:
            seconds = None if timeout is None else timeout / 1000
            fds = Agent.current.pause(seconds, self._fds)
            return [(fd, select.POLLIN) for fd in fds]

    return Poll


class _Offspring:
    """strays.Offspring for an agent."""

    def __init__(self) -> None:
        self._agent = Agent.current

    def orphans(self, known: Any) -> list[int]:
        children = self._agent.kernel.children(self._agent.process.pid)
        return [child.pid for child in children if child.pid not in known]


def _pidfd_open(kernel: Kernel) -> Callable[[int], int | None]:
    def pidfd_open(pid: int) -> int | None:
        with contextlib.suppress(ProcessLookupError):
            return kernel.pidfd_open(pid)
        return None

    return pidfd_open


def _launcher_side(kernel: Kernel) -> Iterator[tuple[Any, str, Any]]:
    """What the launcher and the zygote see."""

    def me() -> int:
        return Agent.current.process.pid

    def waitid(kind: int, id: int, options: int) -> Any:
        return kernel.waitid(me(), kind, id, options)

    def kill(pid: int, signum: int) -> None:
        kernel.kill(pid, signum, Agent.current.process.name)

    def killpg(pid: int, signum: int) -> None:
        kernel.killpg(pid, signum, Agent.current.process.name)

    def pipe2(flags: int) -> tuple[int, int]:
        pair = os.pipe2(flags)
        Agent.current.owned += pair
        return pair

    def set_wakeup_fd(fd: int, **_: Any) -> int:
        Agent.current.wake = fd
        return -1

    clock = SimpleNamespace(monotonic=lambda: kernel.now, sleep=lambda s: Agent.current.pause(s))
    yield server, "os", Overlay(os, waitid=waitid, pipe2=pipe2)
    yield farewell, "os", Overlay(os, waitid=waitid)
    yield leftovers, "os", Overlay(os, kill=kill, killpg=killpg)
    for module in (server, farewell, leftovers, reports):
        yield module, "time", clock
    for module in (server, farewell):
        yield module, "select", Overlay(select, poll=_poll(kernel))
    yield server, "signal", Overlay(signal, signal=lambda *_: None, set_wakeup_fd=set_wakeup_fd)
    yield server, "pidfd_open", _pidfd_open(kernel)
    yield server, "Offspring", _Offspring
    yield strays, "os", Overlay(os, kill=kill)
    yield strays, "_stat", kernel.stat
    yield strays, "_everybody", lambda: {pid: kernel.stat(pid) for pid in kernel.table}
    yield strays, "pidfd_open", _pidfd_open(kernel)
    yield (
        strays,
        "send_signal",
        lambda pidfd, signum: kernel.pidfd_send_signal(pidfd, signum, Agent.current.process.name),
    )
    yield strays, "read_mark", kernel.mark


class _Process:
    """psutil.Process, as far as it is used."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def name(self) -> str:
        """As a list of processes has it."""
        return "somebody"


def _host_side(kernel: Kernel, numbers: Numbers) -> Iterator[tuple[Any, str, Any]]:
    """What the host sees."""

    def send(pidfd: int, signum: int) -> bool:
        return kernel.pidfd_send_signal(pidfd, signum, "the host")

    def killpg(pid: int, signum: int) -> None:
        kernel.killpg(pid, signum, "the host")

    class Thread:
        """threading.Thread for a probe."""

        def __init__(self, target: Callable[[], None], **_: Any) -> None:
            self._target = target

        def start(self) -> None:
            kernel.at(kernel.random.choice((0.0, 0.1)), self._target)

    make = process.ChildProcess.__init__

    def made(self: process.ChildProcess, *args: Any) -> None:
        make(self, *args)
        numbers.made(self)

    unwanted = succession.Unwanted.on_up

    def not_wanted(self: succession.Unwanted, *args: Any) -> None:
        unwanted(self, *args)
        numbers.unwanted()

    yield process.ChildProcess, "__init__", made
    yield succession.Unwanted, "on_up", not_wanted
    yield launch, "_numbers", itertools.count(1)
    yield watch, "pidfd_open", _pidfd_open(kernel)
    yield launch, "send_signal", send
    yield launch, "os", Overlay(os, killpg=killpg)
    yield marks, "os", Overlay(os, pidfd_open=kernel.pidfd_open)
    yield marks, "_pids", lambda: list(kernel.table)
    yield marks, "read_mark", kernel.mark
    yield marks, "send_signal", send
    yield notify, "socket", Overlay(socket, socket=Datagrams)
    yield notify, "above", lambda pid: kernel.line(pid)[1:]
    yield loop, "above", lambda pid: kernel.line(pid)[1:]
    yield loop, "random", SimpleNamespace(random=kernel.random.random)
    yield loop, "LogPump", Pump
    yield freshness, "Imported", partial(Imported, kernel)
    yield checks, "Thread", Thread
    yield stacks, "is_stopped", lambda pid: pid in kernel.table and kernel.table[pid].is_stopped
    yield stacks, "attach", lambda pid: os.open("/dev/null", os.O_RDWR) if pid % 2 else None
    yield stacks, "read", lambda fd: ("", False)
    yield stacks, "close", os.close


async def _to_no_thread(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


def _system_side(kernel: Kernel, system: System, engine: Any) -> Iterator[tuple[Any, str, Any]]:
    """What else there is on the machine, and the engine, which is watched."""

    def holder(port: int) -> Any:
        pid = system.holder(port)
        return _Process(pid) if pid else None

    yield loop, "Engine", engine
    yield launchers, "subprocess", Overlay(subprocess, Popen=system.popen)
    for module in (asked, updates):
        yield module, "asyncio", Overlay(asyncio, to_thread=_to_no_thread)
    yield checks, "_connect", system.connect
    yield ports, "is_taken", lambda port: bool(system.holder(port))
    yield ports, "holder", holder


@contextmanager
def installed(kernel: Kernel, system: System, engine: Any, numbers: Numbers) -> Iterator[None]:
    """Put the made-up kernel in the place of the real one; `engine` makes an engine."""
    sides = (
        _launcher_side(kernel),
        _host_side(kernel, numbers),
        _system_side(kernel, system, engine),
    )
    with ExitStack() as stack:
        for module, name, thing in chain(*sides):
            stack.enter_context(patch.object(module, name, thing))
        yield

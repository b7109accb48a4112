"""Real listener processes on real pipes, with the pools but without a daemon.

`Host` stands for a running tree: it starts processes, taps what they write in threads of its own,
and tells how they end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from otpsup.errors import NoProcess
from otpsup.supervisord.conf.model import Group, Listening, Log, Process, Settings, Supervisord
from otpsup.supervisord.listeners import Listeners
from otpsup.supervisord.listeners.taps import Tap
from tests.support.waiting import LONG

T = TypeVar("T")
BIN = Path(sys.executable).parent
"""Where superlance's programs are, as well as Python."""

RECORDER = """
import os, sys
from supervisor import childutils
while True:
    headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
    line = headers["eventname"] + " " + headers["serial"] + " " + payload.replace("\\n", "|")
    os.write(2, (line + "\\n").encode())
    childutils.listener.ok(sys.stdout)
"""
"""A listener, made with supervisord's own library for them: tells what it gets on its stderr."""

SILENT = RECORDER.replace("    childutils.listener.ok(sys.stdout)", "    sys.stdin.read()")
"""One that gets an event and never answers."""


def listener(
    name: str,
    *events: str,
    count: int = 1,
    buffer_size: int = 10,
    stderr: Log = Log(),  # noqa: B008
) -> Group:
    """A group of listeners, named `name` or, of several, `name_0` and so on."""
    names = [name] if count == 1 else [f"{name}_{number}" for number in range(count)]
    section = f"eventlistener:{name}"
    processes = tuple(
        Process(name=one, section=section, kind="eventlistener", command="", stderr=stderr)
        for one in names
    )
    return Group(name=name, processes=processes, listening=Listening(events=events,
                 buffer_size=buffer_size))  # fmt: skip


def program(name: str, stdout: Log = Log()) -> Group:  # noqa: B008
    """A program in a group of its own."""
    one = Process(name=name, section=f"program:{name}", command="", stdout=stdout)
    return Group(name=name, processes=(one,))


async def until(look: Callable[[], T], within: float = LONG) -> T:
    """Let the loop run until there is something; returns it."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        await asyncio.sleep(0.002)
    raise AssertionError(f"not seen within {within} s: {look}")


def untouched(pid: int, data: bytes) -> bytes:
    """No tap at all."""
    return data


class Child:
    """One process and the threads that read from it."""

    def __init__(self, path: str, popen: subprocess.Popen[bytes]) -> None:
        self.path = path
        self.popen = popen
        self.logged = {"stdout": b"", "stderr": b""}
        self.threads: list[threading.Thread] = []

    def lines(self, stream: str = "stderr") -> list[str]:
        """What it wrote and was logged."""
        return self.logged[stream].decode().splitlines()


class Host:
    """What `Listeners` needs, over real processes. Use it in an `async with` block.

    Its clock stands still: no tick comes but those that the test makes.
    """

    def __init__(self, *groups: Group, **more: object) -> None:
        self.log: list[tuple[str, str]] = []
        self._now = 1000.0
        self._settings = Settings(
            file=Path("/dev/null"), groups=groups, supervisord=Supervisord(**more)  # type: ignore[arg-type]
        )  # fmt: skip
        self.children: dict[str, Child] = {}
        self.all: list[Child] = []

    async def __aenter__(self) -> Host:
        self._loop = asyncio.get_running_loop()
        self.listeners = Listeners(
            self._settings, self.write, lambda *said: self.log.append(said), clock=lambda: self._now
        )
        self._taps: dict[tuple[str, str], Tap] = {
            (path, stream): tap for path, stream, tap in self.listeners.taps()
        }
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.listeners.close()
        for child in self.all:
            child.popen.kill()
            for thread in child.threads:
                await asyncio.to_thread(thread.join, LONG)
            for pipe in (child.popen.stdin, child.popen.stdout, child.popen.stderr):
                assert pipe is not None
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def write(self, path: str, data: bytes) -> None:
        child = self.children.get(path)
        if child is None:
            raise NoProcess(path)
        assert child.popen.stdin is not None
        os.write(child.popen.stdin.fileno(), data)

    def tick(self) -> None:
        """It is much later now: a tick of every period is due."""
        self._now = 2.0**33
        self.listeners.tick(self._now)

    def start(self, path: str, *command: str | Path, env: Mapping[str, str] | None = None) -> Child:
        """Start a process: STARTING, and RUNNING at once."""
        self.listeners.changed(path, "STOPPED", "STARTING")
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        popen = subprocess.Popen(command, env={**os.environ, **(env or {})}, **pipes)  # type: ignore[call-overload]
        child = Child(path, popen)
        self.children[path] = child
        self.all.append(child)
        child.threads = [
            threading.Thread(target=self._read, args=(child, stream)) for stream in child.logged
        ]
        child.threads.append(threading.Thread(target=self._wait, args=(child,)))
        for thread in child.threads:
            thread.start()
        self.listeners.changed(path, "STARTING", "RUNNING", pid=popen.pid)
        return child

    def python(self, path: str, source: str) -> Child:
        """The same with a Python program."""
        return self.start(path, sys.executable, "-c", source)

    def _read(self, child: Child, stream: str) -> None:
        pipe = getattr(child.popen, stream)
        tap = self._taps.get((child.path, stream), untouched)
        while data := os.read(pipe.fileno(), 65536):
            child.logged[stream] += tap(child.popen.pid, data)
        child.logged[stream] += tap(child.popen.pid, b"")

    def _wait(self, child: Child) -> None:
        for thread in child.threads[:2]:
            thread.join()
        code = child.popen.wait()
        self._loop.call_soon_threadsafe(self._ended, child, code)

    def _ended(self, child: Child, code: int) -> None:
        if self.children.get(child.path) is child:
            del self.children[child.path]
            pid = child.popen.pid
            self.listeners.changed(child.path, "RUNNING", "EXITED", pid=pid, expected=code == 0)

    async def kill(self, child: Child) -> None:
        """End it with SIGKILL, and wait until its end has been told."""
        child.popen.kill()
        await until(lambda: self.children.get(child.path) is not child)


def with_host(host: Host, test: Callable[[Host], Awaitable[None]]) -> None:
    """Run a test on a loop, with a deadline."""

    async def run() -> None:
        async with host:
            await asyncio.wait_for(test(host), 3 * LONG)

    asyncio.run(run())

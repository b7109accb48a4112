"""One life of a tree on an asyncio loop: from boot to the last process gone.

Puts runner and control server together; `tree` decides on which thread that happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import explain, log
from .control import address, last_words
from .control.connection import Backend
from .control.last_words import LastWords
from .control.server import ControlServer
from .engine import Engine
from .engine.child import Child
from .engine.effects import Halt, Told
from .engine.events import Boot, Shutdown
from .engine.events import Event as News
from .engine.node import Node
from .engine.snapshot import snapshot
from .errors import NoProcess, NoStacks, OtpsupError
from .events import from_effect
from .logger import logger
from .operations import Operations, Root, Source
from .runtime import capacity
from .runtime.logs.taps import Tap
from .runtime.loop import Runner
from .specs import Command, DynamicSupervisor, Supervisor
from .specs.health import Checks
from .specs.plugin import Given
from .specs.supervisors import files_of
from .views import ChildStatus, Event
from .wire import outline
from .wire.lines import LogLine
from .wire.outline import Outline
from .wire.requests import Make

if TYPE_CHECKING:
    from .plugins.hosting import Plugins
    from .statistics import CheckResult, Statistics

_RECENT = 500
"""Events that are kept for those who come later."""
_LOOK = 10.0
"""Seconds from one look at plug-ins that may hang to the next."""
_CATCH_UP = 2.0
"""Seconds that a log gets to have all that was written for it; a disk may be slower than that."""
_FLUSH = 1.0
"""Seconds that the log's sinks get to write what is left when the tree is gone."""


class Session(Backend):
    """A running tree. Made and used on its loop; `call` is for other threads.

    Args:
        spec: the root supervisor.
        name: of the tree, for its control socket and its log.
        file: the tree file that `spec` comes from.
        variables: for `${NAME}` in tree files; those of this process if not given.
        source: reads `file` again; it is a tree file if not given.
        plugins: by name, see `otpsup.plugins`.

    Raises:
        TooLarge: the tree does not fit on this machine; nothing was started.
        InvalidSpec: a plug-in cannot be made; nothing was started.
    """

    def __init__(
        self,
        spec: Supervisor | DynamicSupervisor,
        name: str,
        file: Path | None = None,
        variables: Mapping[str, str] | None = None,
        source: Source | None = None,
        plugins: Given | None = None,
    ) -> None:
        self.name = name
        self._plugins: Plugins | None = self._with_plugins(plugins) if plugins else None
        self._others = capacity.open_now()
        capacity.check(name, spec, self._others)
        self._server = ControlServer(self)
        self._runner = Runner(spec, self._server.adopt, capacity.spare(spec, self._others))
        self._runner.listeners.append(lambda effect: log.write(name, effect))
        self.operations = Operations(self, file, variables, source)
        self._recent: deque[tuple[float, Told]] = deque(maxlen=_RECENT)
        """With the time of each; put into words for who asks."""
        self._runner.listeners.append(self._remember)
        self._began = 0.0

    async def live(self, started: Callable[[OtpsupError | None], None]) -> Halt:
        """Boot, run until the tree has ended, clean up.

        Args:
            started: called once: with None when all is up, or with why it is not.
        """
        door = self._open_socket()
        self._began = last_words.begin(self.name)
        if self._plugins:
            self._begin(self._plugins)
        self.ask(lambda ref: Boot(ref=ref), lambda _, error: started(error))  # before any request
        try:
            if door:
                self._server.listen(*door)
            halt = await self._until_halted()
            self._say_last_words(halt)
            return halt
        finally:
            if self._plugins:
                await asyncio.to_thread(self._plugins.end)
            await self.operations.close()
            await self._server.close()
            await self._runner.close()
            logger.close(_FLUSH)

    # Plug-ins.

    @property
    def plugins(self) -> Plugins:
        """Those of the tree; most have none, and do not load what it takes."""
        if self._plugins is None:
            self._plugins = self._with_plugins({})
            self._begin(self._plugins)
        return self._plugins

    @property
    def given_plugins(self) -> Given:
        """What the plug-ins were made of, by name."""
        return self._plugins.given if self._plugins else {}

    def _with_plugins(self, given: Given) -> Plugins:
        from .plugins.asking import Asking
        from .plugins.hosting import Plugins

        return Plugins(Asking(asyncio.get_running_loop(), self), given, self._look_anew)

    def _begin(self, plugins: Plugins) -> None:
        plugins.begin()
        self.watch(self._tell_plugins)
        self._look_at_plugins()

    def _tell_plugins(self, effect: Told) -> None:
        assert self._plugins is not None
        epoch, at = self._runner.epoch, self._runner.loop.time()
        is_last = isinstance(effect, Halt)
        self._plugins.tell(lambda: from_effect(effect, epoch, at), is_last=is_last)

    def _look_at_plugins(self) -> None:
        assert self._plugins is not None
        self._plugins.look()
        self._runner.loop.call_later(_LOOK, self._look_at_plugins)

    def _look_anew(self, checks: Checks) -> None:
        """From any thread: these are the checks of every process."""
        self._runner.loop.call_soon_threadsafe(self._runner.look_anew, checks)

    async def _until_halted(self) -> Halt:
        """Wait for the end; if this task is cancelled, bring it about first."""
        try:
            return await asyncio.shield(self._runner.halted)
        except asyncio.CancelledError:
            self.stop(hurry=False)
            await self._runner.halted
            raise

    def _say_last_words(self, halt: Halt) -> None:
        """For `otpsup why` when nobody is left to be asked."""
        text, story = explain.ending(self.name, halt), explain.story(halt)
        now = time.time()
        words = LastWords(self.name, os.getpid(), now, halt.kind, text, story, self._began)
        last_words.write(words)

    def _open_socket(self) -> tuple[socket.socket, Path] | None:
        """A tree without its socket is still a tree: say so and go on."""
        try:
            return address.listen(self.name)
        except (OSError, OtpsupError) as error:
            logger.warning("{} has no control socket: {}", self.name, error)
            return None

    def stop(self, *, hurry: bool) -> None:
        """Begin to stop the tree."""
        self.ask(lambda ref: Shutdown(ref=ref, hurry=hurry), lambda *_: None)

    def ask(self, make: Make, answer: Callable[[Any, OtpsupError | None], None]) -> None:
        """Put a request to the engine."""
        self._runner.ask(make, answer)

    def status(self) -> ChildStatus:
        """The tree's snapshot."""
        return self._runner.status()

    async def statistics(self, samples: int | None) -> Statistics:
        """What was counted and measured of the tree."""
        return await self._runner.statistics(samples)

    @property
    def engine(self) -> Engine:
        """The decisions; to be looked at."""
        return self._runner.engine

    def why_not(self, spec: Supervisor | DynamicSupervisor) -> str:
        """Why this tree in the place of ours would not fit; nothing if it would."""
        return capacity.why_not(spec, self._others)

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that all of the tree inherit."""
        return self._runner.environ

    def find(self, path: str) -> Child:
        """The record of a child.

        Raises:
            NotFound: there is none.
        """
        child = self.engine.find(path)
        if child is None:
            raise self.engine.nobody("find", path)
        return child

    def snapshot(self, child: Child) -> ChildStatus:
        """The state of one child."""
        return snapshot(child, self._runner.epoch)

    def checks(self, path: str) -> Sequence[CheckResult]:
        """How the checks of a child that runs stand; nothing of another."""
        return self._runner.checkups.results(path)

    def signal(self, path: str, number: int) -> None:
        """Send a signal to a child's process.

        Raises:
            NotFound, NoProcess: there is no such child, or no process of it.
        """
        child = self.find(path)
        if child.pid is None or not self._runner.signal(path, child.run, number):
            what = "is a supervisor" if isinstance(child, Node) else f"is {child.state}"
            raise NoProcess(f"cannot signal {path or self.name!r}: it {what}, and has no process")

    async def stacks(self, path: str) -> str:
        """Where a Python worker is: the stacks of all its threads and tasks.

        Raises:
            NotFound, NoProcess: there is no such child, or no process of it.
            NoStacks: it cannot tell.
        """
        child = self.find(path)
        if child.pid is not None and isinstance(child.spec, Command):
            raise NoStacks(
                f"{path!r} is a command, and only Python workers tell their stacks; if it is "
                f"Python, `py-spy dump --pid {child.pid}` may do"
            )
        found = await self._runner.stacks(path, child.run) if child.pid is not None else None
        if found is None:
            what = "is a supervisor" if isinstance(child, Node) else f"is {child.state}"
            raise NoProcess(f"no stacks of {path or self.name!r}: it {what}, and has no process")
        return found

    def write_stdin(self, path: str, data: bytes) -> None:
        """Write to the standard input of a command that has a pipe there.

        Raises:
            NotFound, NoProcess: there is no such child, or no process of it.
            BrokenPipeError: it reads no more, or has no pipe there.
            BlockingIOError: it does not read what was written before.
        """
        child = self.find(path)
        if child.pid is None or not self._runner.write_stdin(path, child.run, data):
            raise NoProcess(f"cannot write to {path!r}: it is {child.state}, and has no process")

    def tap(self, path: str, stream: str, tap: Tap) -> Callable[[], None]:
        """Read along with a child's `stdout` or `stderr`, from its next start; returns the end of
        that. The tap is called in the thread that reads all output: it must not wait."""
        return self._runner.pump.taps.add(path, stream, tap)

    def watch(self, listener: Callable[[Told], None]) -> Callable[[], None]:
        """Hear all that the engine tells, as it is, on the loop; returns how to stop that."""
        return self._listen(listener)

    def hear(self, listener: Callable[[News], None]) -> None:
        """Hear all news of processes, on the loop, before the engine does."""
        self._runner.hearers.append(listener)

    def _remember(self, effect: Told) -> None:
        self._recent.append((self._runner.loop.time(), effect))

    def recent_events(self) -> list[Event]:
        """The last events, the oldest first."""
        epoch = self._runner.epoch
        return [from_effect(effect, epoch, at) for at, effect in self._recent]

    def tail(self, paths: Sequence[str] | None, lines: int, stream: str | None) -> list[LogLine]:
        """The last lines of these children, or of all, the oldest first."""
        pump = self._runner.pump
        if paths is None:
            return pump.tail(None, lines, stream)
        told = [line for path in paths for line in pump.tail(path, lines, stream)]
        return sorted(told, key=lambda line: line.at)

    def follow(
        self, fields: Mapping[str, Any], listener: Callable[[LogLine], None]
    ) -> Callable[[], None]:
        """Hear the last lines of children, and all that come after them."""
        paths, lines, stream = fields["paths"], fields["lines"], fields["stream"]
        return self._runner.pump.follow(listener, paths, lines=lines, stream=stream)

    def retarget_logs(self) -> None:
        """Rotate all log files as the tree says now."""
        for _, file in files_of(self.engine.root.spec, ""):
            self._runner.pump.retarget(file)

    def reopen_logs(self) -> None:
        """Close all log files; each is opened anew, by its name, for the next line."""
        self._runner.pump.reopen()

    async def catch_up_logs(self) -> None:
        """Wait until what the children have written by now is in their logs: of one that has ended,
        all of it. Not for longer than 2 seconds."""
        caught_up = asyncio.Event()
        loop = asyncio.get_running_loop()

        def tell() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(caught_up.set)

        self._runner.pump.when_caught_up(tell)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(caught_up.wait(), _CATCH_UP)

    def operate(
        self,
        op: str,
        fields: Mapping[str, Any],
        answer: Callable[[Any, OtpsupError | None], None],
    ) -> None:
        """Do one of the operations of a host."""
        self.operations.do(op, fields, answer)

    def reload(
        self, spec: Root, answer: Callable[[Any, OtpsupError | None], None], *, preview: bool
    ) -> None:
        """Become what this spec says, or tell what that would take."""
        self.operations.carry_out(lambda: self.operations.reload(spec, preview=preview), answer)

    def outline(self) -> dict[str, Any]:
        """The tree as it is now, with what was added to it at run time, and where it is."""
        engine, now = self._runner.engine, self._runner.loop.time()
        return outline.encode(Outline(engine.root.spec, engine.checkpoint(now)))

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Hear all events; returns how to stop that."""
        runner = self._runner

        def listen(effect: Told) -> None:
            listener(from_effect(effect, runner.epoch, runner.loop.time()))

        return self._listen(listen)

    def _listen(self, listener: Callable[[Told], None]) -> Callable[[], None]:
        listeners = self._runner.listeners

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                listeners.remove(listener)

        listeners.append(listener)
        return unsubscribe

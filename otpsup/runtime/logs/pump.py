"""The thread that reads all children's output, and the sinks that they share.

It keeps slow disks away from supervision: while it waits, the children's pipes fill up, and the
tree goes on. It sleeps when nobody writes. A line is never cut by a rotation, nor by another child
that writes to the same place.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from ...logger import logger
from ...specs import Inherit, LogFile
from ...specs.output import NULL, Format, Output
from ...wire.lines import LogLine
from . import outlet
from .compressor import Compressor
from .counts import Count
from .file import FileSink
from .formats import formatter
from .outlet import DeviceOutlet, HostOutlet, Outlet
from .pipe import REST, Buffer
from .ring import Ring
from .sink import Nowhere, Sink
from .source import Source
from .stream import Stream, Watcher
from .taps import Taps

__all__ = ["LogPump", "Watcher"]

_HOST = {"stdout": 1, "stderr": 2}
_ROUNDS = 3
"""Of reading, until all that was in the pipes is read: the one that may have begun too early, the
one that reads it, and the one that finds that nothing comes after it."""
_FINISH = 1.0
"""Seconds that compressing gets at the end of the tree; the next one goes on with it."""


class LogPump:
    """The thread, and the sinks that children share."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._streams: dict[int, Stream] = {}
        self._paused: dict[int, Stream] = {}
        self._inbox: deque[Callable[[], None]] = deque()
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._epoll.register(self._wake_reader, select.EPOLLIN)
        self._buffer = Buffer()
        self._sinks: dict[Path | int, FileSink | Outlet] = {}
        self._marks: list[tuple[int, Callable[[], None]]] = []
        """Who waits for what is in the pipes, and for how many rounds of reading."""
        self._runs: dict[int, int] = {}
        """How many pipes of an incarnation are open."""
        self._waiting: dict[int, Callable[[], None]] = {}
        """Who waits for all pipes of an incarnation to be at their end."""
        self._lock = threading.Lock()
        """For these two."""
        self.taps = Taps()
        self.count: Callable[[str], Count | None] = lambda _: None
        """Where what a child writes is counted; called by who calls `attach`."""
        self._ring = Ring()
        self._compressor = Compressor()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="otpsup-logs", daemon=True)

    # For processes.

    def start(self) -> None:
        """Start the thread, if it does not run yet.

        Raises:
            RuntimeError: the machine has no thread for us.
        """
        if self._thread.ident is None and not self._closing:
            self._thread.start()

    def sink(self, target: Output) -> Sink:
        """Where this output goes; the same for all who name the same place."""
        if isinstance(target, LogFile):
            return self.file(target)
        if target == NULL:
            return Nowhere()
        return self.host(target.stream if isinstance(target, Inherit) else "stdout")

    def file(self, target: LogFile) -> FileSink | Outlet:
        """The sink of a file; of a path that is something else, what writes there."""
        known = self._sinks.get(target.path)
        if isinstance(known, FileSink):
            known.retarget(target)  # a child that was changed may want it rotated otherwise
        return known or self._sinks.setdefault(target.path, self._made(target))

    def retarget(self, target: LogFile) -> None:
        """Rotate this file otherwise from here on, if anybody writes to it."""
        if target.path in self._sinks:
            self.file(target)

    def _made(self, target: LogFile) -> FileSink | Outlet:
        if _is_device(target.path):
            return DeviceOutlet(target.path, self._has_room)
        return FileSink(target, self._compressor)

    def host(self, stream: str) -> FileSink | Outlet:
        """The host's own stdout or stderr."""
        fd = _HOST[stream]
        return self._sinks.get(fd) or self._sinks.setdefault(fd, HostOutlet(fd, self._has_room))

    def attach(
        self,
        fd: int,
        sink: Sink,
        watcher: Watcher | None = None,
        source: Source | None = None,
        format: Format = "raw",
    ) -> Stream:
        """Pump what comes from `fd`, which belongs to the pump from here on, into `sink`.

        Args:
            watcher: is given all that comes.
            source: who says it, for `format`, `tail` and `follow`; None keeps none of it.
            format: what a line looks like in `sink`.
        """
        form = formatter(format, source) if source else None
        if isinstance(sink, Outlet):
            sink.format = format
        through = self.taps.filter(source.path, source.stream, source.pid) if source else None
        count = self.count(source.path) if source else None
        at_once = format == "bytes"
        stream = Stream(
            fd,
            self._buffer,
            sink,
            watcher,
            source,
            form,
            self._ring,
            through,
            count,
            at_once=at_once,
        )
        self.start()
        self._take_in(stream)
        return stream

    def at_end(self, run: int, call: Callable[[], None]) -> None:
        """Call it once all pipes of this incarnation are at their end: now if they are, else from
        the pump's thread."""
        with self._lock:
            is_open = run in self._runs
            if is_open:
                self._waiting[run] = call
        if not is_open:
            call()

    def when_caught_up(self, call: Callable[[], None]) -> None:
        """Call it, from the pump's thread, once all that is in the pipes now is where it belongs,
        but for what waits for a slow reader; at once if the pump is being closed."""
        if self._closing:
            call()
        else:
            self._do(lambda: self._marks.append((_ROUNDS, call)))

    def last(self, path: str, run: int) -> bytes:
        """What this incarnation of a child said last, as far as it is known by now."""
        return self._ring.last(path, run)

    # For those who read along; from any thread.

    def tail(self, path: str | None, lines: int, stream: str | None = None) -> list[LogLine]:
        """The last lines of a child, or of all by their time; the oldest first.

        Args:
            path: the child; None are all.
            lines: how many at most. Some 16 KiB are kept of each child.
            stream: `stdout` or `stderr` only.
        """
        return self._ring.tail(path, lines, stream)

    def follow(
        self,
        listener: Callable[[LogLine], None],
        paths: Sequence[str] | None = None,
        *,
        lines: int = 0,
        stream: str | None = None,
    ) -> Callable[[], None]:
        """Call `listener` for each line from now on, in a thread of its own; returns its end.

        Args:
            listener: may wait; lines that come too fast for it are counted, see `LogLine.skipped`.
            paths: the children, or supervisors above them; None are all.
            lines: so many of the last lines come first, without a gap or a line told twice.
            stream: `stdout` or `stderr` only.
        """
        return self._ring.follow(listener, paths, lines=lines, stream=stream)

    def reopen(self) -> None:
        """Close all files; each is opened anew, by its name, for the next line that goes there."""
        self._do(self._reopen)

    def _reopen(self) -> None:
        for sink in list(self._sinks.values()):
            sink.reopen()

    # Its life.

    def _do(self, call: Callable[[], None]) -> None:
        """Have it done in the pump's thread."""
        self._inbox.append(call)
        self.start()
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writer, b".")

    def close(self, timeout: float) -> None:
        """Write what is there, wait up to `timeout` seconds for pipes still open, and end."""
        deadline = time.monotonic() + timeout
        self._closing = True
        if self._thread.ident is not None:
            self._do(lambda: None)
            self._thread.join(timeout)
        left = max(0.0, deadline - time.monotonic())
        for sink in self._sinks.values():
            if isinstance(sink, Outlet):
                sink.end(left)
        self._ring.close(left)
        self._compressor.close(min(left, _FINISH))
        if not self._thread.is_alive():
            self._release()

    def _release(self) -> None:
        self._epoll.close()
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    # In its thread.

    def _run(self) -> None:
        while not (self._closing and not self._streams and not self._inbox):
            rest = REST
            for fd, _ in self._epoll.poll(self._patience()):
                stream = self._streams.get(fd)
                if stream is None:
                    self._handle_inbox()
                    rest = 0.0
                elif stream.sink.is_full:
                    self._pause(stream)
                elif not self._pump(stream):
                    self._drop(stream)
                else:
                    rest = min(rest, stream.rest)
            if self._marks:
                self._end_round()
            if self._paused:
                self._give_up()
            elif rest and not self._marks:
                time.sleep(rest)
        for _, call in self._marks:
            call()

    def _patience(self) -> float | None:
        """Seconds until somebody has waited too long for a slow reader; None if nobody waits."""
        if self._marks:
            return 0.0
        if not self._paused:
            return None
        since = min(sink.moved for sink in self._held_up())
        return max(0.0, since + outlet.PATIENCE - time.monotonic())

    def _end_round(self) -> None:
        """All that was ready has been read once."""
        marks, self._marks = self._marks, []
        for rounds, call in marks:
            if rounds > 1:
                self._marks.append((rounds - 1, call))
            else:
                call()

    def _held_up(self) -> set[Outlet]:
        """Those for which nothing is read now."""
        sinks = (stream.sink for stream in self._paused.values())
        return {sink for sink in sinks if isinstance(sink, Outlet)}

    def _handle_inbox(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_reader, 4096)
        while self._inbox:
            self._inbox.popleft()()

    def _take_in(self, stream: Stream) -> None:
        """From any thread. The pump's own is not woken for that, only when there is something to
        read: two threads that run at the same time hold each other up."""
        if stream.source:
            run = stream.source.run
            with self._lock:
                self._runs[run] = self._runs.get(run, 0) + 1
        self._streams[stream.fd] = stream
        self._epoll.register(stream.fd, select.EPOLLIN)

    def _pump(self, stream: Stream) -> bool:
        try:
            return stream.pump()
        except OSError:
            return False
        except Exception as error:  # a bug of ours must not silence everybody
            logger.error("a child's output is read no more", error=error)
            return False

    def _drop(self, stream: Stream) -> None:
        self._epoll.unregister(stream.fd)
        del self._streams[stream.fd]
        try:
            stream.close()
        except Exception as error:
            logger.error("the end of a child's output is lost", error=error)
        if stream.source:
            self._ended(stream.source.run)

    def _ended(self, run: int) -> None:
        waiting = None
        with self._lock:
            self._runs[run] -= 1
            if self._runs[run] == 0:
                del self._runs[run]
                waiting = self._waiting.pop(run, None)
        if waiting:
            waiting()

    # Slow readers.

    def _pause(self, stream: Stream) -> None:
        """Let the child wait for its reader."""
        self._epoll.unregister(stream.fd)
        self._paused[stream.fd] = stream

    def _has_room(self, sink: Outlet) -> None:
        """Called from the thread behind a sink."""
        self._do(self._go_on)

    def _go_on(self) -> None:
        """Read again what has somewhere to go."""
        for fd, stream in list(self._paused.items()):
            if not stream.sink.is_full:
                del self._paused[fd]
                self._epoll.register(fd, select.EPOLLIN)

    def _give_up(self) -> None:
        now = time.monotonic()
        for sink in self._held_up():
            sink.give_up(now)
        self._go_on()


def _is_device(path: Path) -> bool:
    """Whether there is something at this path that is neither a file nor a folder."""
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
    return False

"""Places that may keep us waiting: the host's own stdout and stderr, terminals, pipes with a name.

Each has a thread that does the waiting, and a queue. When that is full nothing more is read for
it: children that write there wait in their own writes, and a reader who is only slow loses nothing.
Who has not read anything for `PATIENCE` seconds holds up the children no longer: lines are dropped
and counted until something is read again, and then the log and the place itself say how many.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ...logger import logger
from ...specs.output import Format
from .formats import formatter
from .sink import Lines, Losses, Lost, nobody
from .source import Source

ROOM = 256 * 1024
"""Bytes that wait for a slow reader."""
PATIENCE = 5.0
"""Seconds without any progress after which lines are dropped."""
_PIECE = 4096
"""What a pipe takes in one go, so that no other process's line comes in between (PIPE_BUF,
pipe(7)), and what is seen as progress of a slow reader."""
_LARGE = 64 * 1024
_SOON = 0.5
"""Seconds in which a thread ends that has been told to, and does not wait for anything."""


class Outlet:
    """A queue in front of such a place, and the thread behind it.

    Its `write`, `close` and `give_up` are for the pump's thread.

    Args:
        name: of the place, for the log.
        on_room: called from the thread behind it when there is room again.
    """

    is_quick = False

    def __init__(self, name: str, on_room: Callable[[Outlet], None]) -> None:
        self.writers = 0
        self.is_full = False
        self.moved = 0.0
        """When something was last written, in seconds of the monotonic clock."""
        self.format: Format = "raw"
        """What a line looks like there."""
        self._name = name
        self._on_room = on_room
        self._losses = Losses(name)
        self._news = threading.Condition()
        self._queue: deque[tuple[bytes, Lost]] = deque()
        self._size = 0
        self._dropped = 0
        self._is_stuck = self._is_closing = self._is_idle = False
        self._thread: threading.Thread | None = None

    def write(self, lines: Lines, lost: Lost = nobody) -> None:
        """Put it into the queue; drop it while nobody reads. Tells `lost` what is not written."""
        data = bytes(lines)
        with self._news:
            if self._is_stuck:
                dropped = data.count(b"\n")
                self._dropped += dropped
                lost(dropped)
                return
            if self._size == 0:
                self.moved = time.monotonic()
            self._put(data, lost)
            self._is_idle = False
            self.is_full = self._size >= ROOM
            if self._thread is None:
                self._begin()

    def _put(self, data: bytes, lost: Lost) -> None:
        self._queue.append((data, lost))
        self._size += len(data)
        self._news.notify()

    def _begin(self) -> None:
        thread = threading.Thread(target=self._run, name="otpsup-outlet", daemon=True)
        with contextlib.suppress(RuntimeError):  # no thread can be had: another time
            thread.start()
            self._thread = thread

    def give_up(self, now: float) -> None:
        """If nobody has read anything for so long: keep the children waiting no more."""
        with self._news:
            if self.is_full and now - self.moved >= PATIENCE:
                self.is_full, self._is_stuck = False, True

    def close(self) -> None:
        """Nobody writes for now."""
        with self._news:
            self._is_idle = True
            self._news.notify()

    def reopen(self) -> None:
        """It is no file that anybody would move away."""

    def end(self, timeout: float) -> None:
        """Write what waits, for so many seconds; what is left is lost, and said."""
        with self._news:
            self._is_closing = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join(timeout)
        lost = self._unwritten()
        if lost:
            logger.warning("{} lines for {} are lost: nobody reads them", lost, self._name)

    def _unwritten(self) -> int:
        with self._news:
            return sum(data.count(b"\n") for data, _ in self._queue) + self._dropped

    def _run(self) -> None:
        while (following := self._next()) is not None:
            self._write_all(*following)
        self._let_go()

    def _next(self) -> tuple[bytes, Lost] | None:
        """What is to be written next; it stays in the queue until it is."""
        with self._news:
            while not self._queue and not self._is_closing:
                if self._is_idle:
                    self._let_go()
                self._news.wait()
            return self._queue[0] if self._queue else None

    def _write_all(self, data: bytes, lost: Lost) -> None:
        done = 0
        try:
            while done < len(data):
                done += self._write_some(_piece(data, done, self._largest()))
                self.moved = time.monotonic()
        except OSError as error:
            lines = data.count(b"\n", done)
            self._losses.failed(error, lines)
            lost(lines)
        else:
            self._losses.recovered()
        self._written()

    def _written(self) -> None:
        with self._news:
            self._size -= len(self._queue.popleft()[0])
            if self._is_stuck:
                self._is_stuck = False
                self._tell_dropped()
            has_room = self.is_full and self._size <= ROOM // 2
            if has_room:
                self.is_full = False
        if has_room:
            self._on_room(self)

    def _tell_dropped(self) -> None:
        """They would stand here, after what was in the queue when nobody read."""
        count, self._dropped = self._dropped, 0
        if count:
            text = f"{count} lines were dropped: nobody had read any for {PATIENCE:g} s"
            logger.warning("{} works again; {}", self._name, text)
            self._put(self._in_our_name(f"{text}\n".encode()), nobody)

    def _in_our_name(self, line: bytes) -> bytes:
        form = formatter(self.format, Source("otpsup", pid=os.getpid()))
        return form(line, time.time()) if form else b"otpsup: " + line

    def _write_some(self, data: bytes) -> int:
        """Write some of it, or nothing after having waited a while.

        Raises:
            OSError: there is no way to.
        """
        raise NotImplementedError

    def _largest(self) -> int:
        return _PIECE

    def _let_go(self) -> None:
        """Nothing more comes for now."""


def _piece(data: bytes, begin: int, largest: int) -> bytes:
    """What comes next: whole lines, as many as fit; of one that is longer, its beginning."""
    end = begin + largest
    if end < len(data):
        end = data.rfind(b"\n", begin, end) + 1 or end
    return data[begin:end]


class HostOutlet(Outlet):
    """The host's own stdout or stderr.

    Others have it too, so it is left blocking, or not, as it is.

    Args:
        fd: its descriptor.
    """

    def __init__(self, fd: int, on_room: Callable[[Outlet], None]) -> None:
        names = {1: "the host's stdout", 2: "the host's stderr"}
        super().__init__(names.get(fd, f"descriptor {fd}"), on_room)
        self._fd = fd
        self._piece = 0

    def _write_some(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return _wait([self._fd])

    def _largest(self) -> int:
        if not self._piece:
            is_file = stat.S_ISREG(os.fstat(self._fd).st_mode)
            self._piece = _LARGE if is_file else _PIECE
        return self._piece


class DeviceOutlet(Outlet):
    """A path that is no regular file: a pipe with a name, a terminal, a device.

    Args:
        path: opened when there is something to write, and closed when nobody writes for now.
    """

    def __init__(self, path: Path, on_room: Callable[[Outlet], None]) -> None:
        super().__init__(f"the log {path}", on_room)
        self._path = path
        self._fd: int | None = None
        self._hurry = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def _write_some(self, data: bytes) -> int:
        if self._fd is None:
            self._fd = _open(self._path)
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return _wait([self._fd], self._hurry)

    def end(self, timeout: float) -> None:
        """Write what waits; do not leave a thread behind that waits for ever."""
        super().end(timeout)
        os.eventfd_write(self._hurry, 1)
        if self._thread is not None:
            self._thread.join(max(timeout, _SOON))
        os.close(self._hurry)

    def _let_go(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def _open(path: Path) -> int:
    """Open it without waiting for anybody. A pipe is opened for reading, too, so that it is there
    before its reader, and keeps what a reader that is replaced has not read (fifo(7))."""
    flags = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    is_fifo = stat.S_ISFIFO(path.stat().st_mode)
    return os.open(path, flags | (os.O_RDWR if is_fifo else os.O_WRONLY | os.O_APPEND))


def _wait(writable: list[int], hurry: int | None = None) -> int:
    """Wait until it takes something; returns 0, which is how much was written.

    Raises:
        TimeoutError: there is no time left.
    """
    poll = select.poll()
    for fd in writable:
        poll.register(fd, select.POLLOUT)
    if hurry is not None:
        poll.register(hurry, select.POLLIN)
    if any(fd == hurry for fd, _ in poll.poll()):
        raise TimeoutError(0, "nobody reads it")
    return 0

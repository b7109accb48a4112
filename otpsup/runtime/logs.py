"""Children's output: read from pipes by one thread of its own, written to files or to stdout.

The thread keeps slow disks and blocked terminals away from supervision: while it waits, the
children's pipes fill up, and the tree goes on. It sleeps when nobody writes. A line is never cut
by a rotation, nor by another child that writes to the same place.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..logger import logger
from ..specs import LogFile

_READ = 64 * 1024
_LONGEST_LINE = 64 * 1024
_NEWLINE = 10

Watcher = Callable[[bytes], bool]
"""Is given all output; True once it has seen enough."""


class Sink(Protocol):
    """Where output goes: whole lines, and pieces of those that are too long to wait for."""

    writers: int

    def write(self, data: bytes) -> None:
        """Write it all, or drop it if there is no way to."""

    def close(self) -> None:
        """Nobody writes for now."""


class FileSink:
    """A file rotated by size: `path`, then `path.1` (the newest) to `path.<backups>`."""

    def __init__(self, target: LogFile) -> None:
        self.writers = 0
        self._target = target
        self._file: int | None = None
        self._size = 0
        self._at_line_start = True
        self._is_failing = False
        self._lost = 0

    def write(self, data: bytes) -> None:
        """Append; rotate wherever the limit would be crossed."""
        is_torn = self._is_failing and not self._at_line_start
        try:
            self._write(b"\n" + data if is_torn else data)
        except OSError as error:  # a full disk loses lines, never the tree
            self._complain(error)
            self._lost += data.count(b"\n")
        else:
            self._recover()

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._open()
        while data:
            fits = self._fitting(data)
            self._append(data[:fits])
            data = data[fits:]
            if data:
                self._rotate()

    def _recover(self) -> None:
        if self._is_failing:
            logger.warning(
                "the log {} works again; {} lines are lost", self._target.path, self._lost
            )
        self._is_failing, self._lost = False, 0

    def _complain(self, error: OSError) -> None:
        """Say once that lines are lost, and again only after it went well meanwhile."""
        if not self._is_failing:
            path, why = self._target.path, error.strerror
            logger.error("cannot write the log {}: {}; lines are lost until it works", path, why)
        self._is_failing = True

    def _fitting(self, data: bytes) -> int:
        """How much of `data` still belongs in this file: whole lines, as many as there is room."""
        limit = self._target.max_bytes
        if limit == 0 or self._size + len(data) <= limit:
            return len(data)
        whole = data.rfind(b"\n", 0, max(limit - self._size, 0)) + 1
        if whole or (self._size > 0 and self._at_line_start):
            return whole
        return data.find(b"\n") + 1 or len(data)  # one line longer than a file, or its rest

    def _append(self, data: bytes) -> None:
        if self._file is not None:
            while data:
                written = os.write(self._file, data)
                self._size += written
                self._at_line_start = data[written - 1] == _NEWLINE
                data = data[written:]

    def _open(self) -> None:
        path = self._target.path
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o644)
        self._size = os.fstat(self._file).st_size

    def _rotate(self) -> None:
        self.close()
        path, backups = self._target.path, self._target.backups
        for number in range(backups, 0, -1):
            older = _numbered(path, number - 1)
            if older.exists():
                older.replace(_numbered(path, number))
        if backups == 0:
            path.unlink(missing_ok=True)
        self._open()

    def close(self) -> None:
        """Close the file; the next write opens it again."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # some file systems tell only now of a full disk
                os.close(file)


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


class PrefixSink:
    """The host's stdout, each line after the child's name."""

    def __init__(self, name: str, fd: int = 1) -> None:
        self.writers = 0
        self._prefix = f"{name} | ".encode()
        self._fd = fd

    def write(self, data: bytes) -> None:
        """Write whole lines; drop them if nobody reads any more."""
        end = b"\n" if data.endswith(b"\n") else b""
        text = (
            self._prefix + data[: len(data) - len(end)].replace(b"\n", b"\n" + self._prefix) + b"\n"
        )
        with contextlib.suppress(OSError):
            while text:
                text = text[self._write_some(text) :]

    def close(self) -> None:
        """It is the host's; leave it open."""

    def _write_some(self, text: bytes) -> int:
        try:
            return os.write(self._fd, text)
        except BlockingIOError:
            with selectors.DefaultSelector() as selector:
                selector.register(self._fd, selectors.EVENT_WRITE)
                selector.select()
            return 0


class Stream:
    """One pipe of one child."""

    def __init__(self, fd: int, sink: Sink, watcher: Watcher | None) -> None:
        self.fd = fd
        self._sink = sink
        self._watcher = watcher
        self._partial = b""
        sink.writers += 1

    def pump(self) -> bool:
        """Read once and write on; False at the end.

        Whole lines only: others may write to the same place, now or after this one.
        """
        data = os.read(self.fd, _READ)
        if self._watcher and self._watcher(data):
            self._watcher = None
        whole, newline, rest = (self._partial + data).rpartition(b"\n")
        self._partial = rest
        if newline:
            self._sink.write(whole + newline)
        if len(rest) > _LONGEST_LINE:
            self._sink.write(rest)
            self._partial = b""
        return data != b""

    def close(self) -> None:
        """Let go of pipe and sink; a last line without an end gets one."""
        os.close(self.fd)
        self._sink.writers -= 1
        if self._partial:
            self._sink.write(self._partial + b"\n")
        if self._sink.writers == 0:
            self._sink.close()


class LogPump:
    """The thread, and the sinks that children share."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._inbox: deque[Stream] = deque()
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, None)
        self._files: dict[Path, FileSink] = {}
        self._open = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="otpsup-logs", daemon=True)

    def file(self, target: LogFile) -> FileSink:
        """The sink of a file; the same for all who name the same path."""
        return self._files.setdefault(target.path, FileSink(target))

    def stdout(self, name: str) -> PrefixSink:
        """A sink that prefixes with `name`."""
        return PrefixSink(name)

    def attach(self, fd: int, sink: Sink, watcher: Watcher | None = None) -> None:
        """Pump what comes from `fd`, which belongs to the pump from here on, into `sink`."""
        self._inbox.append(Stream(fd, sink, watcher))
        self._wake()

    def _wake(self) -> None:
        if self._thread.ident is None and not self._closing:
            self._thread.start()
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writer, b".")

    def close(self, timeout: float) -> None:
        """Write what is there, wait up to `timeout` seconds for pipes still open, and end."""
        started = self._thread.ident is not None
        self._closing = True
        if started:
            self._wake()
            self._thread.join(timeout)
        if not self._thread.is_alive():
            self._release()

    def _release(self) -> None:
        self._selector.close()
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def _run(self) -> None:
        while not (self._closing and self._open == 0 and not self._inbox):
            for key, _ in self._selector.select():
                if key.data is None:
                    self._take_in()
                elif not self._pump(key.data):
                    self._drop(key.data)

    def _take_in(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_reader, 4096)
        while self._inbox:
            stream = self._inbox.popleft()
            self._selector.register(stream.fd, selectors.EVENT_READ, stream)
            self._open += 1

    def _pump(self, stream: Stream) -> bool:
        try:
            return stream.pump()
        except OSError:
            return False
        except Exception as error:  # a bug of ours must not silence everybody
            logger.error("a child's output is read no more", error=error)
            return False

    def _drop(self, stream: Stream) -> None:
        self._selector.unregister(stream.fd)
        self._open -= 1
        try:
            stream.close()
        except Exception as error:
            logger.error("the end of a child's output is lost", error=error)

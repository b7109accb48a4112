"""The daemon's own log, in supervisord's form: `2026-01-31 12:00:00,123 INFO spawned: 'x' ...`.

People's tools look for its words, and `supervisorctl maintail` shows it. A file that cannot be
written loses lines, and harms nobody.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from .conf.model import Supervisord

_NAMES = {
    "critical": "CRIT", "error": "ERRO", "warn": "WARN", "info": "INFO", "debug": "DEBG",
    "trace": "TRAC", "blather": "BLAT",
}  # fmt: skip
_ORDER = list(_NAMES)
_LOGURU = {"CRITICAL": "critical", "ERROR": "error", "WARNING": "warn", "DEBUG": "debug"}
_MOST_WAITING = 10_000
_FLUSH = 1.0
"""Seconds."""
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class MainLog:
    """The log of one life of a daemon.

    Args:
        settings: where it is, how it is rotated, and from which level on there is anything in it.
        echo: gets each line as well; a terminal, as a rule.
        clock: seconds since 1970.

    Attributes:
        path: of the file; None if there is none that could be read.
    """

    def __init__(
        self,
        settings: Supervisord,
        echo: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        is_file = settings.logfile and settings.logfile.lower() not in ("syslog", "none", "off")
        self.path = str(Path(settings.logfile).absolute()) if is_file else None
        self._most, self._backups = settings.logfile_maxbytes, settings.logfile_backups
        self._least = _ORDER.index(settings.loglevel) if settings.loglevel in _ORDER else 3
        self._echo = echo
        self._clock = clock
        self._file: int | None = None
        self._lock = threading.RLock()
        self.reopen()

    def write(self, level: str, text: str) -> None:
        """A line of this level (`critical`, `error`, `warn`, `info`, `debug`, `trace`,
        `blather`), if there is to be any of it."""
        if _ORDER.index(level) > self._least:
            return
        now = self._clock()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        line = f"{stamp},{int(now * 1000) % 1000:03d} {_NAMES[level]} {text}\n"
        if self._echo:
            self._echo(line)
        with self._lock, contextlib.suppress(OSError):
            self._append(line.encode("utf-8", "backslashreplace"))

    def from_loguru(self, message: Any) -> None:
        """What otpsup itself has to say; a sink of loguru."""
        level = _LOGURU.get(message.record["level"].name, "info")
        for line in str(message).splitlines():
            self.write(level, line)

    def critical(self, text: str) -> None:
        """What the daemon may not survive, or what is dangerous."""
        self.write("critical", text)

    def error(self, text: str) -> None:
        """What went wrong."""
        self.write("error", text)

    def warn(self, text: str) -> None:
        """What somebody may want to look at."""
        self.write("warn", text)

    def info(self, text: str) -> None:
        """What happened."""
        self.write("info", text)

    def debug(self, text: str) -> None:
        """What is of interest to who looks for something."""
        self.write("debug", text)

    def reopen(self) -> None:
        """Open the file anew, by its name."""
        with self._lock, contextlib.suppress(OSError):
            self.close()
            if self.path is not None:
                self._file = os.open(self.path, _FLAGS, 0o644)

    def clear(self) -> None:
        """Begin anew.

        Raises:
            OSError: the file cannot be removed.
        """
        if self.path is not None:
            Path(self.path).unlink()
            self.info("reopening log file")
            self.reopen()

    def close(self) -> None:
        """Write no more to the file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
            self._file = None

    def _append(self, data: bytes) -> None:
        if self._file is None and self.path is not None:  # it could not be had before
            self._file = os.open(self.path, _FLAGS, 0o644)
        if self._file is None:
            return
        while data:
            data = data[os.write(self._file, data) :]
        if self._most > 0 and os.fstat(self._file).st_size >= self._most:
            self._rotate()

    def _rotate(self) -> None:
        """`log` becomes `log.1`, that `log.2`, and so on; the oldest goes."""
        assert self.path is not None
        if not Path(self.path).is_file():  # a terminal, or a pipe
            return
        names = [self.path, *(f"{self.path}.{number + 1}" for number in range(self._backups))]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            with contextlib.suppress(FileNotFoundError):
                Path(newer).replace(older)
        if not self._backups:
            Path(self.path).unlink()
        self.reopen()


class Echo:
    """Writes lines to a stream in a thread of its own: a terminal that is stopped holds up nobody.

    Args:
        stream: standard output, as a rule.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="otpsup-echo", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Write a line, soon; it is lost if too many wait."""
        if self._waiting.qsize() < _MOST_WAITING:
            self._waiting.put(line)

    def close(self) -> None:
        """Write what is there, if that can be had within a moment."""
        self._waiting.put(None)
        self._thread.join(_FLUSH)

    def _run(self) -> None:
        while (line := self._waiting.get()) is not None:
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(line)
                self._stream.flush()

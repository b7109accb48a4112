"""How otpsup writes to its log: a line that cannot be written harms nobody.

The log goes through loguru to sinks of the host's own, and those may raise (`catch=False`), or wait
for a terminal that is stopped or for a pipe that nobody reads. Therefore lines are written by a
thread of their own: supervision neither hears of what a sink does nor waits for it.

Loguru is the host's to load: as long as nobody has, nobody can have switched this log on, and there
is nothing to write to. That spares most hosts two megabytes and a thread. A program whose whole job
is a tree has the log on, and loguru is loaded by that thread when there is time.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

from . import mask

T = TypeVar("T")

LIMIT = 10_000
"""Lines that wait for a slow sink; further ones are dropped then."""
_LOOK = 0.01
_QUIET = 0.005
_LONGEST = 0.25
"""Seconds after which it is seen whether no line has come for so many seconds; then they are
written, and after that many all the same. Who says many lines is busy, restarting children for
example, and would have to share the interpreter with who writes them (its lock goes to another
thread for up to 5 ms). To look again costs as much as to write a line: one restart is over by the
first time."""


Origin = tuple[str, str, int]
"""Where a line was said: module, function, line."""


class _Line:
    """One line on its way, with who said it. As a text: what it says.

    Loguru is handed it as it is and makes a text of it only if anybody is to have the line; an
    argument is put into words then, and not before.
    """

    __slots__ = ("args", "error", "level", "message", "origin")

    def __init__(
        self,
        level: str,
        message: str,
        args: tuple[object, ...],
        error: BaseException | None,
        frame: FrameType,
    ) -> None:
        self.level = level
        self.message = message
        self.args = args
        self.error = error
        name: str = frame.f_globals["__name__"]
        self.origin: Origin = (name, frame.f_code.co_name, frame.f_lineno)

    def write(self) -> None:
        """To loguru, in the name of whoever said it."""
        _said_at(self.origin).log(self.level, self)

    def __str__(self) -> str:
        """A traceback is in it as text: loguru's own shows the values of variables, and secrets."""
        text = self.message.format(*self.args)
        if self.error is None:
            return text
        trace = mask.text("".join(traceback.format_exception(self.error))).rstrip()
        return f"{text}\n{trace}"


class Words:
    """An argument that is put into words only when the line is written, and by who writes it.

    Args:
        say: tells them of `what`, which does not change any more.
    """

    __slots__ = ("_say", "_what")

    def __init__(self, say: Callable[[T], str], what: T) -> None:
        self._say: Callable[[Any], str] = say
        self._what = what

    def __str__(self) -> str:
        return self._say(self._what)


class _Writer:
    """A thread, and the lines that wait for it."""

    def __init__(self) -> None:
        self.waiting: queue.SimpleQueue[_Line | None] = queue.SimpleQueue()
        self.said_at = time.monotonic()
        """When the last line came."""
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otpsup-log", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (line := self.waiting.get()) is not None:
            self._await_quiet()
            _contained(line.write)
            for _ in range(self.waiting.qsize()):
                if (line := self.waiting.get()) is None:
                    return
                _contained(line.write)

    def _await_quiet(self) -> None:
        until = time.monotonic() + _LONGEST
        while (now := time.monotonic()) < until:
            if now - self.said_at > _QUIET or self._is_closing.wait(_LOOK):
                return

    def close(self, timeout: float) -> bool:
        """Write what is there, and end; False if that takes longer."""
        self._is_closing.set()
        self.waiting.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()


class Logger:
    """Loguru's logger, as far as otpsup uses it. `{}` in a message stands for an argument."""

    def __init__(self) -> None:
        self._is_on = False
        self._begin_anew()
        os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        """In a fork there is no thread, and what waits is for the parent's to write."""
        self._lock = threading.Lock()
        self._writer: _Writer | None = None

    def log(
        self, level: str, message: str, *args: object, error: BaseException | None = None
    ) -> None:
        """Write a line, soon; with the traceback of `error`."""
        self._put(_Line(level, message, args, error, sys._getframe(1)))

    def debug(self, message: str, *args: object) -> None:
        """What is of interest to who looks for something."""
        self._put(_Line("DEBUG", message, args, None, sys._getframe(1)))

    def info(self, message: str, *args: object) -> None:
        """What happened, and was meant to."""
        self._put(_Line("INFO", message, args, None, sys._getframe(1)))

    def warning(self, message: str, *args: object) -> None:
        """What somebody may want to look at."""
        self._put(_Line("WARNING", message, args, None, sys._getframe(1)))

    def error(self, message: str, *args: object, error: BaseException | None = None) -> None:
        """What went wrong; with the traceback of `error`."""
        self._put(_Line("ERROR", message, args, error, sys._getframe(1)))

    def critical(self, message: str, *args: object) -> None:
        """What ends the tree."""
        self._put(_Line("CRITICAL", message, args, None, sys._getframe(1)))

    def switch_on(self) -> None:
        """Have lines written from here on."""
        self._is_on = True
        if "loguru" in sys.modules:
            loguru_logger().enable("otpsup")

    @property
    def is_on(self) -> bool:
        """Whether this program has switched it on."""
        return self._is_on

    @property
    def is_off(self) -> bool:
        """Nobody can hear: the host has not loaded loguru."""
        return not self._is_on and "loguru" not in sys.modules

    def close(self, timeout: float) -> bool:
        """Write what was said before, up to so many seconds; whether that is done.

        The thread ends; the next line has another.
        """
        with self._lock:
            writer, self._writer = self._writer, None
        is_done = writer is None or writer.close(timeout)
        if not is_done:  # loguru's own end would wait for that sink as long as the thread does
            atexit.unregister(loguru_logger().remove)
        return is_done

    def _put(self, line: _Line) -> None:
        if self.is_off:
            return
        with self._lock:
            writer = self._writer or self._begin()
            if writer is not None and writer.waiting.qsize() < LIMIT:
                writer.said_at = time.monotonic()
                writer.waiting.put(line)

    def _begin(self) -> _Writer | None:
        with contextlib.suppress(RuntimeError):  # no thread can be had: another time
            self._writer = _Writer()
        return self._writer


@functools.cache
def loguru_logger() -> Any:
    """Loguru's logger. A library's log is off until its host says otherwise, which it may have done
    already; loguru has no public way to ask whether `logger.enable("otpsup")` came before."""
    import loguru

    said = getattr(getattr(loguru.logger, "_core", None), "activation_list", [])
    if logger.is_on:
        loguru.logger.enable("otpsup")
    elif not any(name == "otpsup." for name, _ in said):
        loguru.logger.disable("otpsup")
    return loguru.logger


def _contained(write: Callable[[], None]) -> None:
    """Whatever a sink raises, the next line gets its turn."""
    try:
        write()
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()


@functools.cache
def _said_at(origin: Origin) -> Any:
    """Loguru's logger for a place at which lines are said; there are not many."""
    told = dict(zip(("name", "function", "line"), origin, strict=True))
    return loguru_logger().patch(lambda record: record.update(told))


logger = Logger()

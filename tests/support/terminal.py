"""A program on a terminal: what is on its screen, and keys for it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pyte
from ptyprocess import PtyProcess  # type: ignore[import-untyped]

from . import ROOT
from .waiting import LONG


class Terminal:
    """A program that runs on a terminal of its own.

    Attributes:
        seen: all that it has written, with whatever steers the terminal.
    """

    def __init__(self, argv: Sequence[str], rows: int, columns: int, **environment: str) -> None:
        env = {**os.environ, "TERM": "xterm-256color", **environment}
        for name in ("LINES", "COLUMNS"):  # of the terminal on which the tests run
            env.pop(name, None)
        self.process = PtyProcess.spawn(
            list(argv), cwd=str(ROOT), env=env, dimensions=(rows, columns)
        )
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.seen = b""

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without the blanks at the ends of lines."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        """The lines on the screen that are not empty."""
        return "\n".join(filter(None, self.lines))

    def type(self, keys: str) -> None:
        """Press these keys."""
        self.process.write(keys.encode())

    def until(self, look: Callable[[str], object], within: float = LONG) -> str:
        """Read on until the screen is as it should be; returns what is on it."""
        deadline = time.monotonic() + within
        while not look(self.text):
            if not self._read(max(0.0, deadline - time.monotonic())):
                raise AssertionError(f"not seen within {within} s; the screen is:\n{self.text}")
        return self.text

    def end(self, within: float = LONG) -> int:
        """Read on until the program has ended; returns its exit code."""
        deadline = time.monotonic() + within
        while self._read(max(0.0, deadline - time.monotonic())):
            pass
        code = self.process.wait()
        assert isinstance(code, int)
        return code

    def _read(self, within: float) -> bool:
        """A piece of what it writes; False if nothing came, or nothing will."""
        if not select.select([self.process.fd], [], [], within)[0]:
            return False
        try:
            piece = self.process.read(65536)
        except EOFError:
            return False
        self.seen += piece
        self._stream.feed(piece)
        return True


@contextmanager
def terminal(
    argv: Sequence[str], rows: int = 24, columns: int = 80, **environment: str
) -> Iterator[Terminal]:
    """A program on a terminal, killed at the end if it still runs."""
    program = Terminal(argv, rows, columns, **environment)
    try:
        yield program
    finally:
        with contextlib.suppress(OSError):
            if program.process.isalive():
                os.kill(program.process.pid, signal.SIGKILL)
        program.process.close(force=True)

"""What is fuzzed, and what must hold whatever comes: the parts that all targets share."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from attrs import define

MEMORY = 96 << 20
"""Bytes by which the process may grow while a target runs, once it is warm."""
_WARM = 200
_LOOK = 500


class Wrong(AssertionError):
    """A promise is broken."""


class Target:
    """One way into otpsup.

    Attributes:
        name: for the table and the command line.
        share: its part of all inputs.
    """

    name = ""
    share = 1.0

    def open(self) -> None:
        """Make what is to be attacked."""

    def close(self) -> None:
        """Take it away."""

    def make(self, random: Random) -> bytes:
        """One input."""
        raise NotImplementedError

    def feed(self, data: bytes) -> bool:
        """Let it be read; whether it was accepted. Anything raised is a crash."""
        raise NotImplementedError

    def check(self) -> None:
        """Look whether all is as it was, now and then.

        Raises:
            Wrong: it is not.
        """


@define
class Totals:
    """What one target came to."""

    target: str
    tried: int = 0
    accepted: int = 0
    crashes: int = 0
    memory: int = 0
    seconds: float = 0.0
    input: bytes | None = None
    error: BaseException | None = None


def run(
    target: Target, inputs: Iterator[bytes], report: Callable[[Totals], None] = lambda _: None
) -> Totals:
    """Feed a target until its inputs end or something is wrong."""
    totals, data = Totals(target.name), b""
    began = time.monotonic()
    try:
        target.open()
        guard = Guard()
        for data in inputs:
            totals.accepted += target.feed(data)
            totals.tried += 1
            if totals.tried % _LOOK == 0 or totals.tried == _WARM:
                target.check()
                totals.memory = max(totals.memory, guard.look(is_warm=totals.tried > _WARM))
                report(totals)
        target.check()
        totals.memory = max(totals.memory, guard.look(is_warm=totals.tried > _WARM))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        totals.crashes, totals.input, totals.error = 1, data, error
    finally:
        target.close()
    totals.seconds = time.monotonic() - began
    return totals


def made(target: Target, seed: int, count: int) -> Iterator[bytes]:
    """So many inputs; the same for the same seed."""
    random = Random(f"{seed} {target.name}")
    return (target.make(random) for _ in range(count))


class Guard:
    """Watches memory and descriptors of this process."""

    def __init__(self) -> None:
        self._memory = resident()
        self._descriptors: int | None = None

    def look(self, *, is_warm: bool) -> int:
        """How many bytes the process has grown by.

        Raises:
            Wrong: by too many, or more is open than was.
        """
        gc.collect()
        now = resident()
        if not is_warm:
            self._memory, self._descriptors = now, opened()
            return 0
        if now - self._memory > MEMORY:
            raise Wrong(f"the process has grown by {(now - self._memory) >> 20} MiB")
        if self._descriptors is not None and opened() > self._descriptors + 8:
            raise Wrong(f"{opened()} descriptors are open, and {self._descriptors} were")
        return max(0, now - self._memory)


def resident() -> int:
    """Bytes of this process that are in memory (proc(5), statm)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def opened() -> int:
    """How many descriptors are open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


_LONGEST = 4000


def sound(text: str, most: int = _LONGEST) -> None:
    """Whatever is told to people is short, on one line, and steers no terminal.

    Raises:
        Wrong: it is not.
    """
    if len(text) > most:
        raise Wrong(f"a message of {len(text)} characters: {text[:200]!r}")
    if not text.isprintable():
        raise Wrong(f"a message that is not fit for a terminal: {text[:200]!r}")

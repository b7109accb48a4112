"""One incarnation's stdout and stderr: the pipes, where they lead, and what was said last.

Knows the specs' words for where output goes. The pump reads; nothing here does.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence

from attrs import frozen

from ..plain import plain_lines
from ..specs import Command, Inherit, LogFile, LogLine, Worker, health
from ..specs.output import NULL, STDOUT, Format, Output
from .logs import LogPump, Source, Watcher
from .logs.stream import Stream
from .readiness import line_watcher

_LINES = 10
_CHARACTERS = 2048
"""What is told of a child that has crashed: so many of its last lines, and characters of them."""
_LINGER = 0.25
"""Seconds after its end in which more may come, if somebody else holds its output open."""


@frozen
class _Pipe:
    """What the pump will read, once there is a process.

    Attributes:
        numbers: of the child's descriptors that lead there.
    """

    numbers: tuple[int, ...]
    target: Output
    stream: str
    watcher: Watcher | None


class ChildOutput:
    """The output of one incarnation.

    Args:
        matched: called from the pump's thread when the line comes that means ready.
    """

    __slots__ = (
        "_is_timed",
        "_matched",
        "_path",
        "_pipes",
        "_pump",
        "_run",
        "_spec",
        "_streams",
    )

    def __init__(
        self,
        pump: LogPump,
        path: str,
        run: int,
        spec: Worker | Command,
        matched: Callable[[], None],
    ) -> None:
        self._pump = pump
        self._path = path
        self._run = run
        self._spec = spec
        self._matched = matched
        self._pipes: tuple[_Pipe, ...] = ()
        self._streams: tuple[Stream, ...] = ()
        self._is_timed = health.has(spec, health.Silence)

    @property
    def last_at(self) -> float:
        """When something came last (time.monotonic); 0 if never."""
        return max((stream.last_at for stream in self._streams), default=0.0)

    def plan(self, listen: Watcher | None = None) -> tuple[tuple[int, ...], ...]:
        """The pipes that are wanted: of each, the numbers that it is for. None for /dev/null.

        Args:
            listen: is given all of it, and nothing of it is kept.
        """
        if listen is not None:
            self._pipes = (_Pipe((1, 2), NULL, "", listen),)
            self._pump.start()
            return ((1, 2),)
        shared = _shares_one_pipe(self._spec)
        pipes = [self._pipe((1, 2) if shared else (1,), self._spec.stdout, "stdout")]
        if not shared:
            pipes.append(self._pipe((2,), self._spec.stderr, "stderr"))
        self._pipes = tuple(pipe for pipe in pipes if pipe is not None)
        if self._pipes:
            self._pump.start()
        return tuple(pipe.numbers for pipe in self._pipes)

    def _pipe(self, numbers: tuple[int, ...], target: Output, stream: str) -> _Pipe | None:
        watcher = self._watcher(stream)
        is_read = watcher is not None or self._is_timed or self._pump.taps.has(self._path, stream)
        return None if target == NULL and not is_read else _Pipe(numbers, target, stream, watcher)

    def _watcher(self, stream: str) -> Watcher | None:
        kind = self._spec.ready
        if not isinstance(kind, LogLine) or not _is_watched(self._spec, stream):
            return None
        return line_watcher(kind, self._matched)

    def attach(self, pid: int | None, readers: Sequence[int]) -> None:
        """Have it read, in the name of this process; of none if it could not be made.

        Args:
            readers: of the pipes that were planned.
        """
        for pipe, reader in zip(self._pipes, readers, strict=True):
            source = Source(self._path, pipe.stream, pid, self._run) if pipe.stream else None
            sink, format = self._pump.sink(pipe.target), _format(pipe.target)
            attached = self._pump.attach(reader, sink, pipe.watcher, source, format)
            if self._is_timed:
                self._streams += (attached,)

    # What was said last.

    def quote(self, loop: asyncio.AbstractEventLoop, told: Callable[[bytes], None]) -> None:
        """Call `told`, once, on the loop, with its last output: when all of it has come, or, if
        somebody holds it open, soon after."""

        if not self._pipes:
            told(b"")
            return
        is_told = False

        def tell() -> None:
            nonlocal is_told
            if not is_told:
                is_told = True
                timer.cancel()
                told(self._pump.last(self._path, self._run))

        def at_end() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: too late to matter
                loop.call_soon_threadsafe(tell)

        timer = loop.call_later(_LINGER, tell)
        self._pump.at_end(self._run, at_end)


def count_pipes(spec: Worker | Command) -> int:
    """How many pipes the output of a child takes, unless somebody reads along."""
    streams = [("stdout", spec.stdout), ("stderr", spec.stderr)]
    if _shares_one_pipe(spec):
        del streams[1]
    return sum(target != NULL or _is_watched(spec, stream) for stream, target in streams)


def _is_watched(spec: Worker | Command, stream: str) -> bool:
    """Whether a line of this stream means that it is ready."""
    return isinstance(spec.ready, LogLine) and spec.ready.stream in (stream, "both")


def _shares_one_pipe(spec: Worker | Command) -> bool:
    """One pipe for both keeps their order; not where it matters which of them it was: where only
    one of them is watched for a line, or where that is written with each line."""
    if spec.stderr == STDOUT:
        return True
    is_watched = isinstance(spec.ready, LogLine) and spec.ready.stream != "both"
    is_told = _format(spec.stdout) == "json"
    return spec.stderr == spec.stdout and not is_watched and not is_told


def _format(target: Output) -> Format:
    """What a line looks like there."""
    if isinstance(target, LogFile | Inherit):
        return target.format
    return "name"


def quoted(output: bytes, hide: Callable[[str], str]) -> tuple[str, ...]:
    """The last lines of this, fit to be shown: without secrets, and without what steers a terminal.

    Secrets are looked for in all of it, so that what is left out cannot cut one in two.
    """
    text = hide(output.decode("utf-8", "backslashreplace"))
    lines = plain_lines(text.rstrip("\n").replace("\r\n", "\n")).split("\n")
    return tuple(_last(lines)) if text.strip() else ()


def without_traceback(output: bytes) -> bytes:
    """What a Python worker wrote before multiprocessing wrote the exception that ended it, which is
    told already."""
    found = [match.start() for match in _TRACEBACK.finditer(output)]
    return output[: found[-1]] if found else output


_TRACEBACK = re.compile(rb"^Process [^\n]*:\nTraceback \(most recent call last\):\n", re.MULTILINE)


def _last(lines: Sequence[str]) -> list[str]:
    """As many whole lines from the end as there is room for; the end of one that is longer."""
    kept: list[str] = []
    room = _CHARACTERS
    for line in reversed(lines[-_LINES:]):
        if len(line) > room:
            kept += [] if kept else [f"...{line[-room:]}"]
            break
        kept.append(line)
        room -= len(line)
    return kept[::-1]

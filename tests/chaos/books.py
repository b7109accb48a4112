"""What a host, its launcher and its zygote have, from rest to rest; and whether that stays so."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import psutil
from attrs import fields, frozen

from .system import System

MARGIN = 0.05
ROOM = 2.0
"""Memory may grow by this part, or by so many MiB, whichever is more: allocators keep some."""
_BARS = "▁▂▃▄▅▆▇█"


@frozen
class Books:
    """What there is at one moment, at rest.

    Attributes:
        faults: so far.
        descriptors, threads, memory: of the host; memory in MiB.
        launcher_descriptors, launcher_memory: of the launcher.
        zygote_descriptors, zygote_memory: of the zygote.
    """

    faults: int
    descriptors: int
    threads: int
    memory: float
    launcher_descriptors: int
    launcher_memory: float
    zygote_descriptors: int
    zygote_memory: float

    def __str__(self) -> str:
        return (
            f"after {self.faults} faults: {self.descriptors} descriptors, {self.threads} threads, "
            f"{self.memory:.1f} MiB; launcher: {self.launcher_descriptors} descriptors, "
            f"{self.launcher_memory:.1f} MiB; zygote: {self.zygote_descriptors} descriptors, "
            f"{self.zygote_memory:.1f} MiB"
        )


def take(faults: int, system: System) -> Books:
    """What there is now."""
    own, launcher, zygote = psutil.Process(), system.launcher(), system.zygote()
    assert launcher is not None
    assert zygote is not None
    return Books(
        faults, own.num_fds(), threading.active_count(), _memory(own),
        launcher.num_fds(), _memory(launcher), zygote.num_fds(), _memory(zygote),
    )  # fmt: skip


def _memory(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def growth(series: Sequence[Books], since: int) -> Iterator[str]:
    """What the last thousand faults have more of than those up to `since`, in words.

    Compared are the highest of either time: of descriptors and threads not one more, of memory no
    more than the margin.
    """
    last = series[-1].faults - 1000
    for name in _figures():
        before = max(getattr(books, name) for books in series if books.faults <= since)
        after = max(getattr(books, name) for books in series if books.faults > last)
        is_memory = name.endswith("memory")
        allowed = max(before * MARGIN, ROOM) if is_memory else 0
        if after > before + allowed:
            yield f"{name} has grown from {before:g} to {after:g}"


def _figures() -> list[str]:
    return [field.name for field in fields(Books) if field.name != "faults"]


def table(series: Sequence[Books]) -> str:
    """Each figure from first to last, as a line of bars, with its least and its most."""
    return "\n".join(
        f"{name:22} {min(values):6.4g} to {max(values):6.4g}  {_bars(values)}"
        for name in _figures()
        if (values := [float(getattr(books, name)) for books in series])
    )


def _bars(values: Sequence[float], width: int = 50) -> str:
    """Heights from 0 up, so that what is flat looks so."""
    step = max(len(values) / width, 1.0)
    count = min(len(values), width)
    shown = [max(values[int(n * step) : int((n + 1) * step)] or [values[-1]]) for n in range(count)]
    most = max(values) or 1.0
    return "".join(_BARS[round(value / most * (len(_BARS) - 1))] for value in shown)

"""What is done with a stream of a process before it is logged, by its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..conf.model import Process
from ..events import Channel
from .capture import Capture, Notify
from .escapes import Escapes
from .syslog import Forward

Tap = Callable[[int, bytes], bytes]
"""Called with a pid and with what that process wrote, in a thread of the output; returns what is to
be logged. No data at all means that this process writes no more."""


def in_turn(taps: Sequence[Tap]) -> Tap:
    """One tap of several: each gets what the one before it left."""

    def tap(pid: int, data: bytes) -> bytes:
        is_over = not data
        for one in taps:
            data = (one(pid, data) if data else b"") + (one(pid, b"") if is_over else b"")
        return data

    return taps[0] if len(taps) == 1 else tap


def of_program(
    process: Process,
    group: str,
    channel: Channel,
    notify: Notify,
    *,
    strip_ansi: bool,
    wants: Callable[[str], bool],
) -> Iterator[Tap]:
    """Of any stream but a listener's stdout; nothing if it is only logged."""
    log = process.stdout if channel == "stdout" else process.stderr
    if Capture.is_needed(log, strip_ansi=strip_ansi):
        names = (process.name, group, channel)
        yield Capture(*names, log, notify, strip_ansi=strip_ansi, wants=wants)
    if log.logfile == "syslog":
        yield Forward()
    if log.syslog:
        yield Forward(f"{process.name} ")


def of_listener(process: Process, *, strip_ansi: bool) -> Iterator[Tap]:
    """Of a listener's stdout, besides that it is listened to: it has neither capture nor events,
    and supervisord does not look at its `stdout_syslog`."""
    if strip_ansi:
        yield _stripped()
    if process.stdout.logfile == "syslog":
        yield Forward()


def _stripped() -> Tap:
    escapes = Escapes()
    return lambda _pid, data: escapes.strip(data)

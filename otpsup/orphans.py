"""Processes of trees that are dead: found by their mark, and ended if that is wanted.

There should be none. What may leave some: a host and its launcher that are killed together.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from . import mask
from .runtime import marks
from .runtime.launcher.strays import mark_of
from .runtime.launcher.syscalls import pidfd_open, send_signal

_PATIENCE = 2.0
_GLANCE = 0.02
"""Seconds in which the killed are looked for, and between two looks."""


@frozen
class Orphan:
    """A process whose tree is dead.

    Attributes:
        pid: its number.
        path: the child that it is, or that was above it; "" if it does not say.
        host: the pid that the tree's process had.
        command: its command line, in words, without secrets.
        mark: in its environment.
    """

    pid: int
    path: str
    host: int
    command: str
    mark: str


def find() -> list[Orphan]:
    """All that this user may see, the oldest first.

    Only in this pid namespace: in another one the pid in a mark is somebody else's here, so a tree
    in a container would look dead from outside.
    """
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    return [orphan for pid in pids if (orphan := _look(pid)) is not None]


def _look(pid: int) -> Orphan | None:
    mark = mark_of(pid).decode(errors="replace")
    host, _, rest = mark.partition("-")
    began = rest.partition("-")[0]
    if not (_is_number(host) and _is_number(began)) or int(host) == 0:
        return None  # no mark, or the zygote's, which has only room for one
    if marks.started_at(host) == int(began) or _namespace(pid) != _namespace("self"):
        return None
    words = _read(pid, "cmdline").decode(errors="replace").split("\0")
    command = " ".join(mask.command_line(words)).strip()
    return Orphan(pid, _path(pid), int(host), command, mark) if command else None


def _is_number(text: str) -> bool:
    """A mark is in an environment, where any program may write what it likes."""
    return text.isascii() and text.isdigit() and len(text) <= 20


def _namespace(pid: int | str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")  # noqa: PTH115
    except OSError:
        return ""


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _path(pid: int) -> str:
    for variable in _read(pid, "environ").split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name == b"OTPSUP_PATH":
            return value.decode(errors="replace")
    return ""


def end(orphans: Sequence[Orphan], grace: float) -> list[Orphan]:
    """Send SIGTERM, and SIGKILL to whoever is left after `grace` seconds, or was forked meanwhile.

    A signal goes through a pidfd that was opened before the mark was looked at once more: it
    reaches that process or none.

    Returns:
        those who are still there, for they may not be signalled.
    """
    with contextlib.ExitStack() as stack:
        held = dict(_hold(orphans, stack))
        for fd in held:
            send_signal(fd, signal.SIGTERM)
            send_signal(fd, signal.SIGCONT)
        _wait(held, grace)
    return _kill({orphan.mark for orphan in orphans})


def _kill(of: set[str]) -> list[Orphan]:
    """Until nobody with these marks is found; returns those who are, all the same."""
    until = time.monotonic() + _PATIENCE
    while marks.sweep(of) and time.monotonic() < until:
        time.sleep(_GLANCE)
    return [orphan for orphan in find() if orphan.mark in of]


def _hold(orphans: Sequence[Orphan], stack: contextlib.ExitStack) -> Iterator[tuple[int, Orphan]]:
    for orphan in orphans:
        fd = pidfd_open(orphan.pid)
        if fd is None:
            continue
        stack.callback(os.close, fd)
        if _has_mark(orphan):
            yield fd, orphan


def _has_mark(orphan: Orphan) -> bool:
    return mark_of(orphan.pid).decode(errors="replace") == orphan.mark


def _wait(held: dict[int, Orphan], seconds: float) -> dict[int, Orphan]:
    """Those who have not ended after so long."""
    until = time.monotonic() + seconds
    poll = select.poll()
    for fd in held:
        poll.register(fd, select.POLLIN)
    left = dict(held)
    while left and (rest := until - time.monotonic()) > 0:
        for fd, _ in poll.poll(rest * 1000):
            poll.unregister(fd)
            del left[fd]
    return left

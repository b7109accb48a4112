"""Where a Python worker is: it is asked for all its stacks, on demand or before it is killed.

The worker offers them: on `SIGNAL` faulthandler writes the stacks of all threads into a memfd, from
C, so it works where the main thread is stuck in a lock or in C code; if that thread comes to run
Python, the stacks of its asyncio tasks follow, and a mark that this was all. The supervisor reads
that memfd through /proc, and empties it: a worker that is never asked costs it nothing.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import faulthandler
import os
import signal
import sys
from typing import Any

NAME = "otpsup-stacks"
SIGNAL = signal.SIGRTMIN + 7 if hasattr(signal, "SIGRTMIN") else 0
_MOST = 256 * 1024
"""Bytes that are read of it."""
_DEEPEST = 100
"""Frames of a task, as faulthandler has of a thread."""
_ALL = b"\0"
"""Comes last, if the main thread has come to run Python."""


def offer() -> None:
    """In the worker's main thread: write all stacks when asked; whoever asks in the middle of this
    has to wait a moment, and does no harm."""
    try:
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, (SIGNAL,))
    except (AttributeError, OSError, ValueError):  # not on this system
        return
    try:
        _offer()
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)


def _offer() -> None:
    try:
        made = os.memfd_create(NAME)
        fd = os.open(f"/proc/self/fd/{made}", os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        os.close(made)
        _signal.signal(SIGNAL, lambda *_: _write_tasks(fd))
        faulthandler.register(SIGNAL, file=fd, all_threads=True, chain=True)
    except (AttributeError, OSError, ValueError):  # not on this system
        return


def _write_tasks(fd: int) -> None:
    try:
        asyncio = sys.modules.get("asyncio")
        for task in asyncio.all_tasks() if asyncio else ():
            lines = [f"Task {task.get_name()!r} (most recent call first):", *_frames(task)]
            os.write(fd, ("\n" + "\n".join(lines) + "\n").encode(errors="replace"))
    except RuntimeError:  # no loop runs
        pass
    os.write(fd, _ALL)


def _frames(task: Any) -> list[str]:
    """All coroutines that wait for one another, in the form of faulthandler: the task itself knows
    of the outermost only."""
    found: list[str] = []
    each = task.get_coro()
    while each is not None and len(found) < _DEEPEST:
        frame = getattr(each, "cr_frame", None) or getattr(each, "gi_frame", None)
        if frame is not None:
            code = frame.f_code
            found.append(f'  File "{code.co_filename}", line {frame.f_lineno} in {code.co_name}')
        each = getattr(each, "cr_await", None) or getattr(each, "gi_yieldfrom", None)
    return found[::-1]


def attach(pid: int) -> int | None:
    """In the supervisor: a descriptor from which that worker's stacks can be read, to be closed.

    None if it offers none, or may not be looked into.
    """
    folder = f"/proc/{pid}/fd"
    try:
        for number in os.listdir(folder):  # noqa: PTH208
            if os.readlink(f"{folder}/{number}").startswith(f"/memfd:{NAME}"):  # noqa: PTH115
                return os.open(f"{folder}/{number}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    return None


def read(fd: int) -> tuple[str, bool]:
    """What has been written so far, and whether that is all for certain."""
    data = os.pread(fd, _MOST, 0)
    return data.replace(_ALL, b"").decode(errors="replace"), data.endswith(_ALL)


def close(fd: int) -> None:
    """It was read: what comes next begins anew."""
    os.ftruncate(fd, 0)
    os.close(fd)


def own(text: str) -> str:
    """The stacks without what is ours in them: from the worker's own function on."""
    told: list[str] = []
    is_ours = False
    for line in text.split("\n"):
        is_frame = line.startswith("  File ")
        is_ours = is_frame and (is_ours or line.startswith(_BELOW))
        if not is_ours:
            told.append(line)
    return "\n".join(told)


_BELOW = f'  File "{os.path.dirname(__file__)}/bootstrap.py"'  # noqa: PTH120
"""The frame that has called the worker's function: faulthandler tells the innermost first."""


def is_stopped(pid: int) -> bool:
    """Whether job control, or a debugger, has stopped a process (proc_pid_stat(5): T, t)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()[0] in (b"T", b"t")
    except OSError:
        return False

"""Where a Python worker hangs: it is asked for all its stacks before it is killed.

The worker offers them: on `SIGNAL` faulthandler writes the stacks of all threads into a memfd, from
C, so it works where the main thread is stuck in a lock or in C code; if that thread comes to run
Python, the stacks of its asyncio tasks follow. The supervisor reads that memfd through /proc: a
worker that does well costs it nothing.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import faulthandler
import io
import os
import signal
import sys

NAME = "otpsup-stacks"
SIGNAL = signal.SIGRTMIN + 7 if hasattr(signal, "SIGRTMIN") else 0
_MOST = 256 * 1024
"""Bytes that are read of it."""


def offer() -> None:
    """In the worker's main thread: write all stacks when asked."""
    try:
        fd = os.memfd_create(NAME)
        _signal.signal(SIGNAL, lambda *_: _write_tasks(fd))
        faulthandler.register(SIGNAL, file=fd, all_threads=True, chain=True)
    except (AttributeError, OSError, ValueError):  # not on this system
        return


def _write_tasks(fd: int) -> None:
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:  # no loop runs
        return
    for task in tasks:
        text = io.StringIO()
        task.print_stack(file=text)
        os.write(fd, f"\n{text.getvalue()}".encode(errors="replace"))


def attach(pid: int) -> int | None:
    """In the supervisor: a descriptor from which that worker's stacks can be read, to be closed.

    None if it offers none, or may not be looked into.
    """
    folder = f"/proc/{pid}/fd"
    try:
        for number in os.listdir(folder):  # noqa: PTH208
            if os.readlink(f"{folder}/{number}").startswith(f"/memfd:{NAME}"):  # noqa: PTH115
                return os.open(f"{folder}/{number}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    return None


def read(fd: int) -> str:
    """What has been written so far."""
    return os.pread(fd, _MOST, 0).decode(errors="replace")


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

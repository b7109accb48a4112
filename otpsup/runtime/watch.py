"""Notice the end of a process that is the host's own child.

That is the launcher, and workers of multiprocessing's stock start methods. A pidfd is readable
when its process is gone; where the kernel has none, a thread waits with waitid(WNOWAIT). Neither
reaps: the status stays for whoever owns the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable

from .launcher.syscalls import pidfd_open


def watch(loop: asyncio.AbstractEventLoop, pid: int, gone: Callable[[], None]) -> None:
    """Call `gone` on the loop, once, when the unreaped child `pid` has ended."""
    pidfd = pidfd_open(pid)
    if pidfd is None:
        watch_in_thread(loop, pid, gone)
    else:
        watch_pidfd(loop, pidfd, gone)


def watch_pidfd(loop: asyncio.AbstractEventLoop, pidfd: int, gone: Callable[[], None]) -> None:
    """Call `gone` when the process behind `pidfd` ends; the descriptor is closed then."""

    def readable() -> None:
        loop.remove_reader(pidfd)  # before the close, so that no epoll keeps the dead number
        os.close(pidfd)
        gone()

    loop.add_reader(pidfd, readable)


def watch_in_thread(loop: asyncio.AbstractEventLoop, pid: int, gone: Callable[[], None]) -> None:
    """The same with a thread that waits for `pid` and leaves it unreaped."""

    def wait() -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(gone)

    threading.Thread(target=wait, name=f"otpsup-wait-{pid}", daemon=True).start()

"""The duties of process 1 of a container: to reap those who are nobody else's children.

What the tree itself leaves behind comes to the launcher, which is its subreaper. Only strangers
come to us, such as what a debugging shell in the container started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

_AGE = 1.0
"""Seconds for which a zombie must have been one: its own waiter, if it has one, is faster."""


def reap_strangers(loop: asyncio.AbstractEventLoop) -> None:
    """Reap on SIGCHLD from here on, if this is process 1; and who came before that."""
    if os.getpid() == 1:
        loop.add_signal_handler(signal.SIGCHLD, _later, loop)
        _later(loop)


def _later(loop: asyncio.AbstractEventLoop) -> None:
    loop.call_later(_AGE, _reap, set(_zombies()))


def _zombies() -> list[int]:
    import psutil  # few programs are process 1

    return [p.pid for p in psutil.Process().children() if p.status() == psutil.STATUS_ZOMBIE]


def _reap(seen: set[int]) -> None:
    """Reap those that were zombies a moment ago and still are: nobody waits for them."""
    for pid in seen & set(_zombies()):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)

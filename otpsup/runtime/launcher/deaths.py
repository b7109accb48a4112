"""Which children have ended, without a look at all the others.

waitid(2) for any child goes through all of them, and so each death would cost the more, the more
there are. Their signals say whose end it was. But of several ends at once only one signal may come,
so all are looked at soon after, too; in a small tree at once, for there that costs nothing.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Callable, Iterator, Sequence

from .bare import signal
from .syscalls import signalfd

_FEW = 500
"""Children who are looked at as quickly as one is."""
_SOON = 0.005
"""Seconds after a signal until all are looked at."""
_SHARE = 10
"""Times as long as it took to look at all of them until that is done again, at least."""
_QUICK = 0.0001
_INFO = struct.Struct("=3I I 112x")
"""signalfd_siginfo: a number, errno, code and pid (signalfd(2))."""


class Deaths:
    """Hears of them. SIGCHLD is blocked from here on.

    Raises:
        OSError: there is no such descriptor here.
    """

    def __init__(self) -> None:
        self._fd = signalfd(signal.SIGCHLD)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        self._look_at: float | None = None
        """When all are to be looked at."""

    def fileno(self) -> int:
        """Readable when somebody has ended."""
        return self._fd

    @property
    def wait(self) -> float | None:
        """Seconds until `found` is to be called again; None if not before this is readable."""
        return None if self._look_at is None else max(self._look_at - time.monotonic(), 0.0)

    def found(self, count: int, orphans: Callable[[], Sequence[int]]) -> Iterator[int]:
        """Those who have ended; each is to be reaped before the next is asked for.

        Args:
            count: how many children there are.
            orphans: tells of children whom nobody expected; they are few, and all looked at.
        """
        told = self._told()
        if count <= _FEW:
            yield from self._all()
            return
        yield from (pid for pid in (*told, *orphans()) if _has_ended(pid))
        if told and self._look_at is None:
            self._look_at = time.monotonic() + _SOON
        if self._look_at is not None and time.monotonic() >= self._look_at:
            yield from self._all()

    def _told(self) -> list[int]:
        data = b""
        size = 32 * _INFO.size
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._fd, size):
                data += more
                if len(more) < size:
                    break
        return [pid for *_, pid in _INFO.iter_unpack(data)]

    def _all(self) -> Iterator[int]:
        """Whoever can be found quickly; the rest after a while, for we may just have been told."""
        self._look_at = None
        while True:
            begun = time.monotonic()
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            took = time.monotonic() - begun
            if found is None:
                return
            yield found.si_pid
            if took > _QUICK:
                self._look_at = time.monotonic() + max(_SOON, _SHARE * took)
                return


def _has_ended(pid: int) -> bool:
    """Whether it is a zombie of ours."""
    with contextlib.suppress(ChildProcessError):
        return bool(os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))
    return False

"""A fork of the zygote that was made before there is an order for it.

Most of what a fork costs comes after it: a page that either side touches first is copied then. One
that has waited has much of that behind it, and the zygote has no fork to make at that moment.
"""

from __future__ import annotations

import contextlib
import marshal
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .launcher import execute, frames
from .launcher.bare import socket
from .launcher.standby import Standby

Told = Callable[[], "tuple[dict[str, Any], Sequence[int]]"]


class StandbyFork(Standby):
    """One at a time.

    Args:
        live: what a fork does, see the zygote; never returns.
        rehearse: what it does first.
    """

    def __init__(
        self, live: Callable[[Told, Sequence[int]], object], rehearse: Callable[[], object]
    ) -> None:
        self._live = live
        self._rehearse = rehearse
        self._sock: socket.socket | None = None
        self._pid = 0
        self.pids: set[int] = set()
        self.is_wanted = False

    def take(self, order: dict[str, Any], fds: Sequence[int]) -> int | None:
        """Give it the order; returns its pid, or None if there is nobody who can take it."""
        self.is_wanted = True
        data = frames.pack(frames.SPAWN, 0, 0, marshal.dumps(order), len(fds))
        if self._sock is None or len(data) > frames.INLINE or len(fds) > frames.MAX_FDS:
            return None
        try:
            frames.send(self._sock, data, fds)
        except OSError:  # somebody has killed it
            return None
        finally:
            self.close()
        self.pids.discard(self._pid)
        return self._pid

    def make(self) -> None:
        """Fork. If that cannot be, it is tried again after the next order."""
        self.is_wanted = False
        if self._sock is not None:
            return
        with contextlib.suppress(OSError):
            self._sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with contextlib.closing(theirs):
                self._pid = execute.fork()
                if self._pid == 0:
                    self._wait(theirs)
            self.pids.add(self._pid)

    def _wait(self, sock: socket.socket) -> None:
        """In the fork."""
        self._live(partial(self._order, sock), [sock.fileno()])

    def _order(self, sock: socket.socket) -> tuple[dict[str, Any], list[int]]:
        """In the fork: wait for its order."""
        with contextlib.suppress(Exception):  # then the order takes a little longer
            self._rehearse()
        execute.reset_signals()  # who is told to end while it waits ends
        found = frames.receive(sock)
        if not found:  # the zygote is gone
            os._exit(0)
        sock.close()
        return marshal.loads(found[0].payload), list(found[0].fds)

    def bury(self, pid: int) -> bool:
        """Whether this was one of those who have waited; it is replaced after the next order, for
        something may be killing them."""
        if is_ours := pid in self.pids:
            self.pids.remove(pid)
            if pid == self._pid:
                self.close()
        return is_ours

    def close(self) -> None:
        """It ends, unless it has an order."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

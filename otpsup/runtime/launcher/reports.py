"""What the launcher has to tell the host, several things at a time where that is no loss.

While there are processes to be made, the news of those that exist can wait: the host would use the
processor that they need.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Sequence

from . import frames
from .bare import socket

_AGAIN = 0.005
"""Seconds until what could not be sent is sent again: the host has too much to read."""
_PATIENCE = 0.25
"""Seconds, at most, for which anything waits."""


class Reports:
    """Frames for the host, and the descriptors that go with them, which are ours until then.

    Args:
        room: descriptors that wait, at most.
    """

    def __init__(self, sock: socket.socket, room: int) -> None:
        self._sock = sock
        self._room = room
        self._full: list[tuple[bytes, list[int]]] = []
        """Messages that no more can be added to."""
        self._data = b""
        self._fds: list[int] = []
        self._due = 0.0
        self._is_awaited = False

    def __bool__(self) -> bool:
        return bool(self._data)

    @property
    def can_wait(self) -> bool:
        """Whether nobody waits for any of this."""
        return not self._is_awaited

    @property
    def is_due(self) -> bool:
        """Whether something has waited long enough."""
        return bool(self._data) and time.monotonic() >= self._due

    def add(
        self,
        op: bytes,
        id: int,
        value: int,
        payload: bytes = b"",
        fds: Sequence[int] = (),
        *,
        is_awaited: bool = True,
    ) -> None:
        """To be told by `flush`, or when there is no room; the descriptors are closed then."""
        self._is_awaited = self._is_awaited or is_awaited
        frame = frames.pack(op, id, value, payload, len(fds))
        if not self._data:
            self._due = time.monotonic() + _PATIENCE
        too_long = len(self._data) + len(frame) > frames.INLINE
        if too_long or len(self._fds) + len(fds) > frames.MAX_FDS:
            self._full.append((self._data, self._fds))
            self._data, self._fds = b"", []
        self._data += frame
        self._fds += fds
        if len(self._full) * frames.MAX_FDS + len(self._fds) > self._room:
            self.flush()

    def flush(self) -> None:
        """Tell all of it."""
        try:
            for data, fds in (*self._full, (self._data, self._fds)):
                if data:
                    self._send(data, fds)
        finally:
            self.close()

    def _send(self, data: bytes, fds: Sequence[int]) -> None:
        with contextlib.suppress(ConnectionError):  # the host is gone; the loop will notice
            while True:
                try:
                    frames.send(self._sock, data, fds)
                except OSError as error:
                    if error.errno != errno.ETOOMANYREFS:  # too many are on their way (unix(7))
                        raise
                    time.sleep(_AGAIN)
                else:
                    return

    def close(self) -> None:
        """Hold nothing of what is to be told."""
        for fd in (*(fd for _, fds in self._full for fd in fds), *self._fds):
            os.close(fd)
        self._full.clear()
        self._data, self._fds = b"", []
        self._is_awaited = False

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
_MORE = frames.pack(frames.MORE, 0)
CALM = 0.002
"""Seconds, about, that a process takes to begin; who tells of it now would be in its way."""
_FEW, _LULL = 8, 0.02
"""After more frames than that many are ending, and the next one may keep us waiting for longer, for
all processors have something to do: so many seconds."""
_PATIENCE = 1.0
"""Seconds, at most, for which anything waits."""


class Reports:
    """Frames for the host, and the descriptors that go with them, which are ours until then.

    Args:
        room: descriptors that wait here, at most.
        spare: descriptors that the host can take in before it has closed those that they replace.
    """

    def __init__(self, sock: socket.socket, room: int, spare: int) -> None:
        self._sock = sock
        self._spare = spare
        self._left = spare
        self._most = min(room, spare, frames.MAX_FDS)
        self._data = b""
        self._fds: list[int] = []
        self._due = self._last = 0.0
        """When it has waited long enough, and when the last of it came."""
        self._is_begun = self._is_awaited = False
        self._count = 0

    def __bool__(self) -> bool:
        return self._is_begun

    @property
    def patience(self) -> float:
        """Seconds until it is told, if there is nothing else to do until then."""
        if self._is_awaited:
            return 0.0
        until = self._last + (CALM if self._count <= _FEW else _LULL)
        return max(min(until, self._due) - time.monotonic(), 0.0)

    def is_due(self, *, is_idle: bool) -> bool:
        """Whether to tell it now; `is_idle`: there is nothing else to do."""
        if is_idle:
            return self.patience == 0.0
        return time.monotonic() >= self._due

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
        """To be told by `flush`; the descriptors are closed once they are on their way."""
        frame = frames.pack(op, id, value, payload, len(fds))
        self._last = time.monotonic()
        if not self._is_begun:
            self._due = self._last + _PATIENCE
        too_long = len(self._data) + len(frame) > frames.INLINE
        if too_long or len(self._fds) + len(fds) > self._most:
            self._make_room()
        self._is_begun = True
        self._count += 1
        self._is_awaited = self._is_awaited or is_awaited
        self._data += frame
        self._fds += fds

    def _make_room(self) -> None:
        """What is open here makes each start slower. The host looks at it later, if it can."""
        self._left -= len(self._fds)
        if self._left >= self._most:
            self._send(_MORE)
        else:
            self.flush()

    def flush(self) -> None:
        """Tell all of it."""
        if self._is_begun:
            self._send()
            self._is_begun = self._is_awaited = False
            self._count = 0
            self._left = self._spare

    def _send(self, end: bytes = b"") -> None:
        try:
            with contextlib.suppress(ConnectionError):  # the host is gone; the loop will notice
                while not self._is_sent(self._data + end):
                    time.sleep(_AGAIN)
        finally:
            self.close()

    def _is_sent(self, data: bytes) -> bool:
        """False if too many descriptors are on their way (unix(7))."""
        try:
            frames.send(self._sock, data, self._fds)
        except OSError as error:
            if error.errno != errno.ETOOMANYREFS:
                raise
            return False
        return True

    def close(self) -> None:
        """Hold nothing of what is to be told."""
        for fd in self._fds:
            os.close(fd)
        self._data, self._fds = b"", []

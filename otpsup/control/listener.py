"""Who comes to a socket: accepted on the loop, at once, until the socket is taken away.

`asyncio.Server` makes a connection in several turns of the loop, and one that it is about to make
when the loop ends is never closed. Here a connection is its owner's from the turn that accepts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

from ..logger import logger

_PAUSE = 1.0
"""Seconds until the next try when the process is out of descriptors: they wait in the backlog."""


class Listener:
    """A listening socket.

    Args:
        sock: listens; it is this object's from now on.
        path: of the socket.
        take: called with each connection that comes.
    """

    def __init__(
        self, sock: socket.socket, path: Path, take: Callable[[socket.socket], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._path = path
        self._take = take
        self._pause: asyncio.TimerHandle | None = None
        sock.setblocking(False)
        self._resume()

    def _resume(self) -> None:
        self._loop.add_reader(self._sock, self._accept)

    def _accept(self) -> None:
        try:
            stream, _ = self._sock.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # gone before its turn
        except OSError as error:
            self._wait(error)
        else:
            self._take(stream)

    def _wait(self, error: OSError) -> None:
        logger.warning("nobody can be let in at {} for a moment: {}", self._path, error)
        self._loop.remove_reader(self._sock)
        self._pause = self._loop.call_later(_PAUSE, self._resume)

    def close(self) -> None:
        """Let nobody in any more, and take the socket away; who waits to be let in is hung up on.

        Without that they would get an error, as if the tree had broken down.
        """
        if self._pause:
            self._pause.cancel()
        self._loop.remove_reader(self._sock)
        with contextlib.suppress(OSError):  # BlockingIOError: that was the last one
            while True:
                self._sock.accept()[0].close()
        self._sock.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

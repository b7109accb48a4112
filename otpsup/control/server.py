"""The control server: answers clients on the supervision loop, over sockets.

A client is a connection to the tree's socket, or a stream that a child handed over. A client that
sends nonsense gets an error and may go on; one that never reads is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import Counter
from pathlib import Path

from ..errors import NotPermitted
from ..logger import logger
from ..wire import control as wire
from ..wire import requests
from . import address
from .connection import Backend, Connection
from .listener import Listener

_AT_ONCE = 256
"""Connections that one child may have, and all that come to the socket together: else a client
could use up the descriptors that the tree needs for its children."""


class ControlServer:
    """Serves one tree.

    Args:
        backend: the tree, to those who ask.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._listener: Listener | None = None
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._count: Counter[str | None] = Counter()
        self._full: set[str | None] = set()
        self._is_closing = False

    def listen(self, sock: socket.socket, path: Path) -> None:
        """Serve those who come to a listening socket, which is at `path`."""
        self._listener = Listener(sock, path, self._admit)

    def _admit(self, stream: socket.socket) -> None:
        """Whoever comes to the socket has to be this user, or root, whatever the modes of files."""
        user, ours = address.user_of(stream), os.geteuid()
        if user in (0, ours):
            self.adopt(stream)
            return
        logger.warning("user {} may not use the control socket, and was refused", user)
        text = f"user {user} may not steer this tree: it is user {ours}'s"
        with stream, contextlib.suppress(OSError):
            stream.setblocking(False)
            stream.send(requests.encode_error(wire.NOBODYS, NotPermitted(text)))

    def adopt(self, stream: socket.socket, caller: str | None = None) -> None:
        """Serve a connected stream; the child `caller` handed it over, or anybody came."""
        if self._count[caller] >= _AT_ONCE:
            self._refuse(stream, caller)
            return
        self._count[caller] += 1
        task = asyncio.ensure_future(self._serve(stream, caller))
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._served(task, caller))

    def _refuse(self, stream: socket.socket, caller: str | None) -> None:
        """Said once, until it has fewer again."""
        stream.close()
        if caller not in self._full:
            self._full.add(caller)
            who = caller or "the control socket"
            logger.warning("{} has {} connections, and gets no more for now", who, _AT_ONCE)

    def _served(self, task: asyncio.Task[None], caller: str | None) -> None:
        self._tasks.discard(task)
        self._count -= Counter((caller,))
        self._full.discard(caller)
        if not task.cancelled() and task.exception():
            logger.error("a control connection failed", error=task.exception())

    async def _serve(self, stream: socket.socket, caller: str | None) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=stream, limit=wire.LIMIT)
        connection = Connection(self._backend, writer, caller)
        self._connections.add(connection)
        try:
            if not self._is_closing:
                await connection.serve(reader)
        finally:
            self._connections.discard(connection)
            connection.close()

    async def close(self) -> None:
        """Hang up on everybody, also on those who are just coming in."""
        self._is_closing = True
        if self._listener:
            self._listener.close()
        await asyncio.gather(*(connection.finish() for connection in self._connections))
        await asyncio.gather(*self._tasks, return_exceptions=True)

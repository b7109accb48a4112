"""The control server: answers clients on the supervision loop, over sockets.

A client is a connection to the tree's socket, or a stream that a child handed over. A client that
sends nonsense gets an error and may go on; one that never reads is dropped.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from ..logger import logger
from ..wire import control as wire
from .connection import Backend, Connection
from .listener import Listener


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
        self._is_closing = False

    def listen(self, sock: socket.socket, path: Path) -> None:
        """Serve those who come to a listening socket, which is at `path`."""
        self._listener = Listener(sock, path, self.adopt)

    def adopt(self, stream: socket.socket, caller: str | None = None) -> None:
        """Serve a connected stream; the child `caller` handed it over, or anybody came."""
        task = asyncio.ensure_future(self._serve(stream, caller))
        self._tasks.add(task)
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
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

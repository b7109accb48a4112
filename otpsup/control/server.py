"""The control server: answers clients on the supervision loop, over sockets.

A client is a connection to the tree's socket, or a stream that a child handed over. A client that
sends nonsense gets an error and may go on; one that never reads is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loguru import logger

from ..errors import OtpsupError, ProtocolError
from ..events import Event
from ..wire import control as wire

_UNREAD = 8 << 20
"""Bytes that may wait for a client to read them before it is dropped."""
_MAX_PENDING = 100
"""Requests of one client that may wait for their answer; more are refused."""


class Backend:
    """What the server asks; `tree` implements it over the runner."""

    def ask(self, make: wire.Make, answer: Callable[[Any, OtpsupError | None], None]) -> None:
        """Put a request to the engine."""
        raise NotImplementedError

    def status(self) -> Any:
        """The tree's snapshot."""
        raise NotImplementedError

    def outline(self) -> Any:
        """The tree's outline, as `wire.outline` has it."""
        raise NotImplementedError

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Hear all events; returns how to stop that."""
        raise NotImplementedError


class ControlServer:
    """Serves one tree."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._server: asyncio.Server | None = None
        self._clients: set[_Client] = set()
        self._path: Path | None = None

    async def listen(self, sock: socket.socket, path: Path) -> None:
        """Serve those who come to a listening socket, which is at `path`."""
        self._path = path
        self._server = await asyncio.start_unix_server(self._accept, sock=sock, limit=wire.LIMIT)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve(_Client(self._backend, writer, None), reader)

    def adopt(self, stream: socket.socket, caller: str) -> None:
        """Serve a stream that the child `caller` handed over."""
        task = asyncio.ensure_future(self._adopt(stream, caller))
        task.add_done_callback(_log_failure)

    async def _adopt(self, stream: socket.socket, caller: str) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=stream, limit=wire.LIMIT)
        await self._serve(_Client(self._backend, writer, caller), reader)

    async def _serve(self, client: _Client, reader: asyncio.StreamReader) -> None:
        self._clients.add(client)
        try:
            await client.serve(reader)
        finally:
            self._clients.discard(client)
            client.close()

    async def close(self) -> None:
        """Hang up on everybody and take the socket away."""
        if self._server:
            self._server.close()
        await asyncio.gather(*(client.finish() for client in self._clients))
        if self._path:
            self._path.unlink(missing_ok=True)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        logger.opt(exception=task.exception()).error("a control connection failed")


class _Client:
    """One connection."""

    def __init__(self, backend: Backend, writer: asyncio.StreamWriter, caller: str | None) -> None:
        self._backend = backend
        self._writer = writer
        self._caller = caller
        self._pending = 0
        self._unsubscribe: Callable[[], None] = lambda: None

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answer requests until the client hangs up."""
        with contextlib.suppress(ConnectionError):
            while line := await _read_line(reader):
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            call = wire.decode_call(line, self._caller)
        except ProtocolError as error:
            self._send(wire.encode_error(wire.id_of(line), error))
            return
        if call.make is None:
            self._answer_at_once(call)
        elif self._pending >= _MAX_PENDING:
            text = f"{_MAX_PENDING} requests of this client wait for their answer already"
            self._send(wire.encode_error(call.id, ProtocolError(text)))
        else:
            self._ask(call.id, call.make)

    def _answer_at_once(self, call: wire.Call) -> None:
        if call.op == "events":
            self._unsubscribe()
            self._unsubscribe = self._backend.subscribe(self._on_event)
            self._send(wire.encode_ok(call.id, None))
        elif call.op == "outline":
            self._send(wire.encode_ok(call.id, self._backend.outline()))
        else:
            self._send(wire.encode_ok(call.id, self._backend.status()))

    def _ask(self, id: int, make: wire.Make) -> None:
        self._pending += 1

        def answer(value: Any, error: OtpsupError | None) -> None:
            self._pending -= 1
            self._send(wire.encode_error(id, error) if error else wire.encode_ok(id, value))

        self._backend.ask(make, answer)

    def _on_event(self, event: Event) -> None:
        self._send(wire.encode_event(event))

    def _send(self, line: bytes) -> None:
        transport = self._writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > _UNREAD:
            logger.warning("a control client that does not read was dropped")
            transport.abort()
            return
        self._writer.write(line)

    async def finish(self) -> None:
        """Write what is owed, for a moment, and hang up."""
        self.close()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()
        self._writer.transport.abort()

    def close(self) -> None:
        """Hang up."""
        self._unsubscribe()
        self._unsubscribe = lambda: None
        self._writer.close()


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    """One line, or b"" at the end; a line that is too long ends the connection."""
    try:
        return await reader.readuntil(b"\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b""

"""One client of the control server: its requests, in their order, and what it is owed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import OtpsupError, ProtocolError
from ..logger import logger
from ..views import ChildStatus, Event
from ..wire import requests
from ..wire.lines import LogLine

_UNREAD = 8 << 20
"""Bytes that may wait for a client to read them before it is dropped."""
_MAX_PENDING = 100
"""Requests of one client that may wait for their answer; more are refused."""
_NONSENSE = 16
"""Lines in a row that are no requests, after which a client is hung up on. Two connections that
somebody has wired to each other would else answer each other's errors for ever."""


class Backend:
    """What the server asks; `tree` implements it over the runner."""

    def ask(self, make: requests.Make, answer: Callable[[Any, OtpsupError | None], None]) -> None:
        """Put a request to the engine."""
        raise NotImplementedError

    def status(self) -> ChildStatus:
        """The tree's snapshot."""
        raise NotImplementedError

    def outline(self) -> Any:
        """The tree's outline, as `wire.outline` has it."""
        raise NotImplementedError

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Hear all events; returns how to stop that."""
        raise NotImplementedError

    def recent_events(self) -> list[Event]:
        """The last events, the oldest first."""
        raise NotImplementedError

    def operate(
        self,
        op: str,
        fields: Mapping[str, Any],
        answer: Callable[[Any, OtpsupError | None], None],
    ) -> None:
        """Do one of `wire.operations.FIELDS`, whose fields are checked."""
        raise NotImplementedError

    def follow(
        self, fields: Mapping[str, Any], listener: Callable[[LogLine], None]
    ) -> Callable[[], None]:
        """Hear the lines of children from now on; returns how to stop that.

        `listener` is called in a thread of its own.
        """
        raise NotImplementedError


class Connection:
    """A client, from when it came until it hung up or was hung up on.

    Args:
        backend: answers.
        writer: to the client.
        caller: the child that this is, by its path; None for anybody else.
    """

    def __init__(self, backend: Backend, writer: asyncio.StreamWriter, caller: str | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._backend = backend
        self._writer = writer
        self._caller = caller
        self._pending = 0
        self._nonsense = 0
        self._unsubscribe: Callable[[], None] = lambda: None
        self._room = threading.Event()
        """Whoever tells of lines need not wait."""
        self._delivery: asyncio.Future[None] | None = None
        self._is_closed = False

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answer requests until the client hangs up."""
        with contextlib.suppress(OSError):  # it is gone, or handed over what cannot be read from
            while self._nonsense < _NONSENSE and (line := await _read_line(reader)):
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            call = requests.decode_call(line, self._caller)
        except ProtocolError as error:
            self._nonsense += 1
            self._send(requests.encode_error(requests.id_of(line), error))
            return
        self._nonsense = 0
        if call.make is None and not call.is_operation:
            self._answer_at_once(call)
        elif self._pending >= _MAX_PENDING:
            text = f"{_MAX_PENDING} requests of this client wait for their answer already"
            self._send(requests.encode_error(call.id, ProtocolError(text)))
        else:
            self._ask(call)

    def _answer_at_once(self, call: requests.Call) -> None:
        if call.op == "events":
            self._tell_events(call)
        elif call.op == "outline":
            self._send(requests.encode_ok(call.id, self._backend.outline()))
        else:
            self._send(requests.encode_ok(call.id, requests.masked(self._backend.status())))

    def _tell_events(self, call: requests.Call) -> None:
        """All in one step of the loop, so that none comes twice, or is missed."""
        self._unsubscribe()
        self._unsubscribe = self._backend.subscribe(self._on_event)
        self._send(requests.encode_ok(call.id, None))
        recent = self._backend.recent_events()
        for event in recent[max(0, len(recent) - call.fields["recent"]) :]:
            self._on_event(event)

    def _ask(self, call: requests.Call) -> None:
        self._pending += 1

        def answer(value: Any, error: OtpsupError | None) -> None:
            self._pending -= 1
            line = (
                requests.encode_error(call.id, error)
                if error
                else requests.encode_ok(call.id, value)
            )
            self._send(line)

        if call.fields.get("follow"):
            self._unsubscribe()
            self._unsubscribe = self._backend.follow(call.fields, self._on_line)
            answer(None, None)  # whoever hears of it hears all that comes from now on
        elif call.make is None:
            self._backend.operate(call.op, call.fields, answer)
        else:
            self._backend.ask(call.make, answer)

    def _on_line(self, line: LogLine) -> None:
        """Called in a thread of its own, which waits until the client has room for more."""
        self._room.clear()
        with contextlib.suppress(RuntimeError):  # the loop is over
            if not self._is_closed:
                self._loop.call_soon_threadsafe(self._deliver, line)
                self._room.wait()

    def _deliver(self, line: LogLine) -> None:
        self._delivery = asyncio.ensure_future(self._drained(line))
        self._delivery.add_done_callback(lambda _: self._room.set())

    async def _drained(self, line: LogLine) -> None:
        if not self._writer.transport.is_closing():
            with contextlib.suppress(OSError):  # it has hung up, which ends the following
                self._writer.write(requests.encode_line(line))
                await self._writer.drain()

    def _on_event(self, event: Event) -> None:
        self._send(requests.encode_event(event))

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
        with contextlib.suppress(OSError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()
        self._writer.transport.abort()

    def close(self) -> None:
        """Hang up."""
        self._unsubscribe()
        self._unsubscribe = lambda: None
        self._is_closed = True
        self._room.set()
        self._writer.close()


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    """One line, or b"" at the end; a line that is too long ends the connection."""
    try:
        return await reader.readuntil(b"\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b""

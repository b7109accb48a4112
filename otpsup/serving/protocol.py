"""One connection to uvicorn, and what it may not take. Needs the extra `web`."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .limits import most

_LONGEST_HEAD = 64 * 1024
_HEAD_TIME = 20.0
"""Seconds from the first byte of a head to its last."""


def protocol() -> type[Bounded]:
    """That of one server."""
    known: dict[Any, None] = {}
    return type("Bounded", (Bounded,), {"known": known})


class Bounded(HttpToolsProtocol):
    """Cuts off who sends a head that has no end, and, if too many are connected, who has asked
    nothing for the longest time."""

    known: ClassVar[dict[Any, None]]
    """All of one server, who has asked something last at the end."""
    _head = 0
    _is_head = True
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """One more, for which another may have to go."""
        super().connection_made(transport)
        self.known[self] = None
        if len(self.known) > most():
            next((each for each in self.known if each.is_idle), self).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.known.pop(self, None)
        self._is_in_time()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """No request of it is being answered."""
        is_going = self.transport.is_closing()
        return not is_going and (self.cycle is None or self.cycle.response_complete)

    def on_message_complete(self) -> None:
        """It has asked something, the last of all."""
        self.known[self] = self.known.pop(self, None)  # to the end
        super().on_message_complete()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head, self._is_head = 0, True
        super().on_message_begin()
        told: dict[object, object] = {
            "abort": self._drop,
            "peer": _peer(self.transport),
        }
        self.scope["extensions"] = {"otpsup": told}  # beside those of ASGI

    def _drop(self) -> None:
        """At once, with what the kernel has for it: that would else wait to be read."""
        found = self.transport.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("2i", 1, 0))
        self.transport.abort()

    def on_headers_complete(self) -> None:
        """The head has an end."""
        self._is_head = False
        self._is_in_time()
        super().on_headers_complete()

    def _is_in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def data_received(self, data: bytes) -> None:
        """A head may be only so long, and take only so long."""
        super().data_received(data)
        self._head += len(data)
        if self._is_head and self._head > _LONGEST_HEAD:
            self.transport.close()
        elif self._is_head and self._late is None:
            self._late = self.loop.call_later(_HEAD_TIME, self.transport.abort)


def _peer(transport: Any) -> int | None:
    """The user at the other end of a unix socket, as the kernel knows it (SO_PEERCRED)."""
    found = transport.get_extra_info("socket")
    if found is None or found.family != socket.AF_UNIX:
        return None
    credentials = struct.Struct("3i")
    raw = found.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    return int(credentials.unpack(raw)[1])

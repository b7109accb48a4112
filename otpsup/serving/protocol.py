"""One connection to uvicorn, and what it may not take. Needs the extra `web`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from functools import partial
from typing import Any, TypeAlias

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LONGEST = 64 * 1024
"""Bytes of a head; and of whatever else comes in a row and is no body: trailers, extensions of
chunks (RFC 9112, section 7.1), empty lines."""
_HEAD_TIME = 20.0
"""Seconds from the first byte of a head to its last."""
_REST_TIME = 60.0
"""Seconds from there to the end of the request, also if it is answered before."""
_MOST_AHEAD = 100
"""Requests that wait for the answer to one before."""
_PIECE = 4096
"""Bytes that are read before it is looked whether that is enough."""

Known: TypeAlias = "dict[Bounded, None]"
"""The connections of one server, who has asked something last at the end."""


class Bounded(HttpToolsProtocol):
    """Cuts off who sends a request that has no end, and knows whether another may have its place.

    Args:
        known: where it is until it is gone.
        accepted: its socket.
        more: for uvicorn.
    """

    _apart = 0
    _is_coming = _is_head = False
    _late: asyncio.TimerHandle | None = None

    def __init__(self, known: Known, accepted: socket.socket, **more: Any) -> None:
        super().__init__(**more)
        self._known = known
        self._accepted = accepted

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._known.pop(self, None)
        self._is_in_time()
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:  # which uvicorn lets run if there was an error
            self.timeout_keep_alive_task.cancel()

    @property
    def is_idle(self) -> bool:
        """No request that has come to its end is being answered."""
        now = self.cycle
        return not self.pipeline and (now is None or now.response_complete or now.more_body)

    def make_room(self) -> None:
        """Go, also where TLS is not agreed on, or nobody takes the end of what was answered."""
        self._known.pop(self, None)
        with contextlib.suppress(OSError):
            self._accepted.shutdown(socket.SHUT_RDWR)
        if self.transport is not None:
            self.transport.abort()

    # What the parser finds.

    def on_message_begin(self) -> None:
        """A head begins."""
        self._apart, self._is_coming, self._is_head = 0, True, True
        super().on_message_begin()
        told: dict[object, object] = {
            "abort": partial(_drop, self.transport),  # not `self`, whose this will be
            "peer": _peer(self.transport),
        }
        self.scope["extensions"] = {"otpsup": told}  # beside those of ASGI

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of the head; trailers are dropped, which RFC 9110, section 6.5.1, leaves to us."""
        if self._is_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head has an end."""
        self._is_head = False
        self._is_in_time()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of it, of which the application takes as much as it likes."""
        self._apart = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """It has asked something, the last of all."""
        self._apart, self._is_coming = 0, False
        self._is_in_time()
        if self in self._known:
            self._known[self] = self._known.pop(self)  # to the end
        super().on_message_complete()

    # What comes.

    def data_received(self, data: bytes) -> None:
        """A request may have only so much beside its body, and take only so long."""
        for at in range(0, len(data), _PIECE):
            if self.transport.is_closing():
                return
            piece = data[at : at + _PIECE]
            self._apart += len(piece)
            super().data_received(piece)
            if self._apart > _LONGEST or len(self.pipeline) > _MOST_AHEAD:
                self.transport.abort()
        if self._is_coming and self._late is None:
            self._hurry()

    def on_response_complete(self) -> None:
        """It is read on; for what could not come meanwhile there is time again."""
        was_paused = self.flow.read_paused
        super().on_response_complete()
        if was_paused and self._late is not None:
            self._is_in_time()
            self._hurry()

    def _hurry(self) -> None:
        time = _HEAD_TIME if self._is_head else _REST_TIME
        self._late = self.loop.call_later(time, self._is_late)

    def _is_late(self) -> None:
        if self.flow.read_paused:  # it is we who do not take it
            self._hurry()
        else:
            self.transport.abort()

    def _is_in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def _drop(transport: Any) -> None:
    """At once, with what the kernel has for it: that would else wait to be read."""
    found = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("2i", 1, 0))
    transport.abort()


def _peer(transport: Any) -> int | None:
    """The user at the other end of a unix socket, as the kernel knows it (SO_PEERCRED)."""
    found = transport.get_extra_info("socket")
    if found is None or found.family != socket.AF_UNIX:
        return None
    credentials = struct.Struct("3i")
    raw = found.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    return int(credentials.unpack(raw)[1])

"""Connections are counted from the moment that they are accepted: what is to be TLS keeps a
descriptor before it has said a word of it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

from ..logger import logger
from .limits import most
from .protocol import Bounded, Known

_AT_ONCE = 16
"""Connections that are accepted before those too many are closed."""
_REST = 1.0
"""Seconds until the next one, if no descriptor was left for this one."""
_TLS_TIME = 5.0
"""Seconds to agree on TLS, and to take leave."""


class Gate:
    """Accepts connections for one server, which closes it like one of asyncio's.

    Args:
        listening: a socket; it is not closed.
        make: HTTP for one who was accepted.
        tls: None for none.
    """

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[Known, socket.socket], Bounded],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._listening = listening
        self._make = make
        self._tls = tls
        self._known: Known = {}
        self._coming: set[asyncio.Task[None]] = set()
        self._later: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._open()

    def _open(self) -> None:
        self._loop.add_reader(self._listening, self._accept)

    def close(self) -> None:
        """Accept nobody more; who is not through yet has to go."""
        self._loop.remove_reader(self._listening)
        if self._later is not None:
            self._later.cancel()
        for each in list(self._known):
            if each.transport is None:
                each.make_room()

    async def wait_closed(self) -> None:
        """At once."""

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # it stays to be accepted: without a rest, over and over
                logger.warning("HTTP takes nobody for {:g} s: {}", _REST, error)
                self._loop.remove_reader(self._listening)
                self._later = self._loop.call_later(_REST, self._open)
                return
            self._let_in(accepted)

    def _let_in(self, accepted: socket.socket) -> None:
        """One more, for which another may have to go; if all are being answered, this one."""
        one = self._make(self._known, accepted)
        self._known[one] = None
        if len(self._known) > most():
            next(each for each in self._known if each.is_idle).make_room()
        task = self._loop.create_task(self._take(one, accepted))
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)

    async def _take(self, one: Bounded, accepted: socket.socket) -> None:
        time = _TLS_TIME if self._tls else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: one, accepted, ssl=self._tls,
                ssl_handshake_timeout=time, ssl_shutdown_timeout=time,
            )  # fmt: skip
        except OSError as error:  # ssl.SSLError is one
            error.__traceback__ = None  # whose frames have the connection, and the error itself
        if one.transport is None:
            one.connection_lost(ConnectionAbortedError())  # nobody else tells it

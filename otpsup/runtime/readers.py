"""One place on the loop for the descriptors of all children: an epoll in the loop's own (epoll(7)).

What asyncio keeps of each reader costs a restart 10 us and a child 1 KiB.
"""

from __future__ import annotations

import _socket  # socket.socketpair makes objects around both ends, for longer than all else takes
import asyncio
import contextlib
import select
import socket
from collections.abc import Callable

Pair = tuple[_socket.socket, _socket.socket]

_AT_ONCE = 64
"""Descriptors looked at before others on the loop get their turn."""


class Readers:
    """Calls when something can be read; named as the loop's own methods are."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[], None]] = {}
        self._spare: Pair | None = None
        loop.add_reader(self._epoll.fileno(), self._readable)

    def pair(self) -> Pair:
        """Two connected sockets for a channel; the first does not block. One pair is kept ready,
        made when there is time, for a restart has none."""
        if self._spare is None:
            self._loop.call_soon(self._make_ready)
            return _pair()
        pair, self._spare = self._spare, None
        self._loop.call_soon(self._make_ready)
        return pair

    def _make_ready(self) -> None:
        if self._spare is None and not self._epoll.closed:
            with contextlib.suppress(OSError):  # another time
                self._spare = _pair()

    def add_reader(self, fd: int, call: Callable[[], None]) -> None:
        """Call it, on the loop, whenever `fd` is readable or at its end."""
        self._epoll.register(fd, select.EPOLLIN)
        self._calls[fd] = call

    def remove_reader(self, fd: int) -> None:
        """Forget `fd`; to be called before it is closed. It may be forgotten already."""
        if self._calls.pop(fd, None):
            self._epoll.unregister(fd)

    def _readable(self) -> None:
        for fd, _ in self._epoll.poll(0, _AT_ONCE):
            call = self._calls.get(fd)
            if call:  # who was called before may have ended this one
                call()

    def close(self) -> None:
        """Let go of all."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._calls.clear()
        for sock in self._spare or ():
            sock.close()
        self._spare = None


def _pair() -> Pair:
    ours, theirs = _socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return ours, theirs

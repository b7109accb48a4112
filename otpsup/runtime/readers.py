"""One place on the loop for the descriptors of all children: an epoll in the loop's own (epoll(7)).

What asyncio keeps of each reader costs a restart 10 us and a child 1 KiB.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable

_AT_ONCE = 64
"""Descriptors looked at before others on the loop get their turn."""


class Readers:
    """Calls when something can be read; named as the loop's own methods are."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[], None]] = {}
        loop.add_reader(self._epoll.fileno(), self._readable)

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

"""The socket in NOTIFY_SOCKET: a child that speaks sd_notify(3).

Every child that may speak has a socket of its own, and is heard there alone; and the kernel says
who sent each datagram (SCM_CREDENTIALS, unix(7)), which counts only if that is the child's process
or one below it. So neither a stranger who finds the address speaks for the child, nor a child for
another one, even if it is root's and can claim to be any process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable

from .launcher.strays import above

_CREDENTIALS = struct.Struct("3i")
_SPACE = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(64)
_LIMIT = 8192
_AT_ONCE = 16
"""Datagrams read before others get their turn."""

Told = Callable[[dict[str, str]], None]


class NotifySocket:
    """Receives one child's datagrams.

    An abstract address (`@name`) needs no file and is reachable from any working folder. What comes
    before the child's process is known waits in the kernel, which holds no more than a few.

    Args:
        told: called with the assignments in each datagram that counts.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, told: Told) -> None:
        self._loop = loop
        self._told = told
        self._pid = 0
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        name = f"otpsup-notify-{os.getpid()}-{os.urandom(8).hex()}"
        self._sock.bind(f"\0{name}")
        self.address = f"@{name}"

    def listen(self, pid: int) -> None:
        """The child's process is known: hear it, and those below it."""
        self._pid = pid
        self._loop.add_reader(self._sock.fileno(), self._readable)

    def close(self) -> None:
        """Stop listening."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def _readable(self) -> None:
        with contextlib.suppress(OSError):
            for _ in range(_AT_ONCE):
                data, ancillary, *_ = self._sock.recvmsg(_LIMIT, _SPACE, socket.MSG_CMSG_CLOEXEC)
                self._take(data, ancillary)

    def _take(self, data: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        sender = 0
        for _, kind, value in ancillary:
            if kind == socket.SCM_CREDENTIALS:
                sender = _CREDENTIALS.unpack_from(value)[0]
            elif kind == socket.SCM_RIGHTS:
                _close_all(value)
        if sender == self._pid or self._pid in above(sender):
            self._told(parse(data))


def _close_all(rights: bytes) -> None:
    for (fd,) in struct.iter_unpack("i", rights[: len(rights) // 4 * 4]):
        os.close(fd)


def parse(data: bytes) -> dict[str, str]:
    """The assignments in a datagram: `READY=1`, `STATUS=...`, one a line; the rest is dropped."""
    lines = data.decode(errors="replace").split("\n")
    pairs = (line.partition("=") for line in lines)
    return {key: value for key, equals, value in pairs if equals}

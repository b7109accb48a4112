"""The socket in NOTIFY_SOCKET: children that speak sd_notify(3).

One datagram socket serves the whole tree. The kernel says who sent each datagram
(SCM_CREDENTIALS, unix(7)); it counts only for the child whose process, or descendant, that is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import struct
from collections import deque
from collections.abc import Callable

import psutil

_CREDENTIALS = struct.Struct("3i")
_LIMIT = 8192
_AT_ONCE = 64
_UNCLAIMED = 64
"""Messages that are kept for a child whose start we may not have heard of yet."""

Told = Callable[[dict[str, str]], None]


class NotifySocket:
    """Receives datagrams and gives each to the child that sent it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._told: dict[int, Told] = {}
        self._unclaimed: deque[tuple[list[int], dict[str, str]]] = deque(maxlen=_UNCLAIMED)
        self._sock: socket.socket | None = None
        self.address = ""

    def register(self, pid: int, told: Told) -> None:
        """Give what process `pid`, or one below it, says to `told`."""
        self._told[pid] = told
        for entry in [entry for entry in self._unclaimed if pid in entry[0]]:
            self._unclaimed.remove(entry)
            told(entry[1])

    def unregister(self, pid: int) -> None:
        """The process is gone."""
        self._told.pop(pid, None)

    def open(self) -> str:
        """The address for NOTIFY_SOCKET; the socket is made when first needed.

        An abstract address (`@name`) needs no file and is reachable from any working folder.
        """
        if self._sock is None:
            self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            name = f"otpsup-notify-{os.getpid()}-{secrets.token_hex(8)}"
            self._sock.bind(f"\0{name}")
            self.address = f"@{name}"
            self._loop.add_reader(self._sock.fileno(), self._readable)
        return self.address

    def close(self) -> None:
        """Stop listening."""
        if self._sock is not None:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
        self._sock = None

    def _readable(self) -> None:
        assert self._sock is not None
        with contextlib.suppress(OSError):
            for _ in range(_AT_ONCE):
                space = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(64)
                data, ancillary, *_ = self._sock.recvmsg(_LIMIT, space, socket.MSG_CMSG_CLOEXEC)
                self._take(data, ancillary)

    def _take(self, data: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        sender = 0
        for _, kind, value in ancillary:
            if kind == socket.SCM_CREDENTIALS:
                sender = _CREDENTIALS.unpack_from(value)[0]
            elif kind == socket.SCM_RIGHTS:
                _close_all(value)
        line = [sender] if sender in self._told else _line(sender)
        speaks_for = next((pid for pid in line if pid in self._told), None)
        if speaks_for is None:
            self._unclaimed.append((line, parse(data)))
        else:
            self._told[speaks_for](parse(data))


def _line(pid: int) -> list[int]:
    """A process and those above it, nearest first: a descendant speaks for its child."""
    try:
        return [pid, *(parent.pid for parent in psutil.Process(pid).parents())]
    except (psutil.Error, ValueError):
        return [pid]


def _close_all(rights: bytes) -> None:
    for (fd,) in struct.iter_unpack("i", rights[: len(rights) // 4 * 4]):
        os.close(fd)


def parse(data: bytes) -> dict[str, str]:
    """The assignments in a datagram: `READY=1`, `STATUS=...`, one a line; the rest is dropped."""
    lines = data.decode(errors="replace").split("\n")
    pairs = (line.partition("=") for line in lines)
    return {key: value for key, equals, value in pairs if equals}

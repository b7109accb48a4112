"""The host's end of a child's channel: reads what the child says and hands it on, checked."""

from __future__ import annotations

import _socket  # socket.socket is an object around each of these, which costs a restart 10 us
import array
import contextlib
import os
import select
import socket
from typing import Protocol

from ..errors import ProtocolError
from ..wire.status import LIMIT, ConnectMessage, Message, decode
from .readers import Readers

_AT_ONCE = 16
"""Messages read before other children get their turn."""
_AT_MOST = 4096
"""Messages read of a child that has ended; more than its socket can hold."""
_FD_SPACE = socket.CMSG_SPACE(16 * 4)


class Hears(Protocol):
    """Who is told what a child says."""

    def told(self, message: Message) -> None:
        """It says this."""

    def connected(self, stream: socket.socket) -> None:
        """It asks for something on this stream."""

    def wrong(self, error: ProtocolError) -> None:
        """It has sent what cannot be understood."""


class Channel:
    """One child's channel.

    Args:
        end: the descriptor of our end, which belongs to the channel from here on.
        hearing: is told of each message, of the stream that the child hands over for requests, and
            of what was wrong about a message; that is dropped.
    """

    __slots__ = ("_hearing", "_is_at_end", "_ours", "_readers")

    def __init__(
        self,
        readers: Readers,
        end: int,
        hearing: Hears,
    ) -> None:
        self._readers = readers
        self._hearing = hearing
        self._ours = _socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, end)
        self._is_at_end = False
        readers.add_reader(self._ours.fileno(), self._readable)

    def drain(self) -> None:
        """Read what is left of a child that has ended; not what others may go on to say."""
        for _ in range(_AT_MOST):
            if self._is_at_end or self._ours.fileno() < 0 or not self._read_one():
                return

    def close(self) -> None:
        """Hang up."""
        if self._ours.fileno() >= 0:
            self._readers.remove_reader(self._ours.fileno())
            self._ours.close()

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            if self._ours.fileno() < 0 or not self._read_one():
                return

    def _read_one(self) -> bool:
        """Read a message; False if there is none now, or never more."""
        try:
            data, ancillary, flags, _ = self._ours.recvmsg(
                LIMIT, _FD_SPACE, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return False
        except OSError:
            data, ancillary, flags = b"", [], 0
        fds = _descriptors(ancillary)
        if not data and self._has_ended():
            self._is_at_end = True
            self._readers.remove_reader(self._ours.fileno())
            _close_all(fds)
            return False
        self._take(data, fds, truncated=bool(flags & socket.MSG_TRUNC))
        return True

    def _has_ended(self) -> bool:
        """Nothing was read: that may also have been a message without anything in it."""
        poll = select.poll()
        poll.register(self._ours, select.POLLRDHUP)
        return poll.poll(0) != []

    def _take(self, data: bytes, fds: list[int], *, truncated: bool) -> None:
        try:
            if truncated:
                raise ProtocolError(f"a status message may have {LIMIT} bytes at most")
            message = decode(data)
            if isinstance(message, ConnectMessage):
                self._hearing.connected(_stream(fds))
            else:
                self._hearing.told(message)
        except ProtocolError as error:
            self._hearing.wrong(error)
        finally:
            _close_all(fds)


def pair() -> tuple[int, int]:
    """Our end of a new channel, and a child's."""
    ours, theirs = _socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return ours.detach(), theirs.detach()


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return list(fds)


def _stream(fds: list[int]) -> socket.socket:
    """The one descriptor of a connect message as a stream socket of its own."""
    if len(fds) != 1:
        raise ProtocolError(f"a connect message must bring one descriptor, not {len(fds)}")
    try:
        copy = os.dup(fds[0])
    except OSError as error:
        raise ProtocolError(f"a connection cannot be taken: {error.strerror}") from None
    try:
        stream = socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise ProtocolError("a connect message must bring a socket") from None
    if stream.family != socket.AF_UNIX or stream.type != socket.SOCK_STREAM:
        stream.close()
        raise ProtocolError("a connect message must bring a stream socket")
    return stream

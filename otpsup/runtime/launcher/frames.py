"""The frames between the host and its launcher or zygote, one or more in a SOCK_SEQPACKET message.

    SPAWN    id              an order, descriptors     host -> launcher
    STOPPING id              it is told to end         host -> launcher
    KILL     id              no grace any more         host -> launcher
    AGAIN    id, successor   group, limit              host -> launcher, see `Spawner.arm`
    LIMIT    group, limit                              host -> launcher, see `Spawner.limit`
    RETIRE                   replace nobody any more   host -> launcher
    OWN                      pidfd of a child of the host's own, to be killed when the host is gone
    UP       id, pid         pidfd, if there are any; the host's ends of what the order wanted
    FAILED   id, errno       what failed, as text      launcher -> host
    EXITED   id, status      b"core" if it dumped      launcher -> host; id 0: payload is the pid
    REPLACED id, status      group, successor, as EXITED; UP or FAILED of the successor follows
    MORE                     at the end of a message: the next one comes soon, and all of this can
                             wait until then

`status` is an exit code, or minus the number of a signal. Payloads are marshalled: both ends are
the same interpreter. A payload too large for a message travels in a memfd as the last descriptor.
"""

from __future__ import annotations

import array
import os
import struct
from collections.abc import Sequence

from .bare import socket

SPAWN, STOPPING, KILL, OWN = b"S", b"T", b"K", b"O"
AGAIN, LIMIT, RETIRE, MORE = b"A", b"M", b"E", b"+"
UP, FAILED, EXITED, REPLACED, LARGE = b"U", b"F", b"X", b"R", b"L"

PAIR = struct.Struct("<QQ")
"""The payload of AGAIN, a group and its limit, and how that of REPLACED begins."""
_HEADER = struct.Struct("<cQqIH")
"""What it is, id, value, bytes of its payload, and how many of the message's descriptors it has."""
INLINE = 60_000
"""Bytes of frames in one message."""
MAX_FDS = 250
"""Descriptors in one message; the kernel's own limit is a little higher (SCM_MAX_FD, unix(7))."""
_FD_SPACE = socket.CMSG_SPACE(MAX_FDS * 4)


class Frame:
    """One frame.

    (No NamedTuple: the module typing is a megabyte, and the launcher does without it.)
    """

    __slots__ = ("fds", "id", "is_whole", "op", "payload", "value")

    def __init__(
        self, op: bytes, id: int, value: int, payload: bytes, fds: Sequence[int], is_whole: bool
    ) -> None:
        self.op = op
        self.id = id
        self.value = value
        self.payload = payload
        self.fds = fds
        self.is_whole = is_whole
        """False if this process could not be given all descriptors: it may not open so many."""


def pack(op: bytes, id: int, value: int = 0, payload: bytes = b"", fds: int = 0) -> bytes:
    """The bytes of a frame; `fds`: how many descriptors go with it."""
    return _HEADER.pack(op, id, value, len(payload), fds) + payload


def pack_large(data: bytes, fds: Sequence[int]) -> tuple[bytes, list[int], int | None]:
    """Move a too large frame into a memfd.

    Returns:
        the bytes to send, the descriptors to send, and the memfd to close once they are sent.
    """
    if len(data) <= INLINE:
        return data, list(fds), None
    memory = os.memfd_create("otpsup-frame")
    os.write(memory, data)
    id = _HEADER.unpack_from(data)[1]
    return pack(LARGE, id, len(data), fds=len(fds) + 1), [*fds, memory], memory


def send(sock: socket.socket, data: bytes, fds: Sequence[int] = ()) -> None:
    """Send packed frames with their descriptors; raises BlockingIOError if there is no room."""
    if fds:
        rights = array.array("i", fds)
        sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    else:
        sock.send(data)


def receive(sock: socket.socket, flags: int = 0) -> list[Frame]:
    """Receive the frames of one message; none at the end of the stream. Their descriptors are not
    inheritable and belong to the caller."""
    data, ancillary, _, _ = sock.recvmsg(INLINE + 100, _FD_SPACE, socket.MSG_CMSG_CLOEXEC | flags)
    fds = array.array("i")
    for level, kind, rights in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(rights[: len(rights) - len(rights) % fds.itemsize])
    return _unpack(data, fds.tolist())


def _unpack(data: bytes, fds: list[int]) -> list[Frame]:
    frames = []
    at = taken = 0
    while at < len(data):
        op, id, value, size, count = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        own = fds[taken : taken + count]
        if op == LARGE and len(own) == count:
            return _unpack(_content(own.pop(), value), own)
        frames.append(Frame(op, id, value, data[at : at + size], own, len(own) == count))
        at += size
        taken += count
    return frames


def _content(memory: int, size: int) -> bytes:
    try:
        return os.pread(memory, size, 0)
    finally:
        os.close(memory)

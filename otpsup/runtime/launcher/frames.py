"""The frames between the host and its launcher or zygote: one SOCK_SEQPACKET message each.

    SPAWN   id            payload, descriptors      host -> launcher
    STOPPING  id          it is told to end         host -> launcher
    KILL    id            no grace any more         host -> launcher
    OWN                   pidfd of a child of the host's own, to be killed when the host is gone
    UP      id, pid       pidfd, if there are any   launcher -> host
    FAILED  id, errno     what failed, as text      launcher -> host
    EXITED  id, status    b"core" if it dumped      launcher -> host; id 0: payload is the pid

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
UP, FAILED, EXITED, LARGE = b"U", b"F", b"X", b"L"

_HEADER = struct.Struct("<cQq")
_INLINE = 60_000
MAX_FDS = 250
"""Descriptors in one message; the kernel's own limit is a little higher (SCM_MAX_FD, unix(7))."""
_FD_SPACE = socket.CMSG_SPACE(MAX_FDS * 4)


class Frame:
    """One message. `op` is `b""` at the end of the stream.

    (No NamedTuple: the module typing is a megabyte, and the launcher does without it.)
    """

    __slots__ = ("fds", "id", "is_whole", "op", "payload", "value")

    def __init__(
        self,
        op: bytes,
        id: int = 0,
        value: int = 0,
        payload: bytes = b"",
        fds: Sequence[int] = (),
        is_whole: bool = True,
    ) -> None:
        self.op = op
        self.id = id
        self.value = value
        self.payload = payload
        self.fds = fds
        self.is_whole = is_whole
        """False if this process could not be given all descriptors: it may not open so many."""


def pack(op: bytes, id: int, value: int = 0, payload: bytes = b"") -> bytes:
    """The bytes of a frame."""
    return _HEADER.pack(op, id, value) + payload


def pack_large(data: bytes, fds: Sequence[int]) -> tuple[bytes, list[int], int | None]:
    """Move a too large payload into a memfd.

    Returns:
        the bytes to send, the descriptors to send, and the memfd to close once they are sent.
    """
    if len(data) <= _INLINE:
        return data, list(fds), None
    memory = os.memfd_create("otpsup-frame")
    os.write(memory, data)
    id = _HEADER.unpack_from(data)[1]
    return _HEADER.pack(LARGE, id, len(data)), [*fds, memory], memory


def send(sock: socket.socket, data: bytes, fds: Sequence[int] = ()) -> None:
    """Send one packed frame with descriptors; raises BlockingIOError if there is no room."""
    if fds:
        rights = array.array("i", fds)
        sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    else:
        sock.send(data)


def receive(sock: socket.socket) -> Frame:
    """Receive one frame; its descriptors are not inheritable and belong to the caller."""
    data, ancillary, flags, _ = sock.recvmsg(_INLINE + 100, _FD_SPACE, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, rights in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(rights[: len(rights) - len(rights) % fds.itemsize])
    if len(data) < _HEADER.size:
        return Frame(b"")
    op, id, value = _HEADER.unpack_from(data)
    is_whole = not flags & socket.MSG_CTRUNC
    if op == LARGE and is_whole:
        return _large(list(fds), value)
    return Frame(op, id, value, data[_HEADER.size :], list(fds), is_whole)


def _large(fds: list[int], size: int) -> Frame:
    memory = fds.pop()
    try:
        data = os.pread(memory, size, 0)
    finally:
        os.close(memory)
    op, id, value = _HEADER.unpack_from(data)
    return Frame(op, id, value, data[_HEADER.size :], fds)

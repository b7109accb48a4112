"""What a child and the host talk through: a channel, and a pipe for each of its outputs.

Made here and not in the host, because here they are at hand when a child has to be replaced.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from .bare import socket

TYPE_CHECKING = False  # as type checkers know it: typing is a megabyte, a fifth of the launcher
if TYPE_CHECKING:
    from typing import Any

CHANNEL = b"OTPSUP_CHANNEL"


class Ends:
    """Both ends of all of them.

    Args:
        order: `pipes` says which numbers each pipe is for; without it there is nothing to make.
            `channel` is the number that the channel gets in a command, which is told of it.

    Attributes:
        ours: the host's, the channel first.
        theirs: the child's, in the same order.

    Raises:
        OSError: there are no descriptors; none are left open.
    """

    __slots__ = ("_pipes", "ours", "theirs")

    def __init__(self, order: dict[str, Any]) -> None:
        self.ours: list[int] = []
        self.theirs: list[int] = []
        self._pipes: Sequence[Sequence[int]] = order.get("pipes", ())
        if "pipes" not in order:
            return
        try:
            self._make()
        except OSError:
            self.close()
            raise
        if "channel" in order:
            inode = os.fstat(self.theirs[0]).st_ino
            order["env"][CHANNEL] = b"%d:%d" % (order["channel"], inode)

    def _make(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self.ours.append(ours.detach())
        self.theirs.append(theirs.detach())
        for _ in self._pipes:
            reader, writer = os.pipe2(os.O_CLOEXEC)
            self.ours.append(reader)
            self.theirs.append(writer)

    def for_child(self) -> list[int]:
        """The channel, and for each number of an output the pipe that it leads to."""
        outputs = zip(self.theirs[1:], self._pipes, strict=True)
        return [*self.theirs[:1], *(fd for fd, numbers in outputs for _ in numbers)]

    def close_ours(self) -> None:
        """Close the host's, in a fork that is becoming the child."""
        for fd in self.ours:
            os.close(fd)
        self.ours.clear()

    def close(self) -> None:
        """Close all."""
        self.close_ours()
        for fd in self.theirs:
            os.close(fd)
        self.theirs.clear()

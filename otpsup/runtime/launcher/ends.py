"""What a child and the host talk through: a channel, and a pipe for each of its outputs.

Made here and not in the host, because here they are at hand when a child has to be replaced.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from .bare import socket

TYPE_CHECKING = False  # as type checkers know it: typing is a megabyte, a fifth of the launcher
if TYPE_CHECKING:
    from typing import Any

CHANNEL = b"OTPSUP_CHANNEL"


class Supply:
    """Makes channels and pipes; one of each is kept ready, for a restart has no time for that."""

    def __init__(self) -> None:
        self._channels: list[tuple[int, int]] = []
        self._pipes: list[tuple[int, int]] = []

    def channel(self) -> tuple[int, int]:
        """The host's end, which does not block, and a child's."""
        return self._channels.pop() if self._channels else _channel()

    def pipe(self) -> tuple[int, int]:
        """A reader and a writer."""
        return self._pipes.pop() if self._pipes else os.pipe2(os.O_CLOEXEC)

    def replenish(self) -> None:
        """Now there is time."""
        with contextlib.suppress(OSError):  # another time
            if not self._channels:
                self._channels.append(_channel())
            if not self._pipes:
                self._pipes.append(os.pipe2(os.O_CLOEXEC))

    def close(self) -> None:
        """Let go of what is ready."""
        for fd in (fd for pair in (*self._channels, *self._pipes) for fd in pair):
            os.close(fd)
        self._channels.clear()
        self._pipes.clear()


def _channel() -> tuple[int, int]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return ours.detach(), theirs.detach()


class Ends:
    """Both ends of all of them.

    Args:
        supply: makes them.
        order: `pipes` says which numbers each pipe is for; without it there is nothing to make.
            `channel` is the number that the channel gets in a command, which is told of it.

    Attributes:
        ours: the host's, the channel first.
        theirs: the child's, in the same order.

    Raises:
        OSError: there are no descriptors; none are left open.
    """

    __slots__ = ("_pipes", "ours", "theirs")

    def __init__(self, order: dict[str, Any], supply: Supply) -> None:
        self.ours: list[int] = []
        self.theirs: list[int] = []
        self._pipes: Sequence[Sequence[int]] = order.get("pipes", ())
        if "pipes" not in order:
            return
        try:
            self._make(supply)
        except OSError:
            self.close()
            raise
        if "channel" in order:
            inode = os.fstat(self.theirs[0]).st_ino
            order["env"][CHANNEL] = b"%d:%d" % (order["channel"], inode)

    def _make(self, supply: Supply) -> None:
        for make in (supply.channel, *(supply.pipe for _ in self._pipes)):
            ours, theirs = make()
            self.ours.append(ours)
            self.theirs.append(theirs)

    def for_child(self) -> list[int]:
        """The channel, and for each number of an output the pipe that it leads to."""
        outputs = zip(self.theirs[1:], self._pipes, strict=True)
        return [*self.theirs[:1], *(fd for fd, numbers in outputs for _ in numbers)]

    def close(self) -> None:
        """Close all."""
        for fd in (*self.ours, *self.theirs):
            os.close(fd)
        self.ours.clear()
        self.theirs.clear()

"""What a process can send to the host: on a child's channel, and to a child's NOTIFY_SOCKET."""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import socket
import struct
import tempfile
from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

from otpsup.errors import ProtocolError
from otpsup.runtime import channel
from otpsup.runtime.notify import NotifySocket
from otpsup.runtime.readers import Readers

from .codecs import MESSAGES
from .mutate import hostile, noise, scrambled
from .target import Target, Wrong, sound


class Sockets(Target):
    """A loop of its own, and descriptors of every kind to send along."""

    def open(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._open: list[Any] = []
        self._kinds: tuple[Callable[[], int], ...] = (
            lambda: 0,
            lambda: self._keep_both(socket.socketpair())[0].fileno(),
            lambda: self._keep(socket.socket(socket.AF_UNIX)).fileno(),
            lambda: self._keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)).fileno(),
            lambda: self._keep(socket.socket()).fileno(),
            lambda: self._keep(tempfile.TemporaryFile()).fileno(),  # noqa: SIM115
            lambda: os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY),
            lambda: os.memfd_create("x"),
        )

    def _keep(self, thing: Any) -> Any:
        self._open.append(thing)
        return thing

    def _keep_both(self, pair: tuple[socket.socket, socket.socket]) -> Any:
        self._open += pair
        return pair

    def _descriptors(self, choice: int) -> list[int]:
        """None mostly; else one, two, or as many as a message can bring, of one kind."""
        count = (0, 0, 0, 1, 1, 1, 2, 253)[choice % 8]
        return [self._kinds[choice // 8 % len(self._kinds)]()] * count if count else []

    def _let_go(self, fds: list[int]) -> None:
        kept = {thing.fileno() for thing in self._open}
        for fd in set(fds) - kept - {0}:
            os.close(fd)
        for thing in self._open:
            thing.close()
        self._open.clear()

    def _turn(self) -> None:
        for _ in range(2):
            self._loop.run_until_complete(asyncio.sleep(0))

    def close(self) -> None:
        self._loop.close()


class Channels(Sockets):
    """A child's channel: a byte that chooses descriptors, then a message."""

    name, share = "channels", 12

    def open(self) -> None:
        super().open()
        self._readers = Readers(self._loop)
        self._begin()

    def _begin(self) -> None:
        self._told: list[object] = []
        self._streams: list[socket.socket] = []
        self._wrong: list[ProtocolError] = []
        ours, theirs = channel.pair()
        self._channel = channel.Channel(
            self._readers,
            ours,
            SimpleNamespace(
                told=self._told.append, connected=self._streams.append, wrong=self._wrong.append
            ),
        )
        self._child = socket.socket(fileno=theirs)

    def make(self, random: Random) -> bytes:
        data = hostile(random, MESSAGES)
        if random.random() < 0.05:
            data = random.choice([b"", b"x" * 65_536, b"x" * 65_537, data * 60, b"\0" * 150_000])
        return bytes([random.randrange(256)]) + data[:200_000]

    def feed(self, data: bytes) -> bool:
        fds = self._descriptors(data[0])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self._child.sendmsg([data[1:]], rights)
        except OSError:  # too large for any message
            return False
        finally:
            self._let_go(fds)
        self._turn()
        return self._outcome(data[1:])

    def _outcome(self, message: bytes) -> bool:
        """Every message comes to one thing: it is told, a connection, or wrong."""
        came = len(self._told) + len(self._streams) + len(self._wrong)
        if came != 1:
            raise Wrong(f"one message of {len(message)} bytes came to {came} things")
        for error in self._wrong:
            sound(str(error), 300)
        accepted = not self._wrong
        for stream in self._streams:
            stream.close()
        for heard in (self._told, self._streams, self._wrong):
            heard.clear()
        return accepted

    def check(self) -> None:
        """Whatever came, the channel still carries what is sound; and another one begins."""
        self._child.send(b'{"op":"heartbeat"}')
        self._turn()
        if len(self._told) != 1:
            raise Wrong("the channel has gone deaf")
        self._end()
        self._begin()

    def _end(self) -> None:
        self._child.close()
        self._turn()
        self._channel.drain()
        self._channel.close()

    def close(self) -> None:
        self._end()
        self._readers.close()
        super().close()


LINES = (b"READY=1", b"STATUS=all well", b"WATCHDOG=1", b"MAINPID=1", b"FDSTORE=1", b"ERRNO=2",
         b"STOPPING=1", b"BARRIER=1", b"X-A=b", b"READY=1\nSTATUS=x\nWATCHDOG=1")  # fmt: skip
_CREDENTIALS = struct.Struct("3i")


class Datagrams(Sockets):
    """Two children's notify sockets. This process may speak for the first, and tries the second,
    also with the credentials of others, as root's processes can."""

    name, share = "sd_notify datagrams", 12

    def open(self) -> None:
        super().open()
        self._heard: list[dict[str, str]] = []
        self._stolen: list[dict[str, str]] = []
        self._ours = NotifySocket(self._loop, self._heard.append)
        self._theirs = NotifySocket(self._loop, self._stolen.append)
        self._ours.listen(os.getpid())
        self._theirs.listen(1 << 30)
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def make(self, random: Random) -> bytes:
        lines = [random.choice(LINES) for _ in range(random.choice([1, 1, 2, 30]))]
        data = b"\n".join(lines)
        while random.random() < 0.6:
            data = scrambled(data, random, LINES)
        if random.random() < 0.2:
            data = random.choice([noise(random), b"", b"READY=1\n" * 3000, b"=" * 9000, b"STATUS="])
        return random.randbytes(2) + data

    def feed(self, data: bytes) -> bool:
        fds = self._descriptors(data[0])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        forged = (0, 0, 1, os.getppid())[data[1] % 4]
        if forged and os.geteuid() == 0:
            claim = _CREDENTIALS.pack(forged, 0, 0)
            rights.append((socket.SOL_SOCKET, socket.SCM_CREDENTIALS, claim))  # type: ignore[arg-type]
        to = self._theirs if data[1] % 8 < 4 else self._ours
        with contextlib.suppress(OSError):
            self._sender.sendmsg([data[2:]], rights, 0, f"\0{to.address[1:]}")
        self._let_go(fds)
        self._turn()
        return self._outcome(is_ours=to is self._ours, is_forged=forged not in (0, os.getpid()))

    def _outcome(self, *, is_ours: bool, is_forged: bool) -> bool:
        if self._stolen:
            raise Wrong(f"a stranger was heard: {self._stolen}")
        heard = len(self._heard)
        if heard and (not is_ours or (is_forged and os.geteuid() == 0)):
            raise Wrong("who spoke in another's name was heard")
        self._heard.clear()
        return heard > 0

    def check(self) -> None:
        """Whatever came, the child is still heard."""
        self._sender.sendto(b"READY=1", f"\0{self._ours.address[1:]}")
        self._turn()
        if self._heard != [{"READY": "1"}]:
            raise Wrong("the socket has gone deaf")
        self._heard.clear()

    def close(self) -> None:
        self._sender.close()
        self._ours.close()
        self._theirs.close()
        super().close()

"""What the programs of the tree do: get ready or do not, say things, fork, end, listen or not.

Every decision is the seed's. A kind world has programs that all do well.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from attrs import Factory, define, field

from otpsup.specs import Command, LogLine, Notify, Port, Probe, Spawned, StaysUp, Worker
from tests.simulation.kernel import Kernel, Process

SAYINGS = (
    b'{"op":"status","text":"busy"}',
    b'{"op":"heartbeat"}',
    b'{"op":"ready"}',
    b"nonsense",
    b'{"op":"ready","path":"a"}',
    b'{"op":"connect"}',
)


class Surroundings(Protocol):
    """What programs need of the world.

    Attributes:
        is_kind: nothing goes wrong any more.
    """

    is_kind: bool

    def notify(self, process: Process, data: bytes) -> None:
        """Send a datagram to NOTIFY_SOCKET."""


@define(eq=False)
class Program:
    """What runs in one process that was ordered.

    Args:
        channel: its end of the channel.
        output: its stdout; None where that is /dev/null.
        signal_fd: on which a newline means ready.

    Attributes:
        is_ready: it has done what its spec takes as a sign.
        has_declined: it has said that it does not want to run.
        listens: whoever tries it finds it well.
    """

    world: Surroundings
    kernel: Kernel
    process: Process
    spec: Worker | Command
    channel: int
    output: int | None = None
    signal_fd: int | None = None
    is_ready: bool = field(
        default=Factory(lambda self: isinstance(self.spec.ready, Spawned | StaysUp), True)
    )
    has_declined: bool = False
    listens: bool = False
    is_stubborn: bool = False

    def begin(self) -> None:
        """It runs."""
        self.process.on_signal = self.hear
        rng = self.kernel.random
        self.is_stubborn = not self.world.is_kind and rng.random() < 0.2
        if self.world.is_kind:
            self._later(0.01, self.get_ready)
            self._lead_a_life()
            return
        fate = rng.random()
        if fate < 0.06:
            self._later(0.05, lambda: self.end(rng.choice((0, 1, -signal.SIGSEGV))))
        elif fate < 0.1:
            self.decline()
        elif fate < 0.9:
            self._later(rng.choice((0.0, 0.01, 0.2, 3.0)), self.get_ready)
        self._lead_a_life()

    def become_kind(self) -> None:
        """It does well from now on."""
        self.is_stubborn = False
        self._later(0.01, self.get_ready)

    def _later(self, delay: float, action: Callable[[], None]) -> None:
        self.kernel.does(self.process, delay, action)

    def _lead_a_life(self) -> None:
        """For as long as the world is not kind."""
        rng, ways = self.kernel.random, (self.chat, self.fork, self.fork_away)
        for _ in range(rng.choice((0, 0, 1, 3))):
            self._later(rng.uniform(0, 5), self._unless_kind(rng.choice(ways)))
        if rng.random() < 0.5:
            end = rng.choice((0, 1, -signal.SIGABRT))
            self._later(rng.expovariate(0.2), self._unless_kind(lambda: self.end(end)))

    def _unless_kind(self, action: Callable[[], None]) -> Callable[[], None]:
        return lambda: None if self.world.is_kind else action()

    def get_ready(self) -> None:
        """Whatever its spec takes as a sign, perhaps twice."""
        for _ in range(self.kernel.random.choice((1, 1, 2))):
            self.is_ready = True
            match self.spec.ready:
                case Notify(fd) if fd is not None and self.signal_fd is not None:
                    self._write(self.signal_fd, b"\n")
                case Notify():
                    self._notify()
                case LogLine():
                    self._write(self.output, b"...\nlistening on 80\n")
                case Port() | Probe():
                    self.listens = True
        if self.world.is_kind or self.kernel.random.random() < 0.5:
            self.say(b'{"op":"heartbeat"}')

    def _notify(self) -> None:
        if self.kernel.random.random() < 0.5:
            self.say(json.dumps({"op": "ready", "info": self.process.run}).encode())
        else:
            self.world.notify(self.process, b"READY=1\nSTATUS=here")

    def chat(self) -> None:
        """Say something, which may be nonsense, or may be late."""
        said = self.kernel.random.choice(SAYINGS)
        self._note_ready(said)
        self.say(said)
        if self.kernel.random.random() < 0.2:
            self.world.notify(self.process, b"WATCHDOG=1\n=\nX")

    def _note_ready(self, said: bytes) -> None:
        self.is_ready |= b'"ready"' in said and isinstance(self.spec.ready, Notify)

    def decline(self) -> None:
        """It does not want to run."""
        self.has_declined = self.say(b'{"op":"ignore"}')
        self.end(0)

    def say(self, data: bytes) -> bool:
        """Send a message on the channel, if it goes; whether it did."""
        return _send(self.channel, data)

    def _write(self, fd: int | None, data: bytes) -> None:
        if fd is not None:
            with contextlib.suppress(OSError):
                os.write(fd, data)

    def fork(self) -> None:
        """Somebody below it, in its group."""
        self._fork(group=self.process.group, session=self.process.session)

    def fork_away(self) -> None:
        """Somebody in a session of its own."""
        self._fork()

    def _fork(self, **known: Any) -> None:
        process, kernel = self.process, self.kernel
        child = kernel.make(process.pid, process.name, mark=process.mark, run=process.run, **known)
        is_stubborn = kernel.random.random() < 0.3

        def hear(signum: int) -> None:
            if signum == signal.SIGTERM and not is_stubborn:
                kernel.exit(child, -signum)

        child.on_signal = hear
        channel = os.dup(self.channel)
        child.fds.append(channel)
        if kernel.random.random() < 0.3:
            said = kernel.random.choice(SAYINGS)
            self._note_ready(said)
            kernel.does(child, kernel.random.uniform(0, 5), partial(_send, channel, said))
        if kernel.random.random() < 0.3:
            kernel.does(child, 1.0, lambda: self.world.notify(child, b"READY=1"))
            self.is_ready = True
        if kernel.random.random() < 0.5:
            kernel.does(child, kernel.random.uniform(0, 10), lambda: kernel.exit(child, 0))

    def hear(self, signum: int) -> None:
        """A signal; the one that asks it to stop, or another."""
        if self.is_stubborn or signum not in (signal.SIGTERM, signal.SIGINT):
            return
        delay = self.kernel.random.choice((0.0, 0.0, 0.1, 2.0))
        status = self.kernel.random.choice((-signum, -signum, 0, 1))
        self._later(delay, lambda: self.end(status))

    def end(self, status: int) -> None:
        """It exits, or crashes and says of what."""
        if status == 1 and isinstance(self.spec, Worker):
            self.say(b'{"op":"crash","type":"E","message":"m","traceback":"t"}')
        self.kernel.exit(self.process, status)


class HookProgram(Program):
    """What runs around the life of another: it comes to its end, or has to be killed."""

    def begin(self) -> None:
        """It runs."""
        self.process.on_signal = self.hear
        rng = self.kernel.random
        self.is_stubborn = not self.world.is_kind and rng.random() < 0.2
        if self.world.is_kind:
            self._later(0.01, lambda: self.end(0))
            return
        if rng.random() < 0.3:
            self._later(rng.choice((0.0, 0.1)), rng.choice((self.chat, self.fork, self.fork_away)))
        if rng.random() < 0.85:
            status = rng.choice((0, 0, 0, 0, 1, -signal.SIGSEGV))
            self._later(rng.choice((0.0, 0.01, 0.2, 3.0)), lambda: self.end(status))

    def become_kind(self) -> None:
        """It does well from now on."""
        self.is_stubborn = False
        self._later(0.01, lambda: self.end(0))


def _send(channel: int, data: bytes) -> bool:
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(channel)) as sock:
        sock.setblocking(False)
        return bool(sock.send(data))
    return False

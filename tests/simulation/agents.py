"""The launcher and the zygote of a made-up system: their real loop, each in a thread of its own.

Only one thread runs at a time, and the simulation says which; so the order is decided by the seed
alone. Where the real loop would wait in poll(2) or sleep, it hands over.
"""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from otpsup.runtime.launcher.execute import Failure
from otpsup.runtime.launcher.server import Server
from tests.simulation.kernel import Kernel, Process

Spawn = Callable[["Agent", dict[str, Any], Sequence[int]], int]


class Killed(BaseException):
    """What an agent's thread meets when its process was killed."""


class Agent:
    """One process that runs `launcher.server`.

    Args:
        process: the agent's own.
        sock: its end of the socket to the host; closed by it.
        spawn: makes a process for it.
        delay: seconds until it serves.

    Attributes:
        wake: a descriptor to which a byte is written when a child of it has ended.
        owned: descriptors that it has opened, and that end with it.
    """

    current: Agent

    def __init__(
        self,
        kernel: Kernel,
        process: Process,
        sock: socket.socket,
        spawn: Spawn,
        delay: float,
    ) -> None:
        self.kernel = kernel
        self.process = process
        self.is_over = False
        self.wake = -1
        self.owned: list[int] = []
        self.error: BaseException | None = None
        self._sock = sock
        self._spawn = spawn
        self._fds: list[int] = []
        self._until = kernel.now + delay
        self._is_killed = False
        self._goes = threading.Semaphore(0)
        self._waits = threading.Semaphore(0)
        process.is_subreaper = True
        process.on_child = self._child_ended
        process.on_death = self.kill
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # In its thread.

    def _run(self) -> None:
        self._goes.acquire()
        host = self.kernel.pidfd_open(self.kernel.host.pid)
        server = Server(self._sock, self._order, host)
        try:
            if not self._is_killed:
                server.run()
        except Killed:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self._sock.close()
            server.close()
            os.close(host)
            self.is_over = True
            self._waits.release()

    def _order(self, order: dict[str, Any], fds: Sequence[int]) -> int:
        try:
            return self._spawn(self, order, fds)
        except Failure:
            raise
        except Exception as error:  # the server would take it for a bad order
            self.error = error
            raise

    def pause(self, seconds: float | None, fds: Sequence[int] = ()) -> list[int]:
        """Let others run, until so much time has passed or one of these is readable."""
        if self._is_killed:
            raise Killed
        self._fds = list(fds)
        self._until = float("inf") if seconds is None else self.kernel.now + seconds
        self._waits.release()
        self._goes.acquire()
        if self._is_killed:
            raise Killed
        return readable(self._fds)

    # In the simulation's.

    @property
    def until(self) -> float:
        """When it goes on at the latest."""
        return self._until

    def can_go(self) -> bool:
        """Whether it has anything to do."""
        return not self.is_over and (
            self._until <= self.kernel.now or bool(self._fds and readable(self._fds))
        )

    def go(self) -> None:
        """Let it run until it waits again, or ends."""
        Agent.current = self
        self._goes.release()
        self._waits.acquire()
        if self.error is not None:
            raise self.error
        if self.is_over and self.process.is_alive:
            self._thread.join()
            self.kernel.exit(self.process, 0)

    def kill(self) -> None:
        """Its process has ended: it never goes on."""
        self._is_killed = True
        if not self.is_over:
            Agent.current = self
            self._goes.release()
            self._waits.acquire()
        self._thread.join()
        while self.owned:
            os.close(self.owned.pop())

    def _child_ended(self) -> None:
        if self.owned:
            os.write(self.wake, b"\0")


def readable(fds: Sequence[int]) -> list[int]:
    """Which of these can be read without waiting."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return [fd for fd, _ in poll.poll(0)]

"""How it is found out that one process is ready, and where it may say so.

It is looked at (`Port`, `Http`, `Probe`), waited for (`StaysUp`), or says it itself: by
sd_notify(3), by a newline on a descriptor (s6's `notification-fd`), by a line of its output. What
it says on its channel is heard elsewhere, by `Hearing`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

from ..specs import Command, Http, Notify, Port, Probe, StaysUp, Worker, health
from . import readiness
from .hearing import Hearing
from .logs import LogPump, Nowhere
from .notify import NotifySocket


class Trial:
    """Of one incarnation of one child.

    Args:
        hearing: is told that it is ready, and of what else it notifies us.
    """

    __slots__ = ("_hearing", "_loop", "_pending", "_socket", "_spec")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, spec: Worker | Command, hearing: Hearing
    ) -> None:
        self._loop = loop
        self._spec = spec
        self._hearing = hearing
        self._pending: asyncio.Task[None] | asyncio.TimerHandle | None = None
        self._socket: NotifySocket | None = None

    def environment(self) -> dict[str, str]:
        """The variables that tell the process where to notify us, and how often (sd_notify(3),
        sd_watchdog_enabled(3)); none if nobody would listen."""
        within = health.heartbeat_within(self._spec)
        if not within and not isinstance(self._spec.ready, Notify):
            return {}
        self._socket = NotifySocket(self._loop, self._hearing.notified)
        watchdog = {"WATCHDOG_USEC": str(round(within * 1e6))} if within else {}
        return {"NOTIFY_SOCKET": self._socket.address, **watchdog}

    def descriptor(self, pump: LogPump) -> int:
        """The write end of a pipe on which a newline means ready; the caller's to close."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(writer, True)
        pump.attach(reader, Nowhere(), self._saw_newline)
        return writer

    def _saw_newline(self, data: bytes) -> bool:
        if b"\n" in data:
            self.matched()
        return b"\n" in data

    def matched(self) -> None:
        """What was waited for in its output has come; called from the pump's thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: too late to matter
            self._loop.call_soon_threadsafe(self._hearing.became_ready)

    def begin(self, pid: int) -> None:
        """There is a process, with this pid."""
        kind = self._spec.ready
        if isinstance(kind, StaysUp):
            self._pending = self._loop.call_later(kind.seconds, self._hearing.became_ready)
        elif isinstance(kind, Port | Http | Probe):
            self._pending = self._loop.create_task(self._try(kind))
        if self._socket:
            self._socket.listen(pid)

    async def _try(self, kind: Port | Http | Probe) -> None:
        await readiness.until_ready(kind, self._hearing.not_yet)
        self._hearing.became_ready()

    def close(self) -> None:
        """There is none any more: nothing is waited for, nobody is listened to."""
        if self._pending:
            self._pending.cancel()
        if self._socket:
            self._socket.close()

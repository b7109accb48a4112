"""The loop that a careful hand writes: asyncio, posix_spawn, a pidfd for each child.

    python asyncio_loop.py N PROGRAM FIFO

As `limit.c`: no policy, no log, no guard.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys


class Loop:
    """Keeps `count` programs running."""

    def __init__(self, count: int, program: str, fifo: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._program, self._fifo = program, fifo
        self._env = dict(os.environb)
        self._pids: dict[int, int] = {}
        self._is_stopping = False
        self.ended: asyncio.Future[None] = self._loop.create_future()
        for id in range(count):
            self._start(id)
        self._loop.add_signal_handler(signal.SIGTERM, self._stop)

    def _start(self, id: int) -> None:
        argv = [self._program, self._fifo, str(id)]
        pid = os.posix_spawn(self._program, argv, self._env, setsid=True)
        pidfd = os.pidfd_open(pid)
        self._pids[id] = pid
        self._loop.add_reader(pidfd, self._gone, id, pidfd)

    def _gone(self, id: int, pidfd: int) -> None:
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
        self._loop.remove_reader(pidfd)
        os.close(pidfd)
        del self._pids[id]
        if not self._is_stopping:
            self._start(id)
        elif not self._pids:
            self.ended.set_result(None)

    def _stop(self) -> None:
        self._is_stopping = True
        for pid in self._pids.values():
            os.kill(pid, signal.SIGTERM)


async def main(count: int, program: str, fifo: str) -> None:
    """Run until SIGTERM."""
    await Loop(count, program, fifo).ended


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))

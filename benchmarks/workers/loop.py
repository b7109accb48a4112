"""What somebody would write by hand to keep Python workers running: multiprocessing's own start
methods, and a small zygote. No policy, no logs, no guard.

    python -m benchmarks.workers.loop METHOD COUNT FIFO MODULE

Each byte that comes on FIFO.go starts one more worker, `MODULE:main`; before that a record with its
number + 1,000,000 says when that began. Who ends is started again.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from multiprocessing.connection import wait

from ..announce import announce

STARTING = 1_000_000
_ORDER = struct.Struct("<i")


class Processes:
    """One of multiprocessing's start methods."""

    def __init__(self, method: str, fifo: str, module: str) -> None:
        self._context = multiprocessing.get_context(method)
        self._target = importlib.import_module(module).main
        self._fifo = fifo
        if method == "forkserver":
            self._context.set_forkserver_preload([module])
        self._alive: dict[int, tuple[int, multiprocessing.process.BaseProcess]] = {}

    def start(self, id: int) -> None:
        """Start a worker."""
        process = self._context.Process(target=self._target, args=(self._fifo, id))  # type: ignore[attr-defined]
        process.start()
        self._alive[process.sentinel] = id, process

    def serve(self, gate: int, opened: Callable[[], None]) -> None:
        """Wait for the gate and for deaths, for ever."""
        while True:
            for found in wait([gate, *self._alive]):
                if found == gate:
                    opened()
                elif isinstance(found, int):
                    id, process = self._alive.pop(found)
                    process.join()
                    process.close()
                    self.start(id)


class Zygote:
    """A fork of this process that forks again for each order; here its forks are waited for."""

    def __init__(self, fifo: str, module: str) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ids: dict[int, int] = {}
        self._epoll = select.epoll()
        if os.fork() == 0:
            self._ours.close()
            _fork_on_order(theirs, fifo, importlib.import_module(module).main)
        theirs.close()

    def start(self, id: int) -> None:
        """Have a worker forked."""
        self._ours.send(_ORDER.pack(id))
        pid = _ORDER.unpack(self._ours.recv(4))[0]
        pidfd = os.pidfd_open(pid)
        self._ids[pidfd] = id
        self._epoll.register(pidfd, select.EPOLLIN)

    def serve(self, gate: int, opened: Callable[[], None]) -> None:
        """Wait for the gate and for deaths, for ever."""
        self._epoll.register(gate, select.EPOLLIN)
        while True:
            for fd, _ in self._epoll.poll():
                if fd == gate:
                    opened()
                else:
                    self._epoll.unregister(fd)
                    os.close(fd)
                    self.start(self._ids.pop(fd))


def _fork_on_order(sock: socket.socket, fifo: str, target: Callable[[str, int], object]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here asks how they have ended
    gc.collect()
    gc.freeze()
    while data := sock.recv(4):
        id = _ORDER.unpack(data)[0]
        pid = os.fork()
        if pid == 0:
            sock.close()
            target(fifo, id)
        sock.send(_ORDER.pack(pid))
    os._exit(0)


def main(method: str, count: str, fifo: str, module: str) -> None:
    """Serve until killed."""
    loop = Zygote(fifo, module) if method == "zygote" else Processes(method, fifo, module)
    gate = os.open(f"{fifo}.go", os.O_RDONLY | os.O_NONBLOCK)
    ids = iter(range(int(count)))

    def opened() -> None:
        for _ in os.read(gate, 1):
            id = next(ids)
            announce(fifo, STARTING + id)
            loop.start(id)

    loop.serve(gate, opened)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A TCP server that answers as it is told, one answer a connection."""

from __future__ import annotations

import atexit
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle, islice
from pathlib import Path


class Server:
    """Answers the n-th connection with the n-th answer, and further ones with the last."""

    def __init__(self, answers: list[bytes | None]) -> None:
        self._answers = answers
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._sock.getsockname()[1])
        self.requests: list[bytes] = []
        self.wrap: Callable[[socket.socket], socket.socket] = lambda sock: sock
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            answer = self._answers[min(len(self.requests), len(self._answers) - 1)]
            try:
                sock = self.wrap(sock)
                self.requests.append(sock.recv(10_000))
            except OSError as error:
                self.requests.append(str(error).encode())
                answer = b""
            if answer is None:
                self._held.append(sock)
                continue
            with suppress(OSError):  # who has seen enough of it has hung up
                sock.sendall(answer)
            sock.close()

    def close(self) -> None:
        """Stop."""
        self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._thread.join()
        for sock in self._held:
            sock.close()


@contextmanager
def serving(*answers: bytes | None) -> Iterator[Server]:
    """A server in this process; None is an answer that never comes."""
    server = Server(list(answers))
    try:
        yield server
    finally:
        server.close()


_BLOCK = 200
"""Ports that one process of the tests has for itself."""


def _outside() -> list[int]:
    """Ports that the kernel gives to nobody who asks for any (`ip_local_port_range`)."""
    first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    return [port for port in range(10_000, 65_536) if not int(first) <= port <= int(last)]


def _claimed() -> tuple[socket.socket, list[int]]:
    """A block of ports that no other process of the tests has, ours while this socket is open."""
    ports = _outside()
    for at in range(0, len(ports), _BLOCK):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0otpsup-tests-port-{ports[at]}")
        except OSError:
            claim.close()
        else:
            return claim, ports[at : at + _BLOCK]
    raise AssertionError("all blocks of ports are taken")


_claim, _ports = _claimed()
atexit.register(_claim.close)
_next = cycle(_ports)


def free_port() -> int:
    """A port that nobody uses now, and that nobody else gets: neither another test that runs at
    the same time, nor who asks the kernel for any."""
    for port in islice(_next, _BLOCK):
        with suppress(OSError), socket.create_server(("", port)):
            return port
    raise AssertionError("no port is free")

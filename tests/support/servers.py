"""A TCP server that answers as it is told, one answer a connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
                if answer is None:
                    self._held.append(sock)
                    continue
                sock.sendall(answer)
            except OSError as error:
                self.requests.append(str(error).encode())
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


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])

"""The launcher's entry: `main(fd)`, with `fd` the socket to the host."""

from __future__ import annotations

import gc
import os
import signal
import socket

from .execute import execute
from .server import Server
from .syscalls import become_subreaper

_RESERVED = 16


def main(fd: int) -> None:
    """Serve the host behind the socket `fd` until it is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _pass_over)
    become_subreaper()
    _reserve_low_descriptors()
    sock = socket.socket(fileno=fd)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    gc.disable()
    gc.freeze()
    Server(sock, execute).run()


def _pass_over(*_: object) -> None:
    """Only the host's end ends us. A handler, unlike SIG_IGN, is not inherited through exec."""


def _reserve_low_descriptors() -> None:
    """Take the numbers that children's descriptors get, so that received ones lie above them."""
    null = os.open("/dev/null", os.O_RDWR)
    while null < _RESERVED:
        null = os.dup(null)
    os.close(null)

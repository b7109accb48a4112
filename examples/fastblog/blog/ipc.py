"""Telling the IPC server who we are.

Decides: that news are a courtesy; a blog without an IPC server is still a blog.
Must not know: who listens.

The few lines of wire format are written out here, not imported: a release runs beside newer and
older code and depends on the format alone (4-byte big-endian length, then a JSON object).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from typing import Any

SENDER = "main_app"
TIMEOUT = 1.0


def announce(*messages: tuple[str, dict[str, Any]]) -> None:
    """Publish (type, data) pairs, if there is an IPC server; returns when it has read them."""
    port, token = os.environ.get("FASTBLOG_IPC_PORT"), os.environ.get("FASTBLOG_IPC_TOKEN")
    if port is None or token is None:
        return
    frames = b"".join(_frame(*message) for message in (("hello", {"token": token}), *messages))
    with contextlib.suppress(OSError):
        _send(int(port), frames)


def _send(port: int, frames: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
        connection.sendall(frames)
        connection.shutdown(socket.SHUT_WR)
        # Until the server hangs up: closing with its answers unread would throw away our frames.
        while connection.recv(4096):
            pass


def _frame(kind: str, data: dict[str, Any]) -> bytes:
    message = {"type": kind, "data": data, "sender": SENDER, "timestamp": time.time()}
    payload = json.dumps(message).encode()
    return len(payload).to_bytes(4, "big") + payload

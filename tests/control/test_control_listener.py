"""Who is let in at the control socket, and who is in the door when it closes."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from otpsup.control.connection import Backend
from otpsup.control.listener import Listener
from otpsup.control.server import ControlServer
from tests.support.waiting import LONG


def knock(path: Path) -> socket.socket:
    """A client that has come to the socket, and may not be let in yet."""
    client = socket.socket(socket.AF_UNIX)
    client.setblocking(False)
    client.connect(str(path))
    return client


def serve(path: Path, body: Callable[[ControlServer], Awaitable[None]]) -> None:
    """Run a server without a tree."""

    async def main() -> None:
        door = socket.socket(socket.AF_UNIX)
        door.bind(str(path))
        door.listen()
        server = ControlServer(Backend())
        server.listen(door, path)
        await body(server)
        await server.close()

    asyncio.run(main())


@pytest.mark.parametrize("turns", range(6))
def test_nobody_is_left_in_the_door(tmp_path: Path, turns: int) -> None:
    """Who comes in when the server closes, at whatever turn of the loop, is hung up on; nothing
    stays open (a warning of that is an error here)."""
    clients: list[socket.socket] = []

    async def body(server: ControlServer) -> None:
        clients.append(knock(tmp_path / "s"))
        for _ in range(turns):
            await asyncio.sleep(0)

    serve(tmp_path / "s", body)
    with clients[0] as client:
        client.settimeout(LONG)
        assert client.recv(1) == b""
    assert not (tmp_path / "s").exists()


def test_out_of_descriptors(tmp_path: Path) -> None:
    """Who comes when the process cannot open any file more waits, and is let in later."""
    taken: list[socket.socket] = []

    async def main() -> None:
        arrived = asyncio.Event()
        door = socket.socket(socket.AF_UNIX)
        door.bind(str(tmp_path / "s"))
        door.listen()

        def take(stream: socket.socket) -> None:
            taken.append(stream)
            arrived.set()

        listener = Listener(door, tmp_path / "s", take)
        client = knock(tmp_path / "s")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            for _ in range(3):
                await asyncio.sleep(0)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert not taken
        await asyncio.wait_for(arrived.wait(), 10)
        listener.close()
        client.close()

    asyncio.run(main())
    taken[0].close()

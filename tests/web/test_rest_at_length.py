"""REST under load, and against all that its description allows; slow."""

from __future__ import annotations

import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from otpsup import Command, LogFile, Supervisor
from tests.support.waiting import LONG
from tests.web.served import Client, read_until, served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CLIENTS = 1000


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for both ends of all connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 12_000), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_files")
def test_a_thousand_who_never_read(tmp_path: Path) -> None:
    """The tree is steered and looked at as before, and memory does not grow with what they miss."""
    talks = Supervisor("shop", children=[Command(f"c{n}", ["sleep", "1000"]) for n in range(20)])
    with served(tmp_path, talks) as client:
        client.get("/api/v1/tree")
        process = psutil.Process()
        before = process.memory_info().rss
        silent = [_silent(client) for _ in range(CLIENTS)]
        with client.open("/api/v1/events") as reader:
            read_until(reader, b": otpsup")
            took = [_restarted(client, n) for n in range(100)]
            told = read_until(reader, b"data: ")
        grown = process.memory_info().rss - before
        at_median = sorted(took)[len(took) // 2]
        print(f"\nrestart through REST, median of 100: {at_median * 1000:.0f} ms; "
              f"memory: {grown / 2**20:.0f} MiB for {CLIENTS}")  # fmt: skip
        assert told
        assert max(took) < LONG / 2
        assert grown < 300 * 2**20
        assert client.tree.status().ready
        for each in silent:
            each.close()
        assert client.get("/api/v1/tree").status == 200


def _silent(client: Client) -> socket.socket:
    """Who follows all events, with little room for them, and never reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(LONG)
    sock.connect(client.address)
    request = (
        "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {client.tokens['view']}\r\n\r\n"
    )
    sock.sendall(request.encode())
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    assert poll.poll(LONG * 1000)  # it is answered
    return sock


def _restarted(client: Client, number: int) -> float:
    began = time.monotonic()
    answer = client.post(f"/api/v1/children/c{number % 20}:restart")
    assert answer.status == 200
    return time.monotonic() - began


def test_who_does_not_read_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its buffers are full, and it has had its time."""
    from otpsup.web import streams

    monkeypatch.setattr(streams, "STALLED", 0.5)
    log = LogFile(tmp_path / "log", max_bytes=1_000_000, backups=0)
    flood = Supervisor("shop", children=[Command("yes", ["yes", "x" * 200], stdout=log)])
    with served(tmp_path, flood) as client, client.open("/api/v1/logs/follow") as sock:
        poll = select.poll()
        poll.register(sock, select.POLLHUP | select.POLLERR)
        assert poll.poll(60_000)
        assert client.get("/api/v1/about").status == 200


def test_all_that_its_description_allows() -> None:
    """schemathesis finds nothing, and the tree runs on."""
    line = [sys.executable, "-m", "tests.web.fuzz_rest", "5"]
    done = subprocess.run(line, capture_output=True, text=True)
    print(done.stdout[done.stdout.find("= SUMMARY") :])
    assert done.returncode == 0, done.stdout[-5000:]
    assert "the tree after it: running" in done.stdout

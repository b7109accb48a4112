"""Whatever clients do to a daemon, its programs go on, and other clients are answered."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from otpsup.supervisord.rpc import codec, logs
from otpsup.supervisord.rpc.faults import RpcError
from otpsup.supervisord.rpc.methods import Registry
from otpsup.supervisord.rpc.system import System
from tests.supervisord.daemons import Daemon, running
from tests.support.waiting import LONG, until

_FILES = 400
SLEEPER = "[program:sleeper]\ncommand=sleep 1000\nstartsecs=0\nautorestart=true\n"


@pytest.fixture
def few_files(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with a program, and with few descriptors, as its programs know."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with running(tmp_path, SLEEPER, daemon="minfds=200\n") as daemon:
        for process in psutil.Process(daemon.process.pid), *_below(daemon):
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (_FILES, hard))
        yield daemon
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


def _below(daemon: Daemon) -> list[psutil.Process]:
    return psutil.Process(daemon.process.pid).children(recursive=True)


def _pid(daemon: Daemon) -> int:
    with daemon.proxy() as proxy:
        return int(proxy.supervisor.getProcessInfo("sleeper")["pid"])


def _connected(daemon: Daemon) -> socket.socket:
    """Somebody who begins to ask, and never ends."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(daemon.socket))  # with a timeout it would not wait for room (connect(2))
    client.settimeout(LONG)
    client.sendall(b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nX-")
    return client


@pytest.mark.slow
def test_more_connections_than_descriptors(few_files: Daemon) -> None:
    """The programs need them: who has asked for nothing makes room."""
    daemon = few_files
    with ExitStack() as stack:
        for _ in range(2 * _FILES):
            stack.enter_context(_connected(daemon))
        first = _pid(daemon)
        psutil.Process(first).kill()
        until(lambda: _pid(daemon) not in (0, first))
        assert psutil.Process(daemon.process.pid).num_fds() < _FILES / 2
    assert "Too many open files" not in (daemon.folder / "out").read_text()


_CALL = (
    b"<methodCall><methodName>%s</methodName><params><param><value><array><data>%s"
    b"</data></array></value></param></params></methodCall>"
)


@pytest.mark.slow
def test_a_request_of_nothing_but_elements() -> None:
    """Each takes a hundred times its length in memory."""
    body = _CALL % (b"supervisor.getState", b"<value/>" * 1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(codec.BadRequest, match="more than 250000 elements"):
            codec.decode(body)
        assert tracemalloc.get_traced_memory()[1] < 300 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_many_calls_in_one_leave_the_loop_to_others() -> None:
    """Programs are supervised on it."""
    assert asyncio.run(_turns_of_others(100)) >= 100


async def _turns_of_others(calls: int) -> int:
    """How often somebody else had a turn while so many calls in one were made."""
    turns = 0
    loop = asyncio.get_running_loop()

    def turn() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(turn)

    async def call(_: object, __: object) -> bool:
        return True

    loop.call_soon(turn)
    system = System(lambda: Registry([]), call)
    assert await system.multicall([{"methodName": "x"}] * calls) == [True] * calls
    return turns


@pytest.mark.parametrize("offset", [2**63, -(2**63), 2**200, -(2**200)])
def test_numbers_that_no_file_has(tmp_path: Path, offset: int) -> None:
    log = tmp_path / "log"
    log.write_text("text\n")
    for length in (0, 2**63, 2**200):
        with contextlib.suppress(RpcError):
            logs.read(str(log), offset, length)
        logs.tail(str(log), offset, length)


@pytest.mark.slow
def test_bodies_that_never_end(tmp_path: Path) -> None:
    """All of them together take so much memory at most."""
    head = b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\n\r\n"
    with running(tmp_path, SLEEPER) as daemon, ExitStack() as stack:
        for _ in range(30):
            client = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            client.settimeout(LONG)
            client.connect(str(daemon.socket))
            with contextlib.suppress(ConnectionError):  # it may be told off while it speaks
                client.sendall(head + bytes(10_000_000))
        assert _pid(daemon) > 0
        assert psutil.Process(daemon.process.pid).memory_info().rss < 250_000_000

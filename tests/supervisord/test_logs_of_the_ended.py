"""Who sees that a process has ended finds all that it wrote in its log."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from otpsup.control import address
from otpsup.supervisord.conf import load
from otpsup.supervisord.daemon import Daemon
from otpsup.supervisord.mainlog import MainLog
from otpsup.supervisord.rpc.faults import RpcError
from otpsup.supervisord.rpc.logmethods import LogMethods
from otpsup.supervisord.rpc.process import ProcessMethods
from otpsup.supervisord.states import Mood
from tests.support.waiting import LONG

PROGRAMS = """\
[supervisord]
logfile={folder}/d.log
pidfile={folder}/d.pid

[program:busy]
command=/bin/cat
startsecs=0
stdout_logfile={folder}/busy.log

[program:fails]
command=/bin/sh -c "echo no; printf why >&2; exit 3"
startsecs=60
autostart=false
startretries=0
stdout_logfile={folder}/out.log
stderr_logfile={folder}/err.log

[program:shares]
command=/bin/sh -c "printf half; exit 3"
startsecs=60
autostart=false
startretries=0
stdout_logfile={folder}/shared.log
stderr_logfile={folder}/shared.log
"""


class Held:
    """A tap that holds up the thread that reads all output, from the first of it to `let_go`."""

    def __init__(self) -> None:
        self.is_held = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, pid: int, data: bytes) -> bytes:
        self.is_held.set()
        self.let_go.wait(LONG)
        return data


def with_daemon(folder: Path, test: Callable[[Daemon, Held], Awaitable[None]]) -> None:
    """A daemon on this thread's loop, whose pump is held up once `busy` has said something."""
    conf, held = folder / "d.conf", Held()
    conf.write_text(PROGRAMS.replace("{folder}", str(folder)))
    settings = load(conf, {"PATH": "/usr/bin:/bin"}, cwd=folder)

    async def live() -> None:
        log = MainLog(settings.supervisord)
        daemon = Daemon(settings, log, "d", lambda _: settings)
        daemon._session.tap("busy/busy", "stdout", held)
        life = asyncio.create_task(daemon.live())
        try:
            await asyncio.wait_for(test(daemon, held), LONG)
        finally:
            held.let_go.set()
            daemon.end(Mood.SHUTDOWN)
            await life
            log.close()

    asyncio.run(live())


async def has_ended(daemon: Daemon, held: Held, name: str) -> None:
    """Run it to its end, of which nobody has read the output yet."""
    processes = ProcessMethods(daemon)
    record = daemon.record("busy", "busy")
    while record is not None and not record.pid:
        record = await daemon.spawned(record)
    processes.write("busy", "hold\n")
    await asyncio.to_thread(held.is_held.wait, LONG)
    with pytest.raises(RpcError, match=name):  # it ends too quickly
        await processes.start(name)


@pytest.mark.parametrize(
    ("name", "method", "expected"),
    [
        ("fails", "read_stdout", "no\n"),
        ("fails", "read_stderr", "why"),
        ("fails", "tail_stdout", ["no\n", 3, False]),
        ("fails", "tail_stderr", ["why", 3, False]),
        ("shares", "read_stdout", "half\n"),  # with the end of the line, which others may follow
    ],
)
def test_a_log_waits_for_its_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, method: str, expected: Any
) -> None:
    """A process that has ended is told of before its output is read; what is then asked for its
    log is answered with all of it, as supervisord does."""
    monkeypatch.setenv(address.DIRECTORY, str(tmp_path))

    async def test(daemon: Daemon, held: Held) -> None:
        await has_ended(daemon, held, name)
        read = asyncio.ensure_future(getattr(LogMethods(daemon), method)(name, 0, 100))
        await asyncio.wait({read}, timeout=0.05)
        held.let_go.set()
        assert await read == expected

    with_daemon(tmp_path, test)


def test_a_log_waits_for_no_reader_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log on a disk that hangs is read as it is."""
    monkeypatch.setenv(address.DIRECTORY, str(tmp_path))
    monkeypatch.setattr("otpsup.session._CATCH_UP", 0.1)

    async def test(daemon: Daemon, held: Held) -> None:
        await has_ended(daemon, held, "fails")
        assert await LogMethods(daemon).read_stdout("fails", 0, 100) == ""

    with_daemon(tmp_path, test)

"""Listeners as real processes: superlance's, and some made with supervisord's own library."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xmlrpc.server import SimpleXMLRPCServer

import pytest

from otpsup.supervisord import events
from otpsup.supervisord.conf.model import Log
from tests.supervisord.listening import (
    BIN,
    RECORDER,
    SILENT,
    Host,
    listener,
    program,
    until,
    with_host,
)


def remote(text: object) -> events.Event:
    return events.remote_communication("t", str(text))


def got(lines: list[str]) -> list[str]:
    """The texts of the remote events that a recorder tells."""
    return [line.rpartition("|")[2] for line in lines if line.startswith("REMOTE")]


def test_all_events_in_their_order() -> None:
    """A real listener is told of 300 events, each once, in the order in which they came."""

    async def test(host: Host) -> None:
        child = host.python("rec/rec", RECORDER)
        for number in range(300):
            host.listeners.notify(remote(number))
        await until(lambda: len(child.lines()) == 300)
        assert got(child.lines()) == [str(number) for number in range(300)]

    with_host(Host(listener("rec", "REMOTE_COMMUNICATION", buffer_size=300)), test)


def test_a_listener_dies_busy_and_the_next_one_is_told() -> None:
    """`kill -9` of one that never answers: its event is the first that the next one gets."""

    async def test(host: Host) -> None:
        silent = host.python("rec/rec", SILENT)
        for number in range(3):
            host.listeners.notify(remote(number))
        await until(lambda: got(silent.lines()) == ["0"])
        await host.kill(silent)
        child = host.python("rec/rec", RECORDER)
        await until(lambda: len(child.lines()) == 3)
        assert [line.split()[1] for line in child.lines()] == ["0", "1", "2"]
        assert got(child.lines()) == ["0", "1", "2"]

    with_host(Host(listener("rec", "REMOTE_COMMUNICATION")), test)


def test_nobody_listens_and_the_buffer_overflows() -> None:
    """The oldest go, each with an error that names its serial; who starts later gets the rest."""

    async def test(host: Host) -> None:
        for number in range(15):
            host.listeners.notify(remote(number))
        lost = [text for level, text in host.log if level == "error"]
        assert lost == [
            f"pool rec event buffer overflowed, discarding event {serial}" for serial in range(5)
        ]
        child = host.python("rec/rec", RECORDER)
        await until(lambda: len(child.lines()) == 10)
        assert got(child.lines()) == [str(number) for number in range(5, 15)]

    with_host(Host(listener("rec", "REMOTE_COMMUNICATION")), test)


def test_garbage_costs_the_listener_and_not_the_tree() -> None:
    """One that prints what is no protocol gets nothing; another one in the pool does."""

    async def test(host: Host) -> None:
        noisy = host.python("rec/rec_0", "print('starting up...', flush=True); input()")
        await until(lambda: noisy.lines("stdout"))
        child = host.python("rec/rec_1", RECORDER)
        host.listeners.notify(remote("x"))
        await until(lambda: got(child.lines()) == ["x"])
        said = [text for level, text in host.log if level == "warn"]
        assert len(said) == 1
        assert said[0].startswith("rec_0: has entered the UNKNOWN state and will no longer receive")

    with_host(Host(listener("rec", "REMOTE_COMMUNICATION", count=2)), test)


def test_a_pool_works_on_several_at_once() -> None:
    """Three listeners that do not answer have three events, and no more."""

    async def test(host: Host) -> None:
        children = [host.python(f"rec/rec_{number}", SILENT) for number in range(3)]
        for number in range(5):
            host.listeners.notify(remote(number))
        await until(lambda: sum(len(got(child.lines())) for child in children) == 3)
        told = sorted(text for child in children for text in got(child.lines()))
        assert told == ["0", "1", "2"]

    with_host(Host(listener("rec", "REMOTE_COMMUNICATION", count=3)), test)


def test_what_a_program_says_between_the_marks() -> None:
    """It is an event for a listener, and is not in the program's log."""
    shell = "printf 'a<!--XSUPERVISOR:BEG'; printf 'IN-->grüße<!--XSUPERVISOR:END-->b'"

    async def test(host: Host) -> None:
        child = host.python("rec/rec", RECORDER)
        spoken = host.start("cat/cat", "/bin/sh", "-c", shell)
        await until(child.lines)
        pid = spoken.popen.pid
        assert child.lines() == [
            f"PROCESS_COMMUNICATION_STDOUT 0 processname:cat groupname:cat pid:{pid}|grüße"
        ]
        await until(lambda: "cat/cat" not in host.children)
        assert spoken.logged["stdout"] == b"ab"

    capturing = program("cat", Log(capture_maxbytes=1000))
    with_host(Host(listener("rec", "PROCESS_COMMUNICATION"), capturing), test)


def test_what_a_program_logs() -> None:
    """With `stdout_events_enabled` a listener is told of it, without colours if they go."""

    async def test(host: Host) -> None:
        child = host.python("rec/rec", RECORDER)
        spoken = host.start("cat/cat", "/bin/echo", "\033[31mred\033[0m")
        await until(child.lines)
        pid = spoken.popen.pid
        assert child.lines() == [
            f"PROCESS_LOG_STDOUT 0 processname:cat groupname:cat pid:{pid} channel:stdout|red|"
        ]
        await until(lambda: "cat/cat" not in host.children)
        assert spoken.logged["stdout"] == b"red\n"

    logging = program("cat", Log(events_enabled=True))
    with_host(Host(listener("rec", "PROCESS_LOG"), logging, strip_ansi=True), test)


@pytest.fixture
def sendmail(tmp_path: Path) -> tuple[str, Path]:
    """A program that takes mail, and where it leaves it."""
    script, mail = tmp_path / "sendmail", tmp_path / "mail"
    script.write_text(f"#!/bin/sh\ncat > {mail}.new && mv {mail}.new {mail}\n")
    script.chmod(0o755)
    return str(script), mail


def test_crashmail(sendmail: tuple[str, Path]) -> None:
    """superlance's crashmail writes a mail of a program that exits as it should not, and none of
    one that exits as it should."""

    async def test(host: Host) -> None:
        env = {"SUPERVISOR_SERVER_URL": "unix:///nowhere"}
        command = (BIN / "crashmail", "-a", "-m", "ops@example.com", "-s", sendmail[0])
        host.start("crashmail/crashmail", *command, env=env)
        host.start("good/good", "/bin/sh", "-c", "exit 0")
        await until(lambda: "good/good" not in host.children)
        bad = host.start("bad/bad", "/bin/sh", "-c", "exit 3")
        await until(sendmail[1].exists)
        mail = sendmail[1].read_text()
        assert mail.startswith("To: ops@example.com\nSubject:  bad crashed at ")
        pid = bad.popen.pid
        assert mail.endswith(
            f"Process bad in group bad exited unexpectedly (pid {pid}) from state RUNNING"
        )

    group = listener("crashmail", "PROCESS_STATE", buffer_size=100)
    with_host(Host(group, program("good"), program("bad")), test)


class Daemon:
    """As much of the RPC interface as superlance asks for."""

    def __init__(self, pid: int) -> None:
        self.calls: list[str] = []
        self._info = {"name": "big", "group": "pets", "pid": pid, "state": 20, "now": 9, "start": 1}

    def getAllProcessInfo(self) -> list[dict[str, Any]]:  # noqa: N802
        return [self._info]

    def getProcessInfo(self, name: str) -> dict[str, Any]:  # noqa: N802
        return self._info

    def stopProcess(self, name: str) -> bool:  # noqa: N802
        self.calls.append(f"stop {name}")
        return True

    def startProcess(self, name: str) -> bool:  # noqa: N802
        self.calls.append(f"start {name}")
        return True


@contextmanager
def served(server: http.server.HTTPServer | SimpleXMLRPCServer) -> Iterator[str]:
    """A server in a thread, and its URL."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def rpc(daemon: Daemon) -> Iterator[dict[str, str]]:
    """The environment of a listener that finds it."""
    server = SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False)
    for name in ("getAllProcessInfo", "getProcessInfo", "stopProcess", "startProcess"):
        server.register_function(getattr(daemon, name), f"supervisor.{name}")
    with served(server) as url:
        yield {"SUPERVISOR_SERVER_URL": url}


def test_memmon() -> None:
    """superlance's memmon hears the tick, and restarts a process that has grown too big."""
    daemon = Daemon(os.getpid())

    async def test(host: Host) -> None:
        child = host.start("memmon/memmon", BIN / "memmon", "-p", "big=1KB", env=env)
        host.listeners.notify(remote("no tick"))
        host.tick()
        await until(lambda: len(daemon.calls) == 2)
        assert daemon.calls == ["stop pets:big", "start pets:big"]
        await until(lambda: "Restarting pets:big" in child.lines())

    with rpc(daemon) as env:
        with_host(Host(listener("memmon", "TICK_60", "REMOTE_COMMUNICATION")), test)


class Broken(http.server.BaseHTTPRequestHandler):
    """A site that is down."""

    def do_GET(self) -> None:
        """Say so."""
        self.send_error(503)

    def log_message(self, format: str, *args: Any) -> None: ...


def test_httpok(sendmail: tuple[str, Path]) -> None:
    """superlance's httpok hears the tick, restarts what does not serve, and writes a mail."""
    daemon = Daemon(os.getpid())

    async def test(host: Host) -> None:
        options = ("-p", "big", "-m", "ops@example.com", "-s", sendmail[0])
        host.start("httpok/httpok", BIN / "httpok", *options, f"{site}/", env=env)
        host.tick()
        await until(sendmail[1].exists)
        assert daemon.calls == ["stop pets:big", "start pets:big"]
        assert "pets:big restarted" in sendmail[1].read_text()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    with served(server) as site, rpc(daemon) as env:
        with_host(Host(listener("httpok", "TICK_5")), test)

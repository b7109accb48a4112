"""`otpsup run -c supervisord.conf` with real listeners, asked by the real supervisorctl."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import pytest
from supervisor.xmlrpc import SupervisorTransport

from tests.supervisord.listening import BIN, RECORDER
from tests.support import ROOT
from tests.support.waiting import LONG, until

CONF = """
[supervisord]
logfile = {here}/daemon.log
pidfile = {here}/daemon.pid
childlogdir = {here}
nodaemon = true

[unix_http_server]
file = {here}/s

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{here}/s
"""
PROGRAM = """
[program:{name}]
command = {command}
autorestart = {autorestart}
autostart = false
stdout_logfile = {here}/{name}.out
{more}
"""
LISTENER = """
[eventlistener:{name}]
command = {command}
events = {events}
buffer_size = {size}
startsecs = 0
autostart = {autostart}
stderr_logfile = {here}/{name}.err
"""


class Running:
    """A daemon, its folder, and a client."""

    def __init__(self, here: Path) -> None:
        self.here = here
        transport = SupervisorTransport(None, None, f"unix://{here}/s")
        self.rpc: Any = ServerProxy("http://127.0.0.1", transport).supervisor
        self.close = transport.close

    def events(self, name: str = "rec") -> list[str]:
        """What a recorder tells: type, serial and payload."""
        file = self.here / f"{name}.err"
        return file.read_text().splitlines() if file.exists() else []

    def told(self, text: str) -> bool:
        return any(text in line for line in self.events())


def _serves(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
            asked.connect(str(path))
    except OSError:
        return False
    return True


@contextmanager
def daemon(here: Path, *sections: str) -> Iterator[Running]:
    file = here / "supervisord.conf"
    file.write_text(CONF.format(here=here) + "".join(sections))
    command = [sys.executable, "-m", "otpsup", "run", "-c", str(file)]
    out = (here / "daemon.out").open("wb")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with out, subprocess.Popen(command, stdout=out, stderr=out, cwd=here, env=env) as popen:
        try:
            until(lambda: _serves(here / "s"))
            with closing(Running(here)) as running:
                yield running
        finally:
            popen.send_signal(signal.SIGTERM)
            try:
                popen.wait(LONG)
            finally:
                popen.kill()


def recorder(here: Path, events: str, *, size: int = 10, autostart: str = "true") -> str:
    script = here / "rec.py"
    script.write_text(RECORDER)
    return LISTENER.format(
        here=here, name="rec", command=f"{sys.executable} {script}", events=events, size=size,
        autostart=autostart,
    )  # fmt: skip


def program(here: Path, name: str, command: str, more: str = "", autorestart: str = "false") -> str:
    return PROGRAM.format(here=here, name=name, command=command, more=more, autorestart=autorestart)


@pytest.mark.slow
def test_a_listener_is_told_what_happens(tmp_path: Path) -> None:
    """States of a program with their payloads, a remote event, what is between the marks; and what
    its listener said is as it says that it understood."""
    speak = "/bin/sh -c 'printf \"a<!--XSUPERVISOR:BEGIN-->b<!--XSUPERVISOR:END-->c\"; exit 3'"
    sections = (
        recorder(tmp_path, "PROCESS_STATE,REMOTE_COMMUNICATION,PROCESS_COMMUNICATION", size=100),
        program(tmp_path, "cat", "/bin/cat"),
        program(tmp_path, "speak", speak, "stdout_capture_maxbytes = 1KB\nstartsecs = 0"),
    )
    with daemon(tmp_path, *sections) as running:
        running.rpc.startProcess("cat")
        pid = running.rpc.getProcessInfo("cat")["pid"]
        running.rpc.stopProcess("cat")
        running.rpc.sendRemoteCommEvent("a type", "some data")
        running.rpc.startProcess("speak", False)
        until(lambda: running.told("|b") and running.told("expected:0"))
        lines = [line for line in running.events() if "processname:rec" not in line]
        cat = [line for line in lines if "processname:cat" in line]
        about = "processname:cat groupname:cat from_state"
        assert [line.split(" ", 2)[0] + " " + line.split(" ", 2)[2] for line in cat] == [
            f"PROCESS_STATE_STARTING {about}:STOPPED tries:0",
            f"PROCESS_STATE_RUNNING {about}:STARTING pid:{pid}",
            f"PROCESS_STATE_STOPPING {about}:RUNNING pid:{pid}",
            f"PROCESS_STATE_STOPPED {about}:STOPPING pid:{pid}",
        ]
        assert any(line.endswith("type:a type|some data") for line in lines)
        out = tmp_path / "speak.out"
        until(lambda: out.exists() and out.read_text().strip() == "ac")
        serials = [int(line.split()[1]) for line in running.events()]
        assert serials == sorted(set(serials))


@pytest.mark.slow
def test_a_program_that_gives_up(tmp_path: Path) -> None:
    """STARTING, BACKOFF, STARTING, BACKOFF, FATAL, with the number of tries."""
    more = "startretries = 1\nstartsecs = 60"
    bad = program(tmp_path, "bad", "/bin/false", more)
    with daemon(tmp_path, recorder(tmp_path, "PROCESS_STATE", size=100), bad) as running:
        running.rpc.startProcess("bad", False)
        until(lambda: running.told("from_state:BACKOFF") and running.told("_FATAL"))
        lines = [line for line in running.events() if "processname:bad" in line]
        found = [
            (line.split()[0].rpartition("_")[2], line.split("from_state:")[1]) for line in lines
        ]
        assert found == [
            ("STARTING", "STOPPED tries:0"),
            ("BACKOFF", "STARTING tries:1"),
            ("STARTING", "BACKOFF tries:1"),
            ("BACKOFF", "STARTING tries:2"),
            ("FATAL", "BACKOFF"),
        ]


@pytest.mark.slow
def test_nobody_listens_yet(tmp_path: Path) -> None:
    """The buffer overflows, which the daemon's log tells; who is started then gets the rest."""
    section = recorder(tmp_path, "REMOTE_COMMUNICATION", size=3, autostart="false")
    with daemon(tmp_path, section) as running:
        for number in range(5):
            running.rpc.sendRemoteCommEvent("t", str(number))
        log = tmp_path / "daemon.log"
        for serial in (0, 1):
            words = f"pool rec event buffer overflowed, discarding event {serial}"
            until(lambda words=words: words in log.read_text())  # type: ignore[misc]
        running.rpc.startProcess("rec", False)
        until(lambda: len(running.events()) == 3)
        assert [line[-1] for line in running.events()] == ["2", "3", "4"]


@pytest.mark.slow
def test_memmon_restarts_what_grows_too_big(tmp_path: Path) -> None:
    """superlance's memmon, on a real TICK_5, by the daemon's own RPC interface."""
    memmon = LISTENER.format(
        here=tmp_path, name="memmon", command=f"{BIN / 'memmon'} -p big=1KB", events="TICK_5",
        size=10, autostart="true",
    )  # fmt: skip
    with daemon(tmp_path, memmon, program(tmp_path, "big", "/bin/cat")) as running:
        running.rpc.startProcess("big", False)  # its first second may be memmon's fifth
        first = running.rpc.getProcessInfo("big")["pid"]
        until(lambda: running.rpc.getProcessInfo("big")["pid"] not in (0, first), within=3 * LONG)
        until(lambda: "Restarting big:big" in running.events("memmon"))


@pytest.mark.slow
def test_crashmail_writes_of_a_crash(tmp_path: Path) -> None:
    """superlance's crashmail, of a program killed by somebody."""
    script, mail = tmp_path / "sendmail", tmp_path / "mail"
    script.write_text(f"#!/bin/sh\ncat > {mail}.new && mv {mail}.new {mail}\n")
    script.chmod(0o755)
    crashmail = LISTENER.format(
        here=tmp_path, name="crashmail", events="PROCESS_STATE", size=100, autostart="true",
        command=f"{BIN / 'crashmail'} -a -m ops@example.com -s {script}",
    )  # fmt: skip
    with daemon(tmp_path, crashmail, program(tmp_path, "cat", "/bin/cat")) as running:
        running.rpc.startProcess("cat")
        pid = running.rpc.getProcessInfo("cat")["pid"]
        os.kill(pid, signal.SIGKILL)
        until(mail.exists)
        assert f"Process cat in group cat exited unexpectedly (pid {pid})" in mail.read_text()


@pytest.mark.slow
def test_a_start_that_takes_no_time_is_answered(tmp_path: Path) -> None:
    """STARTING and RUNNING come at once with `startsecs = 0`, and who waits for that is told."""
    with daemon(tmp_path, program(tmp_path, "cat", "/bin/cat", "startsecs = 0")) as running:
        for _ in range(5):
            assert running.rpc.startProcess("cat") is True
            assert running.rpc.stopProcess("cat") is True

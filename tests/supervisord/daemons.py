"""Daemons under test: otpsup and the real supervisord, with the same configuration, and clients."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from attrs import frozen
from supervisor.xmlrpc import SupervisorTransport

from otpsup.control import address
from tests.support import ROOT
from tests.support.waiting import LONG, gone, until

HEAD = """\
[unix_http_server]
file={folder}/d.sock
{auth}
[supervisord]
logfile={folder}/d.log
pidfile={folder}/d.pid
childlogdir={folder}/logs
nodaemon=true
{daemon}
{rpc}
[supervisorctl]
serverurl=unix://{folder}/d.sock
{auth}
"""
"""What every configuration here begins with."""

RPC = """\
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface"""


@frozen
class Daemon:
    """A daemon that serves.

    Attributes:
        folder: with its files: `d.conf`, `d.sock`, `d.log`, and `logs` for what it names itself.
        process: the daemon; its output is in `out`.
    """

    folder: Path
    process: subprocess.Popen[str]
    username: str | None = None
    password: str | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "d.sock"

    def proxy(self) -> Any:
        """An XML-RPC client as supervisorctl has it."""
        url = f"unix://{self.socket}"
        transport = SupervisorTransport(self.username, self.password, url)
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)

    def call(self, method: str, *args: Any) -> Any:
        """The answer of a method, or the fault as a text, or the HTTP status that came."""
        try:
            with self.proxy() as proxy:
                return getattr(proxy, method)(*args)
        except xmlrpc.client.Fault as fault:
            return f"fault {fault.faultCode} {fault.faultString}"
        except xmlrpc.client.ProtocolError as error:
            return f"http {error.errcode}"

    def until_state(self, name: str, *states: str, within: float = LONG) -> None:
        """Wait until a process is in one of these states."""
        until(lambda: self.call("supervisor.getProcessInfo", name)["statename"] in states, within)

    @contextmanager
    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """Any HTTP request; the answer's body may be read from it."""
        with contextlib.closing(UnixConnection(self.socket)) as connection:
            connection.request(method, path, body, dict(headers or {}))
            with connection.getresponse() as answer:
                yield answer

    def ctl(
        self, *args: str, stdin: str = "", within: float = 3 * LONG
    ) -> subprocess.CompletedProcess[str]:
        """The real supervisorctl."""
        argv = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(self.folder / "d.conf")]
        return subprocess.run(
            [*argv, *args], input=stdin, text=True, capture_output=True, timeout=within, check=False
        )


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=LONG)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(LONG)
        self.sock.connect(str(self._path))


def write(folder: Path, programs: str, daemon: str = "", auth: str = "", rpc: str = RPC) -> Path:
    """Write a configuration; `{folder}` in it is its folder."""
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    (folder / "trees").mkdir(exist_ok=True, mode=0o700)
    text = HEAD.replace("{daemon}", daemon).replace("{auth}", auth).replace("{rpc}", rpc) + programs
    path = folder / "d.conf"
    path.write_text(text.replace("{folder}", str(folder)))
    return path


@contextmanager
def running(
    folder: Path,
    programs: str = "",
    *,
    real: bool = False,
    daemon: str = "",
    auth: str = "",
    rpc: str = RPC,
) -> Iterator[Daemon]:
    """A daemon with these programs; at the end nothing of it is left."""
    path = write(folder, programs, daemon, auth, rpc)
    argv = ["-m", "supervisor.supervisord", "-n", "-c"] if real else ["-m", "otpsup", "run", "-c"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), address.DIRECTORY: str(folder / "trees")}
    with (folder / "out").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, *argv, str(path)], cwd=folder, env=env, text=True, stdout=out,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    names = dict(line.split("=", 1) for line in auth.splitlines())
    served = Daemon(folder, process, names.get("username"), names.get("password"))
    try:
        until(lambda: _serves(served), within=3 * LONG)
        yield served
    finally:
        _end(process, hurry=real)


def _end(process: subprocess.Popen[str], *, hurry: bool) -> None:
    """supervisord stops one group a second; that is not what is tested."""
    below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    if hurry:
        process.kill()
        for each in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    process.terminate()
    try:
        process.wait(2 * LONG)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def _serves(daemon: Daemon) -> bool:
    if daemon.process.poll() is not None:
        raise AssertionError((daemon.folder / "out").read_text())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
            asked.connect(str(daemon.socket))
    except OSError:
        return False
    return True


__all__ = ["Daemon", "gone", "running", "write"]

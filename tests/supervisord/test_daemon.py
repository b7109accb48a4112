"""`otpsup run -c supervisord.conf`: signals, logs, clients that are slow or hostile, `otpsup`'s own
commands, plug-ins, and what cannot be had."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import xmlrpc.client
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from otpsup.control import address
from tests.supervisord.daemons import Daemon, running, write
from tests.support import ROOT
from tests.support.servers import free_port
from tests.support.waiting import LONG, until

CAT = """
[program:cat]
command=/bin/cat
startsecs=0
stdout_logfile={folder}/cat.log
"""


def env(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), address.DIRECTORY: str(folder / "trees")}


def otpsup(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "otpsup", *args]
    return subprocess.run(
        argv, cwd=folder, env=env(folder), text=True, capture_output=True, timeout=LONG, check=False
    )


def holds(path: Path, text: str) -> bool:
    return path.exists() and text in path.read_text()


def test_signals(tmp_path: Path) -> None:
    """USR2 opens the logs anew, HUP starts all anew in the same process, TERM ends it with 0."""
    with running(tmp_path, CAT) as daemon:
        log = tmp_path / "d.log"
        log.rename(tmp_path / "old.log")
        daemon.process.send_signal(signal.SIGUSR2)
        until(log.exists)
        daemon.until_state("cat", "RUNNING")
        before = daemon.call("supervisor.getProcessInfo", "cat")["pid"]
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: holds(log, "received SIGHUP indicating restart request"))
        until(lambda: _other_pid(daemon, before))
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(LONG) == 0
        assert holds(log, "WARN received SIGTERM indicating exit request")


def _other_pid(daemon: Daemon, before: int) -> bool:
    with contextlib.suppress(OSError):
        found = daemon.call("supervisor.getProcessInfo", "cat")
        return isinstance(found, dict) and found["pid"] not in (0, before)
    return False


@pytest.mark.slow
def test_otpsups_own_commands(tmp_path: Path) -> None:
    """The same tree under its own name: status, stop, start, plan and update of the same file; and
    supervisord's clients see what became of it."""
    daemon_section = "identifier=shop"
    with running(tmp_path, CAT, daemon=daemon_section) as daemon:
        daemon.until_state("cat", "RUNNING")
        assert re.search("cat +.*running", otpsup(tmp_path, "status", "--tree", "shop").stdout)
        assert otpsup(tmp_path, "stop", "cat/cat").returncode == 0
        assert daemon.call("supervisor.getProcessInfo", "cat")["statename"] == "STOPPED"
        assert "cat/cat is down because" in otpsup(tmp_path, "why", "cat").stdout
        assert otpsup(tmp_path, "start", "cat/cat").returncode == 0
        assert daemon.call("supervisor.getProcessInfo", "cat")["statename"] == "RUNNING"
        conf = tmp_path / "d.conf"
        conf.write_text(conf.read_text() + "[program:dog]\ncommand=/bin/cat\nstartsecs=0\n")
        assert "dog" in otpsup(tmp_path, "plan").stdout
        assert daemon.call("supervisor.getProcessInfo", "dog") == "fault 10 BAD_NAME: dog"
        done = otpsup(tmp_path, "update")
        assert done.returncode == 0, done.stderr
        daemon.until_state("dog", "RUNNING")
        assert daemon.call("supervisor.reloadConfig") == [[[], [], []]]
        conf.write_text(conf.read_text().replace("[program:dog]", "[program:fox]"))
        assert otpsup(tmp_path, "update").returncode == 0
        daemon.until_state("fox", "RUNNING")
        assert daemon.call("supervisor.getProcessInfo", "dog") == "fault 10 BAD_NAME: dog"


@pytest.mark.slow
def test_the_positional_form(tmp_path: Path) -> None:
    """`otpsup run d.conf --name shop`, without any server: the tree is called so."""
    path = write(tmp_path, CAT)
    path.write_text(re.sub(r"(?s)\[unix_http_server\].*?\[supervisord\]", "[supervisord]",
                           path.read_text()))  # fmt: skip
    argv = [sys.executable, "-m", "otpsup", "run", "d.conf", "--name", "shop"]
    with subprocess.Popen(argv, cwd=tmp_path, env=env(tmp_path), stdout=subprocess.PIPE) as program:
        until(lambda: holds(tmp_path / "d.log", "success: cat"))
        assert "cat" in otpsup(tmp_path, "status", "--tree", "shop").stdout
        program.terminate()
        assert program.wait(LONG) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("-c", "no.conf"), "no.conf"),
        (("-c", "d.conf", "shop:build"), "two things"),
        ((), "supervisord.conf"),
    ],
)
def test_what_cannot_be_run(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    """It is said in words, with an exit code, and without a traceback."""
    done = otpsup(tmp_path, "run", *args)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_socket_that_is_in_use(tmp_path: Path) -> None:
    """A second daemon on the same socket ends, and the first one serves on; a socket that nobody
    listens on is replaced, but no file that is none."""
    with running(tmp_path, CAT) as daemon:
        done = otpsup(tmp_path, "run", "-c", "d.conf", "--name", "second")
        assert done.returncode != 0
        assert "already listens" in done.stderr
        assert daemon.call("supervisor.getAPIVersion") == "3.0"
    (tmp_path / "d.sock").write_text("somebody's")
    done = otpsup(tmp_path, "run", "-c", "d.conf")
    assert (tmp_path / "d.sock").read_text() == "somebody's"
    assert "is there, and no socket" in done.stderr
    (tmp_path / "d.sock").unlink()
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(str(tmp_path / "d.sock"))
    stale.close()
    with running(tmp_path, CAT, daemon="") as daemon:
        assert daemon.call("supervisor.getAPIVersion") == "3.0"


@pytest.mark.slow
def test_the_socket_is_as_the_file_says(tmp_path: Path) -> None:
    """Its mode, and nothing of its making is left."""
    with running(tmp_path, CAT, auth="chmod=0600\n") as daemon:
        assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o600
        assert [path.name for path in tmp_path.glob("d.sock*")] == ["d.sock"]


@pytest.mark.slow
def test_inet_with_a_password(tmp_path: Path) -> None:
    """Both kinds of socket at once, each with its own door."""
    port = free_port()
    digest = "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d"
    inet = f"[inet_http_server:x]\nport=127.0.0.1:{port}\nusername=u\npassword={digest}\n"
    with running(tmp_path, CAT + inet) as daemon:
        assert daemon.call("supervisor.getAPIVersion") == "3.0"
        with xmlrpc.client.ServerProxy(f"http://u:thepassword@127.0.0.1:{port}/RPC2") as proxy:
            assert proxy.supervisor.getAPIVersion() == "3.0"
        with (
            xmlrpc.client.ServerProxy(f"http://u:wrong@127.0.0.1:{port}/RPC2") as proxy,
            pytest.raises(xmlrpc.client.ProtocolError, match="401"),
        ):
            proxy.supervisor.getAPIVersion()


# Clients that mean no good.


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("h"), CAT) as daemon:
        daemon.until_state("cat", "RUNNING")
        yield daemon


def connected(daemon: Daemon, *data: bytes) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(LONG)
    client.connect(str(daemon.socket))
    for each in data:
        client.sendall(each)
    return client


def answer_to(daemon: Daemon, *data: bytes) -> bytes:
    with connected(daemon, *data) as client:
        found = b""
        with contextlib.suppress(ConnectionError):
            while part := client.recv(65536):
                found += part
                if b"\r\n\r\n" in found:
                    break
        return found


POST = b"POST /RPC2 HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (POST + b"\r\n", b"411"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (POST + b"Content-Length: 99999999999\r\n\r\n", b"413"),
        (POST + b"Content-Length: -1\r\n\r\n", b"400"),
        (POST + b"Content-Length: x\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x00\xff\r\n\r\n", b"400"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /logtail/%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /logtail/%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
    ],
)
def test_hostile_requests(shared: Daemon, data: bytes, status: bytes) -> None:
    """Each has its answer, and the daemon serves on."""
    assert answer_to(shared, data).partition(b" ")[2][:3] == status
    assert shared.call("supervisor.getAPIVersion") == "3.0"


def test_a_head_without_end(shared: Daemon) -> None:
    """It is cut off, and costs no memory."""
    with connected(shared, b"GET / HTTP/1.1\r\n") as client, contextlib.suppress(ConnectionError):
        for _ in range(1000):
            client.sendall(b"x: " + b"y" * 1000 + b"\r\n")
        raise AssertionError("a head of a megabyte was taken")
    assert shared.call("supervisor.getAPIVersion") == "3.0"


def test_slow_clients_hold_up_nobody(shared: Daemon) -> None:
    """Hundreds that have begun a request, or do not read their answer: all others are served."""
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connected(shared, POST + b"Content-Length: 100\r\n\r\nx"))
        body = xmlrpc.client.dumps((), "supervisor.getAllConfigInfo").encode()
        for _ in range(20):
            head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
            stack.enter_context(connected(shared, *[head + body] * 20))
        assert shared.call("supervisor.stopProcess", "cat") is True
        assert shared.call("supervisor.startProcess", "cat") is True


@pytest.mark.slow
def test_a_wait_holds_up_nobody(tmp_path: Path) -> None:
    """While one client waits for a stop, the next is served."""
    slow = (
        "[program:slow]\ncommand=/bin/sh -c \"trap '' TERM; echo ok; while :; do sleep 0.05; done\""
    )
    more = "\nstartsecs=0\nstopwaitsecs=3\nstdout_logfile={folder}/slow.log\n"
    with running(tmp_path, slow + more) as daemon:
        until(lambda: holds(tmp_path / "slow.log", "ok"))
        body = xmlrpc.client.dumps(("slow",), "supervisor.stopProcess").encode()
        head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
        with connected(daemon, head + body) as client:
            daemon.until_state("slow", "STOPPING")
            found = b""
            while b"<boolean>1</boolean>" not in found:
                found += client.recv(65536)
        daemon.until_state("slow", "STOPPED")


def test_logtail(shared: Daemon) -> None:
    """Nothing at all, not even a head, until there is something; then all that comes."""
    log = shared.folder / "cat.log"
    with connected(shared, b"GET /logtail/cat HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        client.settimeout(0.3)
        if log.stat().st_size == 0:
            with pytest.raises(TimeoutError):
                client.recv(1)
        client.settimeout(LONG)
        shared.call("supervisor.sendProcessStdin", "cat", "hello\n")
        found = b""
        while b"hello" not in found:
            found += client.recv(65536)
        for each in (b"200 OK", b"text/plain;charset=utf-8", b"last-modified", b"chunked"):
            assert each in found
    with shared.request("GET", "/mainlogtail") as answer:
        found = b""
        while b"INFO" not in found:
            found += answer.read1(500)
    with shared.request("GET", "/") as answer:
        assert b"cat:cat" in answer.read()


@pytest.mark.slow
def test_an_idle_daemon_sleeps(tmp_path: Path) -> None:
    """With HTTP servers, and with connections that are open, nobody wakes up."""
    with running(tmp_path, CAT) as daemon, connected(daemon):
        daemon.until_state("cat", "RUNNING")
        until(lambda: is_asleep(daemon.process.pid), within=3 * LONG)


def is_asleep(pid: int) -> bool:
    """Whether nothing of it wakes up for a second."""
    before = switches(pid)
    time.sleep(1.0)
    return switches(pid) == before


def switches(pid: int) -> int:
    """How often its threads have given up the CPU."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        text = (task / "status").read_text()
        found += sum(map(int, re.findall(r"^voluntary_ctxt_switches:\s*(\d+)", text, re.MULTILINE)))
    return found


PLUGIN = """
class Fault(Exception):
    code, text = 1234, "MINE: no"
class Interface:
    def __init__(self, supervisord, word): self.supervisord, self.word = supervisord, word
    def hello(self, name): return [self.word, name, self.supervisord.options.identifier]
    def groups(self): return sorted(self.supervisord.process_groups)
    def fails(self): raise Fault()
    def breaks(self): return 1 / 0
    def _hidden(self): return 1
def make(supervisord, **config): return Interface(supervisord, **config)
def broken(supervisord): supervisord.options.nothing_like_that
"""


@pytest.mark.slow
def test_plug_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods of other factories are published; one that cannot work is left out, and told."""
    (tmp_path / "plug.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    sections = (
        "[rpcinterface:mine]\nsupervisor.rpcinterface_factory=plug:make\nword=hi\n"
        "[rpcinterface:broken]\nsupervisor.rpcinterface_factory=plug:broken\n"
        "[rpcinterface:gone]\nsupervisor.rpcinterface_factory=no_such_module:make\n"
    )
    with running(tmp_path, CAT + sections) as daemon:
        assert daemon.call("mine.hello", "x") == ["hi", "x", "supervisor"]
        assert daemon.call("mine.groups") == ["cat"]
        assert daemon.call("mine.fails") == "fault 1234 MINE: no"
        assert str(daemon.call("mine.breaks")).startswith("fault 30 FAILED: ZeroDivisionError")
        assert daemon.call("mine._hidden") == "fault 1 UNKNOWN_METHOD"
        assert daemon.call("mine.hello") == "fault 2 INCORRECT_PARAMETERS"
        assert "mine.hello" in daemon.call("system.listMethods")
        for name in ("broken", "gone"):
            assert holds(tmp_path / "d.log", f"WARN [rpcinterface:{name}] is left out")


# Clients of others.


def test_supervisor_checks(tmp_path: Path) -> None:
    """The TCP check of supervisor-checks restarts what does not answer; it runs as a listener."""
    port = free_port()
    check = Path(sys.executable).with_name("supervisor_tcp_check")
    listener = (
        f"[eventlistener:check]\ncommand={check} -n check -g cat -p {port} -t 1 -r 1\n"
        "events=TICK_5\nstderr_logfile={folder}/check.err\n"
    )
    with running(tmp_path, CAT + listener) as daemon:
        daemon.until_state("cat", "RUNNING")
        before = daemon.call("supervisor.getProcessInfo", "cat")["pid"]
        until(lambda: _other_pid(daemon, before), within=4 * LONG)


test_supervisor_checks = pytest.mark.slow(test_supervisor_checks)

NPM = """
const supervisord = require('supervisord');
const client = supervisord.connect('http://u:p@127.0.0.1:PORT');
client.getState((error, state) => {
  client.getAllProcessInfo((error2, all) => {
    console.log(JSON.stringify([error, state, error2, all.map(each => each.statename)]));
    process.exit(0);
  });
});
"""


@pytest.mark.slow
def test_npm_supervisord(tmp_path: Path) -> None:
    """The npm package `supervisord`, a client in another language."""
    subprocess.run(
        ["npm", "install", "--silent", "supervisord@0.1.0"], cwd=tmp_path, check=True, timeout=250
    )
    port = free_port()
    (tmp_path / "c.js").write_text(NPM.replace("PORT", str(port)))
    inet = f"[inet_http_server]\nport=127.0.0.1:{port}\nusername=u\npassword=p\n"
    with running(tmp_path, CAT + inet) as daemon:
        daemon.until_state("cat", "RUNNING")
        done = subprocess.run(
            ["node", "c.js"], cwd=tmp_path, capture_output=True, text=True, timeout=LONG, check=True
        )
    assert done.stdout == '[null,{"statecode":1,"statename":"RUNNING"},null,["RUNNING"]]\n'


@pytest.mark.slow
def test_headers_of_basic_auth() -> None:
    """What the digest above is of."""
    assert b64encode(b"u:thepassword") == b"dTp0aGVwYXNzd29yZA=="


@pytest.mark.slow
def test_without_a_web_server(tmp_path: Path) -> None:
    """Where uvicorn is not installed, it is said what to install."""
    write(tmp_path, CAT)
    hidden = "import sys, runpy; sys.modules['uvicorn'] = None; sys.argv[1:] = ['run', 'd.conf']; "
    code = f"{hidden}runpy.run_module('otpsup', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env(tmp_path), text=True,
        capture_output=True, timeout=LONG, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pip install 'otpsup[web]'" in done.stderr
    assert "Traceback" not in done.stderr

"""Up is not ready: when a child counts as ready, by each kind of readiness."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import otpsup
from otpsup import Command, StartFailed, Worker
from tests.support import targets
from tests.support.servers import free_port, serving
from tests.support.trees import REPORT, fails_with, node, python, running, watching
from tests.support.waiting import LONG, until

OK = b"HTTP/1.1 200 OK\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"


def sleeper(ready: Any, **options: Any) -> Command:
    """A child that says nothing."""
    return Command("c", ["sleep", "100"], ready=ready, **options)


# What all kinds have.

NEVER: dict[str, Any] = {
    "stays_up": lambda port: otpsup.stays_up(60),
    "notify": lambda port: "notify",
    "notification fd": lambda port: otpsup.notify(fd=5),
    "port": otpsup.port,
    "http": lambda port: otpsup.http(f"http://127.0.0.1:{port}/"),
    "log_line": lambda port: otpsup.log_line("never"),
    "probe": lambda port: otpsup.probe(lambda: False, interval=0.01),
}

every_kind = pytest.mark.parametrize("kind", NEVER)


@every_kind
def test_who_is_not_ready_in_time_has_not_started(kind: str) -> None:
    """After `start_timeout` the start has failed; the child is stopped and nothing is left."""
    ready = NEVER[kind](free_port())
    with running() as tree, watching(tree) as events:
        with pytest.raises(StartFailed, match=r"cannot start child 'c': not ready within 0\.1 s"):
            tree.start_child(sleeper(ready, start_timeout=0.1))
        reason = events.until("c", "down").reason or ""
        assert reason.startswith("not ready within 0.1 s")
        assert events.states("c") == ["starting", "stopping", "down"]


@every_kind
def test_who_ends_before_it_is_ready_has_not_started(kind: str) -> None:
    """A start fails as soon as the child ends, with what it ended with; even exit code 0 does."""
    ready = NEVER[kind](free_port())
    with running() as tree:
        for code in (0, 3):
            with pytest.raises(StartFailed, match=f"code {code}.? before it was ready"):
                tree.start_child(Command("c", ["sh", "-c", f"exit {code}"], ready=ready))


@every_kind
def test_a_start_can_be_given_up(kind: str) -> None:
    """A child that is still starting can be terminated; whoever asked for the start hears so."""
    ready = NEVER[kind](free_port())
    with running(sleeper(ready, autostart=False)) as tree:
        starting = tree.call("start_child", path="c", args=[])
        tree.terminate_child("c")
        with pytest.raises(StartFailed, match="stopped while it was starting"):
            starting.result(LONG)


def test_the_last_reason_is_named_when_the_start_times_out() -> None:
    """`specs.ready`: an exception counts as *not yet*; the last one is named."""

    def fail() -> bool:
        raise ValueError("no database")

    probe = otpsup.probe(fail, interval=0.01)
    with running() as tree:
        fails_with(tree, sleeper(probe), "no database")


def test_up_is_not_ready() -> None:
    """While it is starting a child has a pid and is not ready, in the status too."""
    with running(sleeper("notify", autostart=False)) as tree, watching(tree) as events:
        starting = tree.call("start_child", path="c", args=[])
        events.until("c", "starting")
        status = node(tree, "c")
        while status.pid is None:
            status = node(tree, "c")
        assert (status.state, status.ready) == ("starting", False)
        assert tree.count_children()["active"] == 1
        tree.terminate_child("c")
        assert isinstance(starting.exception(LONG), StartFailed)


# Kinds.


def test_stays_up() -> None:
    """Ready after that time and not before."""
    with running() as tree:
        begun = time.monotonic()
        assert tree.start_child(sleeper(otpsup.stays_up(0.15))).ready
        assert time.monotonic() - begun >= 0.15


def test_notify_through_the_channel() -> None:
    """`ready(info)` in a worker, and its info in the answer; a second `ready` changes nothing."""
    code = REPORT + (
        "tell(op='status', text='warming up'); tell(op='ready', info=1); tell(op='ready', info=2)\n"
        "signal.pause()"
    )
    with running() as tree:
        assert tree.start_child(Worker("w", targets.ready, ({"k": [1]},), ready="notify")).info == {
            "k": [1]
        }
        status = tree.start_child(Command("c", python(code), ready="notify"))
        assert (status.info, status.status) == (1, "warming up")


@pytest.mark.parametrize("fd", [3, 4, 5, 100])
@pytest.mark.parametrize("options", [{}, {"nice": 0}])
def test_notify_by_descriptor(fd: int, options: dict[str, Any]) -> None:
    """A newline on the notification descriptor (s6) is the sign; what comes before it is not, and
    the channel makes room."""
    code = f"""
        import os, signal, sys
        os.write({fd}, b"not yet")
        channel = int(os.environ["OTPSUP_CHANNEL"].split(":")[0])
        os.write(channel, b'{{"op": "status", "text": "fd %d"}}' % channel)
        os.read(0, 1)
        os.write({fd}, b"now\\nand more")
        os.write({fd}, b"more")
        os.close({fd})
        signal.pause()
    """
    spec = Command("c", python(code), ready=otpsup.notify(fd=fd), **options)
    with running() as tree:
        assert tree.start_child(spec).ready
        assert until(lambda: node(tree, "c").status) == ("fd 4" if fd == 3 else "fd 3")


def test_port() -> None:
    """Ready once the port can be connected to."""
    port = free_port()
    code = f"""
        import signal, socket
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", {port}))
        sock.listen()
        signal.pause()
    """
    with running(Command("c", python(code), ready=otpsup.port(port, interval=0.01))) as tree:
        assert node(tree, "c").ready
        socket.create_connection(("127.0.0.1", port), timeout=LONG).close()
        assert tree.restart("c").ready  # the port is free again, and taken again


@pytest.mark.parametrize(
    ("answers", "options"),
    [
        ((BUSY, BUSY, OK), {}),
        ((BUSY, b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n"), {}),
        ((OK, b"HTTP/1.0 204 No Content\r\n\r\n"), {"status": 204}),
        ((b"HTTP/1.1 404 Not Found\r\n\r\n", BUSY), {"status": 503}),
        ((b"", b"nonsense\r\n", b"\0\xff\n", b"HTTP/1.1 2000 OK\r\n", OK), {}),
        ((b"x" * 200_000, OK), {}),
        ((None, OK), {"timeout": 0.05}),
    ],
)
def test_http(answers: tuple[bytes | None, ...], options: dict[str, Any]) -> None:
    """Ready at the first answer with a good status (any of 200 to 399, or exactly the one that is
    wanted); redirects are not followed, and whatever else comes counts as *not yet*."""
    with serving(*answers) as server:
        url = f"http://127.0.0.1:{server.port}/healthz?deep=1"
        with running(sleeper(otpsup.http(url, interval=0.01, **options))) as tree:
            assert node(tree, "c").ready
        tries = len(server.requests)
        assert tries == len(answers) or ("timeout" in options and tries > len(answers))
        head, _, rest = server.requests[-1].partition(b"\r\n")
        assert head == b"GET /healthz?deep=1 HTTP/1.1"
        assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in rest


def test_http_with_a_user() -> None:
    """Who and password in an address go where they belong, and not into `Host`."""
    with serving(b"HTTP/1.1 200 OK\r\n\r\n") as server:
        ready = otpsup.http(f"http://me%20too:p%40ss@127.0.0.1:{server.port}/x?a=1")
        with running(sleeper(ready)):
            head, _, _ = server.requests[0].decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    assert lines[0] == "GET /x?a=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in lines
    assert f"Authorization: Basic {b64encode(b'me too:p@ss').decode()}" in lines


def test_https_with_a_bad_certificate_is_not_ready(tmp_path: Path) -> None:
    """A certificate that nobody vouches for counts as *not yet*."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate")
    cert, key = tmp_path / "cert", tmp_path / "key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-keyout", key, "-out", cert, "-nodes", "-subj", "/CN=localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    with serving(OK) as server:
        server.wrap = lambda sock: context.wrap_socket(sock, server_side=True)
        url = f"https://127.0.0.1:{server.port}/"
        with running(sleeper(otpsup.http(url, interval=0.01), autostart=False)) as tree:
            starting = tree.call("start_child", path="c", args=[])
            until(lambda: len(server.requests) >= 3)
            assert node(tree, "c").state == "starting"
            tree.terminate_child("c")
            assert isinstance(starting.exception(LONG), StartFailed)


def test_interval_is_kept() -> None:
    """Tries are `interval` apart."""
    with serving(*[BUSY] * 5, OK) as server:
        url = f"http://127.0.0.1:{server.port}/"
        begun = time.monotonic()
        with running(sleeper(otpsup.http(url, interval=0.05))):
            assert time.monotonic() - begun >= 5 * 0.05


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("say(1, b'one\\nREADY: yes\\n')", {}),
        ("say(2, b'one\\nREADY: yes\\n')", {"stream": "stderr"}),
        ("say(2, b'READY: no\\n'); say(1, b'READY: yes\\n')", {"stream": "stdout"}),
        ("[say(1, bytes([c])) for c in b'REA']; say(1, b'DY: yes'); say(1, b'\\n')", {}),
        ("say(1, b'x' * 70_000 + b'READY: yes\\n')", {}),
        ("say(1, b'x' * 65536); say(1, b'\\nREADY: yes\\n')", {}),
        ("say(1, b'\\xff\\xfe\\0 READY: yes \\xff\\n')", {}),
        ("say(1, b'READY: yes'); os.close(1); os.close(2)", {}),
    ],
)
@pytest.mark.parametrize("targets", [{}, {"stdout": "null", "stderr": "null"}])
def test_log_line(code: str, options: dict[str, Any], targets: dict[str, Any]) -> None:
    """Ready at the first line that matches, however it was cut on its way, of whatever bytes, on
    the stream that counts, wherever the output goes."""
    program = f"""
        import os, signal
        def say(fd, data):
            os.write(fd, data)
        {code}
        signal.pause()
    """
    ready = otpsup.log_line("READY: yes", **options)
    with running(Command("c", python(program), ready=ready, **targets)) as tree:
        assert node(tree, "c").ready


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("say(1, b'READY: yes\\n')", {"stream": "stderr"}),
        ("say(2, b'READY: yes\\n')", {"stream": "stdout"}),
        ("say(1, b'READY: yes')", {}),
        ("say(1, b'READY:\\nyes\\n')", {}),
    ],
)
def test_what_is_no_such_line(code: str, options: dict[str, Any]) -> None:
    """Not ready: a line that is not complete, on the wrong stream, or pieced together of two."""
    program = f"""
        import os, signal
        def say(fd, data):
            os.write(fd, data)
        {code}
        signal.pause()
    """
    spec = Command(
        "c", python(program), ready=otpsup.log_line("READY: yes", **options), start_timeout=0.1,
        stdout="null", stderr="null",
    )  # fmt: skip
    with running() as tree, pytest.raises(StartFailed, match="not ready within"):
        tree.start_child(spec)


def test_probe() -> None:
    """Ready once the function returns something true; exceptions, even SystemExit, count as
    *not yet*, and so does a call that takes too long. It is called in a thread of the host."""
    calls: list[str] = []
    gate = threading.Event()

    def probe() -> object:
        calls.append(threading.current_thread().name)
        if len(calls) == 1:
            raise ValueError("not yet")
        if len(calls) == 2:
            sys.exit("not yet")
        if len(calls) == 3:
            raise StopIteration
        if len(calls) == 4:
            raise KeyboardInterrupt
        if len(calls) == 5:
            gate.wait()
        return "yes" if len(calls) >= 7 else ""

    ready = otpsup.probe(probe, interval=0.01, timeout=0.05)
    try:
        with running(sleeper(ready), Command("other", ["sleep", "100"])) as tree:
            assert node(tree, "c").ready
            assert len(calls) >= 7  # one that took too long counted as *not yet*
            assert set(calls) == {"otpsup-probe"}
    finally:
        gate.set()


def is_up() -> bool:
    """A probe that is named by its path."""
    return True


def test_a_probe_by_its_path() -> None:
    """The host imports it; what cannot be imported is not ready, and the message says why."""
    with running(sleeper(otpsup.probe(f"{__name__}:is_up", interval=0.01))) as tree:
        assert tree.status().children[0].state == "running"
        spec = sleeper(otpsup.probe("nowhere_at_all:f", interval=0.01))
        fails_with(tree, evolve(spec, name="other"), "No module named 'nowhere_at_all'")


def test_a_probe_ends_with_its_child() -> None:
    """Nobody goes on probing for a child that has ended."""
    calls = []
    gone = threading.Event()

    def probe() -> bool:
        calls.append(gone.is_set())
        return False

    with running() as tree:
        spec = sleeper(otpsup.probe(probe, interval=0.005), start_timeout=0.05)
        with pytest.raises(StartFailed):
            tree.start_child(spec)
        gone.set()
        tree.start_child(sleeper(otpsup.stays_up(0.05)))
        assert calls.count(True) <= 1  # a call that was on its way


def test_who_declines_to_run_has_started() -> None:
    """`ignore()` is a success without a process (OTP); the record stays and can be started."""
    spec = Worker("w", targets.decline, ready="notify")
    with running(spec) as tree:
        status = node(tree, "w")
        assert (status.state, status.pid, status.last_exit) == ("down", None, "declined to run")


@pytest.mark.slow
def test_news_that_come_before_the_pid_are_kept() -> None:
    """A child may speak before the host has heard that it exists: it is never lost, and `ready`
    always comes with a pid."""
    spec = Worker("w", targets.ready, ready="notify", autostart=False)
    with running(spec) as tree:
        for _ in range(100):
            assert tree.start_child("w").pid
            tree.terminate_child("w")


def test_a_name_for_this_machine_is_resolved() -> None:
    """`localhost` is as good as 127.0.0.1."""
    with serving(OK) as server, running(sleeper(otpsup.http(f"http://localhost:{server.port}"))):
        assert len(server.requests) == 1

"""What a connection may take of a server, before it has asked anything, while it asks, and after:
real connections to a real server."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import hashlib
import itertools
import os
import resource
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otpsup.serving import gate, limits, protocol
from otpsup.serving.asgi import Receive, Scope, Send
from otpsup.serving.server import Server, Site
from otpsup.serving.sockets import Address
from tests.alerts.receivers import certificate
from tests.support.waiting import LONG, until
from tests.web.served import read_until

FEW = 8
Where = tuple[str, int]


class Answers:
    """An application: /early does not read a body, /sum does, /wait answers when `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        body = b"well"
        if scope["path"] == "/sum":
            names = b" ".join(name for name, _ in scope["headers"])
            body = hashlib.sha256(await _all(receive)).hexdigest().encode() + b" " + names
        elif scope["path"] == "/wait":
            await asyncio.to_thread(self.go.wait, LONG)
        length = str(len(body)).encode()
        headers = [(b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _all(receive: Receive) -> bytes:
    found = b""
    while True:
        message = await receive()
        found += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return found


@contextmanager
def serving(answers: Answers, cert: Path | None = None) -> Iterator[Where]:
    """Where these are given."""
    address = Address(label="test", host="127.0.0.1")
    key = cert and cert.with_name("key.pem")
    server = Server([Site(address, lambda _: answers, cert, key)], "a test")
    server.start()
    try:
        host, port = server.bound[0]
        yield host, port
    finally:
        answers.go.set()
        server.stop()


@pytest.fixture(scope="module")
def where() -> Iterator[Where]:
    with serving(Answers()) as found:
        yield found


def connected(where: Where) -> socket.socket:
    sock = socket.create_connection(where, timeout=LONG)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def head(path: str, *more: str, method: str = "POST") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *more, "", "")).encode()


GET = head("/early", method="GET")
CHUNKED = "Transfer-Encoding: chunked"


def told(sock: socket.socket) -> bytes:
    """The body of one answer."""
    found = read_until(sock, b"\r\n\r\n")
    begin, _, body = found.partition(b"\r\n\r\n")
    assert begin.startswith(b"HTTP/1.1 200 "), begin
    length = int(begin.lower().partition(b"content-length: ")[2].split()[0])
    while len(body) < length:
        body += sock.recv(length - len(body))
    return body


def is_answered(where: Where) -> bool:
    with connected(where) as sock:
        sock.sendall(GET)
        return told(sock) == b"well"


def is_open(sock: socket.socket) -> bool:
    """Whether the server has not closed it; what it has sent is read away."""
    try:
        while select.select([sock], [], [], 0)[0]:
            if not sock.recv(65536):
                return False
    except ConnectionError:
        return False
    return True


def is_cut(sock: socket.socket) -> bool:
    return not is_open(sock)


ENDLESS = {
    "trailers": (head("/early", CHUNKED) + b"0\r\n", b"a1: b\r\n"),
    "a trailer": (head("/early", CHUNKED) + b"0\r\na: ", b"b"),
    "a trailer that is waited for": (head("/sum", CHUNKED) + b"0\r\na: ", b"b"),
    "an extension": (head("/sum", CHUNKED) + b"5;", b"a"),
    "a head": (b"GET / HTTP/1.1\r\n", b"a1: b\r\n"),
    "nothing": (GET, b"\r\n"),
    "requests": (head("/wait", method="GET"), GET),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_has_no_end(what: str, where: Where) -> None:
    """Is cut off long before it fills the memory; others are served."""
    begin, more = ENDLESS[what]
    piece = more * (65536 // len(more))
    with connected(where) as sock:
        sock.sendall(begin)
        with pytest.raises(ConnectionError):
            sock.sendall(piece * 400)  # the kernel takes some megabytes of it
    assert is_answered(where)


@pytest.mark.parametrize(
    "begin",
    [head("/early", "Content-Length: 999999"), head("/early", CHUNKED) + b"0\r\na: "],
    ids=["body", "trailer"],
)
def test_nobody_sends_for_ever(begin: bytes, where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after an answer either, however little."""
    monkeypatch.setattr(protocol, "_REST_TIME", 0.1)
    with connected(where) as sock:
        sock.sendall(begin)
        assert told(sock) == b"well"

        def goes_on() -> bool:
            with contextlib.suppress(ConnectionError):
                sock.sendall(b"x")
            return is_open(sock)

        until(lambda: not goes_on())


def test_time_in_which_nobody_reads_counts_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third of these is late because the first is long in being answered; then it has all of
    its time, and not what is left by chance."""
    late = threading.Event()
    is_anew: list[bool] = []

    class Watched(protocol.Bounded):
        def _is_late(self) -> None:
            super()._is_late()
            late.set()

        def on_response_complete(self) -> None:
            before = self._late
            monkeypatch.setattr(protocol, "_HEAD_TIME", LONG)
            super().on_response_complete()
            is_anew.append(self._late is not before)

    monkeypatch.setattr(protocol, "_HEAD_TIME", 0.05)
    monkeypatch.setattr("otpsup.serving.server.Bounded", Watched)
    answers = Answers()
    with serving(answers) as where, connected(where) as sock:
        sock.sendall(head("/wait", method="GET") + GET + GET[:20])
        assert late.wait(LONG)
        sock.sendall(GET[20:])
        answers.go.set()
        found = b""
        while found.count(b"well") < 3:
            data = sock.recv(65536)
            assert data, "it was cut off"
            found += data
    assert is_anew[0]


@given(
    st.lists(st.binary(min_size=1, max_size=9000), max_size=4),
    st.lists(st.sampled_from([b"a: b", b"Authorization: x", b"long: " + b"y" * 3000]), max_size=5),
    st.sampled_from([b"", b";a=b", b";" + b"c" * 2000]),
    st.lists(st.integers(0, 20_000), max_size=5),
)
@settings(max_examples=12)
def test_a_request_in_pieces(
    where: Where, chunks: list[bytes], trailers: list[bytes], extension: bytes, cuts: list[int]
) -> None:
    """Comes whole, however it is cut; its trailers are none of its headers; another may follow."""
    whole = head("/sum", CHUNKED)
    for each in (*chunks, b""):
        whole += b"%x%s\r\n" % (len(each), extension)
        whole += each + b"\r\n" if each else b""
    whole += b"".join(each + b"\r\n" for each in trailers) + b"\r\n"
    marks = sorted({0, *(cut % len(whole) for cut in cuts), len(whole)})
    right = hashlib.sha256(b"".join(chunks)).hexdigest().encode() + b" host transfer-encoding"
    with connected(where) as sock:
        for begin, end in itertools.pairwise(marks):
            sock.sendall(whole[begin:end])
        assert told(sock) == right
        sock.sendall(GET)
        assert told(sock) == b"well"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many connections are too many."""
    monkeypatch.setattr(limits, "_MOST", FEW)


@pytest.mark.usefixtures("few")
def test_half_sent_requests_make_room() -> None:
    """For whoever asks something; the oldest first, and none that is being answered."""
    answers = Answers()
    halves = [
        head("/sum", "Content-Length: 100") + b"{",
        head("/early", CHUNKED) + b"5\r\nhello\r\n0\r\nx: ",
        GET[:-2],
        b"",
    ]
    with serving(answers) as where, ExitStack() as stack:
        whole = stack.enter_context(connected(where))
        whole.sendall(head("/wait", method="GET"))
        until(lambda: answers.asked == 1)
        asking = [stack.enter_context(connected(where)) for _ in range(FEW - 1)]
        for at, sock in enumerate(asking):
            sock.sendall(halves[at % len(halves)])
        until(lambda: answers.asked == 5)
        while asking:
            newer = stack.enter_context(connected(where))
            newer.sendall(GET)
            assert told(newer) == b"well"
            until(functools.partial(is_cut, asking.pop(0)))
            assert all(map(is_open, asking))
        answers.go.set()
        assert told(whole) == b"well"


@pytest.mark.usefixtures("few")
def test_when_all_are_being_answered() -> None:
    """The newest has to go."""
    answers = Answers()
    with serving(answers) as where, ExitStack() as stack:
        asking = [stack.enter_context(connected(where)) for _ in range(FEW)]
        for sock in asking:
            sock.sendall(head("/wait", method="GET"))
        until(lambda: answers.asked == FEW)
        newest = stack.enter_context(connected(where))
        until(lambda: not is_open(newest))
        answers.go.set()
        assert [told(each) for each in asking] == [b"well"] * FEW


@pytest.fixture(scope="module")
def cert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))[0]


@functools.cache
def trusting(cert: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=cert)


def agreed(where: Where, cert: Path) -> ssl.SSLSocket:
    return trusting(cert).wrap_socket(connected(where), server_hostname="localhost")


@pytest.mark.usefixtures("few")
def test_who_never_agrees_on_tls_makes_room(cert: Path) -> None:
    """It counts from when it connected, the oldest first; who has agreed is served."""
    with serving(Answers(), cert) as where, ExitStack() as stack:
        mute = [stack.enter_context(connected(where)) for _ in range(5 * FEW)]
        until(lambda: sum(map(is_open, mute)) <= FEW)
        assert [is_open(each) for each in mute] == [False] * 4 * FEW + [True] * FEW
        for _ in range(FEW):
            one = stack.enter_context(agreed(where, cert))
            one.sendall(GET)
            assert told(one) == b"well"
        assert not any(map(is_open, mute))


def test_agreeing_on_tls_takes_only_so_long(cert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says nothing, or no TLS, is gone; in a moment nobody else is."""
    with serving(Answers(), cert) as where, agreed(where, cert) as one:
        monkeypatch.setattr(gate, "_TLS_TIME", 0.2)
        with connected(where) as mute, connected(where) as plain:
            plain.sendall(GET)
            until(lambda: not is_open(plain))
            until(lambda: not is_open(mute))
        one.sendall(GET)
        assert told(one) == b"well"


def test_it_ends_while_some_agree_on_tls(cert: Path) -> None:
    """They are not waited for."""
    with ExitStack() as stack:
        with serving(Answers(), cert) as where:
            mute = [stack.enter_context(connected(where)) for _ in range(3)]
            with agreed(where, cert) as one:
                one.sendall(GET)
                assert told(one) == b"well"  # those before it are accepted, too
        for each in mute:
            assert not is_open(each)


@pytest.mark.parametrize("how", ["mute", "no TLS", "end", "reset"])
def test_nothing_stays_of_a_connection(
    how: str, cert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No collector has to look for it, nor does a timer keep it: with TLS each takes 300 KiB."""

    made = []

    class Watched(protocol.Bounded):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            made.append(1)

    def kept() -> list[object]:
        names = ("Watched", "SSLProtocol")
        return [each for each in gc.get_objects() if type(each).__name__ in names]

    monkeypatch.setattr("otpsup.serving.server.Bounded", Watched)
    with serving(Answers(), cert) as where:
        gc.collect()
        gc.disable()
        others = kept()  # of other tests' connections
        try:
            for _ in range(3):
                come_and_go(where, cert, how)
            until(lambda: len(made) == 3 and all(each in others for each in kept()))
        finally:
            gc.enable()


def come_and_go(where: Where, cert: Path, how: str) -> None:
    """One connection: see above."""
    with connected(where) if how in ("mute", "no TLS") else agreed(where, cert) as sock:
        if how != "mute":
            sock.sendall(GET)
        if how in ("end", "reset"):
            assert told(sock) == b"well"
        if how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("2i", 1, 0))


TREE = """
import resource, signal, sys
from otpsup import Command, Supervisor, Tree, Web

resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
web = Web(listen="127.0.0.1:0", certificate=sys.argv[1], key=sys.argv[2])
with Tree(Supervisor("r", children=[Command("c", ["sleep", "1000"])]), web=web) as tree:
    print(tree.ask_plugin("web", "url"), flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_a_tree_keeps_its_descriptors(cert: Path, tmp_path: Path) -> None:
    """However many connect to it and say nothing: its children are restarted. If there is none left
    all the same, who connects is served once there is."""
    command = [sys.executable, "-c", TREE, str(cert), str(cert.with_name("key.pem"))]
    with (
        (tmp_path / "errors").open("w+") as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as tree,
        ExitStack() as stack,
    ):
        assert tree.stdin
        assert tree.stdout
        stack.callback(tree.stdin.close)
        port = int(tree.stdout.readline().strip("/\n").rpartition(":")[2])
        process = psutil.Process(tree.pid)
        for _ in range(400):
            stack.enter_context(connected(("127.0.0.1", port)))
        assert process.num_fds() < 120
        first = until(lambda: sleeper(process))
        os.kill(first, 9)
        until(lambda: sleeper(process) not in (None, first))
        with agreed(("127.0.0.1", port), cert) as one:
            one.sendall(head("/readiness", method="GET"))
            assert told(one)
        assert process.num_fds() < 120
        resource.prlimit(tree.pid, resource.RLIMIT_NOFILE, (3, 200))  # not one is left
        with connected(("127.0.0.1", port)) as sock:
            assert not select.select([sock], [], [], 1.5)[0]
            resource.prlimit(tree.pid, resource.RLIMIT_NOFILE, (200, 200))
            with trusting(cert).wrap_socket(sock, server_hostname="localhost") as one:
                one.sendall(head("/readiness", method="GET"))
                assert told(one)
        errors.seek(0)
        assert "Traceback" not in errors.read()


def sleeper(tree: psutil.Process) -> int | None:
    """The child that sleeps."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for each in tree.children(recursive=True):
            if each.name() == "sleep" and each.status() != psutil.STATUS_ZOMBIE:
                return each.pid
    return None

"""The IPC server over real sockets: who may speak, who hears what, and what a bad client can do."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from examples.fastblog import ipc_client, ipc_server
from examples.fastblog.blog import ipc as blog_ipc
from examples.fastblog.frames import LIMIT, Message, Splitter, decode, encode, frame
from examples.fastblog.ipc_client import IpcClient, IpcError
from examples.fastblog.ipc_server import BACKLOG, Hub, listen
from tests.support.servers import free_port

TOKEN = "the right token"
DEADLINE = 60.0
VERSION = {"version": "1.0.0", "frontend": {"theme": "plain"}, "backend": {"pid": 7}}


def with_server(test: Callable[[int], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run an async test with the port of a fresh server, within a deadline.

    Whatever its clients do, no exception may reach the server's event loop.
    """

    async def run() -> None:
        faults: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        async with asyncio.timeout(DEADLINE):
            hub = Hub(TOKEN)
            server = await listen(0, hub)
            try:
                await test(server.sockets[0].getsockname()[1])
            finally:
                server.close()
                hub.close()
        assert not faults

    def sync() -> None:
        asyncio.run(run())

    sync.__doc__ = test.__doc__
    return sync


class Raw:
    """A client that sends what it is told to, and reads frame by frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._splitter = Splitter()
        self._inbox: list[Message] = []

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def say(self, kind: str, **data: Any) -> None:
        self.send(encode(Message(kind, data, "raw", time.time())))

    async def hear(self) -> Message:
        while not self._inbox:
            chunk = await self._reader.read(65536)
            assert chunk, "the server hung up"
            self._inbox.extend(map(decode, self._splitter.feed(chunk)))
        return self._inbox.pop(0)

    async def hung_up(self) -> bool:
        return not self._inbox and await self._reader.read(1) == b""


@asynccontextmanager
async def raw(port: int, *, hello: bool = True) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = Raw(reader, writer)
    try:
        if hello:
            client.say("hello", token=TOKEN)
            assert (await client.hear()).type == "ack"
        yield client
    finally:
        writer.close()
        await writer.wait_closed()


async def connect(port: int, name: str = "test") -> IpcClient:
    return await IpcClient.connect(port, TOKEN, name)


@with_server
async def test_publish_and_subscribe(port: int) -> None:
    """A published message reaches its subscribers as it was sent, nobody else, not its sender."""
    async with await connect(port) as reader, await connect(port, "writer") as writer:
        await reader.subscribe("status_update")
        await writer.subscribe("status_update", "shutdown_request")
        assert await writer.publish("status_update", {"status": "unpacking"}) == 1
        news = await reader.news()
        assert (news.type, news.sender) == ("status_update", "writer")
        assert news.data["status"] == "unpacking"
        assert await reader.publish("shutdown_request", {}) == 1
        assert (await writer.news()).type == "shutdown_request"
        assert await reader.publish("update_request", {}) == 0


@with_server
async def test_requests_beside_news_on_one_connection(port: int) -> None:
    """A connection with news waiting still gets the answer to each of its own requests."""
    async with await connect(port) as both, await connect(port, "main_app") as app:
        await both.subscribe("version_info", "status_update")
        await app.publish("version_info", VERSION)
        await app.publish("status_update", {"n": 1})
        answers = await asyncio.gather(
            both.request("version_query"),
            both.request("version_full_info"),
            both.request("version_frontend_info"),
            both.request("version_backend_info"),
        )
        told = [{k: v for k, v in a.data.items() if k != "response_to"} for a in answers]
        version, frontend, backend = ({k: VERSION[k]} for k in VERSION)
        assert told == [version, VERSION, version | frontend, version | backend]
        assert {a.type for a in answers} == {"version_info"}
        assert [(await both.news()).type for _ in "12"] == ["version_info", "status_update"]


@with_server
async def test_version_unknown(port: int) -> None:
    """Before anybody has announced a version, the query says so and the connection lives on."""
    async with await connect(port) as client:
        with pytest.raises(IpcError, match="no part has announced") as caught:
            await client.request("version_query")
        assert caught.value.code == "unknown_version"
        assert (await client.request("heartbeat")).type == "ack"


@with_server
async def test_heartbeat_is_answered_once(port: int) -> None:
    """One heartbeat, one ack; an ack or error sent to the server is never answered at all."""
    async with raw(port) as client:
        client.say("heartbeat", request_id=1)
        client.say("ack", request_id=2)
        client.say("error", request_id=3)
        client.say("heartbeat", request_id=4)
        answers = [await client.hear(), await client.hear()]
        assert [(a.type, a.data) for a in answers] == [
            ("ack", {"response_to": 1}),
            ("ack", {"response_to": 4}),
        ]


@pytest.mark.parametrize(
    "first",
    [
        encode(Message("hello", {"token": "the wrong token"}, "x", 0)),
        encode(Message("hello", {"token": ["the right token"]}, "x", 0)),
        encode(Message("hello", {}, "x", 0)),
        encode(Message("heartbeat", {"token": TOKEN}, "x", 0)),
        frame(b"GET / HTTP/1.1"),
    ],
)
def test_strangers_are_told_why_and_hung_up_on(first: bytes) -> None:
    """Without the token in its first frame a client gets `unauthenticated`, then end of file."""

    @with_server
    async def check(port: int) -> None:
        async with raw(port, hello=False) as client:
            client.send(first)
            client.say("subscribe", types=["status_update"])
            answer = await client.hear()
            assert (answer.type, answer.data["code"]) == ("error", "unauthenticated")
            assert await client.hung_up()

    check()


def test_silence_is_not_a_hello(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who connects and says nothing is told so after a while, and hung up on."""
    monkeypatch.setattr(ipc_server, "HELLO_WITHIN", 0.01)

    @with_server
    async def check(port: int) -> None:
        async with raw(port, hello=False) as client:
            assert "no hello" in (await client.hear()).data["error"]
            assert await client.hung_up()

    check()


@with_server
async def test_the_client_reports_a_wrong_token(port: int) -> None:
    """`IpcClient.connect` with a wrong token raises with the server's reason."""
    with pytest.raises(IpcError, match="right token") as caught:
        await IpcClient.connect(port, "wrong", "test")
    assert caught.value.code == "unauthenticated"


@with_server
async def test_nonsense_leaves_the_connection_open(port: int) -> None:
    """Broken JSON and unknown types are answered with an error each; the next frame counts."""
    async with raw(port) as client:
        client.send(frame(b"{broken"))
        client.send(frame(json.dumps({"type": "heartbeat"}).encode()))
        client.say("status_request", request_id="a")
        client.say("subscribe", types="status_update", request_id="b")
        client.say("subscribe", types=["heartbeat"], request_id="c")
        answers = [await client.hear() for _ in range(5)]
        assert [(a.data["code"], a.data.get("response_to")) for a in answers] == [
            ("bad_message", None),
            ("bad_message", None),
            ("unknown_type", "a"),
            ("bad_message", "b"),
            ("unknown_type", "c"),
        ]
        client.say("heartbeat")
        assert (await client.hear()).type == "ack"


@with_server
async def test_a_frame_over_the_limit_hangs_up(port: int) -> None:
    """A frame of exactly 1 MiB is taken; one byte more gets `too_long`, then end of file."""
    async with raw(port) as client:
        envelope = encode(Message("status_update", {"x": "", "request_id": 1}, "raw", 0.0))[4:]
        padding = b"x" * (LIMIT - len(envelope))
        client.send(frame(envelope.replace(b'""', b'"' + padding + b'"')))
        assert (await client.hear()).data == {"delivered": 0, "response_to": 1}
        client.send(struct.pack("!I", LIMIT + 1) + bytes(LIMIT + 1))
        assert (await client.hear()).data["code"] == "too_long"
        assert await client.hung_up()


@with_server
async def test_an_answer_that_does_not_fit(port: int) -> None:
    """A request_id so large that the answer would exceed the limit is an error, not a crash."""
    async with raw(port) as client:
        envelope = encode(Message("heartbeat", {"request_id": ""}, "", 0.0))[4:]
        padding = b"x" * (LIMIT - len(envelope))
        client.send(frame(envelope.replace(b': ""}, "s', b': "' + padding + b'"}, "s')))
        assert (await client.hear()).data["code"] == "bad_message"
        client.say("heartbeat", request_id=2)
        assert (await client.hear()).data == {"response_to": 2}


@with_server
async def test_a_subscriber_that_never_reads_is_dropped(port: int) -> None:
    """It is dropped at the bound; the other subscriber misses nothing, nobody waits for it."""
    async with await connect(port) as good, await connect(port, "writer") as writer:
        await good.subscribe("status_update")
        with deaf_subscriber(port):
            sent = [await writer.publish("status_update", {"n": 0})]
            while sent[-1] == 1:  # the deaf one has not subscribed yet
                sent.append(await writer.publish("status_update", {"n": len(sent)}))
            while sent[-1] == 2:
                big = {"n": len(sent), "x": "x" * 500_000}
                sent.append(await writer.publish("status_update", big))
                assert len(sent) < 1000, "the deaf subscriber was never dropped"
            numbers = [(await good.news()).data["n"] for _ in sent]
        assert sent.count(2) * 500_000 > BACKLOG
        assert numbers == list(range(len(sent)))


def deaf_subscriber(port: int) -> socket.socket:
    """Subscribed, with a small receive buffer, and never reads."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", port))
    deaf.sendall(encode(Message("hello", {"token": TOKEN}, "deaf", 0.0)))
    deaf.sendall(encode(Message("subscribe", {"types": ["status_update"]}, "deaf", 0.0)))
    return deaf


@with_server
async def test_clients_come_and_go(port: int) -> None:
    """A client that vanishes in the middle of a frame harms nobody and stops being a reader."""
    async with await connect(port) as stays:
        async with raw(port) as leaves:
            leaves.say("subscribe", types=["status_update"])
            assert (await leaves.hear()).type == "ack"
            assert await stays.publish("status_update", {}) == 1
            leaves.send(struct.pack("!I", 100) + b"only the beginning")
        while await stays.publish("status_update", {}) != 0:
            pass
        assert (await stays.request("heartbeat")).type == "ack"


def test_the_server_going_away_is_an_error_not_a_wait() -> None:
    """When the server hangs up, whoever waits for an answer or for news gets IpcError."""

    async def check() -> None:
        hub = Hub(TOKEN)
        server = await listen(0, hub)
        client = await connect(server.sockets[0].getsockname()[1])
        news = asyncio.create_task(client.news())
        server.close()
        hub.close()
        for waiting in (news, client.news(), client.request("heartbeat")):
            with pytest.raises(IpcError, match="closed the connection"):
                await asyncio.wait_for(waiting, DEADLINE)
        await client.close()

    asyncio.run(check())


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def point_at(port: int) -> None:
        monkeypatch.setenv("FASTBLOG_IPC_PORT", str(port))
        monkeypatch.setenv("FASTBLOG_IPC_TOKEN", TOKEN)

    return point_at


def test_announcements_from_programs_without_a_loop(environment: Callable[[int], None]) -> None:
    """The blog's and the updater's one-shot announcements arrive; the blog's is kept as version."""

    @with_server
    async def check(port: int) -> None:
        environment(port)
        async with await connect(port) as listener:
            await listener.subscribe("version_info", "status_update")
            news = ("version_info", VERSION), ("status_update", {"status": "running"})
            await asyncio.to_thread(blog_ipc.announce, *news)
            heard = [await listener.news(), await listener.news()]
            assert [(m.sender, m.type) for m in heard] == [
                ("main_app", "version_info"),
                ("main_app", "status_update"),
            ]
            update = (port, TOKEN, "updater", "status_update", {"status": "unpacking"})
            await asyncio.to_thread(ipc_client.announce, *update)
            assert (await listener.news()).data["status"] == "unpacking"
            assert (await listener.request("version_query")).data["version"] == "1.0.0"

    check()


def test_announcements_to_nobody(environment: Callable[[int], None]) -> None:
    """With no IPC server, announcing returns at once and raises nothing."""
    port = free_port()
    environment(port)
    blog_ipc.announce(("status_update", {}))
    ipc_client.announce(port, TOKEN, "updater", "status_update", {})

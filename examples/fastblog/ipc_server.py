"""FastBlog's message exchange: one asyncio server on 127.0.0.1.

Decides: who may speak, who hears what, which requests it answers itself, and when it hangs up.
Must not know: the tree, the blog, the disk. All it knows, its clients have told it; that is why
everything after it in the tree restarts when it dies.

The first frame of a connection is `hello` with data `{"token": ...}`. After that:

    subscribe           data {"types": [...]}; the connection hears these from now on
    status_update       passed on to its subscribers, never back to where it came from;
    update_request        acting on a request is the subscriber's business, not ours
    shutdown_request
    version_info        as above, and the last one is kept to answer the queries
    heartbeat           answered with one `ack`
    version_query       answered with `version_info`, data {"version"}
    version_full_info     ... everything the last version_info said
    version_frontend_info ... {"version", "frontend"}
    version_backend_info  ... {"version", "backend"}
    ack, error          ignored: an answer to an answer is how two polite programs never stop

An answer carries the request's `data.request_id` as `data.response_to`. `hello` and `subscribe`
are answered with `ack`; a published message only if it has a `request_id`, with `delivered`, the
number of its readers.

Faults are answered with `error`, data `{"code", "error"}`. `bad_message`, `unknown_type` and
`unknown_version` leave the connection open: the next frame begins where it should. Two hang up:
`too_long`, because what follows cannot be told from the rest of that frame, and
`unauthenticated`, because a stranger gets one try. A connection that does not read is dropped
without a word once `BACKLOG` bytes wait for it, so that nobody else waits or pays for it.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from typing import Any

import otpsup
from examples.fastblog.frames import (
    BadMessage,
    FrameTooLong,
    Message,
    Splitter,
    decode,
    encode,
    frame,
)

HOST = "127.0.0.1"
NAME = "ipc_server"
BACKLOG = 4 * 1024 * 1024
HELLO_WITHIN = 5.0
LINGER = 1.0
BROADCAST = frozenset({"status_update", "update_request", "shutdown_request", "version_info"})
VERSION_QUERIES = {
    "version_query": {"version"},
    "version_full_info": {"version", "frontend", "backend"},
    "version_frontend_info": {"version", "frontend"},
    "version_backend_info": {"version", "backend"},
}


class Hub:
    """What the connections share: the token, the subscriptions, the last known version."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self.connections: set[Connection] = set()
        self.version: dict[str, Any] | None = None

    def admits(self, token: object) -> bool:
        """Whether this is our token; takes as long for a near miss as for a wild guess."""
        given = token if isinstance(token, str) else ""
        return hmac.compare_digest(given.encode(errors="replace"), self._token)

    def publish(self, origin: Connection, message: Message, payload: bytes) -> int:
        """Pass the payload on as it came; return how many connections took it."""
        if message.type == "version_info":
            self.version = message.data
        sent = frame(payload)
        readers = [c for c in self.connections if c is not origin and message.type in c.wants]
        return sum(reader.send(sent) for reader in readers)

    def close(self) -> None:
        """Hang up on everybody."""
        for connection in list(self.connections):
            connection.transport.abort()


class Connection(asyncio.Protocol):
    """One client: stranger until its hello, then publisher, subscriber and requester at once."""

    transport: asyncio.Transport

    def __init__(self, hub: Hub) -> None:
        self.wants: set[str] = set()
        self._hub = hub
        self._splitter = Splitter()
        self._admitted = self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A stranger: it has a few seconds to say hello."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._hub.connections.add(self)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(HELLO_WITHIN, self._no_hello)

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone, whoever hung up."""
        self._hub.connections.discard(self)
        self._deadline.cancel()

    def data_received(self, chunk: bytes) -> None:
        """Bytes, not necessarily a frame; perhaps several."""
        if self._refused:
            return
        try:
            for payload in self._splitter.feed(chunk):
                self._take(payload)
                if self._refused:
                    return
        except FrameTooLong as error:
            self._refuse("too_long", str(error))

    def send(self, data: bytes) -> bool:
        """Queue one frame; whoever lets too much pile up is dropped. Returns whether it went."""
        if self.transport.is_closing():
            return False
        if self.transport.get_write_buffer_size() + len(data) > BACKLOG:
            self.transport.abort()
            return False
        self.transport.write(data)
        return True

    def _take(self, payload: bytes) -> None:
        try:
            message = decode(payload)
        except BadMessage as error:
            self._fault("bad_message", str(error))
            return
        if self._admitted:
            self._dispatch(message, payload)
        else:
            self._hello(message)

    def _hello(self, message: Message) -> None:
        if message.type != "hello" or not self._hub.admits(message.data.get("token")):
            self._refuse("unauthenticated", "the first frame must be hello with the right token")
            return
        self._admitted = True
        self._deadline.cancel()
        self._answer(message, "ack")

    def _dispatch(self, message: Message, payload: bytes) -> None:
        match message.type:
            case "subscribe":
                self._subscribe(message)
            case "heartbeat":
                self._answer(message, "ack")
            case "ack" | "error":
                pass
            case kind if kind in BROADCAST:
                self._publish(message, payload)
            case kind if kind in VERSION_QUERIES:
                self._tell_version(message)
            case kind:
                self._fault("unknown_type", f"nobody here understands {kind[:80]!r}", message)

    def _subscribe(self, message: Message) -> None:
        types = message.data.get("types")
        if not isinstance(types, list) or not all(isinstance(t, str) for t in types):
            self._fault("bad_message", "subscribe: expected data.types, a list of names", message)
        elif unknown := sorted(set(types) - BROADCAST):
            self._fault("unknown_type", f"{unknown[0][:80]!r} is never published", message)
        else:
            self.wants.update(types)
            self._answer(message, "ack", types=sorted(self.wants))

    def _publish(self, message: Message, payload: bytes) -> None:
        delivered = self._hub.publish(self, message, payload)
        if "request_id" in message.data:
            self._answer(message, "ack", delivered=delivered)

    def _tell_version(self, message: Message) -> None:
        known = self._hub.version
        if known is None:
            self._fault("unknown_version", "no part has announced its version yet", message)
            return
        view = VERSION_QUERIES[message.type]
        answer = {name: value for name, value in known.items() if name in view}
        self._answer(message, "version_info", **answer)

    def _answer(self, request: Message | None, kind: str, /, **data: Any) -> None:
        if request is not None and "request_id" in request.data:
            data["response_to"] = request.data["request_id"]
        try:
            self.send(_encode(kind, data))
        except (ValueError, RecursionError):
            # A request_id or a version as large as a frame: it came in, but cannot go out.
            text = "the answer does not fit into a frame; use a shorter request_id"
            self.send(_encode("error", {"code": "bad_message", "error": text}))

    def _fault(self, code: str, text: str, request: Message | None = None) -> None:
        if not self._admitted:
            self._refuse("unauthenticated", f"the first frame must be hello; {text}")
        else:
            self._answer(request, "error", code=code, error=text)

    def _refuse(self, code: str, text: str) -> None:
        """Say why, then hang up.

        What still arrives is read and dropped for a moment: closing a socket with unread bytes
        resets the connection, and the other end would lose the reason.
        """
        self._answer(None, "error", code=code, error=text)
        self._refused = True
        if not self.transport.is_closing():
            self.transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER, self.transport.abort)

    def _no_hello(self) -> None:
        self._refuse("unauthenticated", f"no hello within {HELLO_WITHIN:g} seconds")


def _encode(kind: str, data: dict[str, Any]) -> bytes:
    return encode(Message(kind, data, NAME, time.time()))


async def listen(port: int, hub: Hub) -> asyncio.Server:
    """Accept connections on the port (0: any free one) and let the hub have them."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(hub), HOST, port)


async def serve(port: int) -> None:
    """The worker: serve until cancelled. The token is in FASTBLOG_IPC_TOKEN."""
    hub = Hub(os.environ["FASTBLOG_IPC_TOKEN"])
    server = await listen(port, hub)
    otpsup.current_child().ready()
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        hub.close()

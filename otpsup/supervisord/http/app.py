"""What is where, as an ASGI application: `/RPC2`, `/logtail/...`, `/mainlogtail`, a page at `/`.

Runs on the web thread's loop. Parses and encodes here; what a method does, `Door` does elsewhere.
Source: http://supervisord.org/api.html.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import http
from collections.abc import Awaitable, Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any, Protocol

from ...errors import in_words
from ...logger import logger
from ...serving.asgi import Receive, Scope, Send
from ..conf.model import HttpServer
from ..rpc import codec
from ..rpc.faults import Fault, RpcError
from . import auth, tails

Headers = Sequence[tuple[str, str]]

_MOST = 16 * 1024 * 1024
"""Bytes of a request's body."""
_MOST_OF_ALL = 64 * 1024 * 1024
"""Bytes of all bodies that are coming in at once."""


class Door(Protocol):
    """What the application asks the daemon for; all of it may be called on any loop."""

    async def call(self, method: str, params: tuple[Any, ...]) -> Any:
        """The answer of an XML-RPC method; RpcError if it is a fault."""

    async def log(self, name: str, channel: str) -> str | None:
        """The path of the log of a process, if there is such a process and log."""

    async def main_log(self) -> str | None:
        """The path of the daemon's own log, if it has one."""

    def complain(self, text: str) -> None:
        """Say in the daemon's log what was wrong with a request."""


class Refused(Exception):
    """A request is answered with an HTTP status."""

    def __init__(self, status: int, headers: Headers = ()) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class App:
    """One server of a daemon.

    Args:
        server: who may come in.
        door: the daemon.
        over: is set when nothing is served any more.
    """

    def __init__(self, server: HttpServer, door: Door, over: asyncio.Event) -> None:
        self._server = server
        self._door = door
        self._over = over
        self._coming_in = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; whatever happens, the server goes on."""
        if scope["type"] != "http":
            return
        try:
            await self._answer(scope, receive, send)
        except Refused as refused:
            await _send_page(send, refused.status, refused.headers)
        except Exception as error:
            logger.error("a request to [{}] failed", self._server.section, error=error)
            self._door.complain(f"Server Error: {in_words(error)}")
            await _send_page(send, 500)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in
                   scope["headers"]}  # fmt: skip
        self._check(headers.get("authorization"))
        path = scope["path"]
        if path.startswith("/RPC2"):
            await self._rpc(scope["method"], headers, receive, send)
        elif path.startswith("/logtail"):
            await self._logtail(scope["method"], path, receive, send)
        elif path.startswith("/mainlogtail"):
            _only_get(scope["method"])
            await self._stream(await self._door.main_log(), receive, send, ())
        else:
            await self._page(scope["method"], path, send)

    def _check(self, header: str | None) -> None:
        match auth.verdict(self._server, header):
            case "malformed":
                raise Refused(400)
            case "unknown":
                raise Refused(
                    401,
                    (("www-authenticate", 'Basic realm="default"'), ("connection", "close")),
                )

    # /RPC2

    async def _rpc(
        self, method: str, headers: dict[str, str], receive: Receive, send: Send
    ) -> None:
        if method != "POST":
            raise Refused(400)
        if "content-length" not in headers:
            raise Refused(411, (("connection", "close"),))
        body = await self._body(int(headers["content-length"]), receive)
        try:
            asked = codec.decode(body)
        except codec.BadRequest as error:
            self._door.complain(f"XML-RPC request data {body[:200]!r} is invalid: {error}")
            raise Refused(400) from None
        await _send(send, 200, "text/xml", await self._called(*asked))

    async def _body(self, length: int, receive: Receive) -> bytes:
        if length > _MOST:
            raise Refused(413, (("connection", "close"),))
        parts: list[bytes] = []
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400)
                parts.append(message.get("body", b""))
                self._coming_in += len(parts[-1])
                if self._coming_in > _MOST_OF_ALL:
                    raise Refused(503, (("connection", "close"),))
                if not message.get("more_body"):
                    return b"".join(parts)
        finally:
            self._coming_in -= sum(map(len, parts))

    async def _called(self, method: str, params: tuple[Any, ...]) -> bytes:
        try:
            return codec.encode(await self._door.call(method, params))
        except RpcError as error:
            return codec.encode_fault(error)
        except (TypeError, OverflowError) as error:  # a plug-in's value
            failed = RpcError(Fault.FAILED, f"XML-RPC has no such value: {error}")
            return codec.encode_fault(failed)

    # Logs.

    async def _logtail(self, method: str, path: str, receive: Receive, send: Send) -> None:
        _only_get(method)
        _, _, rest = path.lstrip("/").partition("/")
        name, _, channel = rest.partition("/")
        found = await self._door.log(name, channel or "stdout")
        await self._stream(found, receive, send, (("x-accel-buffering", "no"),))

    async def _stream(
        self, path: str | None, receive: Receive, send: Send, headers: Headers
    ) -> None:
        """A log, from now on; the head of the answer comes with the first of it."""
        try:
            if path is None or not Path(path).is_file():
                raise Refused(404)
            changed, tail = Path(path).stat().st_mtime, tails.Tail(path)
        except OSError:
            raise Refused(404) from None
        told = (
            *headers,
            ("content-type", "text/plain;charset=utf-8"),
            ("last-modified", formatdate(changed, usegmt=True)),
        )
        with contextlib.closing(tail):
            await _until_gone(receive, self._told(tail, told, send))

    async def _told(self, tail: tails.Tail, headers: Headers, send: Send) -> None:
        has_begun = False
        async for data in tails.follow(tail, self._over):
            if not has_begun:
                await send(_start(200, headers))
            has_begun = True
            await send({"type": "http.response.body", "body": data, "more_body": True})
        if not has_begun:
            await send(_start(200, headers))
        await send({"type": "http.response.body", "body": b""})

    # Pages.

    async def _page(self, method: str, path: str, send: Send) -> None:
        """Looking changes nothing: there is no `?action=` here."""
        if method not in ("GET", "HEAD"):
            raise Refused(400)
        if path == "/ok.html":
            await _send(send, 200, "text/plain", b"OK")
        elif path in ("/", "/index.html"):
            await _send(send, 200, "text/html;charset=utf-8", await self._overview())
        else:
            raise Refused(404)

    async def _overview(self) -> bytes:
        try:
            found = await self._door.call("supervisor.getAllProcessInfo", ())
        except RpcError as error:
            return _html("otpsup", f"<p>{html.escape(error.text)}</p>")
        rows = "".join(
            f"<tr><td>{html.escape(each['group'])}:{html.escape(each['name'])}</td>"
            f"<td>{each['statename']}</td><td>{html.escape(each['description'])}</td></tr>"
            for each in found
        )
        return _html("otpsup", f"<table>{rows}</table>")


def _only_get(method: str) -> None:
    if method != "GET":
        raise Refused(400)


async def _until_gone(receive: Receive, work: Awaitable[None]) -> None:
    """Do it as long as the client is there."""
    gone, doing = asyncio.ensure_future(_gone(receive)), asyncio.ensure_future(work)
    try:
        await asyncio.wait({gone, doing}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            await doing
    finally:
        for task in (gone, doing):
            task.cancel()
        await asyncio.gather(gone, doing, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _start(status: int, headers: Headers) -> dict[str, Any]:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": status, "headers": raw}


async def _send(send: Send, status: int, type: str, body: bytes, headers: Headers = ()) -> None:
    length = ("content-length", str(len(body)))
    await send(_start(status, (("content-type", type), length, *headers)))
    await send({"type": "http.response.body", "body": body})


async def _send_page(send: Send, status: int, headers: Headers = ()) -> None:
    phrase = http.HTTPStatus(status).phrase
    await _send(send, status, "text/html", _html("Error response", f"<p>{status} {phrase}</p>"),
                headers)  # fmt: skip


def _html(title: str, body: str) -> bytes:
    head = f"<!doctype html><html><head><title>{title}</title></head>"
    return f"{head}<body><h1>{title}</h1>{body}</body></html>\n".encode()

"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): answers that
go on until the client goes, does not read, or the server ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from threading import Condition
from typing import Any, Final

from ..logger import logger
from ..serving.asgi import Receive, Scope, Send
from ..wire.lines import LogLine
from .forms import json_of
from .hub import Hub, TooSlow

HEARTBEAT: Final = 15.0
"""Seconds without a word, after which there is one: proxies close what is silent."""
STALLED: Final = 30.0
"""Seconds in which a client takes nothing, after which it is dropped."""
ASKS_AGAIN: Final = 2.0
"""Seconds after which it is seen whether a client is let in still."""
_ROOM: Final = 64 * 1024
"""Bytes of lines that wait for one client."""
_STILL_HERE: Final = b": still here\n\n"

Chunks = Callable[[], AsyncIterator[bytes]]


_HEADERS: Final = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # or nginx keeps it until there is more
}


class Head:
    """The head that a stream would have, and no stream: for HEAD."""

    status_code = 200
    headers = _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await _begin(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Stream:
    """An answer of chunks.

    Args:
        chunks: what is sent, as it comes; b"" makes sure that the client still reads.
        over: is set when the server ends.
        done: is called at the end.
        still: whether the client is let in still.
    """

    status_code = 200
    headers = _HEADERS

    def __init__(
        self,
        chunks: Chunks,
        over: asyncio.Event,
        done: Callable[[], None],
        still: Callable[[], bool],
    ) -> None:
        self._chunks = chunks
        self._over = over
        self._done = done
        self._still = still
        self._is_enough = asyncio.Event()

    def end(self) -> None:
        """Send no more; the client may come back for what it misses."""
        self._is_enough.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until there is an end."""
        tasks = [
            asyncio.ensure_future(self._send(send)),
            asyncio.ensure_future(gone(receive)),
            asyncio.ensure_future(self._over.wait()),
            asyncio.ensure_future(self._is_enough.wait()),
            asyncio.ensure_future(self._shut_out()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self._done()
        await _end(scope, send, results[0])

    async def _shut_out(self) -> None:
        """Returns when the client's token was taken back, or he has logged out."""
        while self._still():
            await asyncio.sleep(ASKS_AGAIN)

    async def _send(self, send: Send) -> None:
        await _begin(send)
        await _body(send, b": otpsup\n\n")
        async for chunk in self._chunks():
            async with asyncio.timeout(STALLED):
                await _body(send, chunk)


async def _begin(send: Send) -> None:
    head = [(key.encode(), value.encode()) for key, value in _HEADERS.items()]
    await send({"type": "http.response.start", "status": 200, "headers": head})


async def _body(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def gone(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(scope: Scope, send: Send, result: Any) -> None:
    """Orderly, unless the client does not read: then nothing more would reach it."""
    if isinstance(result, TimeoutError | TooSlow):
        logger.warning("web: a client that does not read was dropped")
        abort = scope.get("extensions", {}).get("otpsup", {}).get("abort")
        if abort:
            abort()
        return
    if isinstance(result, Exception) and not isinstance(result, OSError):
        logger.error("web: a stream failed", error=result)
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1):
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def events(hub: Hub, after: str | None, recent: int) -> Chunks:
    """All events of a tree."""

    async def chunks() -> AsyncIterator[bytes]:
        follower = hub.follow(after, recent)
        with hub.woken() as woken:
            while True:
                woken.clear()
                if chunk := follower.next():
                    yield chunk
                    continue
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        await woken.wait()
                except TimeoutError:
                    yield _STILL_HERE

    return chunks


class Numbered:
    """Ids of lines: when a line came, and which of those that came then it is. So they mean the
    same to every follower of the same children."""

    def __init__(self) -> None:
        self._last = (0.0, 0)

    def next(self, line: LogLine) -> tuple[float, int]:
        """Of the next one."""
        at, number = self._last
        self._last = (line.at, number + 1 if line.at == at else 0)
        return self._last

    @staticmethod
    def parsed(text: str | None) -> tuple[float, int]:
        """Of an id that a client was given; before all others if it is none."""
        at, _, number = (text or "").partition("-")
        try:
            return float(at), int(number)
        except ValueError:
            return (0.0, 0)


class Lines:
    """Lines of output on their way to one client; who brings them waits until there is room.

    Args:
        after: the id of the last one that the client has; it is sent none of those before.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, after: str | None = None) -> None:
        self._loop = loop
        self._after = Numbered.parsed(after) if after else None
        self._ids = Numbered()
        self._changed = Condition()
        self._woken = asyncio.Event()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._is_over = False

    def put(self, line: LogLine | None) -> None:
        """The next one; None for the end. In another thread."""
        data = b"" if line is None else self._told(line)
        if line is not None and not data:
            return
        with self._changed:
            self._changed.wait_for(lambda: self._size < _ROOM or self._is_over)
            if self._is_over:
                return
            self._waiting.append(data)
            self._size += len(data)
            self._is_over = line is None
        with contextlib.suppress(RuntimeError):  # the loop is over
            self._loop.call_soon_threadsafe(self._woken.set)

    def _told(self, line: LogLine) -> bytes:
        """The event; nothing if the client has it."""
        at, number = self._ids.next(line)
        if self._after is not None and (at, number) <= self._after:
            return b""
        head = f"id: {at!r}-{number}\nevent: line\ndata: ".encode()
        return head + json_of(line) + b"\n\n"

    def close(self) -> None:
        """Nobody wants them any more."""
        with self._changed:
            self._is_over = True
            self._waiting.clear()
            self._changed.notify_all()

    def _take(self) -> tuple[bytes, bool]:
        with self._changed:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._size = 0
            self._changed.notify_all()
            return data, self._is_over

    async def chunks(self) -> AsyncIterator[bytes]:
        """As they come."""
        while True:
            self._woken.clear()
            data, is_over = self._take()
            if data:
                yield data
            if is_over:
                return
            if data:
                continue
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._woken.wait()
            except TimeoutError:
                yield _STILL_HERE

"""The client's end of the IPC: requests, publications and subscriptions on one connection.

Decides: which answer belongs to which request, and how long one waits for it.
Must not know: what the messages are about; the types are `ipc_server`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from types import TracebackType
from typing import Any

from examples.fastblog.frames import Message, Splitter, decode, encode

HOST = "127.0.0.1"
ANSWER_WITHIN = 5.0
CHUNK = 65536


class IpcError(Exception):
    """The server answered with an error, or not at all. `code` is the server's word for it."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"IPC {code}: {text}")
        self.code = code


class IpcClient:
    """A connection to the IPC server. Use `connect` and `async with`."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: str
    ) -> None:
        self._reader, self._writer, self._sender = reader, writer, sender
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        # Unread news stop the reading, so that a program that has fallen behind is seen as such
        # by the server, not hidden in a queue here.
        self._news: asyncio.Queue[Message | None] = asyncio.Queue(maxsize=1000)
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, port: int, token: str, sender: str) -> IpcClient:
        """Connect and say hello.

        Raises:
            IpcError: the token is wrong.
            OSError: nobody listens on that port.
        """
        reader, writer = await asyncio.open_connection(HOST, port)
        client = cls(reader, writer, sender)
        try:
            await client.request("hello", {"token": token})
        except BaseException:
            await client.close()
            raise
        return client

    async def request(self, kind: str, data: dict[str, Any] | None = None) -> Message:
        """Send one request and return its answer.

        Raises:
            IpcError: the server refused, hung up, or did not answer within `ANSWER_WITHIN` s.
        """
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            if self._reading.done():
                raise _closed()
            self._send(kind, {**(data or {}), "request_id": number})
            return await asyncio.wait_for(answer, ANSWER_WITHIN)
        except TimeoutError:
            raise IpcError("timeout", f"no answer to {kind} in {ANSWER_WITHIN:g} s") from None
        finally:
            del self._waiting[number]

    async def publish(self, kind: str, data: dict[str, Any]) -> int:
        """Publish a message; return how many subscribers it was sent to."""
        return int((await self.request(kind, data)).data["delivered"])

    async def subscribe(self, *kinds: str) -> None:
        """Hear messages of these types from now on; see `news`."""
        await self.request("subscribe", {"types": list(kinds)})

    async def news(self) -> Message:
        """The next message that was published to us.

        Raises:
            IpcError: there will be none, the server has closed the connection.
        """
        message = await self._news.get()
        if message is None:
            self._news.put_nowait(None)
            raise _closed()
        return message

    def _send(self, kind: str, data: dict[str, Any]) -> None:
        self._writer.write(encode(Message(kind, data, self._sender, time.time())))

    async def close(self) -> None:
        """Close the connection."""
        self._reading.cancel()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def __aenter__(self) -> IpcClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _read(self) -> None:
        splitter = Splitter()
        try:
            while chunk := await self._reader.read(CHUNK):
                for payload in splitter.feed(chunk):
                    await self._sort(decode(payload))
        except (OSError, ValueError):
            pass  # a reset, or a stream that makes no sense: over in either case
        finally:
            self._fail(_closed())
        await self._news.put(None)

    async def _sort(self, message: Message) -> None:
        if message.type == "error":
            self._fail(_error(message), message.data.get("response_to"))
        elif waiting := self._waiting.get(message.data.get("response_to", 0)):
            if not waiting.done():
                waiting.set_result(message)
        elif message.type != "ack":
            await self._news.put(message)

    def _fail(self, error: IpcError, number: int | None = None) -> None:
        """Fail one request, or all of them: an error without a number ends the connection."""
        for each, future in self._waiting.items():
            if number in (None, each) and not future.done():
                future.set_exception(error)


def _closed() -> IpcError:
    return IpcError("closed", "the server closed the connection")


def _error(message: Message) -> IpcError:
    return IpcError(str(message.data.get("code")), str(message.data.get("error")))


def announce(port: int, token: str, sender: str, kind: str, data: dict[str, Any]) -> None:
    """Publish one message from a program that has no event loop.

    News are a courtesy: what the sender is doing matters more, so nothing that goes wrong here
    is raised.
    """
    with contextlib.suppress(OSError, IpcError):
        asyncio.run(_announce(port, token, sender, kind, data))


async def _announce(port: int, token: str, sender: str, kind: str, data: dict[str, Any]) -> None:
    async with asyncio.timeout(1.0), await IpcClient.connect(port, token, sender) as client:
        await client.publish(kind, data)

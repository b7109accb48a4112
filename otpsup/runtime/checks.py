"""One look at a condition that has to be tried: a port, an address, a function.

Each is a coroutine that returns why not, or None if all is well; how often it is called, and how
long it may take, others decide: `readiness` while a child starts, `health` while it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import re
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future
from functools import partial
from threading import Thread
from urllib.parse import SplitResult, unquote, urlsplit

from ..errors import in_words
from ..specs import Http, Port, Probe
from . import importing

Look = Callable[[], Awaitable[str | None]]
Busy = dict[Hashable, float]
"""Looks in threads that have not ended, by what names them, and since when (time.monotonic)."""


class Unknown(Exception):
    """A look has come to nothing, and says nothing of the child."""


async def why_not(look: Look, timeout: float | None) -> str | None:
    """Look once, for so many seconds at most, if there is a limit; None if all is well.

    Raises:
        Unknown: it came to nothing.
    """
    try:
        async with asyncio.timeout(timeout):
            return await look()
    except TimeoutError:
        return f"no answer within {timeout:g} s"
    except Unknown:
        raise
    except Exception as error:
        return str(error) or type(error).__name__


def look(kind: Port | Http | Probe, busy: Busy | None = None, key: Hashable = None) -> Look:
    """What looks at this condition; with `busy`, not as long as a look with this key hangs."""
    match kind:
        case Port():
            name = Name(kind.host, kind.port, busy, key)
            return lambda: _connect(name)
        case Http():
            name = Name(*_place(urlsplit(kind.url)), busy, key)
            return lambda: _get(kind, name)
        case Probe():
            return InThread(lambda: _why_not(kind.function), busy=busy, key=key)


class Name:
    """The addresses of a host. A name is looked up in a thread of its own: asyncio has a few that
    all share, and a name server that does not answer would hold up who asks for another name."""

    def __init__(
        self, host: str, port: int, busy: Busy | None = None, key: Hashable = None
    ) -> None:
        self.host = host
        self.port = port
        self._found: list[tuple[str, int]] = []
        self._look = InThread(self._look_up, busy=busy, key=key)

    async def addresses(self) -> list[tuple[str, int]]:
        """Each with the port.

        Raises:
            OSError: there are none.
        """
        if _is_address(self.host):
            return [(self.host, self.port)]
        if (why := await self._look()) is not None:
            raise OSError(f"cannot look up {self.host}: {why}")
        return self._found

    def _look_up(self) -> None:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        self._found = list(dict.fromkeys((str(at[0]), int(at[1])) for *_, at in found))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _open(
    name: Name, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that accepts one; raises what the last said."""
    server = name.host if tls else None
    *others, last = await name.addresses()
    for host, port in others:
        with contextlib.suppress(OSError):
            return await asyncio.open_connection(host, port, ssl=tls, server_hostname=server)
    return await asyncio.open_connection(*last, ssl=tls, server_hostname=server)


async def _connect(name: Name) -> None:
    """To the first address that accepts; raises what the last said. Without streams: so a look
    takes two fifths less, and there may be a thousand who are connected to every few seconds."""
    *others, last = await name.addresses()
    for address in others:
        with contextlib.suppress(OSError):
            await _accepted(address)
            return
    await _accepted(last)


async def _accepted(address: tuple[str, int]) -> None:
    """Somebody listens there. Where nobody does, the kernel may give that very port to this client,
    which would then be connected to itself."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        error = sock.connect_ex(address)
        if error == errno.EINPROGRESS:
            error = sock.connect_ex(address)  # done, on the machine itself
        if error == errno.EALREADY:
            await asyncio.get_running_loop().sock_connect(sock, address)
        elif error not in (0, errno.EISCONN):
            raise _refused(error, address)
        if sock.getsockname()[:2] == address:  # TCP's simultaneous open (RFC 9293, 3.5)
            raise _refused(errno.ECONNREFUSED, address)


def _refused(error: int, address: tuple[str, int]) -> OSError:
    return OSError(error, f"Connect call failed {address}")  # asyncio's words for it


def _place(url: SplitResult) -> tuple[str, int]:
    """Host and port of an address."""
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)


async def _get(kind: Http, name: Name) -> str | None:
    """One GET; the status line is all that is read."""
    url = urlsplit(kind.url)
    tls = ssl.create_default_context() if url.scheme == "https" else None
    reader, writer = await _open(name, tls)
    try:
        writer.write(_request(url))
        line = await reader.readuntil(b"\n")
    finally:
        writer.close()
    return _judge(line, kind.status)


def _request(url: SplitResult) -> bytes:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    user, at, host = url.netloc.rpartition("@")
    head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: otpsup\r\n"
    if at:
        head += f"Authorization: Basic {b64encode(unquote(user).encode()).decode()}\r\n"
    return f"{head}Accept: */*\r\nConnection: close\r\n\r\n".encode()


def _judge(line: bytes, wanted: int | None) -> str | None:
    """None if the status line is as wanted, else why not."""
    match = re.match(rb"HTTP/\d\S* (\d{3})\b", line)
    if match is None:
        return f"no HTTP answer but {line[:40]!r}"
    status = int(match[1])
    good = status == wanted if wanted else 200 <= status < 400
    return None if good else f"HTTP status {status}"


class InThread:
    """Looks by a call that may hang: in a thread of its own, and in no second one while that does.

    Args:
        call: returns why not, or None.
        raised: what an exception of it says, or it raises Unknown; that is why not, if not given.
        busy: who looks just now; shared with those who look the same way later.
        key: of this look in it.
    """

    def __init__(
        self,
        call: Callable[[], str | None],
        raised: Callable[[BaseException], str | None] = in_words,
        *,
        busy: Busy | None = None,
        key: Hashable = None,
    ) -> None:
        self._call = call
        self._raised = raised
        self._busy = {} if busy is None else busy
        self._key = key

    @property
    def hangs(self) -> bool:
        """The last look has not ended."""
        return self._key in self._busy

    async def __call__(self) -> str | None:
        """Look once."""
        now = time.monotonic()
        if (since := self._busy.get(self._key)) is not None:
            return f"the look before this one hangs, for {now - since:.3g} s now"
        answer: Future[str | None] = Future()
        answer.set_running_or_notify_cancel()  # giving up the wait does not cancel the call
        self._busy[self._key] = now
        try:
            Thread(target=partial(self._run, answer), name="otpsup-probe", daemon=True).start()
        except RuntimeError:  # no thread can be had now
            del self._busy[self._key]
            raise
        return await asyncio.wrap_future(answer)

    def _run(self, answer: Future[str | None]) -> None:
        try:
            found = self._judged()
        except Unknown as unknown:
            del self._busy[self._key]
            answer.set_exception(unknown)
        else:
            del self._busy[self._key]
            answer.set_result(found)

    def _judged(self) -> str | None:
        try:
            return self._call()
        except BaseException as error:
            return self._raised(error)


def _why_not(function: Callable[[], object] | str) -> str | None:
    try:
        result = importing.resolve(function)()
        return None if result else f"it returned {result!r}"
    except BaseException as error:  # even SystemExit is only a probe's way to say no
        return in_words(error)

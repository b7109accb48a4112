"""Watch for a started child to become ready.

Each kind of `specs.ready` that has to be tried, not waited for, is a coroutine that returns once
it succeeds and remembers why it did not yet. The engine limits the whole by `start_timeout`.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from threading import Thread
from urllib.parse import SplitResult, unquote, urlsplit

from ..errors import in_words
from ..specs import Http, LogLine, Port, Probe, Readiness
from . import importing, ports

_LONGEST_LINE = 64 * 1024


async def until_ready(kind: Port | Http | Probe, note: Callable[[str], None]) -> None:
    """Try until it succeeds; `note` is told after each try why not yet."""
    attempt = _attempt(kind)
    while True:
        try:
            async with asyncio.timeout(kind.timeout):
                why_not = await attempt()
        except TimeoutError:
            why_not = f"no answer within {kind.timeout:g} s"
        except Exception as error:
            why_not = _words(error)
        if why_not is None:
            return
        note(why_not)
        await asyncio.sleep(kind.interval)


def _attempt(kind: Port | Http | Probe) -> Callable[[], Awaitable[str | None]]:
    match kind:
        case Port():
            return lambda: _connect(kind.host, kind.port)
        case Http():
            return lambda: _get(kind)
        case Probe():
            return lambda: _call(kind)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


async def _connect(host: str, port: int) -> None:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()


async def _get(kind: Http) -> str | None:
    """One GET; the status line is all that is read."""
    url = urlsplit(kind.url)
    tls = ssl.create_default_context() if url.scheme == "https" else None
    port = url.port or (443 if tls else 80)
    reader, writer = await asyncio.open_connection(url.hostname, port, ssl=tls)
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


async def _call(kind: Probe) -> str | None:
    """Call the user's function in a thread of its own, so that a hanging one harms nobody."""
    why_not: Future[str | None] = Future()

    def call() -> None:
        why_not.set_result(_why_not(kind.function))

    why_not.set_running_or_notify_cancel()  # giving up the wait does not cancel the call
    Thread(target=call, name="otpsup-probe", daemon=True).start()
    return await asyncio.wrap_future(why_not)


def _why_not(function: Callable[[], object] | str) -> str | None:
    try:
        result = importing.resolve(function)()
        return None if result else f"it returned {result!r}"
    except BaseException as error:  # even SystemExit is only a probe's way to say no
        return in_words(error)


def line_watcher(kind: LogLine, found: Callable[[], None]) -> Callable[[bytes], bool]:
    """A watcher for a log pump: calls `found` once, at the first line that matches."""
    pattern = re.compile(kind.pattern.encode())
    partial = b""

    def watch(data: bytes) -> bool:
        nonlocal partial
        *lines, partial = (partial + data).split(b"\n")
        partial = partial[-_LONGEST_LINE:]
        if data == b"":
            lines.append(partial)
        if any(pattern.search(line) for line in lines):
            found()
            return True
        return False

    return watch


def taken_port(kind: Readiness) -> int | None:
    """The local port that a child wants for itself, if somebody else listens on it now."""
    match kind:
        case Port():
            host, port = kind.host, kind.port
        case Http():
            url = urlsplit(kind.url)
            host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
        case _:
            return None
    return port if ports.is_local(host) and ports.is_taken(port) else None

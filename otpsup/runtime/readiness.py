"""Watch for a started child to become ready.

Each kind of `specs.ready` that has to be tried, not waited for, is a coroutine that returns once
it succeeds and remembers why it did not yet. The engine limits the whole by `start_timeout`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from ..specs import Http, LogLine, Port, Probe, Readiness
from . import checks, ports

_LONGEST_LINE = 64 * 1024


async def until_ready(kind: Port | Http | Probe, note: Callable[[str], None]) -> None:
    """Try until it succeeds; `note` is told after each try why not yet."""
    while (why_not := await checks.why_not(checks.look(kind), kind.timeout)) is not None:
        note(why_not)
        await asyncio.sleep(kind.interval)


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

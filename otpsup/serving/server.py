"""uvicorn in a thread of its own. With `gate` and `protocol` all that imports it: extra `web`."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from ..errors import OtpsupError
from ..logger import logger
from . import sockets
from .asgi import Application
from .sockets import Address
from .tls import context

try:
    import uvicorn

    from .gate import Gate
    from .protocol import Bounded, Known
except ImportError as error:
    _missing: ImportError | None = error
else:
    _missing = None

_FOR_EVER = 10.0**8
"""Seconds that an idle connection stays open: clients of supervisord do not expect that it ends."""
_GRACE = 2
"""Seconds that what is being answered gets when the server ends."""


class NoWebServer(OtpsupError):
    """HTTP is to be served, and what it takes is not installed."""

    code = "no_web_server"


@frozen
class Site:
    """What is served where.

    Attributes:
        make: makes the application, on the loop that serves it; it is told of an event that is set
            when nothing is served any more.
        certificate, key: files in PEM, for TLS; without a key it is in the certificate's file.
    """

    address: Address
    make: Callable[[asyncio.Event], Application]
    certificate: Path | None = None
    key: Path | None = None

    def tls(self) -> ssl.SSLContext | None:
        """What TLS takes; None without a certificate.

        Raises:
            CannotServe: the certificate cannot be used.
        """
        if self.certificate is None:
            return None
        return context(self.certificate, self.key, self.address.label)


@frozen
class _Place:
    """A site, and the socket that it is served on."""

    site: Site
    socket: socket.socket
    file: tuple[int, int] | None
    tls: ssl.SSLContext | None


class Server:
    """Serves HTTP until it is closed.

    Args:
        sites: what, and where.
        why: who wants that, for the message if it cannot be: `this configuration has [...]`.

    Raises:
        NoWebServer: uvicorn or httptools are not installed.
        CannotServe: a socket cannot be had; none is left open.
    """

    def __init__(self, sites: Sequence[Site], why: str) -> None:
        if sites:
            require(why)
        self._places: list[_Place] = []
        self._running: list[Any] = []
        self._over: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        try:
            for site in sites:
                tls = site.tls()
                made = sockets.open_socket(site.address)
                self._places.append(_Place(site, made, sockets.identity(site.address), tls))
        except BaseException:
            self._let_go()
            raise

    @property
    def bound(self) -> list[Any]:
        """The names of its sockets, as getsockname(2) tells them."""
        return [place.socket.getsockname() for place in self._places]

    def start(self) -> None:
        """Begin to serve; returns when that is so."""
        if not self._places:
            return
        is_up = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(is_up,), name="otpsup-web", daemon=True
        )
        self._thread.start()
        is_up.wait()

    async def close(self) -> None:
        """End, once those who wait have their answers, or soon; on any loop."""
        await asyncio.to_thread(self.stop)

    def stop(self) -> None:
        """The same, in a thread that may wait."""
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._end)
            self._thread.join()
        self._let_go()

    def _let_go(self) -> None:
        for place in self._places:
            sockets.remove(place.site.address, place.file)
            place.socket.close()
        self._places.clear()

    def _run(self, is_up: threading.Event) -> None:
        try:
            asyncio.run(self._serve(is_up))
        except Exception as error:  # supervision goes on without
            logger.error("HTTP is served no more", error=error)
        finally:
            is_up.set()

    async def _serve(self, is_up: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._running = [_server(place, self._over) for place in self._places]
        is_up.set()
        pairs = zip(self._running, self._places, strict=True)
        await asyncio.gather(*(each.serve(sockets=[place.socket]) for each, place in pairs))

    def _end(self) -> None:
        assert self._over is not None
        for each in self._running:
            each.should_exit = True
        self._over.set()


def require(why: str) -> None:
    """Have the packages that serving takes be installed.

    Raises:
        NoWebServer: one is not.
    """
    if _missing is not None:
        raise missing(why, _missing)


def missing(why: str, error: ImportError) -> NoWebServer:
    """The error where a package is not installed."""
    return NoWebServer(
        f"{why}, and serving HTTP takes packages that are not installed ({error.name}): "
        "pip install 'otpsup[web]'"
    )


def _server(place: _Place, over: asyncio.Event) -> Any:
    config = uvicorn.Config(
        place.site.make(over), http=Bounded, ws="none", lifespan="off", log_config=None,
        access_log=False, server_header=False, date_header=False,
        timeout_keep_alive=int(_FOR_EVER), timeout_graceful_shutdown=_GRACE, proxy_headers=False,
        log_level="critical",
    )  # fmt: skip

    class Server(uvicorn.Server):
        """One with a gate, that sleeps until it is over: uvicorn's own looks ten times a second."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup([])
            gate: Any = Gate(place.socket, self._made, place.tls)
            self.servers = [gate]

        def _made(self, known: Known, accepted: socket.socket) -> Bounded:
            state, app_state = self.server_state, self.lifespan.state
            return Bounded(known, accepted, config=config, server_state=state, app_state=app_state)

        async def main_loop(self) -> None:
            await over.wait()

    return Server(config)

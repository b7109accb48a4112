"""A web server for one tree: settings put to work, for the plug-in `web` and for `otpsup web`."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from pathlib import Path

from ..serving import server, tls
from ..serving.asgi import Application
from ..serving.server import Server, missing
from ..serving.sockets import Address
from ..specs.web import Web
from . import tokens
from .access import Access, Caller, Way
from .door import Door
from .hub import Hub
from .tokens import Known, TokenFile

_LABEL = "web"
"""What messages call a server."""


def preflight(settings: Web, who: str) -> None:
    """Look whether these can be served, but for the address; raises as `Running`."""
    server.require(who)
    if settings.token_file is not None:
        TokenFile(settings.token_file)
    if settings.certificate is not None:
        tls.context(settings.certificate, settings.key, _LABEL)


class Running:
    """A server.

    Args:
        settings: where, and for whom.
        door: to the tree.
        who: wants it, for the message if a package is not installed.

    Raises:
        NoWebServer: a package is not installed.
        CannotServe: the address is taken; or the tokens, or the certificate, cannot be used.
    """

    def __init__(self, settings: Web, door: Door, who: str) -> None:
        self._settings = settings
        self._door = door
        self._hub = Hub()
        self._own: tuple[Path, str] | None = None
        self._stop_listening: Callable[[], None] = lambda: None
        make = self._made(self._tokens(), who)
        at = server.Site(_address(settings), make, settings.certificate, settings.key)
        try:
            self._server = Server([at], who)
        except BaseException:
            self._forget_token()
            raise

    def _tokens(self) -> Callable[[], Known]:
        """Those in the file; without one, a token of its own for the user of the tree."""
        if self._settings.token_file is not None:
            return TokenFile(self._settings.token_file).known
        if self._settings.file is None:
            self._own = tokens.own(self._door.name, self._hub.server)
        own = {tokens.hashed(self._own[1]): Caller("admin", "owner")} if self._own else {}
        return lambda: own

    @property
    def _way(self) -> Way:
        if self._settings.token_file is not None:
            return "token_file"
        return "login" if self._settings.file is None else "unix_user"

    def _made(self, known: Callable[[], Known], who: str) -> Callable[[asyncio.Event], Application]:
        try:
            from .application import App, Site
        except ImportError as error:
            raise missing(who, error) from None
        is_here = self._settings.file is None and self._settings.is_private
        has_tokens = self._settings.token_file is not None
        access = Access(
            is_here, frozenset(self._settings.hosts), is_open=not has_tokens, way=self._way
        )
        site = Site(self._door, self._hub, access, known, trusts_peers=not has_tokens)
        return lambda over: App(site, over)

    def start(self) -> None:
        """Begin to serve."""
        self._stop_listening = self._door.listen(self._hub)
        self._server.start()
        if self._own:
            tokens.tell_address(self._own[0], self.login)

    def stop(self) -> None:
        """Serve no more."""
        self._stop_listening()
        self._server.stop()
        self._forget_token()

    def _forget_token(self) -> None:
        if self._own:
            self._own[0].unlink(missing_ok=True)

    @property
    def url(self) -> str:
        """Where it is served: of a port 0 the one that it is."""
        if self._settings.file is not None:
            return self._settings.listen
        host, port = self._server.bound[0][:2]
        if ipaddress.ip_address(host).is_unspecified and self._settings.hosts:
            host = self._settings.hosts[0]  # it is known by that name
        scheme = "https" if self._settings.certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"

    @property
    def login(self) -> str:
        """The same, with the token of its own: whoever opens it is logged in. A browser keeps what
        comes after `#` to itself (RFC 3986, section 3.5)."""
        return f"{self.url}#token={self._own[1]}" if self._own else self.url

    @property
    def hint(self) -> str:
        """Where the token is, for the log."""
        return (
            f"; it takes the token in {self._own[0]}, see `otpsup web login`" if self._own else ""
        )


def _address(settings: Web) -> Address:
    file = str(settings.file) if settings.file else None
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    chmod = 0o700 if settings.token_file is None else 0o666  # a proxy has a user of its own
    return Address(label=_LABEL, file=file, host=host, port=settings.port, chmod=chmod)

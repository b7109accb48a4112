"""The plug-in `web`: serves the pages of all plug-ins, in a thread of its own, until the tree ends.

If it cannot, its place in the log says why, and the tree goes on without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import NotFound
from ..logger import logger
from ..plugins import Plugin, PluginTree
from ..serving.asgi import Application
from ..serving.server import Server, Site, missing
from ..serving.sockets import Address, CannotServe
from ..specs.web import Web
from .access import SHORTEST, Access
from .pages import Pages

_WHO = "this tree has the plug-in `web`"


class Service(Plugin):
    """Serves until the tree ends.

    Args:
        settings: where, and for whom.
    """

    name = "web"

    def __init__(self, settings: Web) -> None:
        self._settings = settings
        self._server: Server | None = None

    def start(self, tree: PluginTree) -> None:
        """Begin to serve.

        Raises:
            NoWebServer: a package is not installed.
            CannotServe: the address is taken, or there is no token in the file.
        """
        access = Access(only_here=_is_for_here(self._settings), token=_token(self._settings))
        server = Server([Site(_address(self._settings), _made(tree, access))], _WHO)
        server.start()
        self._server = server
        logger.info("{}: its pages are at {}", tree.name, self.url)

    def stop(self) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.stop()

    def ask(self, what: str, fields: Mapping[str, Any]) -> Any:
        """`ask("url", {})` is where it is served; None if it is not."""
        if what != "url":
            raise NotFound(f"web answers no {what!r}; ask for 'url'")
        return self.url if self._server is not None else None

    @property
    def url(self) -> str:
        """Where it is served: of a port 0 the one that it is."""
        if self._settings.file is not None or self._server is None:
            return self._settings.listen
        host, port = self._server.bound[0][:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _made(tree: PluginTree, access: Access) -> Any:
    try:
        from .app import application
    except ImportError as error:
        raise missing(_WHO, error) from None

    def make(_: asyncio.Event) -> Application:
        return application(lambda: tree.paths, Pages(tree.page), access)

    return make


def _is_for_here(settings: Web) -> bool:
    """A unix socket has no name that a browser could be told."""
    return settings.file is None and settings.is_private


def _address(settings: Web) -> Address:
    file = settings.file
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    return Address(label="web", file=str(file) if file else None, host=host, port=settings.port)


def _token(settings: Web) -> str | None:
    """The token in the file, if there is to be one.

    Raises:
        CannotServe: it cannot be read, or is too short to be one.
    """
    if settings.token_file is None:
        return None
    token = _read(settings.token_file)
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable():
        raise CannotServe(
            f"web does not serve: {settings.token_file} must hold one line of at least {SHORTEST} "
            "characters of ASCII; `openssl rand -hex 32` makes a good one"
        )
    return token


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CannotServe(f"web does not serve: cannot read {file}: {why}") from None

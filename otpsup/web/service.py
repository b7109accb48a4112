"""The plug-in `web`: serves the page, REST, and the pages of all plug-ins, in a thread of its own,
until the tree ends.

If it cannot, its place in the log says why, and the tree goes on without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import NotFound
from ..logger import logger
from ..plugins import Plugin, PluginTree
from ..specs.web import Web
from ..views import Event
from .in_plugin import InPlugin
from .serve import Running, preflight

_WHO = "this tree has the plug-in `web`"


class Service(Plugin):
    """Serves until the tree ends.

    Args:
        settings: where, and for whom.
    """

    name = "web"

    def __init__(self, settings: Web) -> None:
        self._settings = settings
        self._running: Running | None = None
        self._door: InPlugin | None = None

    def preflight(self) -> None:
        """Look whether packages, tokens and certificate are there; nothing is bound.

        Raises:
            NoWebServer: a package is not installed.
            CannotServe: the tokens, or the certificate, cannot be used.
        """
        preflight(self._settings, _WHO)

    def start(self, tree: PluginTree) -> None:
        """Begin to serve.

        Raises:
            NoWebServer: a package is not installed.
            CannotServe: the address is taken, or there is no token in the file.
        """
        door = InPlugin(tree)
        running = Running(self._settings, door, _WHO)
        running.start()
        self._running, self._door = running, door
        logger.info("{}: its page is at {}{}", tree.name, running.url, running.hint)

    def on_event(self, event: Event) -> None:
        """Whoever follows the events hears of it."""
        if self._door is not None:
            self._door.tell(event)

    def stop(self) -> None:
        """Serve no more."""
        if self._running is not None:
            self._running.stop()

    def ask(self, what: str, fields: Mapping[str, Any]) -> Any:
        """`ask("url", {})` is where it is served; None if it is not. `login` is the same, with the
        token with which the user of the tree logs in, if it has made one."""
        if what not in ("url", "login"):
            raise NotFound(f"web answers no {what!r}; ask for 'url' or 'login'")
        if self._running is None:
            return None
        return self._running.url if what == "url" else self._running.login

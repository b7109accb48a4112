"""The tree as a plug-in sees it: the verbs, and the other plug-ins.

Decides how often one plug-in may ask: one that restarts a child for each event that it hears would
otherwise keep the tree busy with itself for ever.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

from ..verbs import Verbs

if TYPE_CHECKING:
    from .base import Page

_RATE = 100.0
"""Requests a second that one plug-in may make for long."""
_BURST = 1000.0
"""Requests that it may make at once."""


class Asked(Protocol):
    """Asks the tree."""

    name: str

    def call(self, op: str, **fields: Any) -> Future[Any]:
        """Make a request without waiting."""


class Others(Protocol):
    """All plug-ins of the tree."""

    @property
    def paths(self) -> list[str]:
        """Of HTTP, of all plug-ins."""

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """The answer of the plug-in that has this path."""


class PluginTree(Verbs):
    """Blocking, and for any thread. A plug-in that asks more than a hundred times a second is held
    up, and named in the log.

    Args:
        tree: is asked.
        others: the plug-ins of the tree.
        flooding: is called when the plug-in has to wait.
    """

    def __init__(self, tree: Asked, others: Others, flooding: Callable[[], None]) -> None:
        self.name = tree.name
        self._tree = tree
        self._others = others
        self._flooding = flooding
        self._lock = threading.Lock()
        self._left, self._at = _BURST, time.monotonic()

    @property
    def paths(self) -> list[str]:
        """The paths of HTTP that plug-ins of this tree answer."""
        return self._others.paths

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """What the plug-in that has this path answers.

        Raises:
            NotFound: none has.
            PluginFailed: it raised something, or did not answer in time.
        """
        return self._others.page(path, query)

    def _ask(self, op: str, **fields: Any) -> Any:
        self._take_turn()
        return self._tree.call(op, **fields).result()

    def _take_turn(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._left = min(_BURST, self._left + (now - self._at) * _RATE) - 1
            self._at = now
            owed = -self._left / _RATE
        if owed > 0:
            self._flooding()
            time.sleep(owed)

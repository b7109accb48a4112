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
    from ..wire.lines import LogLine
    from ..wire.outline import Outline
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

    def outline(self) -> Outline:
        """The tree's shape, in which processes are stand-ins, and where it is in its life."""
        from ..wire import outline  # few draw a tree

        return outline.decode(self._ask("outline"))

    def logs(
        self, paths: list[str] | None = None, lines: int = 10, stream: str | None = None
    ) -> list[LogLine]:
        """The last lines of these children, or of all, the oldest first."""
        return list(self._ask("logs", paths=paths, lines=lines, stream=stream, follow=False))

    def follow(
        self,
        listener: Callable[[LogLine], None],
        paths: list[str] | None = None,
        lines: int = 10,
        stream: str | None = None,
    ) -> Callable[[], None]:
        """Have `listener` called, in a thread of its own, for those and all that come after them;
        returns the end of that. Lines that come too fast for it are counted, see `LogLine`."""
        self.logs(paths, 0)  # NotFound, if one is none
        fields = {"paths": paths, "lines": lines, "stream": stream, "listener": listener}
        stop: Callable[[], None] = self._ask("follow", **fields)
        return stop

    def shutdown(self, *, hurry: bool = False) -> None:
        """Begin to stop the whole tree; does not wait for that, for the plug-in is stopped, too."""
        self._take_turn()
        self._tree.call("shutdown", hurry=hurry)

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

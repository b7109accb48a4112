"""The door to a `Tree` of this program, which may be started later, or again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from ..errors import OtpsupError
from ..plugins import Page
from ..tree import Tree
from ..verbs import Verbs
from ..wire.lines import LogLine
from . import asking
from .door import Hears, Stop

if TYPE_CHECKING:
    from ..wire.outline import Outline

_AGAIN = 0.25
"""Seconds after which a tree that does not run is looked for again."""


class InProgram:
    """See `Door`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    @property
    def name(self) -> str:
        """Of the tree."""
        return self._tree.name

    def verbs(self) -> AbstractContextManager[Verbs]:
        """What can be asked of the tree."""
        return nullcontext(self._tree)

    def outline(self) -> Outline:
        """The tree's shape."""
        from ..wire import outline  # few draw a tree

        asked = self._tree._promised(lambda session, future: future.set_result(session.outline()))
        return outline.decode(asked.result())

    def logs(self, paths: Sequence[str] | None, lines: int, stream: str | None) -> list[LogLine]:
        """The last lines of these children, or of all."""
        return list(self._tree.logs(None if paths is None else list(paths), lines, stream=stream))

    def follow(
        self,
        paths: Sequence[str] | None,
        lines: int,
        stream: str | None,
        listener: Callable[[LogLine | None], None],
    ) -> Stop:
        """Hear those, and what comes after them."""
        self.logs(paths, 0, None)  # NotFound, if one is none
        listed = None if paths is None else list(paths)
        found = self._tree._followed({"paths": listed, "lines": lines, "stream": stream})
        asking.bring(found, listener)
        return found.close

    def listen(self, hears: Hears) -> Stop:
        """Hear of all events, while it runs."""
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    self._hear(hears)
                except OtpsupError:
                    over.wait(_AGAIN)

        asking.begin(listen)
        return over.set

    def _hear(self, hears: Hears) -> None:
        """From what is known already on, each event once."""
        with self._tree.events() as stream:
            hears.begin()
            recent = self._tree.recent_events()
            for event in recent:
                hears.put(event)
            known = set(recent)
            for event in stream:
                if event not in known:
                    hears.put(event)
                    known.clear()

    def shutdown(self, *, hurry: bool) -> None:
        """Begin to stop the whole tree."""
        with self.verbs() as verbs:
            verbs.about()  # NotRunning, if it is not there
        self._tree.call("shutdown", hurry=hurry)

    @property
    def paths(self) -> Sequence[str]:
        """Of HTTP, that can be asked for over `ask_plugin`."""
        return list(asking.PATHS)

    @property
    def always(self) -> Sequence[str]:
        """Those that each tree has."""
        return asking.ALWAYS

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """What is there."""
        return asking.page(self._tree, path, query)

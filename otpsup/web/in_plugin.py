"""The door of the plug-in `web`: the tree in the same program, through its `PluginTree`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from ..plugins import Page, PluginTree
from ..verbs import Verbs
from ..views import Event
from ..wire.lines import LogLine
from .door import Hears, Stop, fields_of

if TYPE_CHECKING:
    from ..wire.outline import Outline


class InPlugin:
    """See `Door`. The plug-in tells it of events.

    Args:
        tree: of the plug-in.
    """

    def __init__(self, tree: PluginTree) -> None:
        self._tree = tree
        self._hears: list[Hears] = []

    @property
    def name(self) -> str:
        """Of the tree."""
        return self._tree.name

    def verbs(self) -> AbstractContextManager[Verbs]:
        """What can be asked of the tree."""
        return nullcontext(self._tree)

    def outline(self) -> Outline:
        """The tree's shape."""
        return self._tree.outline()

    def logs(self, paths: Sequence[str] | None, lines: int, stream: str | None) -> list[LogLine]:
        """The last lines of these children, or of all."""
        return self._tree.logs(**fields_of(paths, lines, stream))

    def follow(
        self,
        paths: Sequence[str] | None,
        lines: int,
        stream: str | None,
        listener: Callable[[LogLine | None], None],
    ) -> Stop:
        """Hear those, and what comes after them."""
        return self._tree.follow(listener, **fields_of(paths, lines, stream))

    def listen(self, hears: Hears) -> Stop:
        """Hear what the plug-in is told."""
        self._hears.append(hears)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._hears.remove(hears)

        return stop

    def tell(self, event: Event) -> None:
        """The plug-in was told this."""
        for each in self._hears:
            each.put(event)

    def shutdown(self, *, hurry: bool) -> None:
        """Begin to stop the whole tree."""
        self._tree.shutdown(hurry=hurry)

    @property
    def paths(self) -> Sequence[str]:
        """Of HTTP, that plug-ins answer."""
        return self._tree.paths

    @property
    def always(self) -> Sequence[str]:
        """All of them: it is known which plug-ins there are."""
        return self._tree.paths

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """What is there."""
        return self._tree.page(path, query)

"""What the web server needs of a tree, wherever it is asked from.

in_plugin   the tree whose plug-in `web` this is
in_program  a `Tree` of this program, into whose own ASGI application the pages are mounted
by_client   a tree that runs elsewhere, over its control socket: `otpsup web`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from ..plugins import Page
from ..verbs import Verbs
from ..views import Event
from ..wire.lines import LogLine

if TYPE_CHECKING:
    from ..wire.outline import Outline

Stop = Callable[[], None]


class Hears(Protocol):
    """Is told of events, in any thread."""

    def put(self, event: Event) -> None:
        """The next one."""

    def begin(self) -> None:
        """What comes now does not follow what came before: some may be missing."""


class Door(Protocol):
    """Blocking, and for any thread."""

    @property
    def name(self) -> str:
        """Of the tree."""

    def verbs(self) -> AbstractContextManager[Verbs]:
        """What can be asked of the tree; NotRunning if it is not there."""

    def outline(self) -> Outline:
        """The tree's shape."""

    def logs(self, paths: Sequence[str] | None, lines: int, stream: str | None) -> list[LogLine]:
        """The last lines of these children, or of all."""

    def follow(
        self,
        paths: Sequence[str] | None,
        lines: int,
        stream: str | None,
        listener: Callable[[LogLine | None], None],
    ) -> Stop:
        """Hear those and all that come after them, in a thread that may be held up; None is the
        end."""

    def listen(self, hears: Hears) -> Stop:
        """Hear of all events, from now on."""

    def shutdown(self, *, hurry: bool) -> None:
        """Begin to stop the whole tree; does not wait for that."""

    @property
    def paths(self) -> Sequence[str]:
        """Of HTTP, that plug-ins may answer."""

    @property
    def always(self) -> Sequence[str]:
        """Those of them that are answered whichever plug-ins the tree has."""

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """What is there."""


def fields_of(paths: Sequence[str] | None, lines: int, stream: str | None) -> dict[str, Any]:
    """The fields of the operation `logs`."""
    listed = None if paths is None else list(paths)
    return {"paths": listed, "lines": lines, "stream": stream}

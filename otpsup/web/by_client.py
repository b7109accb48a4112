"""The door to a tree that runs in another program, over its control socket."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..control import address
from ..control.client import TreeClient
from ..errors import NotRunning, OtpsupError
from ..plugins import Page
from ..verbs import Verbs
from ..wire.lines import LogLine
from . import asking
from .door import Hears, Stop

if TYPE_CHECKING:
    from ..wire.outline import Outline

_AGAIN = 1.0
"""Seconds after which a tree that is gone is looked for again."""
_RECENT = 500
"""Events from before that are asked for."""


class ByClient:
    """See `Door`. A tree that has ended is found again when another of its name runs.

    Args:
        name: of the tree; the only one that runs if not given.
        path: of its control socket, in place of the name.

    Raises:
        NotRunning: there is none, or there are several.
    """

    def __init__(self, name: str | None = None, path: Path | None = None) -> None:
        self._path = path
        self._called = name
        self._name = ""
        with self._connected() as client:
            self._name = str(client.about()["name"])
        self._called = name or self._name

    @property
    def name(self) -> str:
        """Of the tree."""
        return self._name

    def _socket(self) -> socket.socket:
        """To the tree.

        Raises:
            NotRunning: it is not there. (Which others are is no matter of those who ask here.)
        """
        try:
            return address.connect(self._path or address.find(self._called))
        except NotRunning as error:
            if not self._name:
                raise
            raise NotRunning(f"tree {self._name!r} is not running") from error

    @contextmanager
    def _connected(self) -> Iterator[TreeClient]:
        with TreeClient(self._socket()) as client:
            yield client

    @contextmanager
    def verbs(self) -> Iterator[Verbs]:
        """What can be asked of the tree."""
        with self._connected() as client:
            yield client

    def outline(self) -> Outline:
        """The tree's shape."""
        with self._connected() as client:
            return client.outline()

    def logs(self, paths: Sequence[str] | None, lines: int, stream: str | None) -> list[LogLine]:
        """The last lines of these children, or of all."""
        listed = None if paths is None else list(paths)
        with self._connected() as client:
            return list(client.logs(listed, lines, stream=stream))

    def follow(
        self,
        paths: Sequence[str] | None,
        lines: int,
        stream: str | None,
        listener: Callable[[LogLine | None], None],
    ) -> Stop:
        """Hear those, and what comes after them."""
        self.logs(paths, 0, None)  # NotFound, if one is none
        connection = self._socket()
        client = TreeClient(connection)
        listed = None if paths is None else list(paths)
        found = client.logs(listed, lines, follow=True, stream=stream)
        asking.bring(_closing(client, found), listener)
        return lambda: _hang_up(connection)

    def listen(self, hears: Hears) -> Stop:
        """Hear of all events, of this tree and of those of its name that come after it."""
        over = threading.Event()
        connections: list[socket.socket] = []

        def listen() -> None:
            while not over.is_set():
                with contextlib.suppress(OtpsupError, OSError, ValueError):
                    connections[:] = [self._socket()]
                    _hear(connections[0], hears)
                over.wait(_AGAIN)

        def stop() -> None:
            over.set()
            for each in connections:
                _hang_up(each)

        asking.begin(listen)
        return stop

    def shutdown(self, *, hurry: bool) -> None:
        """Begin to stop the whole tree: the answer comes when nothing of it is left."""
        client = TreeClient(self._socket())

        def work() -> None:
            with client, contextlib.suppress(NotRunning):
                client.shutdown(hurry=hurry)

        asking.begin(work)

    @property
    def paths(self) -> Sequence[str]:
        """Of HTTP, that can be asked for over the control socket."""
        return list(asking.PATHS)

    @property
    def always(self) -> Sequence[str]:
        """Those that each tree has."""
        return asking.ALWAYS

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """What is there."""
        with self._connected() as client:
            return asking.page(client, path, query)


def _hear(connection: socket.socket, hears: Hears) -> None:
    with TreeClient(connection) as client:
        found = client.events(_RECENT)
        hears.begin()
        for event in found:
            hears.put(event)


def _closing(client: TreeClient, found: Iterator[LogLine]) -> Iterator[LogLine]:
    with client:
        yield from found


def _hang_up(connection: socket.socket) -> None:
    """Whoever reads from it comes to its end; he closes it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

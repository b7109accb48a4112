"""A client of a running tree: the verbs, over a socket. Blocking, thread-safe, stdlib only."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import NotRunning
from ..verbs import Change, Verbs
from ..views import ChildStatus, Event
from ..wire import control as wire
from ..wire import lines as lines_wire
from ..wire.lines import LogLine
from . import address

if TYPE_CHECKING:
    from ..statistics import Statistics
    from ..wire.outline import Outline

_PROMPT = 10.0
_AT_ONCE = {
    *("status", "outline", "which_children", "count_children"),
    *("about", "info", "signal", "write_stdin", "recent_events", "reopen_logs"),
    *("statistics", "stacks"),
}
"""What a tree answers at once, whatever it is doing, and the seconds that it has for that."""


class TreeClient(Verbs):
    """A connection to a running tree.

    Threads may share it; one request is made at a time. Use one client a thread to wait for
    several answers at once.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb")
        self._lock = threading.Lock()
        self._id = 0

    @classmethod
    def connect(cls, name: str | None = None, path: Path | None = None) -> TreeClient:
        """Connect to the one running tree, to the one of this name, or to a socket.

        Raises:
            NotRunning: there is no such tree, or it takes a name to choose among several.
        """
        return cls(address.connect(path or address.find(name)))

    def shutdown(self, *, hurry: bool = False) -> None:
        """Stop the whole tree in reverse order; returns when nothing of it is left."""
        self._ask("shutdown", hurry=hurry)

    def events(self, recent: int = 0) -> Iterator[Event]:
        """All events from now on; ends with the tree. The client can do nothing else then.

        Args:
            recent: so many of those before come first; some hundred are kept.
        """
        self._ask("events", recent=recent)
        return self._events()

    def _events(self) -> Iterator[Event]:
        with contextlib.suppress(ConnectionError):  # the tree has ended, and hung up
            for line in self._file:
                answer = wire.decode_answer(line)
                if "event" in answer:
                    yield wire.event_from(answer["event"])

    def logs(
        self,
        paths: list[str] | None = None,
        lines: int = 10,
        follow: bool = False,
        stream: str | None = None,
    ) -> Iterator[LogLine]:
        """The last lines of children, in the order in which they came; with `follow`, all that come
        after them, until the tree ends. The client can do nothing else then.

        Args:
            paths: of children; None are all.
            lines: how many at most; some 16 KiB are kept of each child.
            stream: `stdout` or `stderr` only.
        """
        found = self._ask("logs", paths=paths, lines=lines, follow=follow, stream=stream)
        return self._lines() if follow else map(lines_wire.decode, found or ())

    def _lines(self) -> Iterator[LogLine]:
        with contextlib.suppress(ConnectionError):  # the tree has ended, and hung up
            for line in self._file:
                answer = wire.decode_answer(line)
                if "line" in answer:
                    yield lines_wire.decode(answer["line"])

    def _ask(self, op: str, **fields: Any) -> Any:
        with self._lock:
            self._id += 1
            line = wire.encode_call(self._id, op, **fields)
            self._sock.settimeout(_PROMPT if op in _AT_ONCE else None)
            try:
                with contextlib.suppress(BrokenPipeError):  # it may have said why before
                    self._sock.sendall(line)
                return self._answer()
            except TimeoutError:
                raise NotRunning(
                    f"the tree has not answered for {_PROMPT:g} s: its process is stopped, or stuck"
                ) from None
            except OSError:
                raise NotRunning("the tree has ended, or hung up") from None

    def _answer(self) -> Any:
        for line in self._file:
            answer = wire.decode_answer(line)
            if answer.get("id") in (self._id, wire.NOBODYS):
                if "error" in answer:
                    raise wire.error_from(answer["error"])
                return answer.get("ok")
        raise NotRunning("the tree has ended, or hung up, before it answered")

    def outline(self) -> Outline:
        """The tree's shape, in which processes are stand-ins, and where it is in its life.

        Raises:
            ProtocolError: the tree is of a version that does not tell.
        """
        from ..wire import outline  # needs the engine, as no other answer does

        return outline.decode(self._ask("outline"))

    def _status(self, value: Any) -> ChildStatus:
        return wire.status_from(value)

    def _changes(self, value: Any) -> list[Change]:
        return wire.changes_from(value)

    def _event(self, value: Any) -> Event:
        return wire.event_from(value)

    def _statistics(self, value: Any) -> Statistics:
        from ..wire import statistics  # few commands ask for them

        return statistics.decode(value)

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._sock.close()

    def __enter__(self) -> TreeClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

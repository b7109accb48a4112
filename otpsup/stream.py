"""Streams of events for users' loops: filled on the tree's thread, read on another."""

from __future__ import annotations

import contextlib
import os
import queue
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from .views import Event
from .wire.lines import LogLine

if TYPE_CHECKING:
    import asyncio

LIMIT = 10_000
"""Events that wait for a slow reader; the oldest are dropped then."""

Unsubscribe = Callable[[], None]


T = TypeVar("T")


class _Stream(Generic[T]):
    """What comes as a blocking iterator; ends with the tree, or with `close()`.

    Use it in a `with` block, or to its end, so that it is closed.
    """

    def __init__(self) -> None:
        self._queue: queue.Queue[T | None] = queue.Queue(LIMIT)
        self._pid = os.getpid()
        self.unsubscribe: Unsubscribe = lambda: None
        self.is_closed = False

    def put(self, event: T | None) -> None:
        """Add one, None for the end; called on a thread of the tree."""
        while True:
            try:
                self._queue.put_nowait(event)
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    self._queue.get_nowait()
            else:
                return

    def close(self) -> None:
        """Hear nothing more."""
        self.is_closed = True
        self.unsubscribe()
        self.put(None)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        return self.next()

    def next(self, timeout: float | None = None) -> T:
        """The next one.

        Args:
            timeout: seconds to wait for it; None waits for ever.

        Raises:
            StopIteration: the stream has ended, as it has in every fork of this process.
            TimeoutError: there was none in time.
        """
        if self._pid != os.getpid():
            raise StopIteration
        try:
            event = self._queue.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no event within {timeout} s") from None
        if event is None:
            self.put(None)
            raise StopIteration
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class EventStream(_Stream[Event]):
    """Events of a tree."""


class LineStream(_Stream[LogLine]):
    """Lines of the output of children."""


class AsyncEventStream:
    """The same as an asynchronous iterator, on the loop that made it."""

    def __init__(self) -> None:
        import asyncio  # whoever has a loop has it already

        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(LIMIT)
        self.unsubscribe: Unsubscribe = lambda: None
        self.is_closed = False

    def put(self, event: Event | None) -> None:
        """Add an event, None for the end; called on the tree's thread."""
        with contextlib.suppress(RuntimeError):  # the reader's loop is closed
            self._loop.call_soon_threadsafe(self._put, event)

    def _put(self, event: Event | None) -> None:
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(event)

    def close(self) -> None:
        """Hear nothing more."""
        self.is_closed = True
        self.unsubscribe()
        self._put(None)

    def __aiter__(self) -> AsyncEventStream:
        return self

    async def __anext__(self) -> Event:
        event = await self._queue.get()
        if event is None:
            self._put(None)
            raise StopAsyncIteration
        return event

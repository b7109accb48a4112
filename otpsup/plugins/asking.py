"""Requests to a running tree from the threads of its plug-ins."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from typing import Any, Protocol

from ..errors import NotRunning, OtpsupError
from ..views import ChildStatus
from ..wire import operations, requests
from ..wire.lines import LogLine

Answer = Callable[[Any, OtpsupError | None], None]


class Running(Protocol):
    """A tree that runs, on its loop."""

    name: str

    def ask(self, make: requests.Make, answer: Answer) -> None:
        """Put a request to the engine."""

    def status(self) -> ChildStatus:
        """The tree's snapshot."""

    def outline(self) -> Any:
        """The tree's outline, as `wire.outline` has it."""

    def operate(self, op: str, fields: Mapping[str, Any], answer: Answer) -> None:
        """Do one of the operations of a host."""

    def follow(
        self, fields: Mapping[str, Any], listener: Callable[[LogLine], None]
    ) -> Callable[[], None]:
        """Hear the last lines of children, and all that come after them."""


class Asking:
    """For any thread but the loop's own.

    Args:
        running: is asked, on `loop`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, running: Running) -> None:
        self.name = running.name
        self._loop = loop
        self._running = running
        self._owed: set[Future[Any]] = set()
        self._is_over = False

    def call(self, op: str, **fields: Any) -> Future[Any]:
        """Make a request without waiting; the future gets the answer, or an OtpsupError."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        self._owed.add(future)
        future.add_done_callback(self._owed.discard)
        try:
            self._loop.call_soon_threadsafe(self._do, op, fields, future)
        except RuntimeError:  # the loop is closed
            self._refuse(future)
        if self._is_over:
            self._refuse(future)
        return future

    def _do(self, op: str, fields: Mapping[str, Any], future: Future[Any]) -> None:
        def answer(value: Any, error: OtpsupError | None) -> None:
            with contextlib.suppress(InvalidStateError):
                future.set_exception(error) if error else future.set_result(value)

        try:
            self._put(op, fields, answer)
        except OtpsupError as error:
            answer(None, error)
        except Exception as error:
            answer(None, OtpsupError(str(error)))

    def _put(self, op: str, fields: Mapping[str, Any], answer: Answer) -> None:
        if op == "status":
            answer(self._running.status(), None)
        elif op == "outline":
            answer(self._running.outline(), None)
        elif op == "follow":
            answer(self._running.follow(fields, fields["listener"]), None)
        elif op in operations.FIELDS:
            self._running.operate(op, operations.fields_of(op, fields), answer)
        else:
            self._running.ask(requests.maker(op, fields, None), answer)

    def end(self) -> None:
        """Nobody is left to answer."""
        self._is_over = True
        for future in tuple(self._owed):
            self._refuse(future)

    def _refuse(self, future: Future[Any]) -> None:
        with contextlib.suppress(InvalidStateError):
            future.set_exception(NotRunning(f"tree {self.name!r} is not running any more"))

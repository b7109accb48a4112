"""Waiting on the loop for what is done elsewhere: by the engine, or in another thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from ..engine.events import Request
from ..errors import OtpsupError
from .running import Running

PATIENCE: Final = 30.0
"""Seconds that who asks a plug-in waits for its answer, and an update for plug-ins to be made."""

T = TypeVar("T")


def requested(session: Running, make: Callable[[int], Request]) -> asyncio.Future[Any]:
    """Put a request to the engine; returns its answer to come."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def answer(value: Any, error: OtpsupError | None) -> None:
        if not future.done():
            future.set_exception(error) if error else future.set_result(value)

    session.ask(make, answer)
    return future


async def soon(work: Future[T]) -> T:
    """What comes of work in another thread; TimeoutError if nothing does."""
    return await asyncio.wait_for(asyncio.wrap_future(work), PATIENCE)

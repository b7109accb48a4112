"""What may block, in threads of its own, beside a loop that must not.

The threads are daemons, which `concurrent.futures` has none of: a request that hangs must not keep
the program from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import OtpsupError

T = TypeVar("T")


class Busy(OtpsupError):
    """So many requests are being answered that there is no thread for one more."""

    code = "busy"


class Threads:
    """Used on one loop.

    Args:
        name: of the threads.
        most: at once; one more waits for its turn.
        patience: seconds that it waits for that.
    """

    def __init__(self, name: str, most: int, patience: float = 30.0) -> None:
        self._name = name
        self._turns = asyncio.Semaphore(most)
        self._patience = patience

    async def run(self, work: Callable[[], T]) -> T:
        """What this returns, or raises. If nobody waits for it any more, it is done all the same.

        Raises:
            Busy: it has not got its turn, or there can be no more threads.
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
        except TimeoutError:
            raise Busy("too many requests are being answered; try again later") from None
        return await self._begin(work)

    def _begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def through(value: Any, error: BaseException | None) -> None:
            self._turns.release()
            if not answer.done():
                answer.set_exception(error) if error else answer.set_result(value)

        def target() -> None:
            value, error = None, None
            try:
                value = work()
            except BaseException as raised:
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop is over
                loop.call_soon_threadsafe(through, value, error)

        try:
            threading.Thread(target=target, name=self._name, daemon=True).start()
        except RuntimeError as error:  # no thread can be had
            through(None, Busy(f"no thread can be had: {error}"))
        return answer

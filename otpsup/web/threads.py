"""What may block, in threads of its own, beside a loop that must not.

The threads are daemons, which `concurrent.futures` has none of: a request that hangs must not keep
the program from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from ..errors import OtpsupError

T = TypeVar("T")

_SHORT = 0.005
"""Seconds of work that nobody notices."""


class Busy(OtpsupError):
    """So many requests are being answered that there is no thread for one more."""

    code = "busy"


class Threads:
    """Used on one loop.

    Args:
        name: of the threads.
        most: at once; one more waits for its turn.
        patience: seconds that it waits for that.
        rests: whether a turn is kept for as long again as its work took: what is Python through and
            through holds up all other threads of the program, those that supervise among them.
    """

    def __init__(
        self, name: str, most: int, patience: float = 30.0, *, rests: bool = False
    ) -> None:
        self._name = name
        self._most = most
        self._turns = asyncio.Semaphore(most)
        self._patience = patience
        self._rests = rests
        self._waiting: dict[Hashable, asyncio.Future[Any]] = {}
        self._of: Counter[str] = Counter()

    async def run(self, work: Callable[[], T]) -> T:
        """What this returns, or raises. If nobody waits for it any more, it is done all the same.

        Raises:
            Busy: it has not got its turn, or there can be no more threads.
        """
        return await self._in_turn(work, None)

    async def run_for(self, who: str, work: Callable[[], T]) -> T:
        """The same; one caller has half of the turns at most.

        Raises:
            Busy: also if he has those.
        """
        if self._of[who] >= max(self._most // 2, 1):
            raise Busy(f"{self._of[who]} requests of yours are being answered; try again later")
        self._of[who] += 1
        work_of = asyncio.ensure_future(self.run(work))
        work_of.add_done_callback(lambda _: self._less(who))
        work_of.add_done_callback(_retrieved)
        return await asyncio.shield(work_of)

    def _less(self, who: str) -> None:
        self._of[who] -= 1
        if not self._of[who]:
            del self._of[who]

    async def run_once(self, key: Hashable, work: Callable[[], T]) -> T:
        """The same for all who ask for the same, by this key, before it has begun."""
        shared = self._waiting.get(key)
        if shared is None:
            shared = self._waiting[key] = asyncio.ensure_future(self._in_turn(work, key))
            shared.add_done_callback(_retrieved)
        return await asyncio.shield(shared)

    async def _in_turn(self, work: Callable[[], T], key: Hashable | None) -> T:
        try:
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
        except TimeoutError:
            raise Busy("too many requests are being answered; try again later") from None
        finally:
            self._waiting.pop(key, None)
        return await self._begin(work)

    def _begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def through(value: Any, error: BaseException | None, took: float) -> None:
            if self._rests and took > _SHORT:
                loop.call_later(took, self._turns.release)
            else:
                self._turns.release()
            if not answer.done():
                answer.set_exception(error) if error else answer.set_result(value)

        def target() -> None:
            value, error, began = None, None, time.monotonic()
            try:
                value = work()
            except BaseException as raised:
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop is over
                loop.call_soon_threadsafe(through, value, error, time.monotonic() - began)

        try:
            threading.Thread(target=target, name=self._name, daemon=True).start()
        except RuntimeError as error:  # no thread can be had
            through(None, Busy(f"no thread can be had: {error}"), 0.0)
        return answer


def _retrieved(future: asyncio.Future[Any]) -> None:
    """Nobody may be there any more to hear of its error."""
    if not future.cancelled():
        future.exception()

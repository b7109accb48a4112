"""Pages in threads of their own: none holds up the loop, and one that hangs no other page.

The threads are daemons, which `concurrent.futures` has none of: a page that hangs must not keep the
program from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from typing import Final
from weakref import WeakValueDictionary

from .. import mask
from ..errors import NotFound, OtpsupError, PluginFailed, in_words
from ..logger import logger
from ..plain import plain
from ..plugins import Page

SAME: Final = 4
"""Requests for the same page that are answered at once; others wait for these."""
AT_ONCE: Final = 16
"""Requests to one path, whatever their query: what hangs in `/healthz` does not hold up
`/healthz?include=tree`, and whoever asks for ever new pages gets no more threads than these."""
PATIENCE: Final = 35.0
"""Seconds for a page, with the wait; plug-ins have 30."""
_TOO_LATE = Page(b"this page has not answered in time; the tree goes on\n", 504)

Ask = Callable[[str, Mapping[str, str]], Page]


class Pages:
    """The pages of a tree. Made and used on one loop.

    Args:
        ask: gives a page; may block.
        patience: seconds that one may take.
    """

    def __init__(self, ask: Ask, patience: float = PATIENCE) -> None:
        self._ask = ask
        self._patience = patience
        self._turns: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()
        """Those that somebody has, or waits for."""

    async def get(self, path: str, query: Mapping[str, str]) -> Page:
        """The page at one of the paths that there are; whatever it raises, there is an answer."""
        try:
            async with asyncio.timeout(self._patience):
                turns = await self._take_turns(path, query)
                return await self._begin(path, query, turns)
        except TimeoutError:
            return _TOO_LATE

    async def _take_turns(self, path: str, query: Mapping[str, str]) -> ExitStack:
        """One among those for the same page, then one of the path; they are given back by
        closing."""
        with ExitStack() as turns:
            for key, most in (((path, *sorted(query.items())), SAME), (path, AT_ONCE)):
                turn = self._turns.setdefault(key, asyncio.Semaphore(most))
                await turn.acquire()
                turns.callback(turn.release)
            return turns.pop_all()

    def _begin(self, path: str, query: Mapping[str, str], turns: ExitStack) -> asyncio.Future[Page]:
        """In a thread, which gives its turns back when it is through, and not before."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Page] = loop.create_future()

        def through(page: Page) -> None:
            turns.close()
            if not answer.done():
                answer.set_result(page)

        def work() -> None:
            page = answered(self._ask, path, query)
            with contextlib.suppress(RuntimeError):  # the loop is over
                loop.call_soon_threadsafe(through, page)

        try:
            threading.Thread(target=work, name="otpsup-web-page", daemon=True).start()
        except RuntimeError as error:  # no thread can be had
            through(_words(f"no thread can be had: {error}", 503))
        return answer


def answered(ask: Ask, path: str, query: Mapping[str, str]) -> Page:
    """The page, or one that says why there is none."""
    try:
        return ask(path, query)
    except NotFound as error:
        return _words(str(error), 404)
    except PluginFailed as error:
        return _words(str(error), 502)
    except OtpsupError as error:
        return _words(str(error), 503)
    except BaseException as error:
        logger.error("the page {} failed", path, error=error)
        return _words(f"this page failed: {in_words(error)}", 500)


def _words(text: str, status: int) -> Page:
    return Page(f"{plain(mask.text(text))}\n".encode(), status)

"""Waiting over HTTP until children are there, or can serve: looked at again after each event."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from ..errors import NotFound, NotRunning
from ..serving.asgi import Receive
from ..views import ChildStatus
from ..waiting import looked, too_late
from .door import Door
from .hub import Hub
from .streams import gone
from .threads import Threads

LONGEST: Final = 600
"""Seconds."""
_AGAIN = 1.0
"""Seconds between two looks if nothing is heard: a tree that is not there yet tells nothing."""
_PAUSE = 0.05
"""The same, however much is heard."""


class Waits:
    """Used on one loop.

    Args:
        threads: in which it is looked.
        over: is set when the server ends.
    """

    def __init__(self, door: Door, hub: Hub, threads: Threads, over: asyncio.Event) -> None:
        self._door = door
        self._hub = hub
        self._threads = threads
        self._over = over

    async def until(
        self, texts: Sequence[str], receive: Receive, *, ready: bool, timeout: float
    ) -> list[ChildStatus]:
        """Those who are meant, once nothing is lacking.

        Args:
            texts: as for `selection.chosen`; none of them means the root.
            receive: tells when nobody waits any more.
            ready: they have to serve.
            timeout: seconds.

        Raises:
            NotReady: something is lacking still.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        left = asyncio.ensure_future(gone(receive))
        try:
            with self._hub.woken() as woken:
                while True:
                    woken.clear()
                    nodes, lacking = await self._threads.run(lambda: self._look(texts, ready=ready))
                    if not lacking:
                        return nodes
                    waited = min(loop.time() - began, timeout)
                    if waited == timeout or left.done() or self._over.is_set():
                        raise too_late(round(waited, 1), lacking)
                    await _heard(woken, timeout - waited)
        finally:
            left.cancel()

    def _look(
        self, texts: Sequence[str], *, ready: bool
    ) -> tuple[list[ChildStatus], Sequence[str]]:
        try:
            with self._door.verbs() as verbs:
                return looked(verbs.status(), texts, ready=ready)
        except (NotRunning, NotFound) as error:
            return [], [str(error)]


async def _heard(woken: asyncio.Event, rest: float) -> None:
    await asyncio.sleep(min(_PAUSE, rest))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(min(_AGAIN, max(rest - _PAUSE, 0))):
            await woken.wait()

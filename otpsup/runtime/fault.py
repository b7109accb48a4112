"""When otpsup itself has failed: the tree is ended without the engine, in order, and said so.

An error in the engine, or in what carries out its effects, leaves decisions behind that nobody can
trust any more. Better no tree than one that is not supervised, and better either than one that
hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Iterable

from ..engine.cause import Cause
from ..engine.effects import Halt
from ..engine.events import Event, Exited, Unstartable
from ..engine.reasons import Reason
from ..errors import in_words
from ..logger import logger
from .environment import grace
from .hooks import Incarnation

_MOST = 10.0
"""Seconds, at most, that each child has to end; less if its spec says so."""
_GONE = 5.0
"""Seconds until a process that was killed counts as gone, whatever the kernel does with it."""


class Fault:
    """The end of a tree whose engine has failed.

    Args:
        error: what was raised.
        processes: all that there may be, in the order of their start.
        halted: set when nothing is left.
    """

    def __init__(
        self,
        error: BaseException,
        processes: Iterable[Incarnation],
        halted: asyncio.Future[Halt],
    ) -> None:
        self._left = list(processes)
        self._halted = halted
        self._news = asyncio.Event()
        where = "".join(traceback.format_exception(error))
        self._reason = Reason("error", in_words(error), traceback=where)
        logger.critical(
            "this is a bug in otpsup; please report it with these lines. The tree cannot be "
            "supervised any more, and is stopped.\n{}",
            where.rstrip(),
        )
        self._task = asyncio.get_running_loop().create_task(self._end())

    def heard(self, event: Event) -> None:
        """What happens to the processes meanwhile; that they end is all that counts."""
        if isinstance(event, Exited | Unstartable):
            self._left = [p for p in self._left if (p.path, p.run) != (event.path, event.run)]
            self._news.set()

    async def _end(self) -> None:
        """Stop one after the other, the last one first.

        That may fail as the engine did. Then whoever is left is killed; the launcher ends its own
        children when the tree lets go of it, whatever we know of them.
        """
        try:
            for process in list(reversed(self._left)):
                await self._stop(process)
        except Exception as error:
            logger.critical("it cannot be stopped in order either: {}", in_words(error))
            for process in self._left:
                with contextlib.suppress(Exception):
                    process.kill()
        finally:
            if not self._halted.done():
                cause = Cause("fault", "", self._reason)
                self._halted.set_result(Halt("failed", self._reason, cause))

    async def _stop(self, process: Incarnation) -> None:
        process.terminate(process.spec.stop_signal, group=process.spec.stop_group)
        if await self._is_gone(process, min(grace(process.spec), _MOST)):
            return
        process.kill()
        if not await self._is_gone(process, _GONE):
            raise TimeoutError(f"{process.path} was killed, and is not known to be gone")

    async def _is_gone(self, process: Incarnation, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while process in self._left:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

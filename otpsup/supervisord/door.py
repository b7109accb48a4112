"""From the web thread into the daemon: each call is made on the tree's loop, and awaited here."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine
from typing import Any, TypeVar

from .rpc.arguments import split
from .rpc.dispatcher import Dispatcher
from .rpc.faults import Fault, RpcError
from .rpc.host import Host

_T = TypeVar("_T")


class Entrance:
    """What `http.app.Door` asks for.

    Args:
        host: the daemon.
        dispatcher: its methods.
        loop: that it lives on.
    """

    def __init__(self, host: Host, dispatcher: Dispatcher, loop: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self._dispatcher = dispatcher
        self._loop = loop

    async def call(self, method: str, params: tuple[Any, ...]) -> Any:
        """The answer of an XML-RPC method; RpcError if it is a fault."""
        return await self._there(self._dispatcher.call(method, params))

    async def log(self, name: str, channel: str) -> str | None:
        """The path of the log of a process, if there is such a process and log."""
        return await self._there(self._log(name, channel))

    async def _log(self, name: str, channel: str) -> str | None:
        group, process = split(name)
        active = self._host.groups.get(group)
        return active.log(process, channel) if active and process else None

    async def main_log(self) -> str | None:
        """The path of the daemon's own log, if it has one."""
        return self._host.log.path

    def complain(self, text: str) -> None:
        """Say in the daemon's log what was wrong with a request."""
        self._host.log.error(text)

    async def _there(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do it on the daemon's loop; at the daemon's end, that is what is told."""
        try:
            asked = asyncio.run_coroutine_threadsafe(work, self._loop)
            return await asyncio.wrap_future(asked)
        except (RuntimeError, concurrent.futures.CancelledError, asyncio.CancelledError):
            work.close()
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise RpcError(Fault.SHUTDOWN_STATE) from None

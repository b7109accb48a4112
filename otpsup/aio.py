"""`Tree.aio`: a tree for asyncio programs, with the verbs of `Tree` to await."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .engine.effects import Halt
from .engine.snapshot import ChildStatus
from .specs import ChildSpec
from .stream import AsyncEventStream

if TYPE_CHECKING:
    from .tree import Tree


class AsyncTree:
    """A `Tree` for asyncio programs: the same verbs, to await. The tree has its own thread."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    async def _ask(self, op: str, **fields: Any) -> Any:
        return await asyncio.wrap_future(self._tree.call(op, **fields))

    async def start(self) -> None:
        """See `Tree.start`. If it is cancelled, the tree is stopped first."""
        starting = asyncio.ensure_future(asyncio.to_thread(self._tree.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await self.stop()
            await asyncio.gather(starting, return_exceptions=True)
            raise

    async def stop(self, *, hurry: bool = False) -> None:
        """See `Tree.stop`."""
        await asyncio.to_thread(self._tree.stop, hurry=hurry)

    async def wait(self) -> Halt:
        """See `Tree.wait`."""
        self._tree._refuse_in_fork()
        halt: Halt = await asyncio.wrap_future(self._tree._ended)
        return halt

    async def __aenter__(self) -> AsyncTree:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start_child(
        self, child: str | ChildSpec, *args: Any, parent: str = ""
    ) -> ChildStatus:
        """See `Tree.start_child`."""
        future = self._tree.call_start(child, args, parent)
        return self._tree._status(await asyncio.wrap_future(future))

    async def terminate_child(self, path: str) -> None:
        """See `Tree.terminate_child`."""
        await self._ask("terminate_child", path=path)

    async def restart_child(self, path: str) -> ChildStatus:
        """See `Tree.restart_child`."""
        return self._tree._status(await self._ask("restart_child", path=path))

    async def restart(self, path: str) -> ChildStatus:
        """See `Tree.restart`."""
        return self._tree._status(await self._ask("restart", path=path))

    async def delete_child(self, path: str) -> None:
        """See `Tree.delete_child`."""
        await self._ask("delete_child", path=path)

    async def unmonitor(self, path: str) -> None:
        """See `Tree.unmonitor`."""
        await self._ask("unmonitor", path=path)

    async def monitor(self, path: str) -> None:
        """See `Tree.monitor`."""
        await self._ask("monitor", path=path)

    async def which_children(self, path: str = "") -> list[tuple[str, str, str]]:
        """See `Tree.which_children`."""
        return list(await self._ask("which_children", path=path))

    async def count_children(self, path: str = "") -> dict[str, int]:
        """See `Tree.count_children`."""
        return dict(await self._ask("count_children", path=path))

    async def status(self) -> ChildStatus:
        """See `Tree.status`."""
        return self._tree._status(await self._ask("status"))

    def events(self) -> AsyncEventStream:
        """See `Tree.events`; to be read with `async for` on the loop that called this."""
        stream = AsyncEventStream()
        self._tree._subscribe(stream)
        return stream

"""`Tree.aio`: a tree for asyncio programs, with the verbs of `Tree` to await."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .engine.effects import Halt
from .specs import ChildSpec, DynamicSupervisor, Supervisor
from .stream import AsyncEventStream
from .verbs import Change
from .views import ChildStatus, Event

if TYPE_CHECKING:
    from .statistics import Statistics
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

    async def reload(self, spec: Supervisor | DynamicSupervisor) -> list[Change]:
        """See `Tree.reload`."""
        return list(await asyncio.wrap_future(self._tree.call_reload(spec, preview=False)))

    async def preview(self, spec: Supervisor | DynamicSupervisor) -> list[Change]:
        """See `Tree.preview`."""
        return list(await asyncio.wrap_future(self._tree.call_reload(spec, preview=True)))

    async def plan(self, file: str | None = None) -> list[Change]:
        """See `Tree.plan`."""
        return list(await self._ask("plan", file=file))

    async def update(self, file: str | None = None) -> list[Change]:
        """See `Tree.update`."""
        return list(await self._ask("update", file=file))

    async def scale(self, path: str, count: int) -> list[Change]:
        """See `Tree.scale`."""
        return list(await self._ask("scale", path=path, count=count))

    async def add(
        self, file: str | None = None, parent: str = "", text: str | None = None
    ) -> list[ChildStatus]:
        """See `Tree.add`."""
        return list(await self._ask("add", parent=parent, file=file, text=text))

    async def remove(self, path: str) -> None:
        """See `Tree.remove`."""
        await self.terminate_child(path)
        await self.delete_child(path)

    async def write_stdin(self, path: str, text: str) -> None:
        """See `Tree.write_stdin`."""
        await self._ask("write_stdin", path=path, data=text)

    async def signal(self, path: str, signal: str | int) -> None:
        """See `Tree.signal`."""
        await self._ask("signal", path=path, signal=signal)

    async def stacks(self, path: str) -> str:
        """See `Tree.stacks`."""
        return str(await self._ask("stacks", path=path))

    async def info(self, path: str) -> dict[str, Any]:
        """See `Tree.info`."""
        return dict(await self._ask("info", path=path))

    async def about(self) -> dict[str, Any]:
        """See `Tree.about`."""
        return dict(await self._ask("about"))

    async def statistics(self, samples: int | None = None) -> Statistics:
        """See `Tree.statistics`."""
        return self._tree._statistics(await self._ask("statistics", samples=samples))

    async def recent_events(self) -> list[Event]:
        """See `Tree.recent_events`."""
        return list(await self._ask("recent_events"))

    async def ask_plugin(
        self, name: str, what: str, fields: Mapping[str, Any] | None = None
    ) -> Any:
        """See `Tree.ask_plugin`."""
        return await self._ask("ask_plugin", name=name, what=what, fields=dict(fields or {}))

    async def reopen_logs(self) -> None:
        """See `Tree.reopen_logs`."""
        await self._ask("reopen_logs")

    def events(self) -> AsyncEventStream:
        """See `Tree.events`; to be read with `async for` on the loop that called this."""
        stream = AsyncEventStream()
        self._tree._subscribe(stream)
        return stream

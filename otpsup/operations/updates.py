"""Becoming another tree: what that takes, whether it can be, and doing it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from ..engine.events import Reload
from ..errors import InvalidSpec, NoTreeFile, OtpsupError, UpdateRefused
from ..logger import logger
from ..plain import plain
from ..runtime import beforehand, preflight
from ..specs import ChildSpec
from ..specs.copies import makers, scaled
from ..specs.plugin import Given
from ..views import Change
from . import waited
from .running import Root, Running, Source
from .waited import requested, soon


class Updates:
    """Of one session.

    Args:
        session: the running tree.
        file: the tree file that it was made from.
        source: reads tree files.
        begin: has work done for which nobody need wait, until the tree is over.

    Attributes:
        file: the one that it is made from now.
    """

    def __init__(
        self,
        session: Running,
        file: Path | None,
        source: Source,
        begin: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]],
    ) -> None:
        self.file = file
        self._session = session
        self._source = source
        self._begin = begin
        self._asleep: dict[str, Callable[[int], ChildSpec]] = {}
        """How copies are made of which there are none just now."""
        self._turn = asyncio.Lock()
        """Whoever has it makes a new spec of what the tree is, and has it adopted."""
        self._to_read: dict[Path, asyncio.Task[tuple[Change, ...]]] = {}
        """Updates that have not begun to read their file."""

    async def plan(self, file: str | None) -> tuple[Change, ...]:
        """What `update` would do."""
        spec = await self._load(file)
        given = self._source.plugins(spec)
        of_plugins = [] if given is None else await self._plan_of_plugins(given)
        return (*await self.reload(spec, preview=True), *of_plugins)

    async def _plan_of_plugins(self, given: Given) -> list[Change]:
        """With what is wrong with those that cannot be made."""
        planned = self._session.plugins.plan(given)
        try:
            wrong = await soon(self._session.plugins.problems(given)) if planned else {}
        except TimeoutError:
            wrong = {change.path: f"not made within {waited.PATIENCE:g} s" for change in planned}
        return [evolve(change, error=wrong.get(change.path)) for change in planned]

    async def update(self, file: str | None) -> tuple[Change, ...]:
        """Become what the file says. Those who ask before it is read share one update."""
        path = self._path(file)
        update = self._to_read.get(path)
        if update is None:
            update = self._to_read[path] = self._begin(self._update(path))
        return await asyncio.shield(update)

    async def _update(self, path: Path) -> tuple[Change, ...]:
        change: Callable[[], Awaitable[list[Change]]] = _no_change

        async def read() -> Root:
            nonlocal change
            del self._to_read[path]
            spec = await asyncio.to_thread(self._source.load, path)
            change = await self._change_of_plugins(spec)
            return spec

        told = await self._become(read)
        self.file = path
        self._asleep.clear()
        return (*told, *await change())

    async def _change_of_plugins(self, spec: Root) -> Callable[[], Awaitable[list[Change]]]:
        """What has plug-ins become what was read with this tree; they are made before.

        Raises:
            UpdateRefused: one of them cannot be made.
        """
        given = self._source.plugins(spec)
        if given is None or not (planned := self._session.plugins.plan(given)):
            return _no_change
        plugins = self._session.plugins
        try:
            prepared = await soon(plugins.prepare(given))
        except TimeoutError:
            names = ", ".join(change.path for change in planned)
            text = f"nothing was changed: not made within {waited.PATIENCE:g} s, one of {names}"
            raise UpdateRefused(text) from None
        except OtpsupError as error:
            raise UpdateRefused(f"nothing was changed: {error}") from None

        async def change() -> list[Change]:
            with contextlib.suppress(TimeoutError):  # those that are left alone are told of
                await soon(plugins.become(given, prepared))
            for each in planned:
                logger.info("update: {} {}: {}", each.action, plain(each.path), plain(each.why))
            return planned

        return change

    async def scale(self, path: str, count: int) -> tuple[Change, ...]:
        """Run so many copies of a program."""

        async def more_or_fewer() -> Root:
            return self._scaled(path, count)

        return await self._become(more_or_fewer)

    def _scaled(self, path: str, count: int) -> Root:
        root = self._session.engine.root.spec
        known = {**self._asleep, **makers(root)}
        if path not in known:
            raise InvalidSpec(
                f"{path!r} are no copies; {_known(known)} (`copies:` in a tree file, or "
                "otpsup.copies, makes them)"
            )
        if count == 0:
            self._asleep[path] = known[path]
        return scaled(root, path, count, known[path])

    async def reload(self, spec: Root, *, preview: bool = False) -> tuple[Change, ...]:
        """Become what this spec says; or only tell what that would take.

        Raises:
            UpdateRefused: something would certainly not start; nothing has changed.
        """
        if preview:
            planned, wrong = await self._planned(spec)
            return tuple(evolve(change, error=wrong.get(change.path)) for change in planned)

        async def given() -> Root:
            return spec

        told = await self._become(given)
        self._asleep.clear()
        return told

    async def _become(self, make: Callable[[], Awaitable[Root]]) -> tuple[Change, ...]:
        """Become what this makes. One after the other until that is adopted: else of two at once
        the later would be made of what the tree was before the earlier, and take that back."""
        async with self._turn:
            spec = await make()
            planned, wrong = await self._planned(spec)
            if wrong:
                told = "; ".join(f"{path}: {why}" for path, why in wrong.items())
                raise UpdateRefused(f"nothing was changed, for this cannot be started: {told}")
            self._log(planned)
            self._source.adopting(spec)
            done = requested(self._session, lambda ref: Reload(ref=ref, spec=spec))
        return await self._done(done)

    async def _planned(self, spec: Root) -> tuple[Sequence[Change], dict[str, str]]:
        """What it takes, and what of it would certainly fail.

        Raises:
            UpdateRefused: it is too large as a whole.
        """
        if why := self._session.why_not(spec):
            raise UpdateRefused(f"nothing was changed, for the tree would then be one that {why}")
        planned = await requested(
            self._session, lambda ref: Reload(ref=ref, spec=spec, preview=True)
        )
        return planned, await asyncio.to_thread(self._problems, spec, planned)

    def _problems(self, spec: Root, planned: Sequence[Change]) -> dict[str, str]:
        """What would certainly not start, and why, by the path of the change."""
        beforehand.load_for(spec)
        found: dict[str, str] = {}
        for change in planned:
            child = _at(spec, change.path)
            if change.action in ("start", "restart") and child is not None:
                wrong = preflight.problems(child, change.path, self._session.environ)
                told = [why if path == change.path else f"{path}: {why}" for path, why in wrong]
                found |= {change.path: "; ".join(told)} if told else {}
        return found

    async def _done(self, reload: Awaitable[tuple[Change, ...]]) -> tuple[Change, ...]:
        told = await reload
        self._session.retarget_logs()
        for change in told:
            if change.error:
                logger.error("update: {}: {}", plain(change.path), plain(change.error))
        return told

    def _log(self, planned: Sequence[Change]) -> None:
        doing = [change for change in planned if change.action != "stay"]
        staying = len(planned) - len(doing)
        for change in doing:
            why = f": {change.why}" if change.why else ""
            logger.info(
                "update: {} {}{}", change.action, plain(change.path or "the root"), plain(why)
            )
        changes = f"{len(doing)} change{'s' * (len(doing) != 1)}"
        stay = "1 stays as it is" if staying == 1 else f"{staying} stay as they are"
        logger.info("update: {}; {}", changes, stay)

    async def _load(self, file: str | None) -> Root:
        return await asyncio.to_thread(self._source.load, self._path(file))

    def _path(self, file: str | None) -> Path:
        path = Path(file) if file is not None else self.file
        if path is None:
            name = self._session.name
            raise NoTreeFile(f"tree {name!r} was not started from a file; name the file to use")
        return path


async def _no_change() -> list[Change]:
    return []


def _at(spec: ChildSpec, path: str) -> ChildSpec | None:
    """The spec of a path."""
    if not path:
        return spec
    name, _, rest = path.partition("/")
    children: Sequence[ChildSpec] = getattr(spec, "children", ())
    found = next((child for child in children if child.name == name), None)
    return found and _at(found, rest)


def _known(found: Mapping[str, Any]) -> str:
    return f"there are copies of {', '.join(sorted(found))}" if found else "there are none here"

"""The operations by their names."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict

from ..describe import describe
from ..engine.child import Child
from ..engine.events import StartChild
from ..errors import InvalidSpec, NotReading, OtpsupError, PluginFailed, in_words
from ..logger import logger
from ..specs import ChildSpec
from ..version import __version__
from ..views import Change, ChildStatus, Event
from ..wire.lines import LogLine
from . import files, waited
from .running import Answer, Root, Running, Source
from .updates import Updates
from .waited import requested, soon

if TYPE_CHECKING:
    from ..statistics import Statistics


class Operations:
    """The operations of one session, by their names in `wire.operations`.

    Args:
        session: the running tree.
        file: the file that it was made from.
        variables: for `${NAME}` in tree files; those of this process if not given.
        source: reads that file again; it is a tree file if not given.
    """

    def __init__(
        self,
        session: Running,
        file: Path | None,
        variables: Mapping[str, str] | None = None,
        source: Source | None = None,
    ) -> None:
        self._session = session
        self._variables = variables
        self._since = time.time()
        self._tasks: set[asyncio.Task[Any]] = set()
        source = source or files.TreeFiles(variables)
        self._updates = Updates(session, file, source, self._task)

    def do(self, op: str, fields: Mapping[str, Any], answer: Answer) -> None:
        """Do one, and answer: at once, or when it is done."""
        method: Callable[..., Any] = getattr(self, op)
        self.carry_out(lambda: method(**fields), answer)

    def carry_out(self, work: Callable[[], Any], answer: Answer) -> None:
        """Do this, and answer with what it returns, or with what its coroutine does."""
        try:
            value = work()
        except Exception as error:
            answer(None, _told(error))
            return
        if not asyncio.iscoroutine(value):
            answer(value, None)
            return
        self._task(_answered(value, answer))

    def _task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """The tree is over: what is not done is given up."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # To look.

    def about(self) -> dict[str, Any]:
        """The tree as a whole, and the process that hosts it."""
        return {
            "name": self._session.name,
            "pid": os.getpid(),
            "version": __version__,
            "python": platform.python_version(),
            "file": str(self.file) if self.file else None,
            "since": self._since,
            "now": time.time(),
        }

    def info(self, path: str) -> dict[str, Any]:
        """One child: how it is, what of its siblings it has to do with, how its checks stand, and
        its spec in words."""
        child = self._session.find(path)
        status = asdict(self._session.snapshot(child), filter=lambda f, _: f.name != "children")
        checks = [asdict(each) for each in self._session.checks(path)]
        return {
            **status,
            "monitored": child.monitored,
            "copy_of": _copy_of(child),
            "needed_by": _needed_by(child),
            "checks": checks,
            "spec": describe(child.spec),
        }

    async def statistics(self, samples: int | None) -> Statistics:
        """What was counted and measured of the tree, with so many samples of each child."""
        return await self._session.statistics(samples)

    def recent_events(self) -> list[Event]:
        """The last events, the oldest first."""
        return self._session.recent_events()

    def logs(
        self, paths: Sequence[str] | None, lines: int, stream: str | None, follow: bool
    ) -> list[LogLine]:
        """The last lines of these children, in the order in which they came."""
        for path in paths or ():
            self._session.find(path)
        return self._session.tail(paths, lines, stream)

    # To act.

    def signal(self, path: str, signal: str | int) -> None:
        """Send a signal to a child's process."""
        self._session.signal(path, _signal(signal))

    async def stacks(self, path: str) -> str:
        """Where a Python worker is."""
        return await self._session.stacks(path)

    def write_stdin(self, path: str, data: str) -> None:
        """Write to a command's standard input."""
        try:
            self._session.write_stdin(path, data.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            raise InvalidSpec(
                "the text has half of a surrogate pair, which is no character"
            ) from None
        except OSError as error:
            raise NotReading(f"cannot write to {path!r}: {error.strerror or error}") from None

    def reopen_logs(self) -> None:
        """Close all log files; each is opened anew, by its name, for the next line."""
        self._session.reopen_logs()

    async def ask_plugin(self, name: str, what: str, fields: Mapping[str, Any]) -> Any:
        """Put a request to a plug-in."""
        try:
            return await soon(self._session.plugins.ask(name, what, fields))
        except TimeoutError:
            raise PluginFailed(
                f"plug-in {name!r} has not answered for {waited.PATIENCE:g} s"
            ) from None

    async def add(self, parent: str, file: str | None, text: str | None) -> list[ChildStatus]:
        """Start the children that a file, or a text in the form of one, describes."""
        if (file is None) == (text is None):
            wrong = "there is neither" if file is None else "not both"
            raise InvalidSpec(f"add takes a file or a text, and {wrong}")
        specs = await asyncio.to_thread(files.children, file, text, self._variables)
        return [await self._add(parent, spec) for spec in specs]

    async def _add(self, parent: str, spec: ChildSpec) -> ChildStatus:
        started = await requested(
            self._session, lambda ref: StartChild(ref=ref, path=parent, spec=spec)
        )
        assert isinstance(started, ChildStatus)
        return started

    # To become another tree.

    @property
    def file(self) -> Path | None:
        """The tree file that it is made from now."""
        return self._updates.file

    async def plan(self, file: str | None) -> tuple[Change, ...]:
        """What `update` would do."""
        return await self._updates.plan(file)

    async def update(self, file: str | None) -> tuple[Change, ...]:
        """Become what the file says."""
        return await self._updates.update(file)

    async def scale(self, path: str, count: int) -> tuple[Change, ...]:
        """Run so many copies of a program."""
        return await self._updates.scale(path, count)

    async def reload(self, spec: Root, *, preview: bool = False) -> tuple[Change, ...]:
        """Become what this spec says; or only tell what that would take."""
        return await self._updates.reload(spec, preview=preview)


def _copy_of(child: Child) -> str | None:
    """The path that copies share, if it is one of several."""
    copy = getattr(child.spec, "copy", None)
    return None if copy is None else child.path.removesuffix(child.name) + copy.of


def _needed_by(child: Child) -> list[str]:
    """The paths of its siblings that come `after` it."""
    siblings = getattr(child.parent, "children", {})
    return [
        each.path
        for each in siblings.values()
        if any(after.name == child.name for after in each.spec.after)
    ]


async def _answered(work: Awaitable[Any], answer: Answer) -> None:
    try:
        value = await work
    except Exception as error:
        answer(None, _told(error))
    else:
        answer(value, None)


def _told(error: Exception) -> OtpsupError:
    """The error for who asked; whatever it is, nobody is to wait for ever."""
    if isinstance(error, OtpsupError):
        return error
    logger.error("a request failed, and the tree goes on", error=error)
    return OtpsupError(f"it failed, and the tree goes on: {in_words(error)}")


def _signal(given: str | int) -> int:
    """A signal's number.

    Raises:
        InvalidSpec: there is no such signal.
    """
    name = str(given).upper()
    names = {each.name: each for each in signal.Signals}
    number = names.get(name) or names.get(f"SIG{name}")
    if number is None and re.fullmatch("[0-9]{1,3}", name) and int(name) in signal.valid_signals():
        return int(name)
    if number is None:
        raise InvalidSpec(f"there is no signal {name[:40]!r}; for example HUP, USR1, TERM or 10")
    return int(number)

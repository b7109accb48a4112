"""What a running tree does for who asks, beside its engine: look, signal, reload, scale.

Decides nothing about children: the engine does, by the requests that are made here. Runs on the
loop of the tree; what may block goes to a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import re
import signal
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import asdict, evolve

from .describe import describe
from .engine import Engine
from .engine.child import Child
from .engine.events import Reload, Request, StartChild
from .errors import (
    InvalidSpec,
    NotReading,
    NoTreeFile,
    OtpsupError,
    PluginFailed,
    UpdateRefused,
    in_words,
)
from .logger import logger
from .plain import plain
from .runtime import beforehand, preflight
from .specs import ChildSpec, DynamicSupervisor, Supervisor
from .specs.copies import makers, scaled
from .specs.plugin import Given
from .version import __version__
from .views import Change, ChildStatus, Event
from .wire.lines import LogLine

_PATIENCE = 30.0
"""Seconds that who asks a plug-in waits for its answer, and an update for plug-ins to be made."""

T = TypeVar("T")

if TYPE_CHECKING:
    from .statistics import CheckResult, Statistics

Root = Supervisor | DynamicSupervisor
Answer = Callable[[Any, OtpsupError | None], None]


class Running(Protocol):
    """What is needed of a tree that runs."""

    name: str

    @property
    def engine(self) -> Engine:
        """The decisions; to be looked at."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that all of the tree inherit."""

    def why_not(self, spec: Root) -> str:
        """Why the machine does not allow a tree of this size; nothing if it does."""

    def ask(self, make: Callable[[int], Request], answer: Answer) -> None:
        """Put a request to the engine."""

    def find(self, path: str) -> Child:
        """The record of a child; NotFound if there is none."""

    def snapshot(self, child: Child) -> ChildStatus:
        """The state of one child."""

    def checks(self, path: str) -> Sequence[CheckResult]:
        """How the checks of a child that runs stand."""

    def signal(self, path: str, number: int) -> None:
        """Send a signal to a child's process."""

    async def stacks(self, path: str) -> str:
        """The stacks of a Python worker."""

    def write_stdin(self, path: str, data: bytes) -> None:
        """Write to a command's standard input; an OSError if that takes nothing."""

    async def statistics(self, samples: int | None) -> Statistics:
        """What was counted and measured of the tree."""

    def recent_events(self) -> list[Event]:
        """The last events, the oldest first."""

    def tail(self, paths: Sequence[str] | None, lines: int, stream: str | None) -> list[LogLine]:
        """The last lines of these children, or of all, the oldest first."""

    def reopen_logs(self) -> None:
        """Close all log files; each is opened anew for the next line."""

    def retarget_logs(self) -> None:
        """Rotate all log files as the tree says now."""

    @property
    def plugins(self) -> PluginHost:
        """Whatever plug-ins the tree has."""


class PluginHost(Protocol):
    """The plug-ins of a tree. What others wrote may take for ever: nothing here waits for it."""

    def ask(self, name: str, what: str, fields: Mapping[str, Any]) -> Future[Any]:
        """Put a request to a plug-in; NotFound if there is none."""

    def plan(self, given: Given) -> list[Change]:
        """What it takes to have these instead."""

    def problems(self, given: Given) -> Future[Mapping[str, str]]:
        """Why which of them cannot be made, by the path of its change."""

    def prepare(self, given: Given) -> Future[Any]:
        """Make those that are new; InvalidSpec if one cannot be made."""

    def become(self, given: Given, prepared: Any) -> Future[None]:
        """Have these instead, of which those that are new were made before."""


class Source(Protocol):
    """Where an update's new tree comes from."""

    def load(self, path: Path) -> Root:
        """The tree that a file describes; InvalidFile if it describes none. In a thread."""

    def plugins(self, spec: Root) -> Given | None:
        """The plug-ins beside a tree that came from `load`; None if nothing is said of any."""

    def adopting(self, spec: Root) -> None:
        """The tree is about to become this, which need not come from `load`. On the loop."""


class TreeFiles:
    """Trees from tree files, see `config`.

    Args:
        variables: for `${NAME}` in them; those of this process if not given.
    """

    def __init__(self, variables: Mapping[str, str] | None) -> None:
        self._variables = variables
        self._plugins: dict[int, Given] = {}
        """By the id of the tree that they were read with."""

    def load(self, path: Path) -> Root:
        """The tree that a file describes; InvalidFile if it describes none."""
        from . import config  # YAML is read by few, and its library is large

        spec, plugins = config.load_with_plugins(path, self._variables)
        weakref.finalize(spec, self._plugins.pop, id(spec), None).atexit = False
        self._plugins[id(spec)] = plugins
        return spec

    def plugins(self, spec: Root) -> Given | None:
        """Those in the same file."""
        return self._plugins.get(id(spec))

    def adopting(self, spec: Root) -> None:
        """Nothing else depends on it."""


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
        self.file = file
        self._session = session
        self._variables = variables
        self._source = source or TreeFiles(variables)
        self._since = time.time()
        self._asleep: dict[str, Callable[[int], ChildSpec]] = {}
        """How copies are made of which there are none just now."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turn = asyncio.Lock()
        """Whoever has it makes a new spec of what the tree is, and has it adopted."""
        self._to_read: dict[Path, asyncio.Task[tuple[Change, ...]]] = {}
        """Updates that have not begun to read their file."""

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
        }

    def info(self, path: str) -> dict[str, Any]:
        """One child: how it is, who needs it, how its checks stand, and its spec in words."""
        child = self._session.find(path)
        status = asdict(self._session.snapshot(child), filter=lambda f, _: f.name != "children")
        checks = [asdict(each) for each in self._session.checks(path)]
        return {
            **status,
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
        except OSError as error:
            raise NotReading(f"cannot write to {path!r}: {error.strerror or error}") from None

    def reopen_logs(self) -> None:
        """Close all log files; each is opened anew, by its name, for the next line."""
        self._session.reopen_logs()

    async def ask_plugin(self, name: str, what: str, fields: Mapping[str, Any]) -> Any:
        """Put a request to a plug-in."""
        try:
            return await _soon(self._session.plugins.ask(name, what, fields))
        except TimeoutError:
            raise PluginFailed(f"plug-in {name!r} has not answered for {_PATIENCE:g} s") from None

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
            wrong = await _soon(self._session.plugins.problems(given)) if planned else {}
        except TimeoutError:
            wrong = {change.path: f"not made within {_PATIENCE:g} s" for change in planned}
        return [evolve(change, error=wrong.get(change.path)) for change in planned]

    async def update(self, file: str | None) -> tuple[Change, ...]:
        """Become what the file says. Those who ask before it is read share one update."""
        path = self._path(file)
        update = self._to_read.get(path)
        if update is None:
            update = self._to_read[path] = self._task(self._update(path))
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
            prepared = await _soon(plugins.prepare(given))
        except TimeoutError:
            names = ", ".join(change.path for change in planned)
            text = f"nothing was changed: not made within {_PATIENCE:g} s, one of {names}"
            raise UpdateRefused(text) from None
        except OtpsupError as error:
            raise UpdateRefused(f"nothing was changed: {error}") from None

        async def change() -> list[Change]:
            with contextlib.suppress(TimeoutError):  # those that are left alone are told of
                await _soon(plugins.become(given, prepared))
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
            done = self._begin(lambda ref: Reload(ref=ref, spec=spec))
        return await self._done(done)

    async def _planned(self, spec: Root) -> tuple[Sequence[Change], dict[str, str]]:
        """What it takes, and what of it would certainly fail.

        Raises:
            UpdateRefused: it is too large as a whole.
        """
        if why := self._session.why_not(spec):
            raise UpdateRefused(f"nothing was changed, for the tree would then be one that {why}")
        planned = await self._begin(lambda ref: Reload(ref=ref, spec=spec, preview=True))
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

    async def add(self, parent: str, file: str | None, text: str | None) -> list[ChildStatus]:
        """Start the children that a file, or a text in the form of one, describes."""
        if (file is None) == (text is None):
            raise InvalidSpec("add takes a file or a text, and not both")
        specs = await asyncio.to_thread(_children, file, text, self._variables)
        return [await self._add(parent, spec) for spec in specs]

    async def _add(self, parent: str, spec: ChildSpec) -> ChildStatus:
        started = await self._begin(lambda ref: StartChild(ref=ref, path=parent, spec=spec))
        assert isinstance(started, ChildStatus)
        return started

    async def _load(self, file: str | None) -> Root:
        return await asyncio.to_thread(self._source.load, self._path(file))

    def _path(self, file: str | None) -> Path:
        path = Path(file) if file is not None else self.file
        if path is None:
            name = self._session.name
            raise NoTreeFile(f"tree {name!r} was not started from a file; name the file to use")
        return path

    def _begin(self, make: Callable[[int], Request]) -> asyncio.Future[Any]:
        """Put a request to the engine; returns its answer to come."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def answer(value: Any, error: OtpsupError | None) -> None:
            if not future.done():
                future.set_exception(error) if error else future.set_result(value)

        self._session.ask(make, answer)
        return future


async def _soon(work: Future[T]) -> T:
    """What comes of work in another thread; TimeoutError if nothing does."""
    return await asyncio.wait_for(asyncio.wrap_future(work), _PATIENCE)


async def _no_change() -> list[Change]:
    return []


def _needed_by(child: Child) -> list[str]:
    """The paths of its siblings that come `after` it."""
    siblings = getattr(child.parent, "children", {})
    return [
        each.path
        for each in siblings.values()
        if any(after.name == child.name for after in each.spec.after)
    ]


def _at(spec: ChildSpec, path: str) -> ChildSpec | None:
    """The spec of a path."""
    if not path:
        return spec
    name, _, rest = path.partition("/")
    children: Sequence[ChildSpec] = getattr(spec, "children", ())
    found = next((child for child in children if child.name == name), None)
    return found and _at(found, rest)


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


def _children(
    file: str | None, text: str | None, variables: Mapping[str, str] | None
) -> list[ChildSpec]:
    from . import config  # YAML is read by few, and its library is large

    specs = config.load_children(file, text=text, environ=variables)
    for spec in specs:
        beforehand.load_for(spec)
    return specs


def _known(found: Mapping[str, Any]) -> str:
    return f"there are copies of {', '.join(sorted(found))}" if found else "there are none here"


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

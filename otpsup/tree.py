"""`Tree`: a supervision tree in this process, for any thread.

Decides on which thread the tree lives, and what becomes of those who wait when it ends. The verbs
are in `verbs`, one life of a tree in `session`; `aio` and `program` are the other two handles.

What a tree needs to live is loaded when it starts. A script that names `Tree` is imported in each
process of its workers, too, where no tree ever starts: that would cost each of them 7 MB, and the
time to copy and to free them.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .errors import AlreadyStarted, InvalidSpec, NotRunning, OtpsupError
from .logger import logger, loguru_logger
from .specs import ChildSpec, DynamicSupervisor, Supervisor
from .specs.check import shown
from .specs.plugin import Given, named
from .specs.supervisors import is_child_spec
from .stream import AsyncEventStream, EventStream, LineStream
from .verbs import Change, Verbs
from .views import ChildStatus
from .wire import operations
from .wire.lines import LogLine

if TYPE_CHECKING:
    import asyncio

    from .aio import AsyncTree
    from .engine.effects import Halt
    from .engine.events import Request
    from .session import Session
    from .specs.web import Web

if not logger.is_off:  # it is off for all of this program, but for who has enabled it already
    loguru_logger()

_Future = concurrent.futures.Future[Any]


class Tree(Verbs):
    """A supervision tree.

    Use it as `with tree:` in a threaded program, as `async with tree.aio:` in an asyncio one, or
    give it to `run`. All methods may be called from any thread. Its own log is silent until the
    program calls `loguru.logger.enable("otpsup")`.

    Args:
        spec: the root supervisor.
        name: of the tree, for its control socket; the root's name if not given.
        file: the tree file that `spec` was made from, see `from_file`.
        plugins: what watches the tree, or answers for it: settings such as `otpsup.Consul(...)`,
            objects or import paths of your own, see `otpsup.plugins`; by name, or in a list.
        web: serve the tree over HTTP: True, an address such as `"127.0.0.1:9300"`, or the settings;
            one more plug-in.
    """

    def __init__(
        self,
        spec: Supervisor | DynamicSupervisor,
        *,
        name: str | None = None,
        file: str | os.PathLike[str] | None = None,
        plugins: Given | Iterable[Any] = (),
        web: bool | str | Web = False,
    ) -> None:
        if not isinstance(spec, Supervisor | DynamicSupervisor):
            text = (
                f"a tree grows from a Supervisor or a DynamicSupervisor, not from {shown(spec)}; "
                "for example Tree(Supervisor('shop', children=[...]))"
            )
            raise InvalidSpec(text, "invalid_child_spec")
        if spec.after:
            text = f"the root {spec.name!r} has no siblings to be after; leave its `after` out"
            raise InvalidSpec(text, "bad_combination")
        self.spec = spec
        self.name = name or spec.name
        self.file = None if file is None else Path(file).absolute()
        self.plugins: Mapping[str, Any] = _with_web(named(plugins), web)
        self._variables: Mapping[str, str] | None = None
        self._session: Session | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._lives = threading.Event()
        self._ended = _promise()
        self._lock = threading.Lock()
        self._owed: set[_Future] = set()
        self._streams: set[EventStream | AsyncEventStream | LineStream] = set()

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Tree:
        """The tree that a tree file describes; `update` reads it again.

        Args:
            environ: the variables for `${NAME}` in it, now and in updates; those of this process
                if not given.

        Raises:
            InvalidFile: all that is wrong with the file.
        """
        from . import config  # YAML is read by few, and its library is large

        spec, plugins = config.load_with_plugins(path, environ)
        tree = cls(spec, name=name, file=path, plugins=plugins)
        tree._variables = environ
        return tree

    # Life.

    def start(self) -> None:
        """Start everything, in order; returns when all is up.

        Raises:
            StartFailed: a child did not start; everything is down again. TooLarge, one of these:
                the machine does not allow what the tree needs, and nothing was started.
            AlreadyStarted: the tree runs already.
        """
        from .runtime.beforehand import at_exit

        started = _promise()
        with self._lock:
            self._begin()
            self._thread = threading.Thread(
                target=self._live_in_thread,
                args=(started,),
                name=f"otpsup-{self.name}",
                daemon=True,
            )
            self._thread.start()
        at_exit(self.stop)
        try:
            started.result()
        except BaseException:  # it failed, or we were interrupted: nothing may be left of it
            self.stop()
            raise

    def _begin(self) -> None:
        from .runtime.environment import hold_standard_descriptors

        has_thread = self._thread is not None and self._thread.is_alive()
        if has_thread or (self._session is not None and self._pid == os.getpid()):
            raise AlreadyStarted(f"cannot start tree {self.name!r}: it runs already")
        hold_standard_descriptors()
        if self._ended.done():
            self._ended = _promise()
        self._lives.clear()

    def _live_in_thread(self, started: _Future) -> None:
        try:
            import asyncio

            halt = asyncio.run(self._live(_resolver(started)))
        except BaseException as error:
            _resolver(started)(error)
            self._over(error)
        else:
            self._over(halt)

    async def _live(self, started: Callable[[BaseException | None], None]) -> Halt:
        import asyncio

        from .session import Session

        self._loop, self._pid = asyncio.get_running_loop(), os.getpid()
        self._session = Session(
            self.spec, self.name, self.file, self._variables, plugins=self.plugins
        )
        self._lives.set()
        session = self._session
        try:
            return await session.live(started)
        finally:
            self.spec, self.file = session.engine.root.spec, session.operations.file
            self.plugins = session.given_plugins
            self._session = None

    def _over(self, end: Halt | BaseException) -> None:
        """The loop is gone: tell everybody who still waits for something from it."""
        from .runtime.beforehand import not_at_exit

        self._lives.set()
        not_at_exit(self.stop)
        for future in tuple(self._owed):
            _refuse(future, self._not_running())
        for stream in tuple(self._streams):
            stream.put(None)
        self._streams.clear()
        ended = self._ended
        if isinstance(end, BaseException):
            ended.set_exception(end)
        else:
            ended.set_result(end)

    def stop(self, *, hurry: bool = False) -> None:
        """Stop everything in reverse order; returns when nothing is left. Harmless if it is down.

        Args:
            hurry: kill instead of asking.
        """
        from .runtime.beforehand import not_at_exit

        thread = self._thread
        if thread is not None and thread.is_alive():
            self._lives.wait()
        with contextlib.suppress(NotRunning):
            self._ask("shutdown", hurry=hurry)
        if thread is not None:
            thread.join()
        not_at_exit(self.stop)

    def wait(self, timeout: float | None = None) -> Halt:
        """Wait until the tree has ended; returns how.

        Raises:
            TimeoutError: it has not, within `timeout` seconds.
            NotRunning: this process is a fork of the one in which the tree runs.
        """
        self._refuse_in_fork()
        try:
            ended: Halt = self._ended.result(timeout)
        except concurrent.futures.TimeoutError:
            raise TimeoutError(f"tree {self.name!r} has not ended within {timeout} s") from None
        return ended

    def _refuse_in_fork(self) -> None:
        """A fork has the tree's objects, but nobody in it ever hears of the tree."""
        if self._pid not in (0, os.getpid()):
            raise self._not_running()

    def __enter__(self) -> Tree:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # Requests.

    def start_child(self, child: str | ChildSpec, *args: Any, parent: str = "") -> ChildStatus:
        """Start a declared child, an instance of a template, or a new child from its spec.

        Args:
            child: a path, or a spec to add as the last child of `parent`.
            args: for an instance: come after the template's own arguments.
            parent: path of the supervisor that gets the new child; the root if not given.

        Returns:
            its status once it is ready.

        Raises:
            NotFound, AlreadyStarted, AlreadyPresent, Restarting, MaxChildren: as OTP has them.
            StartFailed: it did not get ready; the message says why.
        """
        return self._status(self.call_start(child, args, parent).result())

    def call_start(self, child: str | ChildSpec, args: tuple[Any, ...], parent: str) -> _Future:
        """Make the request of `start_child` without waiting."""
        if isinstance(child, str):
            return self.call("start_child", path=child, args=list(args))
        if not is_child_spec(child) or not isinstance(parent, str):
            text = (
                f"start_child takes a path or a spec, and a path as parent, not {shown(child)} "
                f"and {shown(parent)}; for example start_child(Worker('job', f), parent='backend')"
            )
            raise InvalidSpec(text, "invalid_child_spec")
        from .engine.events import StartChild
        from .runtime.beforehand import load_for

        load_for(child)  # in this thread: it may wait
        return self.send(lambda ref: StartChild(ref=ref, path=parent, spec=child, args=args))

    def reload(self, spec: Supervisor | DynamicSupervisor) -> list[Change]:
        """Become what another spec of the root says; see `update`, which does so from a file.

        Raises:
            InvalidSpec: it has another name, or is of another kind.
        """
        return self._changes(self.call_reload(spec, preview=False).result())

    def preview(self, spec: Supervisor | DynamicSupervisor) -> list[Change]:
        """What `reload` would do, and why; nothing is done."""
        return self._changes(self.call_reload(spec, preview=True).result())

    def call_reload(self, spec: Supervisor | DynamicSupervisor, *, preview: bool) -> _Future:
        """Make the request of `reload` without waiting."""
        if not isinstance(spec, Supervisor | DynamicSupervisor):
            text = f"reload takes a Supervisor or a DynamicSupervisor, not {shown(spec)}"
            raise InvalidSpec(text, "invalid_child_spec")
        return self._promised(
            lambda session, future: session.reload(spec, _answer_to(future), preview=preview)
        )

    def logs(
        self,
        paths: list[str] | None = None,
        lines: int = 10,
        follow: bool = False,
        stream: str | None = None,
    ) -> Iterator[LogLine]:
        """The last lines of children, as `TreeClient.logs`; with `follow`, all that come after
        them, until the tree ends."""
        fields = {"paths": paths, "lines": lines, "follow": follow, "stream": stream}
        if not follow:
            return iter(self._ask("logs", **fields))
        return self._followed(operations.fields_of("logs", fields))

    def _followed(self, fields: dict[str, Any]) -> LineStream:
        found = LineStream()

        def subscribe() -> None:
            if self._session is not None and not found.is_closed:
                found.unsubscribe = self._session.follow(fields, found.put)

        self._streams.add(found)
        self._on_loop(subscribe)
        return found

    def events(self) -> EventStream:
        """All events from now on, as an iterator that ends with the tree."""
        stream = EventStream()
        self._subscribe(stream)
        return stream

    def _subscribe(self, stream: EventStream | AsyncEventStream) -> None:
        """At once, in the caller's thread: what comes after this has been called is heard."""
        self._streams.add(stream)
        try:
            _, session = self._running()
        except BaseException:
            self._streams.discard(stream)
            raise
        stop = session.subscribe(stream.put)
        stream.unsubscribe = lambda: self._unsubscribe(stream, stop)

    def _unsubscribe(
        self, stream: EventStream | AsyncEventStream, stop: Callable[[], None]
    ) -> None:
        self._streams.discard(stream)
        with contextlib.suppress(NotRunning):
            self._on_loop(stop)

    def _ask(self, op: str, **fields: Any) -> Any:
        return self.call(op, **fields).result()

    def call(self, op: str, **fields: Any) -> _Future:
        """Make the request of a verb without waiting; the future gets its answer."""
        if op == "status":
            return self._snapshot()
        if op in operations.FIELDS:
            checked = operations.fields_of(op, fields)
            return self._promised(
                lambda session, future: session.operate(op, checked, _answer_to(future))
            )
        from .wire import requests

        return self.send(requests.maker(op, fields, None))

    def _snapshot(self) -> _Future:
        return self._promised(lambda session, future: future.set_result(session.status()))

    def send(self, make: Callable[[int], Request]) -> _Future:
        """Put a request to the engine; the future gets its answer."""

        return self._promised(lambda session, future: session.ask(make, _answer_to(future)))

    def _promised(self, do: Callable[[Session, _Future], None]) -> _Future:
        """A future for what is done on the tree's thread; answered at the tree's end at last."""
        future = _promise()
        self._owed.add(future)
        future.add_done_callback(self._owed.discard)

        def begin() -> None:
            try:
                if self._session is None:
                    raise self._not_running()
                do(self._session, future)
            except Exception as error:  # told to who asked, whatever it is
                _refuse(future, error)

        try:
            self._on_loop(begin)
        except (NotRunning, RuntimeError) as error:
            _refuse(future, error)
        return future

    def _on_loop(self, callback: Callable[[], None]) -> None:
        """Run `callback` on the tree's thread; raises as `_running`."""
        loop, _ = self._running()
        try:
            loop.call_soon_threadsafe(callback)
        except RuntimeError:
            raise self._not_running() from None

    def _running(self) -> tuple[asyncio.AbstractEventLoop, Session]:
        """The loop on the tree's thread, and what lives there.

        Raises:
            NotRunning: there is no such thread, at least not in this process: it was forked.
            RuntimeError: this is that thread.
        """
        if self._thread is threading.current_thread():
            raise RuntimeError(
                "the tree cannot wait for itself: this is its own thread; call it from another, "
                "for example by putting the event into a queue"
            )
        loop, session = self._loop, self._session
        if loop is None or session is None or self._pid != os.getpid():
            raise self._not_running()
        return loop, session

    def _not_running(self) -> NotRunning:
        return NotRunning(f"tree {self.name!r} is not running; start it first")

    @property
    def aio(self) -> AsyncTree:
        """The same tree, with verbs to await."""
        from .aio import AsyncTree

        return AsyncTree(self)


def _with_web(plugins: dict[str, Any], web: bool | str | Web) -> dict[str, Any]:
    """The plug-ins, and one more that serves the tree, if it is to be served."""
    if web is False or web is None:
        return plugins
    from .specs.web import Web  # most trees are not

    if "web" in plugins:
        text = "`web` is among the plug-ins already; leave out one of the two"
        raise InvalidSpec(f"Tree: {text}", "bad_combination", field="web", problem=text)
    if not isinstance(web, bool | str | Web):
        text = f"web must be True, an address such as '127.0.0.1:9300', or a Web, not {shown(web)}"
        raise InvalidSpec(f"Tree: {text}", field="web", problem=text)
    settings = Web(listen=web) if isinstance(web, str) else web
    return {**plugins, "web": Web() if settings is True else settings}


def _answer_to(future: _Future) -> Callable[[Any, OtpsupError | None], None]:
    """What answers a future; who is asked twice at the tree's end answers once."""

    def answer(value: Any, error: OtpsupError | None) -> None:
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            future.set_exception(error) if error else future.set_result(value)

    return answer


def _promise() -> _Future:
    """A future that cannot be cancelled: who stops waiting does not stop what was asked for."""
    future: _Future = concurrent.futures.Future()
    future.set_running_or_notify_cancel()
    return future


def _refuse(future: _Future, error: BaseException) -> None:
    """Unless it has its answer: the thread that asks and the end of the tree may both be here."""
    with contextlib.suppress(concurrent.futures.InvalidStateError):
        future.set_exception(error)


def _resolver(started: _Future) -> Callable[[BaseException | None], None]:
    def resolve(error: BaseException | None) -> None:
        if not started.done():
            started.set_exception(error) if error else started.set_result(None)

    return resolve

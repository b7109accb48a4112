"""A supervisord: its settings, a tree that runs, and its clients. One life, from start to stop.

Puts together what the other modules of this package decide. Everything here is on the tree's loop.
"""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR2, Signals
from typing import Any

from attrs import evolve

from .. import pid1
from ..engine.effects import Halt, StateChange, Told
from ..engine.events import Event as News
from ..engine.events import Reload, Request, Spawned
from ..errors import OtpsupError
from ..logger import logger
from ..operations import Root
from ..session import Session
from ..specs import Supervisor
from ..systemd import ServiceManager
from . import commands, events, processes, setup, tree
from .conf.model import Group, Settings
from .door import Entrance
from .events import Event
from .http.server import serving
from .listeners import Listeners
from .mainlog import MainLog
from .members import Active, Members, auto_logs
from .processes import Record
from .rpc import plugins
from .rpc.dispatcher import Dispatcher
from .sayings import sayings
from .states import STOPPED_STATES, Mood, State

_REPORT = 3.0
"""Seconds between two lines in the log that tell for whom the end waits."""


class Daemon:
    """One life of a daemon. Made and used on its loop.

    Args:
        settings: as they were read.
        log: its own.
        name: of the tree, for `otpsup`.
        read: reads the file again; called in a thread. Raises InvalidFile.
    """

    def __init__(
        self, settings: Settings, log: MainLog, name: str, read: Callable[[Path], Settings]
    ) -> None:
        self.settings = settings
        self.log = log
        self.mood = Mood.RUNNING
        self.manager = ServiceManager()
        self._read = read
        self._loop = asyncio.get_running_loop()
        self._reading = asyncio.Lock()
        self._members = Members()
        self._drafts: dict[int, tuple[Settings, dict[str, Active]]] = {}
        """What trees were made of that are not adopted yet, by the id of the tree."""
        for group in settings.groups:
            self._enrol(Active(group, settings))
        spec = tree.tree_of(settings, auto_logs(self._members.groups))
        self._session = Session(spec, name, settings.file, source=self)
        self._listeners = Listeners(settings, self._write_raw, log.write)
        self._taps: dict[str, list[Callable[[], None]]] = {}
        for group in settings.groups:
            self._tap(group)
        self._session.watch(self._told)
        self._session.hear(self._heard)

    async def live(self) -> Halt:
        """From the start of the first process to the end of the last."""
        self._listen_to_signals()
        dispatcher = Dispatcher(self, plugins.load(self, self.settings.rpcinterfaces))
        web = serving(self.settings.servers, Entrance(self, dispatcher, self._loop))
        self._warn_of_open_doors()
        web.start()
        self.log.info(f"supervisord started with pid {os.getpid()}")
        try:
            with setup.pid_file(self.settings.supervisord.pidfile, self.log.critical):
                self.notify(events.supervisor_running())
                return await self._session.live(self._started)
        finally:
            self._listeners.close()
            await web.close()

    def _started(self, error: OtpsupError | None) -> None:
        if error is None and self.mood is Mood.RUNNING:
            self.manager.ready()

    def _warn_of_open_doors(self) -> None:
        for server in self.settings.servers:
            if not server.username:
                self.log.critical(
                    f"Server '{server.section}' running without any HTTP authentication checking"
                )

    # What the methods see (rpc.host.Host).

    @property
    def groups(self) -> Mapping[str, Active]:
        """The groups that there are now, by name."""
        return self._members.groups

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that all processes inherit."""
        return self._session.environ

    def record(self, group: str, process: str) -> Record | None:
        """A process; None if it is not there any more."""
        return self._members.find(group, process)

    def change(self, record: Record) -> asyncio.Future[Record | None]:
        """The next state of a process, when it comes; None if it is not there any more."""
        return self._members.change(record)

    def spawned(self, record: Record) -> asyncio.Future[Record | None]:
        """What a process is like once it has a pid, or is in another state."""
        return self._members.spawned(record)

    def path(self, record: Record) -> str:
        """Where a process is in the tree."""
        return tree.path_of(record.group.name, record.name)

    def ask(self, make: Callable[[int], Request]) -> asyncio.Future[Any]:
        """Put a request to the tree."""
        future: asyncio.Future[Any] = self._loop.create_future()
        future.add_done_callback(_looked_at)

        def answer(value: Any, error: OtpsupError | None) -> None:
            if not future.done():
                future.set_exception(error) if error else future.set_result(value)

        self._session.ask(make, answer)
        return future

    def signal(self, record: Record, number: int) -> None:
        """Send a signal to a process; OtpsupError if it has none."""
        self._session.signal(self.path(record), number)

    def write_stdin(self, record: Record, data: bytes) -> None:
        """Write to a process; OSError if it does not read, OtpsupError if it is not there."""
        self._session.write_stdin(self.path(record), data)

    def reopen(self, record: Record) -> None:
        """Open the logs of a process anew."""
        self._session.reopen_logs()
        self._make_logs(record)

    async def catch_up_logs(self) -> None:
        """Wait until what the processes have written by now is in their logs, within reason."""
        await self._session.catch_up_logs()

    async def reread(self) -> None:
        """Read the file again; InvalidFile if that cannot be."""
        async with self._reading:
            self.settings = await asyncio.to_thread(self._read, self.settings.file)
        self._say_what_was_read()

    def _say_what_was_read(self) -> None:
        for text in self.settings.warnings:
            self.log.warn(text)
        for text in self.settings.infos:
            self.log.info(text)

    async def add(self, group: Group) -> None:
        """Have one more group, and start what starts by itself."""
        active = Active(group, self.settings)
        self._enter(active)
        made = tree.group_tree(self.settings, group, auto_logs({group.name: active}))
        await self._reload(lambda children: _inserted(children, made, self._rank))

    async def remove(self, name: str) -> None:
        """Have a group no longer; its processes must have ended."""
        self._leave(name)
        gone = tree.name_of(name)
        await self._reload(lambda children: tuple(c for c in children if c.name != gone))

    async def _reload(self, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> None:
        """Change the groups of the tree, as it is at this instant."""
        root = self._session.engine.root.spec
        assert isinstance(root, Supervisor)
        spec = evolve(root, children=change(root.children))
        await self.ask(lambda ref: Reload(ref=ref, spec=spec))

    def _rank(self, name: str) -> int:
        """The priority of the group of that name in the tree."""
        found = (each.group for each in self.groups.values())
        return next((g.priority for g in found if tree.name_of(g.name) == name), 0)

    def end(self, mood: Mood) -> None:
        """Begin to stop, or to restart."""
        is_first = self.mood is Mood.RUNNING
        self.mood = mood
        if is_first:
            self.manager.stopping()
            self.notify(events.supervisor_stopping())
            self._session.stop(hurry=False)
            self._report_unstopped()

    def _report_unstopped(self) -> None:
        names = [
            each.name for active in self.groups.values() for each in active.records.values()
            if each.state not in STOPPED_STATES
        ]  # fmt: skip
        if names:
            self.log.info(f"waiting for {', '.join(names)} to die")
            self._loop.call_later(_REPORT, self._report_unstopped)

    def notify(self, event: Event) -> None:
        """Tell event listeners."""
        self._to_listeners(lambda: self._listeners.notify(event))

    def _to_listeners(self, tell: Callable[[], None]) -> None:
        """A `result_handler` is others' code: what it raises is told, and harms nobody."""
        try:
            tell()
        except Exception as error:
            logger.error("event listeners could not be told", error=error)

    # Groups come and go.

    def _enrol(self, active: Active) -> None:
        self._members.set(active)
        for wrong in active.make_auto_logs():
            self.log.warn(wrong)

    def _enter(self, active: Active) -> None:
        self._enrol(active)
        self._listeners.add(active.group)
        self._tap(active.group)

    def _leave(self, name: str) -> None:
        self._members.remove(name)
        self._listeners.remove(name)
        for remove in self._taps.pop(name, ()):
            remove()

    def _tap(self, group: Group) -> None:
        self._taps[group.name] = [
            self._session.tap(tree.path_of(*path.split("/", 1)), stream, tap)
            for path, stream, tap in self._listeners.taps([group])
        ]

    # The source of `otpsup update` (operations.Source).

    def load(self, path: Path) -> Root:
        """The tree of a file, in a thread; it may only be looked at."""
        settings = self._read(path)
        before = dict(self._members.groups)
        drafts = {g.name: Active(g, settings, before.get(g.name)) for g in settings.groups}
        spec = tree.tree_of(settings, auto_logs(drafts))
        weakref.finalize(spec, self._drafts.pop, id(spec), None).atexit = False
        self._drafts[id(spec)] = settings, drafts
        return spec

    def plugins(self, spec: Root) -> None:
        """A supervisord.conf has none of otpsup's."""

    def adopting(self, spec: Root) -> None:
        """The tree becomes what was read: so do the groups."""
        settings, drafts = self._drafts.pop(id(spec), (None, {}))
        if settings is None:
            return
        self.settings = settings
        for name in [name for name in self.groups if name not in drafts]:
            self._leave(name)
        for active in drafts.values():
            self._renew(active)

    def _renew(self, active: Active) -> None:
        """Have a group as it was read again; its processes are who they were, and its logs those
        that its tree was made with."""
        before = self.groups.get(active.group.name)
        if before is not None:
            active.go_on_from(before)
        if before is not None and before.group == active.group:
            self._members.set(active)
            return
        if before is not None:
            self._leave(before.group.name)
        self._enter(active)

    # What happens to processes.

    def _heard(self, news: News) -> None:
        if isinstance(news, Spawned):
            record = self._members.at(news.path)
            if record is not None and record.state is State.STARTING:
                self._members.put(processes.spawned(record, news.pid))
                self.log.info(f"spawned: '{record.name}' with pid {news.pid}")

    def _told(self, effect: Told) -> None:
        record = self._members.at(effect.path) if isinstance(effect, StateChange) else None
        if record is None:
            return
        assert isinstance(effect, StateChange)
        for after in processes.follow(record, effect, time.time(), self._problem(record, effect)):
            self._changed(record, after)
            record = after

    def _problem(self, record: Record, change: StateChange) -> str | None:
        """Why it could not be made, if it never got as far as a process."""
        if record.pid or change.state not in ("restarting", "down"):
            return None
        found = commands.problem(record.process, self.environ)
        return found.text if found else str(change.reason or change.cause.reason or "") or None

    def _changed(self, before: Record, after: Record) -> None:
        if after.state is State.STARTING:
            self._make_logs(after)
        self._members.put(after)
        for level, text in sayings(before, after):
            self.log.write(level, text)
        self._to_listeners(lambda: self._tell_change(before, after))

    def _tell_change(self, before: Record, after: Record) -> None:
        self._listeners.changed(
            f"{after.group.name}/{after.name}",
            before.state.name,
            after.state.name,
            pid=after.pid or before.pid,
            tries=after.backoff,
            expected=after.is_expected,
        )

    def _make_logs(self, record: Record) -> None:
        for wrong in self.groups[record.group.name].make_logs(record.process):
            self.log.warn(f"'{record.name}': {wrong}")

    def _write_raw(self, path: str, data: bytes) -> None:
        """For listeners, whose paths are not the tree's."""
        self._session.write_stdin(tree.path_of(*path.split("/", 1)), data)

    # Signals.

    def _listen_to_signals(self) -> None:
        pid1.reap_strangers(self._loop)
        self.manager.keep_informed(self._loop)
        for each in (SIGTERM, SIGINT, SIGQUIT):
            self._loop.add_signal_handler(each, self._asked_to_end, each)
        self._loop.add_signal_handler(SIGHUP, self._asked_to_restart)
        self._loop.add_signal_handler(SIGUSR2, self._asked_to_reopen)

    def _asked_to_end(self, each: Signals) -> None:
        self.log.warn(f"received {each.name} indicating exit request")
        self.end(Mood.SHUTDOWN)

    def _asked_to_restart(self) -> None:
        if self.mood is Mood.SHUTDOWN:
            self.log.warn("ignored SIGHUP indicating restart request (shutdown in progress)")
            return
        self.log.warn("received SIGHUP indicating restart request")
        self.end(Mood.RESTARTING)

    def _asked_to_reopen(self) -> None:
        self.log.info("received SIGUSR2 indicating log reopen request")
        self.log.reopen()
        self._session.reopen_logs()


def _looked_at(future: asyncio.Future[Any]) -> None:
    """Not all who ask wait for the answer."""
    if not future.cancelled():
        future.exception()


def _inserted(
    children: tuple[Any, ...], made: Supervisor, rank: Callable[[str], int]
) -> tuple[Any, ...]:
    """With one more group, before those of a higher priority."""
    mine = rank(made.name)
    at = next((n for n, each in enumerate(children) if rank(each.name) > mine), len(children))
    return (*children[:at], made, *children[at:])

"""The groups that a daemon has now, with the record and the logs of each of their processes.

Decides nothing: `processes` says what becomes of a record. On the daemon's loop alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from .conf.model import AUTO, Group, Process, Settings
from .processes import Record
from .tree import path_of

_CHANNELS = ("stdout", "stderr")
_OURS = re.compile(r"-(?:stdout|stderr)---.*-[0-9a-f]{8}\.log", re.DOTALL)
"""How the names of logs end of which we chose the places."""
_TOKEN = 4
"""Bytes of chance in the name of a log."""


def auto_name(settings: Settings, process: Process, channel: str) -> str:
    """The path of a log for which supervisord is to choose one; another each time."""
    of = settings.supervisord
    name = f"{process.name}-{channel}---{of.identifier}-{secrets.token_hex(_TOKEN)}.log"
    return str(Path(of.childlogdir).absolute() / name)


class Active:
    """A group.

    Args:
        group: as it was read.
        settings: for the names of logs.
        before: what it was before it was read again; keeps its logs and records.
    """

    def __init__(self, group: Group, settings: Settings, before: Active | None = None) -> None:
        self.group = group
        known = before.records if before else {}
        self.records: dict[str, Record] = {
            each.name: _record(group, each, known.get(each.name)) for each in group.processes
        }
        self._logs: dict[tuple[str, str], str | None] = {}
        for process in group.processes:
            for channel in _CHANNELS:
                self._logs[process.name, channel] = _log(settings, process, channel, before)

    def go_on_from(self, before: Active) -> None:
        """Its processes are as they are in the group that it replaces."""
        self.records = {
            name: _record(self.group, record.process, before.records.get(name))
            for name, record in self.records.items()
        }

    def log(self, process: str, channel: str) -> str | None:
        """The path of a process's `stdout` or `stderr` log; None if it has none."""
        return self._logs.get((process, channel))

    def make_auto_logs(self) -> Iterator[str]:
        """Have the logs there of which we chose the places; yields what fails."""
        return _made(path for path in self._logs.values() if path and _OURS.search(path))

    def make_logs(self, process: Process) -> Iterator[str]:
        """Have a process's logs there before it writes to them, for who reads them."""
        paths = (self.log(process.name, channel) for channel in _CHANNELS)
        return _made(path for path in paths if path and not path.startswith("/dev/"))


def _record(group: Group, process: Process, before: Record | None) -> Record:
    if before is None:
        return Record(group=group, process=process)
    values = {name: getattr(before, name) for name in _KEPT}
    return Record(group=group, process=process, **values)


_KEPT = ("state", "started", "stopped", "pid", "exitstatus", "spawnerr", "backoff", "ended")


def _log(settings: Settings, process: Process, channel: str, before: Active | None) -> str | None:
    path = process.stdout.logfile if channel == "stdout" else process.stderr.logfile
    if path != AUTO:
        return None if path == "syslog" else path
    was = before.log(process.name, channel) if before else None
    return was if was and _OURS.search(was) else auto_name(settings, process, channel)


def _made(paths: Iterable[str]) -> Iterator[str]:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    for path in paths:
        try:
            os.close(os.open(path, flags, 0o600 if _OURS.search(path) else 0o666))
        except OSError as error:
            yield f"cannot open the log {path}: {error.strerror}"


class Members:
    """All groups, by name."""

    def __init__(self) -> None:
        self.groups: dict[str, Active] = {}
        self._places: dict[str, tuple[str, str]] = {}
        self._waiting: dict[tuple[str, str], asyncio.Future[Record | None]] = {}
        """Who waits for another `state`, or for a `pid`, of the process at a path."""

    def set(self, active: Active) -> None:
        """Have a group, new or read again."""
        self.remove(active.group.name)
        self.groups[active.group.name] = active
        for name in active.records:
            self._places[path_of(active.group.name, name)] = (active.group.name, name)

    def remove(self, name: str) -> None:
        """Have a group no longer, if there is one."""
        active = self.groups.pop(name, None)
        for process in active.records if active else ():
            path = path_of(name, process)
            self._places.pop(path, None)
            self._answer(path, None)

    def at(self, path: str) -> Record | None:
        """The process at a path of the tree."""
        place = self._places.get(path)
        return self.groups[place[0]].records[place[1]] if place else None

    def find(self, group: str, process: str) -> Record | None:
        """The process of that name."""
        active = self.groups.get(group)
        return active.records.get(process) if active else None

    def put(self, record: Record) -> None:
        """A process is so now; those who wait for that have it."""
        before = self.find(record.group.name, record.name)
        self.groups[record.group.name].records[record.name] = record
        path = path_of(record.group.name, record.name)
        if before is None or before.state is not record.state:
            self._answer(path, record)
        elif before.pid != record.pid:
            self._answer_one((path, "pid"), record)

    def change(self, record: Record) -> asyncio.Future[Record | None]:
        """The next state of a process that was so; None once it is not there any more."""
        now = self.find(record.group.name, record.name)
        is_past = now is None or now.state is not record.state
        return _known(now) if is_past else self._coming(record, "state")

    def spawned(self, record: Record) -> asyncio.Future[Record | None]:
        """What a process is like once it has a pid, or is in another state."""
        now = self.find(record.group.name, record.name)
        is_past = now is None or now.state is not record.state or now.pid != record.pid
        return _known(now) if is_past else self._coming(record, "pid")

    def _coming(self, record: Record, what: str) -> asyncio.Future[Record | None]:
        key = (path_of(record.group.name, record.name), what)
        waiting = self._waiting.get(key)
        if waiting is None or waiting.done():
            waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
        return asyncio.shield(waiting)  # who gives up takes it from nobody else

    def _answer(self, path: str, record: Record | None) -> None:
        self._answer_one((path, "state"), record)
        self._answer_one((path, "pid"), record)

    def _answer_one(self, key: tuple[str, str], record: Record | None) -> None:
        waiting = self._waiting.pop(key, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(record)


def _known(record: Record | None) -> asyncio.Future[Record | None]:
    future: asyncio.Future[Record | None] = asyncio.get_running_loop().create_future()
    future.set_result(record)
    return future


def clear_auto_logs(settings: Settings, complain: Callable[[str], None]) -> None:
    """Remove the logs that an earlier daemon of this name chose the places of."""
    folder, mark = Path(settings.supervisord.childlogdir), f"---{settings.supervisord.identifier}-"
    try:
        found = [each for each in folder.iterdir() if mark in each.name and ".log" in each.name]
    except OSError as error:
        complain(f"cannot look for old logs in {folder}: {error.strerror}")
        return
    for each in found:
        with contextlib.suppress(OSError):
            each.unlink()


def auto_logs(members: Mapping[str, Active]) -> Callable[[Process, str], str]:
    """What tells `tree_of` where the logs of these groups are."""
    places = {
        (id(process), channel): active.log(process.name, channel) or ""
        for active in members.values() for process in active.group.processes
        for channel in _CHANNELS
    }  # fmt: skip
    return lambda process, channel: places[id(process), channel]

"""The groups that a daemon has now, with the record and the logs of each of their processes.

Decides nothing: `processes` says what becomes of a record. On the daemon's loop alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from .conf.model import AUTO, Group, Process, Settings
from .processes import Record
from .tree import path_of

_CHANNELS = ("stdout", "stderr")
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

    def log(self, process: str, channel: str) -> str | None:
        """The path of a process's `stdout` or `stderr` log; None if it has none."""
        return self._logs.get((process, channel))

    def make_logs(self, process: Process) -> Iterator[str]:
        """Have its logs there before it writes to them, for who reads them; yields what fails."""
        for channel in _CHANNELS:
            path = self.log(process.name, channel)
            if path is not None and not path.startswith("/dev/"):
                try:
                    _make(path)
                except OSError as error:
                    yield f"cannot open the {channel} log {path}: {error.strerror}"


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
    return was if was and "---" in was else auto_name(settings, process, channel)


def _make(path: str) -> None:
    mode = 0o600 if "---" in path else 0o666
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    os.close(os.open(path, flags, mode))


class Members:
    """All groups, by name."""

    def __init__(self) -> None:
        self.groups: dict[str, Active] = {}
        self._places: dict[str, tuple[str, str]] = {}
        self._waiting: dict[str, asyncio.Future[Record | None]] = {}

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
        """A process is so now."""
        self.groups[record.group.name].records[record.name] = record
        self._answer(path_of(record.group.name, record.name), record)

    def change(self, record: Record) -> asyncio.Future[Record | None]:
        """The next state of a process; None once it is not there any more."""
        path = path_of(record.group.name, record.name)
        waiting = self._waiting.get(path)
        if waiting is None or waiting.done():
            waiting = self._waiting[path] = asyncio.get_running_loop().create_future()
        if path not in self._places:
            waiting.set_result(None)
        return _shielded(waiting)

    def _answer(self, path: str, record: Record | None) -> None:
        waiting = self._waiting.pop(path, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(record)


def _shielded(waiting: asyncio.Future[Record | None]) -> asyncio.Future[Record | None]:
    """Who gives up takes it from nobody else."""
    return asyncio.shield(waiting)


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

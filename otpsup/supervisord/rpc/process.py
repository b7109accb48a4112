"""The methods about processes: to look, start, stop, signal, write. Source: http://supervisord.org/api.html."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from ...engine.events import StartDeclared, TerminateChild
from ...errors import OtpsupError
from .. import commands
from ..conf.model import AUTO, Group
from ..processes import Record
from ..states import RUNNING_STATES, SIGNALLABLE_STATES, STOPPED_STATES, State
from . import arguments, names, structs
from .faults import Fault, RpcError
from .host import Host
from .methods import published
from .structs import Struct

Rest = Coroutine[Any, Any, None] | None
"""What of a request is still to be waited for, if anything is."""
_TOGETHER = 0.05
"""Seconds in which those that end at once do so; they are told in their order, as supervisord
tells them, which looks that often."""
_REPORT = 2.0
"""Seconds between two lines in the log that somebody waits for a process to stop."""


class ProcessMethods:
    """Methods of the namespace `supervisor`."""

    def __init__(self, host: Host) -> None:
        self._host = host

    # To look.

    @published("getProcessInfo", types="struct string")
    def info(self, name: Any) -> Struct:
        """How a process is."""
        return self._info(names.one(self._host, name))

    def _info(self, record: Record) -> Struct:
        log = self._host.groups[record.group.name].log
        return structs.info(record, partial(log, record.name), time.time())

    @published("getAllProcessInfo", types="array")
    def all_info(self) -> list[Struct]:
        """How all processes are, by their names."""
        return [self._info(record) for record in names.all_by_name(self._host)]

    @published("getAllConfigInfo", types="array")
    def all_config(self) -> list[Struct]:
        """What was read last of all processes, by their names."""
        told = [each for group in self._host.settings.groups for each in self._config(group)]
        return sorted(told, key=lambda each: str(each["name"]))

    def _config(self, group: Group) -> Iterable[Struct]:
        active = self._host.groups.get(group.name)
        for process in group.processes:

            def log_of(channel: str, process: Any = process) -> str | None:
                path: str | None = getattr(process, channel).logfile
                if path == AUTO and active is not None and active.group is group:
                    return active.log(process.name, channel)
                return path

            yield structs.config(group, process, log_of, is_used=active is not None)

    # To start.

    @published("startProcess", types="boolean string boolean")
    async def start(self, name: Any, wait: Any = True) -> bool | list[Struct]:
        """Start a process, or with `group:*` all of a group; with `wait`, return when it runs."""
        found = names.one_or_group(self._host, name)
        if not isinstance(found, Record):
            return await self.start_group(found.group.name, wait)
        rest = self._start(found, name, wait=bool(wait))
        if rest is not None:
            await rest
        return True

    def _start(self, record: Record, name: str, *, wait: bool) -> Rest:
        problem = commands.problem(record.process, self._host.environ)
        if problem is not None:
            missing = problem.kind == "not_found"
            raise RpcError(Fault.NO_FILE if missing else Fault.NOT_EXECUTABLE, problem.text)
        if record.state in RUNNING_STATES:
            raise RpcError(Fault.ALREADY_STARTED, name)
        if record.state is State.STOPPING:
            return self._not_again(record, name, wait=wait)
        path = self._host.path(record)
        asked = self._host.ask(lambda ref: StartDeclared(ref=ref, path=path))
        now = self._now(record)
        has_begun = now is not None and now is not record
        coming = self._host.change(now) if now and has_begun and wait else None
        return self._started(record, name, asked, coming, wait=wait)

    def _now(self, record: Record) -> Record | None:
        return self._host.record(record.group.name, record.name)

    def _not_again(self, record: Record, name: str, *, wait: bool) -> Rest:
        """What is being stopped is not started: who waits for that is told so."""
        self._host.log.warn(f"process '{record.name}' already running")
        if wait:
            raise RpcError(Fault.ABNORMAL_TERMINATION, name)
        return None

    async def _started(
        self,
        before: Record,
        name: str,
        asked: asyncio.Future[Any],
        coming: asyncio.Future[Record | None] | None,
        *,
        wait: bool,
    ) -> None:
        """Wait until it runs, or with no `wait`, until it has a process.

        Args:
            coming: what it is next after STARTING, if that has begun; it may be that for an instant
                only, and so is awaited from the beginning.
        """
        now = await (coming or self._begun(before, name, asked))
        while now is not None and now.state is State.STARTING and not (now.pid or wait):
            now = await self._host.spawned(now)
        while wait and now is not None and now.state is State.STARTING:
            await self._host.change(now)
            now = self._now(before)  # which may be two states on by now
        if wait or now is None or (now.spawnerr and not now.ended):
            _check_start(now, name)

    async def _begun(self, before: Record, name: str, asked: asyncio.Future[Any]) -> Record | None:
        """The record, once the tree has got round to the request."""
        now = self._now(before)
        while now is before:
            change: asyncio.Future[Any] = self._host.change(now)
            await asyncio.wait({change, asked}, return_when=asyncio.FIRST_COMPLETED)
            now = self._now(before)
            if asked.done() and now is before:
                raise RpcError(Fault.FAILED, asked.exception() or name)
        return now

    @published("startProcessGroup", types="array string boolean")
    async def start_group(self, name: Any, wait: Any = True) -> list[Struct]:
        """Start all of a group; tells what became of each that did not run."""
        found = names.in_order(names.group(self._host, name))
        return await self._for_all(found, _is_not_running, partial(self._start, wait=bool(wait)))

    @published("startAllProcesses", types="array boolean")
    async def start_all(self, wait: Any = True) -> list[Struct]:
        """Start all processes; tells what became of each that did not run."""
        found = names.all_in_order(self._host)
        return await self._for_all(found, _is_not_running, partial(self._start, wait=bool(wait)))

    # To stop.

    @published("stopProcess", types="boolean string boolean")
    async def stop(self, name: Any, wait: Any = True) -> bool | list[Struct]:
        """Stop a process, or with `group:*` all of a group; with `wait`, return when it ended."""
        found = names.one_or_group(self._host, name)
        if not isinstance(found, Record):
            return await self.stop_group(found.group.name, wait)
        rest = self._stop(found, name, wait=bool(wait))
        if rest is not None:
            await rest
        return True

    def _stop(self, record: Record, name: str, *, wait: bool) -> Rest:
        if record.state not in RUNNING_STATES:
            raise RpcError(Fault.NOT_RUNNING, name)
        path = self._host.path(record)
        self._host.ask(lambda ref: TerminateChild(ref=ref, path=path))
        now = self._now(record)
        has_ended = now is None or now.state in STOPPED_STATES
        return None if has_ended or not wait else self._stopped(record)

    async def _stopped(self, record: Record) -> None:
        """Wait for its end, which may take as long as it may."""
        now = self._now(record)
        while now is not None and now.state not in STOPPED_STATES:
            change = self._host.change(now)
            done, _ = await asyncio.wait({change}, timeout=_REPORT)
            if not done:
                self._host.log.info(f"waiting for {record.name} to stop")
            now = self._now(record)

    @published("stopProcessGroup", types="array string boolean")
    async def stop_group(self, name: Any, wait: Any = True) -> list[Struct]:
        """Stop all of a group; tells what became of each that ran."""
        found = names.in_order(names.group(self._host, name))
        return await self._for_all(found, _is_running, partial(self._stop, wait=bool(wait)))

    @published("stopAllProcesses", types="array boolean")
    async def stop_all(self, wait: Any = True) -> list[Struct]:
        """Stop all processes; tells what became of each that ran."""
        found = names.all_in_order(self._host)
        return await self._for_all(found, _is_running, partial(self._stop, wait=bool(wait)))

    # To signal.

    @published("signalProcess", types="boolean string string")
    async def signal(self, name: Any, signal: Any) -> bool | list[Struct]:
        """Send a signal to a process, or with `group:*` to all of a group."""
        found = names.one_or_group(self._host, name)
        if not isinstance(found, Record):
            return await self.signal_group(found.group.name, signal)
        self._signal(found, name, given=signal)
        return True

    def _signal(self, record: Record, name: str, *, given: Any) -> Rest:
        number = arguments.signal_number(given)
        if record.state not in SIGNALLABLE_STATES:
            raise RpcError(Fault.NOT_RUNNING, name)
        try:
            self._host.signal(record, number)
        except OtpsupError as error:  # it is just being made, or has just ended
            raise RpcError(Fault.FAILED, error) from None
        return None

    @published("signalProcessGroup", types="array string string")
    async def signal_group(self, name: Any, signal: Any) -> list[Struct]:
        """Send a signal to all of a group; tells what became of each that has a process."""
        found = names.in_order(names.group(self._host, name))
        return await self._for_all(found, _is_signallable, partial(self._signal, given=signal))

    @published("signalAllProcesses", types="array string")
    async def signal_all(self, signal: Any) -> list[Struct]:
        """Send a signal to all; tells what became of each that has a process."""
        found = names.all_in_order(self._host)
        return await self._for_all(found, _is_signallable, partial(self._signal, given=signal))

    # To write.

    @published("sendProcessStdin", types="boolean string string")
    def write(self, name: Any, chars: Any) -> bool:
        """Write to the standard input of a process."""
        if not isinstance(chars, str):
            raise RpcError(Fault.INCORRECT_PARAMETERS, chars)
        record = names.one(self._host, name)
        if not record.pid or record.state is State.STOPPING:
            raise RpcError(Fault.NOT_RUNNING, name)
        try:
            self._host.write_stdin(record, chars.encode("utf-8", "replace"))
        except BrokenPipeError:
            raise RpcError(Fault.NO_FILE, name) from None
        except OSError as error:
            raise RpcError(Fault.FAILED, f"{name}: {error.strerror or error}") from None
        return True

    # Several at once.

    async def _for_all(
        self,
        records: Iterable[Record],
        fits: Callable[[Record], bool],
        act: Callable[[Record, str], Rest],
    ) -> list[Struct]:
        """Do this with each that it fits; what is done at once is told first."""
        told: list[Struct] = []
        waiting: dict[asyncio.Task[None], Record] = {}
        for each in records:
            record = self._now(each)
            if record is None or not fits(record):
                continue
            try:
                rest = act(record, record.namespec)
            except RpcError as error:
                told.append(structs.status(record, error))
                continue
            if rest is None:
                told.append(structs.status(record))
            else:
                waiting[asyncio.ensure_future(rest)] = record
        return told + await _all_done(waiting)


async def _all_done(waiting: dict[asyncio.Task[None], Record]) -> list[Struct]:
    """What became of each, in the order in which that was known."""
    told: list[Struct] = []
    while waiting:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(_TOGETHER)
        done = [task for task in waiting if task.done()]
        told += [structs.status(waiting.pop(task), _error_of(task)) for task in done]
    return told


def _error_of(task: asyncio.Task[None]) -> RpcError | None:
    error = task.exception()
    if error is None or isinstance(error, RpcError):
        return error
    return RpcError(Fault.FAILED, error)


def _check_start(record: Record | None, name: str) -> None:
    """Raise what became of a start, unless it goes well.

    Raises:
        RpcError: SPAWN_ERROR, ABNORMAL_TERMINATION.
    """
    if record is not None and record.spawnerr:
        raise RpcError(Fault.SPAWN_ERROR, name)
    if record is None or record.state not in (State.STARTING, State.RUNNING):
        raise RpcError(Fault.ABNORMAL_TERMINATION, name)


def _is_running(record: Record) -> bool:
    return record.state in RUNNING_STATES


def _is_not_running(record: Record) -> bool:
    return not _is_running(record)


def _is_signallable(record: Record) -> bool:
    return record.state in SIGNALLABLE_STATES

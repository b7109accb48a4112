"""The methods about the logs of processes. Source: http://supervisord.org/api.html."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from ..processes import Record
from . import arguments, logs, names, structs
from .faults import Fault, RpcError
from .host import Host
from .methods import published


class LogMethods:
    """Methods of the namespace `supervisor`.

    Another thread reads what processes write. Before a log is read it catches up, so that all is in
    the log of a process that is told to have ended; supervisord reads that before it tells so.
    """

    def __init__(self, host: Host) -> None:
        self._host = host

    @published("readProcessStdoutLog", "readProcessLog", types="string string int int")
    async def read_stdout(self, name: Any, offset: Any, length: Any) -> str:
        """A slice of what a process wrote to its standard output."""
        return await self._read(name, offset, length, "stdout")

    @published("readProcessStderrLog", types="string string int int")
    async def read_stderr(self, name: Any, offset: Any, length: Any) -> str:
        """A slice of what a process wrote to its standard error."""
        return await self._read(name, offset, length, "stderr")

    async def _read(self, name: Any, offset: Any, length: Any, channel: str) -> str:
        path = self._log(names.one(self._host, name), channel)
        if path is None or not Path(path).exists():
            raise RpcError(Fault.NO_FILE, path)
        slice = (arguments.whole(offset), arguments.whole(length))
        await self._host.catch_up_logs()
        return await asyncio.to_thread(logs.read, path, *slice)  # it may be large

    @published("tailProcessStdoutLog", "tailProcessLog", types="array string int int")
    async def tail_stdout(self, name: Any, offset: Any, length: Any) -> list[object]:
        """The end of what a process wrote to its standard output: the text, the size of the log,
        and whether more than `length` bytes came since `offset`."""
        return await self._tail(name, offset, length, "stdout")

    @published("tailProcessStderrLog", types="array string int int")
    async def tail_stderr(self, name: Any, offset: Any, length: Any) -> list[object]:
        """As tailProcessStdoutLog, for its standard error."""
        return await self._tail(name, offset, length, "stderr")

    async def _tail(self, name: Any, offset: Any, length: Any, channel: str) -> list[object]:
        path = self._log(names.one(self._host, name), channel)
        if path is None or not Path(path).exists():
            return ["", 0, False]
        slice = (arguments.whole(offset), arguments.whole(length))
        await self._host.catch_up_logs()
        return await asyncio.to_thread(logs.tail, path, *slice)

    def _log(self, record: Record, channel: str) -> str | None:
        return self._host.groups[record.group.name].log(record.name, channel)

    @published("clearProcessLogs", "clearProcessLog", types="boolean string")
    def clear(self, name: Any) -> bool:
        """Begin the logs of a process anew, if it runs."""
        record = names.one(self._host, name)
        self._clear(record, record.namespec)
        return True

    def _clear(self, record: Record, name: str) -> None:
        if not record.pid:
            return
        try:
            for channel in ("stdout", "stderr"):
                self._remove(self._log(record, channel))
            self._host.reopen(record)
        except OSError:
            raise RpcError(Fault.FAILED, name) from None

    def _remove(self, path: str | None) -> None:
        if path is not None and Path(path).is_file():
            with contextlib.suppress(FileNotFoundError):
                Path(path).unlink()

    @published("clearAllProcessLogs", types="array")
    def clear_all(self) -> list[structs.Struct]:
        """Begin the logs of all processes anew."""
        told = []
        for record in names.all_in_order(self._host):
            try:
                self._clear(record, record.namespec)
                told.append(structs.status(record))
            except RpcError as error:
                told.append(structs.status(record, error))
        return told

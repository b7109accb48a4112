"""The methods about the daemon itself and its groups. Source: http://supervisord.org/api.html."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from ...errors import InvalidFile
from .. import events
from ..compare import differences
from ..states import STOPPED_STATES, Mood
from . import arguments, logs, names
from .faults import Fault, RpcError
from .host import Host
from .methods import published

API_VERSION = "3.0"
"""supervisorctl works with no other."""
SUPERVISOR_VERSION = "4.3.0"
"""Whose interface this is; clients read a version of supervisor out of it."""


class DaemonMethods:
    """Methods of the namespace `supervisor`."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @published("getAPIVersion", "getVersion", types="string")
    def api_version(self) -> str:
        """The version of this interface."""
        return API_VERSION

    @published("getSupervisorVersion", types="string")
    def supervisor_version(self) -> str:
        """The version of supervisor whose interface this is."""
        return SUPERVISOR_VERSION

    @published("getIdentification", types="string")
    def identification(self) -> str:
        """What the daemon is called."""
        return self._host.settings.supervisord.identifier

    @published("getState", types="struct")
    def state(self) -> dict[str, Any]:
        """What the daemon is doing: `statecode` and `statename`."""
        mood = self._host.mood
        return {"statecode": int(mood), "statename": mood.name}

    @published("getPID", types="int")
    def pid(self) -> int:
        """The daemon's process."""
        return os.getpid()

    @published("readLog", "readMainLog", types="string int int")
    async def read_log(self, offset: Any, length: Any) -> str:
        """A slice of the daemon's log."""
        path = self._log_file()
        slice = (arguments.whole(offset), arguments.whole(length))
        return await asyncio.to_thread(logs.read, path, *slice)  # it may be large

    def _log_file(self) -> str:
        path = self._host.log.path
        if path is None or not Path(path).exists():
            raise RpcError(Fault.NO_FILE, path)
        return path

    @published("clearLog", types="boolean")
    def clear_log(self) -> bool:
        """Begin the daemon's log anew."""
        path = self._host.log.path
        if path is None or not Path(path).exists():
            raise RpcError(Fault.NO_FILE)
        try:
            self._host.log.clear()
        except OSError:
            raise RpcError(Fault.FAILED) from None
        return True

    @published("shutdown", types="boolean")
    def shutdown(self) -> bool:
        """Stop all processes, and end."""
        self._host.end(Mood.SHUTDOWN)
        return True

    @published("restart", types="boolean")
    def restart(self) -> bool:
        """Stop all processes, read the file again, and start them."""
        self._host.end(Mood.RESTARTING)
        return True

    @published("reloadConfig", types="array")
    async def reload_config(self) -> list[list[list[str]]]:
        """Read the file again, and tell what of it is new, changed and gone; nothing is done."""
        try:
            await self._host.reread()
        except InvalidFile as error:
            told = error.problems[0].text if error.problems else error
            raise RpcError(Fault.CANT_REREAD, told) from None
        active = [each.group for each in self._host.groups.values()]
        return [[list(part) for part in differences(active, self._host.settings.groups)]]

    @published("addProcessGroup", types="boolean string")
    async def add_group(self, name: Any) -> bool:
        """Have a group of those that were read last."""
        found = [each for each in self._host.settings.groups if each.name == name]
        if not found:
            raise RpcError(Fault.BAD_NAME, name)
        if name in self._host.groups:
            raise RpcError(Fault.ALREADY_ADDED, name)
        await self._host.add(found[0])
        return True

    @published("removeProcessGroup", types="boolean string")
    async def remove_group(self, name: Any) -> bool:
        """Have a group no longer; all of its processes must have been stopped."""
        group = names.group(self._host, name)
        if any(record.state not in STOPPED_STATES for record in group.records.values()):
            raise RpcError(Fault.STILL_RUNNING, name)
        await self._host.remove(name)
        return True

    @published("sendRemoteCommEvent", types="boolean string string", is_checked=False)
    def send_remote_event(self, type: Any, data: Any) -> bool:
        """Tell listeners to `REMOTE_COMMUNICATION` something."""
        self._host.notify(events.remote_communication(str(type), str(data)))
        return True

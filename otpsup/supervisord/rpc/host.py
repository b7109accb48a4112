"""What the methods need of the daemon. They run on its loop, and so may look at all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ...engine.events import Request
from ..conf.model import Group, Settings
from ..events import Event
from ..mainlog import MainLog
from ..processes import Record
from ..states import Mood


class ActiveGroup(Protocol):
    """A group that the daemon has now."""

    @property
    def group(self) -> Group:
        """As it was read."""

    @property
    def records(self) -> Mapping[str, Record]:
        """Its processes by name, in start order."""

    def log(self, process: str, channel: str) -> str | None:
        """The path of a process's `stdout` or `stderr` log; None if it has none."""


class Host(Protocol):
    """The daemon."""

    mood: Mood
    log: MainLog

    @property
    def settings(self) -> Settings:
        """As they were read last; what runs may be older."""

    @property
    def groups(self) -> Mapping[str, ActiveGroup]:
        """The groups that there are now, by name."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that all processes inherit."""

    def record(self, group: str, process: str) -> Record | None:
        """A process; None if it is not there any more."""

    def change(self, record: Record) -> asyncio.Future[Record | None]:
        """The next state of a process, when it comes; None if it is not there any more."""

    def spawned(self, record: Record) -> asyncio.Future[Record | None]:
        """What a process is like once it has a pid, or is in another state."""

    def ask(self, make: Callable[[int], Request]) -> asyncio.Future[Any]:
        """Put a request to the tree."""

    def path(self, record: Record) -> str:
        """Where a process is in the tree."""

    def signal(self, record: Record, number: int) -> None:
        """Send a signal to a process; OtpsupError if it has none."""

    def write_stdin(self, record: Record, data: bytes) -> None:
        """Write to a process; OSError if it does not read, OtpsupError if it is not there."""

    def reopen(self, record: Record) -> None:
        """Open the logs of a process anew."""

    async def catch_up_logs(self) -> None:
        """Wait until what the processes have written by now is in their logs, within reason."""

    async def reread(self) -> None:
        """Read the file again; InvalidFile if that cannot be."""

    async def add(self, group: Group) -> None:
        """Have one more group, and start what starts by itself."""

    async def remove(self, name: str) -> None:
        """Have a group no longer; its processes must have ended."""

    def end(self, mood: Mood) -> None:
        """Begin to stop, or to restart."""

    def notify(self, event: Event) -> None:
        """Tell event listeners."""

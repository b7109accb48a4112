"""What is needed of a tree that runs, of its plug-ins, and of where new trees come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..engine import Engine
from ..engine.child import Child
from ..engine.events import Request
from ..errors import OtpsupError
from ..specs import DynamicSupervisor, Supervisor
from ..specs.plugin import Given
from ..views import Change, ChildStatus, Event
from ..wire.lines import LogLine

if TYPE_CHECKING:
    from ..statistics import CheckResult, Statistics

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

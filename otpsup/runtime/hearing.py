"""What one process tells of itself, as the engine's events: checked, and without secrets."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.events import Event, Healthy, Ignored, NotYet, Ready, StatusText
from ..engine.reasons import Crash
from ..errors import ProtocolError
from ..logger import logger
from ..mask import Secrets
from ..plain import plain, plain_lines
from ..specs import Command, Notify, Worker
from ..wire import status as wire

if TYPE_CHECKING:
    from .process import Host

_COMPLAINTS = 10
"""Messages that cannot be understood of which the log tells, of one incarnation."""


class Hearing:
    """Hears one incarnation of one child.

    Args:
        secrets: finds what nobody is to see, when something is to be shown first: most children
            say nothing of themselves.

    Attributes:
        crash: the exception that ended it, if it has told one.
        heartbeat_at: when it last said that all is well, in the loop's time; 0 if never.
    """

    __slots__ = (
        *("_complaints", "_early", "_has_been_well", "_host", "_is_known", "_is_over", "_path"),
        *("_run", "_secrets", "_spec", "_why_not", "crash", "heartbeat_at"),
    )

    def __init__(
        self,
        host: Host,
        path: str,
        run: int,
        spec: Worker | Command,
        secrets: Callable[[], Secrets],
    ) -> None:
        self._host = host
        self._path = path
        self._run = run
        self._spec = spec
        self._secrets = secrets
        self._complaints = 0
        self._early: tuple[Event, ...] = ()
        self._why_not = ""
        self._is_known = self._is_over = self._has_been_well = False
        self.crash: Crash | None = None
        self.heartbeat_at = 0.0

    def begin(self) -> None:
        """The engine knows that there is a process: what that said before is told now."""
        self._is_known = True
        early, self._early = self._early, ()
        for event in early:
            self._tell(event)

    def end(self) -> None:
        """It is gone: nothing of what comes now is told."""
        self._is_over = True

    def _tell(self, event: Event) -> None:
        if not self._is_known:
            self._early += (event,)
        elif not self._is_over:
            self._host.post(event)

    def became_ready(self, info: Any = None) -> None:
        """It is ready, and says so much about itself."""
        self._tell(Ready(self._path, self._run, info))

    def not_yet(self, why: str) -> None:
        """It was tried, and is not ready."""
        why = self.fit(why)
        if why != self._why_not:
            self._why_not = why
            self._tell(NotYet(self._path, self._run, why))

    def notified(self, said: dict[str, str]) -> None:
        """sd_notify(3): READY=1, WATCHDOG=1 and STATUS=... are what we act on."""
        if "STATUS" in said:
            self._status(said["STATUS"])
        if said.get("READY") == "1" and isinstance(self._spec.ready, Notify):
            self.became_ready()
        if said.get("WATCHDOG") == "1":
            self._is_well()

    def _status(self, text: str) -> None:
        self._tell(StatusText(self._path, self._run, self._secrets().hide(text)))

    def _is_well(self) -> None:
        """The engine needs to know it once; a heartbeat may come every second for a year."""
        self.heartbeat_at = self._host.loop.time()
        if not self._has_been_well:
            self._has_been_well = True
            self._tell(Healthy(self._path, self._run))

    def told(self, message: wire.Message) -> None:
        """A message on its channel."""
        match message:
            case wire.ReadyMessage(info) if isinstance(self._spec.ready, Notify):
                self.became_ready(self._secrets().hide_within(info))
            case wire.StatusMessage(text):
                self._status(text)
            case wire.HeartbeatMessage():
                self._is_well()
            case wire.IgnoreMessage():
                self._tell(Ignored(self._path, self._run))
            case wire.CrashMessage(kind, text, traceback):
                where = plain_lines(self._secrets().hide(traceback))
                self.crash = Crash(self.fit(kind), self.fit(text, lines=False), where)

    def connected(self, stream: socket.socket) -> None:
        """It asks for something on this stream."""
        self._host.adopt(stream, self._path)

    def wrong(self, error: ProtocolError) -> None:
        """It has sent what cannot be understood."""
        self._complaints += 1
        if self._complaints <= _COMPLAINTS:
            last = "; of further ones nothing is told" if self._complaints == _COMPLAINTS else ""
            text = self.fit(str(error))
            logger.warning("{} sent a message that was dropped: {}{}", self._path, text, last)

    def fit(self, text: str, *, lines: bool = True) -> str:
        """A text about the child, fit to be shown to anybody who may see the tree; one line of it
        all, if it is not to keep its lines. A secret may have several."""
        hidden = self._secrets().hide(text)
        return plain(hidden if lines else " ".join(hidden.split()))

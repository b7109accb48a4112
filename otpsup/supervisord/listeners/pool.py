"""The listeners of one `[eventlistener:x]`, and the events that wait for them.

The rules are supervisord's: first in, first out; a full buffer drops its oldest for the newcomer;
what was rejected, and what a listener had when it died, comes back to the head, where it drops the
oldest of a full buffer too. Only a READY listener whose process is RUNNING gets an event.

Pure but for `write`, which is passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import count

from ...errors import OtpsupError
from ..events import Event, is_a
from .handlers import Handler, default_handler
from .protocol import Conversation, ListenerState, Log, Queued

Write = Callable[[str, bytes], None]
"""Called with the name of a process and with what is for its stdin. Raises OSError or OtpsupError
if that cannot be."""


class Pool:
    """One pool.

    Args:
        name: of the group.
        listeners: names of its processes, in the order in which they are considered.
        events: types that it subscribes to. What is of several of them comes as often.
        buffer_size: how many events wait at most; 1 at least.
        server: the daemon's identifier.
        handler: what judges answers.
        write: how a listener is written to.
        log: where it is told what happened.
    """

    def __init__(
        self,
        name: str,
        listeners: Iterable[str],
        events: Iterable[str],
        *,
        buffer_size: int = 10,
        server: str = "supervisor",
        handler: Handler = default_handler,
        write: Write,
        log: Log,
    ) -> None:
        self.name = name
        self.events = frozenset(events)
        self._size = buffer_size
        self._server = server
        self._handler = handler
        self._write = write
        self._log = log
        self._buffer: deque[Queued] = deque()
        self._serials = count()
        self._talks = {listener: self._new_talk(listener) for listener in listeners}
        self._running: set[str] = set()

    def wants(self, name: str) -> bool:
        """Whether it subscribes to events of this type."""
        return any(is_a(name, subscribed) for subscribed in self.events)

    @property
    def waiting(self) -> tuple[Queued, ...]:
        """The events that no listener has been sent, the next one first."""
        return tuple(self._buffer)

    def state(self, listener: str) -> ListenerState:
        """Where the conversation with this one is."""
        return self._talks[listener].state

    def accept(self, event: Event, serial: int) -> None:
        """Buffer an event, if it is one of those subscribed to. It is sent by `dispatch`."""
        times = sum(is_a(event.name, subscribed) for subscribed in self.events)
        if times:
            queued = Queued(event, serial, next(self._serials))
            for _ in range(times):
                self._make_room()
                self._buffer.append(queued)

    def _make_room(self) -> None:
        if len(self._buffer) >= self._size:
            lost = self._buffer.popleft()
            self._log(
                "error",
                f"pool {self.name} event buffer overflowed, discarding event {lost.serial}",
            )

    def _take_back(self, queued: Queued | None) -> None:
        """Buffer what a listener had; it is the next one."""
        if queued is not None:
            self._log(
                "debug",
                f"rebuffering event {queued.serial} for pool {self.name}"
                f" (buf size={len(self._buffer)}, max={self._size})",
            )
            self._make_room()
            self._buffer.appendleft(queued)

    def dispatch(self) -> None:
        """Send what waits, the oldest first, while there is a listener to send it to."""
        while self._buffer and self._send(self._buffer[0]):
            self._buffer.popleft()

    def _send(self, queued: Queued) -> bool:
        return any(self._sent_to(name, queued) for name in self._talks if self._is_free(name))

    def _is_free(self, name: str) -> bool:
        return name in self._running and self._talks[name].state == "READY"

    def _sent_to(self, name: str, queued: Queued) -> bool:
        try:
            self._write(name, queued.envelope(self._server, self.name))
        except (OSError, OtpsupError):
            self._log(
                "debug",
                f"epipe occurred while sending event {queued.serial} to listener {name},"
                " listener state unchanged",
            )
            return False
        self._talks[name].send(queued)
        self._log("debug", f"event {queued.serial} sent to listener {name}")
        return True

    def hear(self, listener: str, data: bytes) -> None:
        """A listener wrote these bytes to its stdout."""
        self.hear_from(self._talks[listener], data)

    def hear_from(self, talk: Conversation, data: bytes) -> None:
        """The same of one that `left` has told of."""
        self._take_back(talk.hear(data))

    def started(self, listener: str) -> None:
        """A new process is being made for this listener; it has said nothing yet."""
        self._running.discard(listener)
        self._talks[listener] = self._new_talk(listener)

    def running(self, listener: str) -> None:
        """The listener's process is RUNNING."""
        self._running.add(listener)

    def paused(self, listener: str) -> None:
        """The listener's process is no longer RUNNING, but has not ended: its answer counts."""
        self._running.discard(listener)

    def left(self, listener: str) -> Conversation:
        """The listener's process has ended, and its last words may still be on their way: this is
        who would say them. It gets no more events, and has to be given to `forget`."""
        self._running.discard(listener)
        return self._talks[listener]

    def forget(self, talk: Conversation) -> None:
        """All that this one said has been heard. What it has not answered comes back."""
        self._take_back(talk.end())

    def ended(self, listener: str) -> None:
        """The listener's process has ended, and all that it said has been heard."""
        self.forget(self.left(listener))

    def _new_talk(self, listener: str) -> Conversation:
        return Conversation(listener, self._handler, self._log)

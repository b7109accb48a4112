"""The conversation with one event listener: bytes that it wrote in, what became of its event out.

A listener says `READY`, is sent one event, answers `RESULT <n>` and n bytes, and says `READY`
again. Whatever else it says ends the conversation for good: only another process can begin anew.
Source: http://supervisord.org/events.html#event-listener-notification-protocol.

Pure: reads and writes nothing, and does not know where events come from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from attrs import frozen

from ..events import Event
from .handlers import Handler, is_rejection

ListenerState = Literal["ACKNOWLEDGED", "READY", "BUSY", "UNKNOWN"]
Log = Callable[[str, str], None]
"""Called with a level of supervisord's (`error`, `warn`, `info`, `debug`) and a text."""

READY = b"READY\n"
RESULT = b"RESULT "
LONGEST_RESULT = 16 * 1024 * 1024
"""Bytes that a listener may announce."""
LONGEST_LINE = 4096
"""Bytes in which a result line has to have ended; no number that could be meant is longer."""


@frozen
class Queued:
    """An event with its numbers: `serial` in all pools alike, `pool_serial` in this one."""

    event: Event
    serial: int
    pool_serial: int

    def envelope(self, server: str, pool: str) -> bytes:
        """What a listener is sent. `len` counts characters, as supervisord does: the payload is
        UTF-8, and Python's listeners read it as text."""
        payload = self.event.payload()
        head = (
            f"ver:3.0 server:{server} serial:{self.serial} pool:{pool}"
            f" poolserial:{self.pool_serial} eventname:{self.event.name} len:{len(payload)}\n"
        )
        return (head + payload).encode()


class Conversation:
    """With one listener process, from its start to its end.

    Args:
        name: of the process, for the log.
        handler: what judges its answers.
        log: where it is told what happened.
    """

    def __init__(self, name: str, handler: Handler, log: Log) -> None:
        self.state: ListenerState = "ACKNOWLEDGED"
        self.sent: Queued | None = None
        self._name = name
        self._handler = handler
        self._log = log
        self._unread = bytearray()
        self._length: int | None = None
        self._rejected: Queued | None = None

    def send(self, queued: Queued) -> None:
        """It has been sent this event; it must have been READY."""
        assert self.state == "READY", self.state
        self.state = "BUSY"
        self.sent = queued

    def hear(self, data: bytes) -> Queued | None:
        """It wrote these bytes, cut anywhere. Returns the event that it rejected with them, if it
        did: at most one, for it gets no other within."""
        self._unread += data
        while self._advance():
            pass
        rejected, self._rejected = self._rejected, None
        return rejected

    def end(self) -> Queued | None:
        """Its process has ended. Returns the event that it has not answered."""
        unanswered, self.sent = self.sent, None
        return unanswered

    def _advance(self) -> bool:
        """Take one word of what is unread; tells whether there was a whole one."""
        match self.state:
            case "ACKNOWLEDGED":
                return self._take_ready()
            case "READY":
                return self._break() if self._unread else False
            case "BUSY":
                return self._take_line() if self._length is None else self._take_result()
            case "UNKNOWN":
                self._unread.clear()
        return False

    def _take_ready(self) -> bool:
        if len(self._unread) < len(READY):
            return False
        if not self._unread.startswith(READY):
            return self._break()
        del self._unread[: len(READY)]
        self._become("READY")
        return True

    def _take_line(self) -> bool:
        end = self._unread.find(b"\n", 0, LONGEST_LINE)
        if end < 0 and len(self._unread) < LONGEST_LINE:
            return False
        line = bytes(self._unread[: end if end >= 0 else LONGEST_LINE])
        self._length = _length(line) if end >= 0 else None
        if self._length is None:
            self._log("warn", f"{self._name}: bad result line: '{_shown(line)}'")
            return self._break()
        del self._unread[: end + 1]
        return True

    def _take_result(self) -> bool:
        assert self._length is not None
        if len(self._unread) < self._length:
            return False
        result = bytes(self._unread[: self._length])
        del self._unread[: self._length]
        self._length = None
        self._judge(result)
        return True

    def _judge(self, result: bytes) -> None:
        assert self.sent is not None
        try:
            self._handler(self.sent.event, result)
        except Exception as error:
            self._reject(error)
        else:
            self._log("debug", f"{self._name}: event was processed")
            self._become("ACKNOWLEDGED")
        self.sent = None

    def _reject(self, error: Exception) -> None:
        self._rejected = self.sent
        if is_rejection(error):
            self._log("warn", f"{self._name}: event was rejected")
            self._become("ACKNOWLEDGED")
        else:
            self._log("warn", f"{self._name}: event caused an error")
            self._break()

    def _break(self) -> bool:
        """It has broken the protocol, or its handler has failed: no more events for it."""
        self._rejected, self.sent = self.sent or self._rejected, None
        self._unread.clear()
        self._become("UNKNOWN")
        self._log(
            "warn",
            f"{self._name}: has entered the UNKNOWN state and will no longer receive events:"
            " what it wrote is not the event listener protocol",
        )
        return False

    def _become(self, state: ListenerState) -> None:
        self._log("debug", f"{self._name}: {self.state} -> {state}")
        self.state = state


def _length(line: bytes) -> int | None:
    """The number in a result line. supervisord skips as many bytes as `RESULT ` has, whatever they
    are; None if no count comes after them, or one of more than anybody would keep for it."""
    try:
        length = int(line[len(RESULT) :])
    except ValueError:
        return None
    return length if 0 <= length <= LONGEST_RESULT else None


def _shown(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return f"Undecodable: {line!r}"

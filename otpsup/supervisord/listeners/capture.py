"""What a process writes, on its way to its log: events are made of it, escapes are taken out.

A `Capture` is a tap of one stream: bytes in, what is to be logged out. Text between the marks of
capture mode becomes a PROCESS_COMMUNICATION event and is not logged; with `events_enabled` all text
becomes PROCESS_LOG events too, the captured included. Source: http://supervisord.org/events.html.

supervisord holds back up to 24 bytes of what it logs until more comes, and loses them at the end.
Here only what may be the beginning of a mark is held back, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..conf.model import Log
from ..events import Channel, Event, process_communication, process_log
from .escapes import Escapes

BEGIN = b"<!--XSUPERVISOR:BEGIN-->"
END = b"<!--XSUPERVISOR:END-->"

Notify = Callable[[Event], None]


class Ring:
    """The last bytes of what is captured, as supervisord keeps them: once `limit` is exceeded, as
    many go as come. So a piece longer than the limit stays whole."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = b""

    def add(self, data: bytes) -> None:
        """Keep this as well."""
        if len(self._kept) + len(data) > self._limit:
            self._kept = self._kept[len(data) :]
        self._kept += data

    def take(self) -> bytes:
        """What was kept; nothing is, after that."""
        kept, self._kept = self._kept, b""
        return kept


class Marks:
    """Tells captured text from other text, where the marks may be cut anywhere."""

    def __init__(self) -> None:
        self.is_inside = False
        self._unread = b""

    def split(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Pieces, and for each whether a mark comes after it; `is_inside` is what it was before
        that mark until the next piece is asked for."""
        self._unread += data
        while self._is_enough():
            mark = END if self.is_inside else BEGIN
            piece, found, rest = self._unread.partition(mark)
            if not found:
                held = _beginning_at_end(piece, mark)
                self._unread = piece[len(piece) - held :]
                yield piece[: len(piece) - held], False
                return
            self._unread = rest
            yield piece, True
            self.is_inside = not self.is_inside

    def _is_enough(self) -> bool:
        """Captured text comes in the same pieces as supervisord's, because `Ring` depends on it."""
        return len(self._unread) > (len(END) if self.is_inside else 0) or self._unread == END

    def rest(self) -> bytes:
        """What was held back."""
        rest, self._unread = self._unread, b""
        return rest


def _beginning_at_end(data: bytes, mark: bytes) -> int:
    """How many bytes at the end of `data` are a beginning of `mark`."""
    longest = min(len(mark) - 1, len(data))
    return next((n for n in range(longest, 0, -1) if data.endswith(mark[:n])), 0)


class Capture:
    """The tap of one stream of one process, for all of its incarnations.

    Args:
        process, group: names for the events.
        channel: which stream.
        settings: of this stream's log.
        notify: gets the events, in the thread that calls the tap.
        strip_ansi: take terminal escapes out of what is logged and told.
        wants: whether anybody listens to events of this type; what nobody wants is not made.
    """

    def __init__(
        self,
        process: str,
        group: str,
        channel: Channel,
        settings: Log,
        notify: Notify,
        *,
        strip_ansi: bool = False,
        wants: Callable[[str], bool] = lambda _name: True,
    ) -> None:
        self._process = process
        self._group = group
        self._channel: Channel = channel
        self._settings = settings
        self._notify = notify
        self._strips = strip_ansi
        self._wants = wants
        self._log_event = f"PROCESS_LOG_{channel.upper()}"
        self._pid = 0
        self._begin()

    def _begin(self) -> None:
        self._marks = Marks()
        self._ring = Ring(self._settings.capture_maxbytes)
        self._escapes, self._captured_escapes = Escapes(), Escapes()

    @staticmethod
    def is_needed(settings: Log, *, strip_ansi: bool) -> bool:
        """Whether a stream with these settings has anything to capture, to tell or to strip."""
        return bool(settings.capture_maxbytes or settings.events_enabled or strip_ansi)

    def __call__(self, pid: int, data: bytes) -> bytes:
        """A chunk that the process `pid` wrote; returns what is to be logged. No data at all means
        that its output is over."""
        before = self._over() if pid != self._pid else b""
        self._pid = pid
        if not data:
            return before + self._over()
        return before + b"".join(self._logged(data))

    def _over(self) -> bytes:
        """What was held back of a process that writes no more; what it began to capture is lost."""
        outside = b"" if self._marks.is_inside else self._marks.rest()
        left = self._plain(outside, self._escapes) + self._escapes.rest()
        self._tell(left)
        self._begin()
        return left

    def _logged(self, data: bytes) -> Iterator[bytes]:
        if not self._settings.capture_maxbytes:
            yield self._passed(data)
            return
        for piece, has_mark in self._marks.split(data):
            if self._marks.is_inside:
                self._capture(piece, has_mark)
            else:
                yield self._passed(piece)

    def _passed(self, data: bytes) -> bytes:
        plain = self._plain(data, self._escapes)
        self._tell(plain)
        return plain

    def _capture(self, piece: bytes, is_last: bool) -> None:
        plain = self._plain(piece, self._captured_escapes)
        plain += self._captured_escapes.rest() if is_last else b""
        self._tell(plain)
        self._ring.add(plain)
        if is_last:
            self._communicate(self._ring.take())

    def _communicate(self, data: bytes) -> None:
        names = (self._process, self._group, self._pid)
        self._notify(process_communication(self._channel, *names, data))

    def _tell(self, data: bytes) -> None:
        if data and self._settings.events_enabled and self._wants(self._log_event):
            names = (self._process, self._group, self._pid)
            self._notify(process_log(self._channel, *names, data))

    def _plain(self, data: bytes, escapes: Escapes) -> bytes:
        return escapes.strip(data) if self._strips else data

"""The last events of a tree, numbered, for all who follow them.

Nothing is kept for each of those: whoever reads too slowly finds what he has not read gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from typing import Final

from ..views import Event
from .forms import json_of

KEPT: Final = 2000
"""Events."""
CHUNK: Final = 16 * 1024
"""Bytes after which no more are sent at once."""
GAP: Final = b"event: gap\ndata: {}\n\n"
"""Some events were missed: what the tree is like has to be asked anew."""


class TooSlow(Exception):
    """What comes next for this one is not kept any more."""


class Hub:
    """`put` is for any thread, all else for the loop that it is attached to."""

    def __init__(self) -> None:
        self.server = secrets.token_hex(4)
        self.life = secrets.token_hex(4)
        """Which tree, and who has counted its events: numbers of another mean nothing."""
        self._lock = threading.Lock()
        self._last = 0
        self._kept: deque[tuple[str, int, bytes]] = deque(maxlen=KEPT)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_due = False
        self._waiting: set[asyncio.Event] = set()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Those who wait, wait on this loop."""
        self._loop = loop

    def begin(self) -> None:
        """What comes now need not follow what came before."""
        with self._lock:
            self.life = secrets.token_hex(4)
            self._last = 0
            self._kept.clear()
        self._wake()

    def put(self, event: Event) -> None:
        """The next event."""
        data = json_of(event)
        with self._lock:
            self._last += 1
            head = f"id: {self.life}-{self._last}\nevent: {event.kind}\ndata: ".encode()
            self._kept.append((self.life, self._last, head + data + b"\n\n"))
        self._wake()

    def _wake(self) -> None:
        """Once for all that come before those who wait are awake."""
        if self._loop is None or self._is_due:
            return
        self._is_due = True
        with contextlib.suppress(RuntimeError):  # the loop is over
            self._loop.call_soon_threadsafe(self._awake)

    def _awake(self) -> None:
        self._is_due = False
        for each in self._waiting:
            each.set()

    def follow(self, after: str | None, recent: int) -> Follower:
        """What comes after the event of this id; or after the last one, with so many before."""
        return Follower(self, after, recent)

    @contextlib.contextmanager
    def woken(self) -> Iterator[asyncio.Event]:
        """Is set when there is something new."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)

    def after(self, life: str, number: int) -> tuple[str, int, list[bytes]]:
        """What comes next after that one, and where that ends.

        Raises:
            TooSlow: it is not kept any more.
        """
        with self._lock:
            missing = self._last - number
            if life != self.life or missing > len(self._kept) or missing < 0:
                raise TooSlow
            found: list[bytes] = []
            size = 0
            for index in range(len(self._kept) - missing, len(self._kept)):
                found.append(self._kept[index][2])
                size += len(found[-1])
                if size > CHUNK:
                    break
            return life, number + len(found), found

    @property
    def now(self) -> tuple[str, int, int]:
        """Which life, the last number, and how many are kept."""
        with self._lock:
            return self.life, self._last, len(self._kept)


class Follower:
    """One who follows: where he is."""

    def __init__(self, hub: Hub, after: str | None, recent: int) -> None:
        self._hub = hub
        life, last, kept = hub.now
        self._life, self._number = life, last - min(recent, kept)
        if after is not None:
            self._life, _, number = after.partition("-")
            self._number = (
                int(number) if number.isascii() and number.isdigit() and len(number) < 12 else -1
            )
        self._is_new = True

    def next(self) -> bytes:
        """What there is; nothing if there is nothing new.

        Raises:
            TooSlow: he has missed some, though he was there all the time.
        """
        is_first, self._is_new = self._is_new, False
        try:
            self._life, self._number, found = self._hub.after(self._life, self._number)
        except TooSlow:
            life, last, _ = self._hub.now
            if not is_first and life == self._life:
                raise
            self._life, self._number = life, last
            return GAP
        return b"".join(found)

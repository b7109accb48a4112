"""What waits to be delivered, and what is firing, on disk: it survives the end of the host.

Each message is one file, complete and synced before anybody tries to deliver it, and gone when its
channel has taken it. A folder that cannot be written to is told, and messages are delivered from
memory then.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from ..control import address
from ..logger import logger
from ..specs.alerts import SEVERITIES
from .files import DRAFT, Files, TooLarge
from .folder import Folder, Left
from .message import Message

_STATE = "state.json"
_SUFFIX = ".message"
_LATEST = 1e11
"""Seconds since the epoch that a clock can show."""

_flying: set[str] = set()
"""The ids of what is being delivered in this process now, also by an earlier life of a tree: one
that has ended lets a delivery go on, for nobody knows whether it will arrive."""
_flights = threading.Lock()


@frozen
class _Kept:
    message: Message
    size: int


def usual(tree: str) -> Path:
    """The folder for a tree of this name.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    try:
        base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    except RuntimeError:  # a user without a home, as in a container
        base = address.directory()
    return base / "otpsup" / "alerts" / address.safe(tree)


class Outbox:
    """The messages of one tree.

    All methods may be called from any thread.

    Args:
        folder: is made if need be. If another host uses it, `<folder>~2` is taken, and so on; what
            is left there is adopted by a later host.
        max_messages, max_bytes: that wait at most.
        name: of the tree, for the log.
    """

    def __init__(self, folder: Path, max_messages: int, max_bytes: int, name: str) -> None:
        self._folder = Folder(folder, name)
        self._files = Files(self._folder, name)
        self._is_new = True
        """It has not all that waits yet."""
        self._left: list[Left] = []
        """Folders of hosts that took another one, until what was in them is kept here."""
        self._state: dict[str, Any] | None = None
        self.trouble = ""
        """Why nothing can be written to the folder, or ""."""
        self._most, self._most_bytes = max_messages, max_bytes
        self._name = name
        self._mutex = threading.RLock()
        self._kept: dict[str, _Kept] = {}
        self._lost: Counter[str] = Counter()
        self._elsewhere: set[str] = set()
        """Of what was taken up, the ids of what an earlier life was delivering at that time."""
        self.is_closed = False
        self._contained(self._hold)

    # On disk.

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._folder.path

    def _hold(self) -> None:
        """Have the folder. If that is new, as when somebody has removed it, all that waits is
        written again."""
        self._is_new |= self._folder.hold()
        if not self._is_new:
            return
        for kept in self._kept.values():
            with contextlib.suppress(TooLarge):
                self._files.write(_file(kept.message), asdict(kept.message))
        if self._state is not None:
            with contextlib.suppress(TooLarge):
                self._files.write(_STATE, self._state)
        self._is_new = False

    def _contained(self, work: Callable[[], None]) -> bool:
        """Do what may fail for want of a disk; it is told when that begins and when it ends."""
        try:
            work()
        except OSError as error:
            why = error.strerror or str(error)
            if why != self.trouble:
                logger.error(
                    "alerts of {}: cannot write to {} ({}); what is not delivered when this "
                    "process ends will be lost; make that folder writable, or set `outbox` to "
                    "another one",
                    self._name, self.folder, why,
                )  # fmt: skip
            self.trouble = why
            return False
        if self.trouble:
            logger.info("alerts of {}: can write to {} again", self._name, self.folder)
            self.trouble = ""
        return True

    def _write(self, name: str, value: Any) -> int:
        self._hold()
        return self._files.write(name, value)

    def save_state(self, state: dict[str, Any]) -> None:
        """Keep what is firing, and what is not in a message yet."""
        with self._mutex:
            self._state = state
            self._contained(lambda: void(self._write(_STATE, state)))

    def mark(self, *, is_running: bool) -> None:
        """Say to the next host whether the tree runs, until it is said otherwise."""

        def work() -> None:
            self._hold()
            self._folder.mark(is_running=is_running)

        with self._mutex:
            self._contained(work)

    @property
    def was_running(self) -> bool:
        """A host was killed that had this folder, whatever else can be read of it."""
        return self._folder.was_running or any(left.was_running for left in self._left)

    def load_state(self) -> dict[str, Any] | None:
        """What was kept last; None if there is nothing that can be used."""
        return self._files.read(self.folder / _STATE)

    def left_states(self) -> list[dict[str, Any]]:
        """The same of hosts that had to take another folder, until `has_adopted`."""
        found = [self._files.read(left.path / _STATE) for left in self._left]
        return [state for state in found if state is not None]

    def has_adopted(self) -> None:
        """What they had left is kept here now."""
        for left in self._left:
            with contextlib.suppress(OSError):
                (left.path / _STATE).unlink(missing_ok=True)
                left.mark(is_running=False)
            left.close()
        self._left = []

    def load(self) -> list[Message]:
        """Take up what an earlier host, or an earlier life of this one, has left."""
        with _flights:  # before a file is read: who has delivered removes it, and lands then
            self._elsewhere = set(_flying)
        with self._mutex, contextlib.suppress(OSError):
            self._fetch()
        with self._mutex, contextlib.suppress(OSError):
            for draft in self.folder.glob(f"*{DRAFT}"):
                draft.unlink(missing_ok=True)
            for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
                self._take_up(path)
        return self.waiting()

    def _fetch(self) -> None:
        """Messages of hosts that had to take another folder, and have ended."""
        for left in self._folder.others():
            self._left.append(left)
            for path in left.path.glob(f"*{_SUFFIX}"):
                path.rename(self.folder / path.name)
        if self._left:
            self._files.sync()

    def _take_up(self, path: Path) -> None:
        value = self._files.read(path)
        if value is None:
            return
        try:
            message = _message(value)
        except (TypeError, ValueError, KeyError) as error:
            self._files.set_aside(path, str(error))
            return
        self._kept[message.id] = _Kept(message, path.stat().st_size)

    # What waits.

    def write(self, message: Message) -> int:
        """Have it on disk; nobody delivers it before `release`.

        Returns:
            its size; 0 if it is in memory alone.
        """
        size = 0

        def work() -> None:
            nonlocal size
            size = self._write(_file(message), asdict(message))

        with self._mutex:
            self._contained(work)
        return size

    def release(self, message: Message, size: int) -> None:
        """It may be delivered now. If too much waits, the oldest of the least severity go."""
        with self._mutex:
            self._kept[message.id] = _Kept(message, size or len(message.text))
            for victim in self._too_many():
                self.drop(victim, f"more than {self._most} messages, or {self._most_bytes} bytes")

    def _too_many(self) -> Iterator[Message]:
        count, total = len(self._kept), sum(kept.size for kept in self._kept.values())
        order = sorted(
            self._kept.values(),
            key=lambda k: (SEVERITIES.index(k.message.severity), k.message.at),
        )
        for kept in order:
            if count <= self._most and (total <= self._most_bytes or count == 1):
                return
            count, total = count - 1, total - kept.size
            yield kept.message

    def take_off(self, message: Message) -> bool:
        """Whether to deliver it now; if so, it has to `land` afterwards. Not if an earlier life is
        about to, nor if that has done it, nor when this one is over."""
        with self._mutex, _flights:
            if self.is_closed or message.id in _flying:
                return False
            if message.id in self._elsewhere:
                self._elsewhere.discard(message.id)
                if not (self.folder / _file(message)).exists():
                    self._kept.pop(message.id, None)
                    return False
            _flying.add(message.id)
            return True

    def land(self, message: Message) -> None:
        """Its delivery has ended; if it was taken, it is removed by now."""
        with _flights:
            _flying.discard(message.id)

    def drop(self, message: Message, why: str) -> None:
        """It is never delivered; that is told in the log, and with the channel's next message."""
        with self._mutex:
            if message.id not in self._kept:
                return
            self.remove(message)
            self._lost[message.channel] += 1
        logger.error(
            "alerts of {}: dropped a message for channel {} ({}): {}",
            self._name, message.channel, why, message.subject,
        )  # fmt: skip

    def remove(self, message: Message) -> None:
        """It was delivered."""
        with self._mutex:
            self._kept.pop(message.id, None)
            with contextlib.suppress(OSError):
                (self.folder / _file(message)).unlink(missing_ok=True)

    def waiting(self, channel: str | None = None) -> list[Message]:
        """What is to be delivered, the oldest first."""
        with self._mutex:
            found = [kept.message for kept in self._kept.values()]
        found = [each for each in found if channel is None or each.channel == channel]
        return sorted(found, key=lambda message: (message.at, message.number))

    def take_lost(self, channel: str) -> int:
        """How many messages for a channel were dropped since it was last asked."""
        with self._mutex:
            return self._lost.pop(channel, 0)

    def close(self) -> None:
        """Another host, or another life of this one, may have the folder, and begins where this one
        has ended: no delivery begins here any more."""
        with self._mutex:
            self.is_closed = True
            self._folder.close()
            for left in self._left:
                left.close()
            self._left = []


def void(_: object) -> None:
    """Nothing of what something returns."""


def _file(message: Message) -> str:
    return f"{int(message.at * 1000):015}-{address.safe(message.id)}{_SUFFIX}"


def _message(value: Any) -> Message:
    message = Message(**value)
    texts = (message.id, message.channel, message.subject, message.text)
    is_sound = (
        all(isinstance(text, str) for text in texts)
        and isinstance(message.at, int | float)
        and 0 <= message.at < _LATEST
        and isinstance(message.number, int)
        and message.severity in SEVERITIES
        and isinstance(message.payload, dict)
        and isinstance(message.keys, list)
    )
    if not is_sound:
        raise ValueError("it has other fields than a message")
    return Message(**{**value, "keys": tuple(message.keys)})

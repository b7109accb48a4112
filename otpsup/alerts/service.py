"""The plug-in: it hears of events, has decisions made, and gives messages to couriers."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import NotFound, NotRunning, text_of
from ..logger import logger
from ..plugins.base import Plugin
from ..specs.alerts import Alerts
from ..specs.check import nearest
from ..views import Event
from . import kept, message
from .channels import make
from .children import Look
from .clock import Clock
from .courier import FIRST, Courier, NotDelivered
from .decisions import Decisions
from .outbox import Outbox, usual

if TYPE_CHECKING:
    from ..plugins.handle import PluginTree

_LOOKS = 15.0
"""Seconds from one look at the whole tree to the next, while something is firing."""
_SAVES = 0.05
_SHARE = 20
"""What is firing is written down at once, but no more often than every so many seconds, and so that
in a storm writing takes a twentieth of the time."""
_LAST = 3.0
"""Seconds that couriers get at the end."""
_TIMEOUT = 30.0
"""Of a channel that is an object of somebody else's."""
_ASKED = 25.0
"""Seconds within which a test has an answer, which is before whoever asks stops waiting."""


class Service(Plugin):
    """See `specs.alerts.Alerts`.

    Args:
        settings: what it is to do.
        first: seconds from a delivery that failed to the next.

    Raises:
        OtpsupError: a library that a channel needs is not there.
    """

    every = 0.5

    def __init__(self, settings: Alerts, *, first: float = FIRST) -> None:
        self._settings = settings
        self._first = first
        self._mail = Path()
        self._senders = {
            name: make(channel, lambda: self._mail) for name, channel in settings.channels.items()
        }
        self._decisions = Decisions(settings)
        self._couriers: dict[str, Courier] = {}
        self._clock = Clock()
        self._saved: dict[str, Any] = {}
        self._changes = 0
        """As `Decisions.changes` was when that was written."""
        self._has_lost = False
        """Events, and has not looked since."""
        self._saved_at = self._took = self._looked_at = 0.0

    # Life.

    def start(self, tree: PluginTree) -> None:
        """Take up what an earlier host has left, and begin to deliver it."""
        self._tree = tree
        settings = self._settings
        folder = settings.outbox or usual(tree.name)
        self._outbox = Outbox(folder, settings.max_messages, settings.max_bytes, tree.name)
        self._mail = folder.with_name(f"{folder.name}.mail")
        messages = self._outbox.load()
        self._restore(messages)
        self._save()
        self._outbox.has_adopted()
        self._outbox.mark(is_running=True)
        for name, channel in settings.channels.items():
            self._couriers[name] = self._courier(name, channel)
        for each in messages:
            if each.channel not in self._couriers:
                self._outbox.drop(each, "there is no such channel any more")

    def _restore(self, messages: list[message.Message]) -> None:
        state = self._outbox.load_state() or {}
        origin = state.get("origin")
        self._restore_from(state, messages, is_own=True)
        for left in self._outbox.left_states():
            self._restore_from(left, messages, is_own=False)
        origin = origin if isinstance(origin, str) and origin.isalnum() else uuid.uuid4().hex
        self._where = message.Where(self._tree.name, socket.gethostname(), os.getpid(), origin)
        if self._outbox.was_running:
            self._decisions.vanished(self._clock.now())

    def _restore_from(
        self, state: dict[str, Any], messages: list[message.Message], *, is_own: bool
    ) -> None:
        try:
            if state:
                now = self._clock.now()
                kept.restore(self._decisions, state, now, messages, is_own=is_own)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            logger.error("alerts of {}: what was firing is not known, for {} is damaged ({})",
                         self._tree.name, self._outbox.folder, error)  # fmt: skip

    def _courier(self, name: str, channel: Any) -> Courier:
        timeout = getattr(channel, "timeout", _TIMEOUT)
        return Courier(
            name, self._senders[name], self._outbox, timeout=timeout,
            max_age=self._settings.max_age, tree=self._tree.name, first=self._first,
            clock=self._clock,
        )  # fmt: skip

    def on_event(self, event: Event) -> None:
        """Something happened."""
        self._decisions.event(event)
        if event.kind == "halt":
            self._deliver(self._clock.now(), at_once=True)
            self._outbox.mark(is_running=False)
        else:
            self._save_if_due()

    def lost(self, count: int) -> None:
        """So many events were not told, as when a disk hung: the tree is looked at instead."""
        self._has_lost = True
        self.tick()

    def tick(self) -> None:
        """Deliver what is due."""
        self._look()
        self._deliver(self._clock.now())
        self._save_if_due()

    def stop(self) -> None:
        """The tree has ended, or these settings have."""
        self._save()
        self._outbox.mark(is_running=False)
        until = time.monotonic() + _LAST
        for courier in self._couriers.values():
            courier.wake()
        for courier in self._couriers.values():
            courier.stop(until)
        if waiting := self._outbox.waiting():
            logger.warning("alerts of {}: {} not delivered yet; tried again when it begins again",
                           self._tree.name, len(waiting))  # fmt: skip
        self._outbox.close()

    # What is decided, and done.

    def _look(self) -> None:
        now = self._clock.now()
        is_needed = self._decisions.active or self._decisions.wants_memory
        is_due = is_needed and not 0 <= now - self._looked_at < _LOOKS
        if not (is_due or self._has_lost):
            return
        self._looked_at = now
        try:
            root, memory = self._tree.status(), self._memory()
        except NotRunning:  # it is about to end
            return
        look = Look(self._clock.now(), root, memory)
        if self._has_lost:
            self._decisions.lost(look)
            self._has_lost = False
        else:
            self._decisions.look(look)

    def _memory(self) -> dict[str, int]:
        if not self._decisions.wants_memory:
            return {}
        found = self._tree.statistics(samples=0).children
        return {path: child.memory for path, child in found.items()}

    def _deliver(self, now: float, *, at_once: bool = False) -> None:
        for name, group in self._decisions.groups.items():
            group.lost += self._outbox.take_lost(name)
        batches = self._decisions.advance(now, wall=self._clock.wall(), at_once=at_once)
        if not batches:
            return
        messages = [message.compose(batch, self._where) for batch in batches]
        sizes = [self._outbox.write(each) for each in messages]
        self._save()  # before anybody delivers: a message is never made twice
        for each, size in zip(messages, sizes, strict=True):
            self._outbox.release(each, size)
            self._couriers[each.channel].wake()

    def _save_if_due(self) -> None:
        is_new = self._decisions.changes != self._changes or self._outbox.trouble
        rest = time.monotonic() - self._saved_at
        if is_new and rest >= max(_SAVES, _SHARE * self._took):
            self._save()

    def _save(self) -> None:
        begun = time.monotonic()
        self._changes = self._decisions.changes
        state = kept.state_of(self._decisions, self._where.origin)
        if state != self._saved or self._outbox.trouble:
            self._outbox.save_state(state)
            self._saved = state
        self._saved_at = time.monotonic()
        self._took = self._saved_at - begun

    # For who asks.

    def ask(self, what: str, fields: Mapping[str, Any]) -> Any:
        """`status`: what is firing, and what waits. `test`: send a message through each channel, or
        through `channel`, now.

        Raises:
            NotFound: there is no such channel, or no such request.
        """
        if what == "status":
            return self._status()
        if what == "test":
            return self._test(fields.get("channel"))
        raise NotFound(f"alerts answer 'status' and 'test', not {what!r}")

    def _status(self) -> dict[str, Any]:
        active = sorted(self._decisions.active.values(), key=lambda alert: alert.at)
        return {
            "firing": [
                {
                    "rule": alert.rule, "path": alert.path, "severity": alert.severity,
                    "what": alert.what, "at": alert.at, "last_at": alert.last_at,
                    "count": alert.count, "well_at": alert.well_at,
                }
                for alert in active
            ],
            "channels": {name: self._state(name) for name in self._couriers},
            "outbox": str(self._outbox.folder),
            "trouble": self._outbox.trouble,
        }  # fmt: skip

    def _state(self, name: str) -> dict[str, Any]:
        state, group = self._couriers[name].state, self._decisions.groups[name]
        return {
            "kind": getattr(self._settings.channels[name], "kind", "") or "own",
            "grouping": len(group.waiting) + group.more,
            "waiting": len(self._outbox.waiting(name)),
            "delivered": state.delivered,
            "last_at": state.last_at,
            "trouble": state.trouble,
        }

    def _test(self, channel: Any) -> dict[str, Any]:
        names = list(self._couriers) if channel is None else [self._known(channel)]
        found: dict[str, Any] = {
            name: {"ok": False, "why": f"no answer within {_ASKED:g} s"} for name in names
        }
        threads = [
            threading.Thread(target=self._test_one, args=(name, found), daemon=True)
            for name in names
        ]
        for thread in threads:
            thread.start()
        until = time.monotonic() + _ASKED
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return {name: dict(found[name]) for name in names}

    def _known(self, channel: Any) -> str:
        if channel in self._couriers:
            return str(channel)
        hint = nearest(str(channel), self._couriers) or f"there are: {', '.join(self._couriers)}"
        raise NotFound(f"alerts have no channel {channel!r}; {hint}")

    def _test_one(self, name: str, found: dict[str, Any]) -> None:
        try:
            self._couriers[name].try_now(message.of_test(name, self._where, self._clock.now()))
        except NotDelivered as error:
            found[name] = {"ok": False, "why": text_of(error)}
        else:
            found[name] = {"ok": True, "why": ""}

"""One thread for each channel: it delivers what waits, one message after the other.

What cannot be delivered is tried again, later and later. A channel that hangs holds up nobody: each
delivery has a thread of its own, which is waited for no longer than it may take.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from attrs import define, field

from .. import mask
from ..errors import OtpsupError, in_words, text_of
from ..logger import logger
from ..plain import plain
from .clock import Clock
from .message import Message
from .outbox import Outbox

FIRST = 1.0
LONGEST = 300.0
"""Seconds to the next try: twice as many each time, up to so many."""
_SOON = 0.2
"""Seconds to the next look at what an earlier life of the tree is delivering still."""
_MOST_HANGING = 4
"""Deliveries of one channel that may hang at a time."""


class NotDelivered(OtpsupError):
    """A message did not reach its channel; it is tried again. The text has no secrets in it."""

    code = "not_delivered"


class Refused(NotDelivered):
    """The channel is there, and does not take this message; others may still be taken."""


@define
class _Try:
    count: int = 0
    next_at: float = 0.0


@define
class State:
    """How a channel does.

    Attributes:
        trouble: why the last delivery failed, or "".
        delivered: how many messages it has taken.
        last_at: when it has taken the last one, in seconds since the epoch.
    """

    trouble: str = ""
    delivered: int = 0
    last_at: float | None = None


Send = Callable[[Message], None]


class Courier:
    """Delivers for one channel.

    Args:
        name: of the channel.
        send: delivers one message; whatever it raises means that it was not.
        timeout: seconds that this may take.
        max_age: seconds after which a message is not tried again.
        tree: its name, for the log.
        first: seconds to the second try.
    """

    def __init__(
        self,
        name: str,
        send: Send,
        outbox: Outbox,
        *,
        timeout: float,
        max_age: float,
        tree: str,
        first: float = FIRST,
        clock: Clock,
    ) -> None:
        self.name = name
        self._clock = clock
        self.state = State()
        self._send = send
        self._outbox = outbox
        self._timeout, self._max_age, self._first = timeout, max_age, first
        self._tree = tree
        self._tries: dict[str, _Try] = {}
        self._held = _Try()
        """The channel as a whole: nobody is there."""
        self._hanging: list[threading.Thread] = []
        self._wake = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name=f"otpsup-alerts-{name}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There may be something to deliver."""
        self._wake.set()

    def stop(self, until: float) -> None:
        """Deliver what can be delivered by then (`time.monotonic`); the rest waits on disk."""
        self._is_over = True
        self._wake.set()
        self._thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        while True:
            self._wake.clear()
            is_last = self._is_over
            wait = self._round()
            if is_last:
                return
            self._wake.wait(wait)

    def _round(self) -> float | None:
        """Try what is due; returns seconds until something else is, None if nothing waits."""
        waiting = self._outbox.waiting(self.name)
        for gone in self._tries.keys() - {message.id for message in waiting}:
            del self._tries[gone]
        now = time.monotonic()
        if waiting and self._held.next_at > now:
            return self._held.next_at - now
        for message in waiting:
            known = self._tries.setdefault(message.id, _Try())
            if known.next_at <= time.monotonic() and not self._deliver(message, known):
                break
        left = [known.next_at for known in self._tries.values()]
        if not left:
            return None
        return max(self._held.next_at, min(left)) - time.monotonic()

    def _deliver(self, message: Message, known: _Try) -> bool:
        """Try one; False if the channel itself is not there."""
        if not self._outbox.take_off(message):
            known.next_at = time.monotonic() + _SOON
            return not self._outbox.is_closed
        try:
            return self._try(message, known)
        finally:
            self._outbox.land(message)

    def _try(self, message: Message, known: _Try) -> bool:
        try:
            self.try_now(message)
        except Refused as error:
            self._failed(message, known, text_of(error))
            return True
        except NotDelivered as error:
            known.next_at = 0.0
            self._failed(message, self._held, text_of(error))
            return False
        self._delivered(message)
        return True

    def _delivered(self, message: Message) -> None:
        self._outbox.remove(message)
        self._tries.pop(message.id, None)
        if self.state.trouble:
            logger.info("alerts of {}: channel {} takes messages again", self._tree, self.name)
        self.state.trouble, self.state.last_at = "", self._clock.now()
        self.state.delivered += 1
        self._held = _Try()

    def _failed(self, message: Message, known: _Try, why: str) -> None:
        wait = min(self._first * 2**known.count, LONGEST)
        known.count = min(known.count + 1, 60)
        known.next_at = time.monotonic() + wait
        self.state.trouble = why
        if self._outbox.is_closed:  # the next life tries it again
            return
        if self._clock.now() - message.at > self._max_age:
            self._outbox.drop(message, f"not delivered in {self._max_age:g} s: {why}")
            return
        logger.warning(
            "alerts of {}: channel {} did not take a message ({}); {} in the outbox, tried again "
            "in {:.3g} s", self._tree, self.name, why, len(self._outbox.waiting(self.name)), wait,
        )  # fmt: skip

    def try_now(self, message: Message) -> None:
        """Deliver a message, at once.

        Raises:
            NotDelivered: says why not.
        """
        self._hanging = [thread for thread in self._hanging if thread.is_alive()]
        if len(self._hanging) >= _MOST_HANGING:
            raise NotDelivered(f"{len(self._hanging)} deliveries hang already")
        outcome = _Outcome()
        work = threading.Thread(target=outcome.of, args=(self._send, message), daemon=True)
        try:
            work.start()
        except RuntimeError as error:  # no thread can be had
            raise NotDelivered(text_of(error)) from None
        work.join(self._timeout)
        if work.is_alive():
            self._hanging.append(work)
            raise NotDelivered(f"no answer within {self._timeout:g} s")
        if outcome.error is not None:
            raise outcome.error


@define
class _Outcome:
    """How a delivery ended: it has failed, unless `send` has returned."""

    error: NotDelivered | None = field(factory=lambda: NotDelivered("it has not said why"))

    def of(self, send: Send, message: Message) -> None:
        try:
            send(message)
            self.error = None
        except NotDelivered as error:
            self.error = error
        except BaseException as error:  # even SystemExit is only a channel's way to fail
            self.error = NotDelivered(plain(mask.text(in_words(error)))[:500])

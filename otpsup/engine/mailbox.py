"""A supervisor's mailbox: what arrives while it is busy waits, in order.

Knows nothing of what messages mean; the supervisor says which must wait, and handles the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .child import Child
from .events import Request


class Notice:
    """News of a child that waits like any message: it died, or its retry is due."""

    __slots__ = ("child", "died", "run")

    def __init__(self, child: Child, *, died: bool) -> None:
        self.child = child
        self.run = child.run
        self.died = died


Message = Notice | Request


class Mailbox:
    """Messages in the order of their arrival.

    Args:
        must_wait: whether a message cannot be handled now.
        handle: handles a message; may lead to further messages.
    """

    def __init__(
        self, must_wait: Callable[[Message], bool], handle: Callable[[Message], None]
    ) -> None:
        self._must_wait = must_wait
        self._handle = handle
        self._messages: deque[Message] = deque()
        self._is_draining = False
        self.is_held = False
        """What arrives is kept, and nothing is handled unless by `step`."""
        self.has_requests = False
        """A request is among those that wait."""

    def __len__(self) -> int:
        return len(self._messages)

    def post(self, message: Message) -> None:
        """Handle a message now, or when what it concerns is free."""
        self._messages.append(message)
        self.drain()

    def drain(self) -> None:
        """Handle messages until all that are left have to wait."""
        if not self._messages or self._is_draining or self.is_held:
            return
        self._is_draining = True
        try:
            while self._messages and self._pass():
                pass
        finally:
            self._is_draining = False

    def _pass(self) -> bool:
        """Go through all messages once; True if one was handled, so that another may be free."""
        handled = False
        waiting: deque[Message] = deque()
        while self._messages:
            message = self._messages.popleft()
            if self._must_wait(message):
                waiting.append(message)
            else:
                self._handle(message)
                handled = True
        self._messages = waiting
        self.has_requests = any(isinstance(message, Request) for message in waiting)
        return handled

    def hold(self) -> None:
        """Keep what arrives."""
        self.is_held = True

    def release(self) -> None:
        """Handle what has been kept, and what will arrive."""
        self.is_held = False
        self.drain()

    def step(self) -> None:
        """Handle the first kept message that need not wait."""
        for message in self._messages:
            if not self._must_wait(message):
                self._messages.remove(message)
                self._handle(message)
                return

    def take_back(self, ref: int) -> bool:
        """Whether a request of this number waited; it does no more. Not while any is handled."""
        mine = [each for each in self._messages if isinstance(each, Request) and each.ref == ref]
        for request in mine:
            self._messages.remove(request)
        return bool(mine)

    def take_all(self) -> list[Message]:
        """Empty the mailbox."""
        messages = list(self._messages)
        self._messages.clear()
        return messages

"""A supervisor's mailbox: what arrives while it is busy waits, in order.

Knows nothing of what messages mean; the supervisor says which must wait, and handles the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from operator import itemgetter

from .child import Child
from .events import Request, ToChild


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

    News and requests are kept apart, each with its number: where a supervisor does one thing at a
    time, news of thousands may wait, and only requests can be of use meanwhile.

    Args:
        is_blocked: whether nothing that waits can be handled now, except that a request may cut
            short what is being done.
        must_wait: whether a message cannot be handled now.
        handle: handles a message; may lead to further messages.
    """

    def __init__(
        self,
        is_blocked: Callable[[], bool],
        must_wait: Callable[[Message], bool],
        handle: Callable[[Message], None],
    ) -> None:
        self._is_blocked = is_blocked
        self._must_wait = must_wait
        self._handle = handle
        self._notices: deque[tuple[int, Notice]] = deque()
        self._requests: deque[tuple[int, Request]] = deque()
        self._asked_about: set[str] = set()
        self._count = 0
        self._is_draining = False
        self.is_held = False
        """What arrives is kept, and nothing is handled unless by `step`."""

    def __len__(self) -> int:
        return len(self._notices) + len(self._requests)

    @property
    def has_requests(self) -> bool:
        """A request is among those that wait."""
        return bool(self._requests)

    def has_request_about(self, children: Sequence[Child]) -> bool:
        """A request about one of these is among those that wait, or was not long ago."""
        return any(child.path in self._asked_about for child in children)

    def post(self, message: Message) -> None:
        """Handle a message now, or when what it concerns is free."""
        if self._is_draining or self.is_held:
            self._keep(message)
        elif not (self._notices or self._requests) or self._is_blocked():
            self._drain(message)  # for those that wait nothing has changed
        else:
            self._keep(message)
            self._drain()

    def _keep(self, message: Message) -> None:
        self._count += 1
        if isinstance(message, Request):
            self._requests.append((self._count, message))
            if isinstance(message, ToChild):
                self._asked_about.add(message.path)
        else:
            self._notices.append((self._count, message))

    def drain(self) -> None:
        """Handle messages until all that are left have to wait."""
        if (self._notices or self._requests) and not self._is_draining and not self.is_held:
            self._drain()

    def _drain(self, first: Message | None = None) -> None:
        """Handle this message, if it need not wait, and then all others that need not."""
        self._is_draining = True
        try:
            if first is not None:
                if self._must_wait(first):
                    self._keep(first)
                    return
                self._handle(first)
            while (self._notices or self._requests) and self._pass():
                pass
        finally:
            self._is_draining = False

    def _pass(self) -> bool:
        """Go through all messages once; True if one was handled, so that another may be free."""
        handled = False
        notices: list[tuple[int, Notice]] = []
        requests: list[tuple[int, Request]] = []
        while (found := self._next()) is not None:
            number, message = found
            if not self._must_wait(message):
                self._handle(message)
                handled = True
            elif isinstance(message, Request):
                requests.append((number, message))
            else:
                notices.append((number, message))
        self._notices.extendleft(reversed(notices))
        self._requests.extendleft(reversed(requests))
        if not self._requests:
            self._asked_about.clear()
        return handled

    def _next(self) -> tuple[int, Message] | None:
        """Take out the first message that is worth a look."""
        notices, requests = self._notices, self._requests
        if notices and not self._is_blocked() and not (requests and requests[0][0] < notices[0][0]):
            return notices.popleft()
        return requests.popleft() if requests else None

    def hold(self) -> None:
        """Keep what arrives."""
        self.is_held = True

    def release(self) -> None:
        """Handle what has been kept, and what will arrive."""
        self.is_held = False
        self.drain()

    def step(self) -> None:
        """Handle the first kept message that need not wait."""
        for message in self._all():
            if not self._must_wait(message):
                self._remove(message)
                self._handle(message)
                return

    def take_back(self, ref: int) -> bool:
        """Whether a request of this number waited; it does no more. Not while any is handled."""
        mine = [request for _, request in self._requests if request.ref == ref]
        for request in mine:
            self._remove(request)
        return bool(mine)

    def take_all(self) -> list[Message]:
        """Empty the mailbox."""
        messages = self._all()
        self._notices.clear()
        self._requests.clear()
        return messages

    def _all(self) -> list[Message]:
        numbered: list[tuple[int, Message]] = [*self._notices, *self._requests]
        return [message for _, message in sorted(numbered, key=itemgetter(0))]

    def _remove(self, message: Message) -> None:
        self._notices = deque(each for each in self._notices if each[1] is not message)
        self._requests = deque(each for each in self._requests if each[1] is not message)

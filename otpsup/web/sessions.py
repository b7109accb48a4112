"""Sessions of browsers, and how often somebody may be wrong about a token.

Used on one loop.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict, deque
from typing import Final

from attrs import evolve, frozen

from .access import Caller

LONGEST: Final = 12 * 3600.0
"""Seconds after which a session has to log in again."""
_MOST: Final = 1000
"""Sessions at once; the oldest ends when there is one more."""
MOST_OF_ONE: Final = 100
"""The same of one token: whoever has one that may only look ends nobody else's."""
FAILURES: Final = 10
"""Failures of one address within `WITHIN`, after which it has to wait."""
WITHIN: Final = 60.0
"""Seconds."""
_ADDRESSES: Final = 4096


@frozen
class _Session:
    caller: Caller
    until: float


class Sessions:
    """Those that are logged in."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, _Session] = OrderedDict()

    def begin(self, caller: Caller) -> Caller:
        """Log in whoever has shown a token; the id and the CSRF token are new."""
        own = [id for id, each in self._found.items() if each.caller.token == caller.token]
        if len(own) >= MOST_OF_ONE:
            self.end(own[0])
        elif len(self._found) >= _MOST:
            self._found.popitem(last=False)
        id, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        made = evolve(caller, csrf=csrf, session=id)
        self._found[id] = _Session(made, time.monotonic() + LONGEST)
        return made

    def find(self, id: str) -> Caller | None:
        """Whose session this is, as it was begun."""
        found = self._found.get(id)
        if found is None or found.until < time.monotonic():
            self._found.pop(id, None)
            return None
        return found.caller

    def end(self, id: str | None) -> None:
        """Log out."""
        self._found.pop(id or "", None)


class Throttle:
    """Counts failures by address. Whoever was right from there before is let in all the same: a
    stranger on the same address shuts out nobody."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._good: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait(self, address: str, token: str) -> float:
        """Seconds that this address has to wait before a token of this hash is looked at."""
        failures = self._failures.get(address)
        if not failures or (address, token) in self._good:
            return 0.0
        now = time.monotonic()
        while failures and failures[0] < now - WITHIN:
            failures.popleft()
        return failures[0] + WITHIN - now if len(failures) >= FAILURES else 0.0

    def failed(self, address: str, token: str) -> None:
        """It was wrong; if it was right once, it is so no more."""
        self._good.pop((address, token), None)
        failures = self._failures.setdefault(address, deque(maxlen=FAILURES))
        failures.append(time.monotonic())
        self._failures.move_to_end(address)
        if len(self._failures) > _ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, address: str, token: str) -> None:
        """It was right."""
        self._good[address, token] = None
        if len(self._good) > _ADDRESSES:
            self._good.popitem(last=False)

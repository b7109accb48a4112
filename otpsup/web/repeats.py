"""Idempotency keys: what is asked again with the same key gets the answer of the first, and is not
done again (draft-ietf-httpapi-idempotency-key-header). Used on one loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from attrs import frozen
from starlette.responses import Response

from .problems import Refused

KEPT: Final = 600.0
"""Seconds."""
MOST: Final = 1000
"""Keys of one caller."""
LONGEST: Final = 255
"""Characters of a key."""


@frozen
class _Done:
    what: str
    at: float
    answer: asyncio.Future[Response]


class Repeats:
    """The answers of the last ten minutes."""

    def __init__(self) -> None:
        self._found: dict[str, OrderedDict[str, _Done]] = {}
        """By caller and key."""

    async def once(
        self, who: str, key: str, what: str, do: Callable[[], Awaitable[Response]]
    ) -> Response:
        """The answer to this request.

        Args:
            who: asks; keys of others are others.
            what: is asked.
            do: does it; whatever becomes of who asked, it is done to its end.

        Raises:
            Refused: the key was used for something else, or is none.
        """
        if not 0 < len(key) <= LONGEST:
            raise Refused(400, f"Idempotency-Key has 1 to {LONGEST} characters")
        known = self._found.setdefault(who, OrderedDict())
        _forget(known)
        found = known.get(key)
        if found is not None and found.what != what:
            raise Refused(422, "this Idempotency-Key was used for another request")
        if found is None:
            found = self._begin(known, key, what, do)
        return await asyncio.shield(found.answer)

    def _begin(
        self,
        known: OrderedDict[str, _Done],
        key: str,
        what: str,
        do: Callable[[], Awaitable[Response]],
    ) -> _Done:
        if len(known) >= MOST:
            raise Refused(429, f"{MOST} of your Idempotency-Keys are kept; each is for ten minutes",
                          headers={"retry-after": "60"})  # fmt: skip
        answer = asyncio.ensure_future(do())
        done = known[key] = _Done(what, time.monotonic(), answer)

        def through(answer: asyncio.Future[Response]) -> None:
            """What was not done for want of a tree, or of a turn, is done if it is asked again."""
            is_answer = not answer.cancelled() and answer.exception() is None
            if not is_answer or answer.result().status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                known.pop(key, None)

        answer.add_done_callback(through)
        return done


def _forget(known: OrderedDict[str, _Done]) -> None:
    """What is old; what is not done yet stays."""
    old = time.monotonic() - KEPT
    while known:
        done = next(iter(known.values()))
        if done.at >= old or not done.answer.done():
            return
        known.popitem(last=False)

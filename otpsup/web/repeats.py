"""Idempotency keys: what is asked again with the same key gets the answer of the first, and is not
done again (draft-ietf-httpapi-idempotency-key-header). Used on one loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import frozen
from starlette.responses import Response

from .problems import Refused

KEPT: Final = 600.0
"""Seconds."""
_MOST: Final = 1000
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
        self._found: OrderedDict[tuple[str, str], _Done] = OrderedDict()

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
        self._forget()
        found = self._found.get((who, key))
        if found is not None and found.what != what:
            raise Refused(422, "this Idempotency-Key was used for another request")
        if found is None:
            answer = asyncio.ensure_future(do())
            found = self._found[who, key] = _Done(what, time.monotonic(), answer)
        return await asyncio.shield(found.answer)

    def _forget(self) -> None:
        old = time.monotonic() - KEPT
        while self._found:
            done = next(iter(self._found.values()))
            is_over = done.answer.done() and (done.at < old or len(self._found) >= _MOST)
            if not is_over:
                return
            self._found.popitem(last=False)

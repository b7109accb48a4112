"""The routes at work: from a request to its answer. Runs on the web thread's loop."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from attrs import frozen
from starlette.datastructures import Headers
from starlette.responses import Response

from ..errors import OtpsupError, in_words
from ..logger import logger
from ..serving.asgi import Receive, Scope
from . import acts, audit, forms, openapi, requests, streams
from .access import Caller
from .acts import Asked
from .door import Door
from .forms import SVG, json_of
from .guard import PICTURE, Guard, require
from .hub import Hub
from .problems import Refused, problem
from .repeats import Repeats
from .routes import JSON, Route
from .streams import Head, Lines, Stream
from .threads import Busy, Threads
from .waits import Waits

Answer = Response | Stream | Head
_FOLLOWERS: Final = 64
"""Who follow lines at once, each of whom takes a thread; and who wait for children."""


@frozen
class Request:
    """One that has a route."""

    route: Route
    path: str
    scope: Scope
    headers: Headers
    receive: Receive
    caller: Caller

    @property
    def is_head(self) -> bool:
        """Nobody wants more than the head of the answer."""
        return bool(self.scope["method"] == "HEAD")


class Rest:
    """The routes of one tree. Made and used on the loop that serves them.

    Args:
        hub: its events.
        over: is set when the server ends.
        most: streams at once; half of them for one caller, of whose the oldest ends if there is one
            more. (An EventSource then comes back, and hears all that it has missed.)
    """

    def __init__(self, door: Door, hub: Hub, guard: Guard, over: asyncio.Event, most: int) -> None:
        self._door = door
        self._hub = hub
        self._guard = guard
        self._over = over
        self._most = most
        self._streams: dict[str, list[Stream]] = {}
        self._followers: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._repeats = Repeats()
        self._looks = Threads("otpsup-web-look", 4)
        self._draws = Threads("otpsup-web-draw", 1, rests=True)
        self._waits = Waits(door, hub, self._looks, over)
        self._changes = Threads("otpsup-web-change", 32)
        self._urgent = Threads("otpsup-web-urgent", 8)

    async def answer(self, scope: Scope, receive: Receive, headers: Headers) -> Answer:
        """The answer to a request, whatever becomes of it."""
        try:
            return await self._answered(scope, receive, headers)
        except OtpsupError as error:
            return problem(_as_refused(error))
        except Exception as error:
            logger.error("web: {} failed", scope["path"], error=error)
            return problem(OtpsupError(f"it failed, and the tree goes on: {in_words(error)}"))

    async def _answered(self, scope: Scope, receive: Receive, headers: Headers) -> Answer:
        caller = self._guard.caller(scope, headers)
        route, path = requests.find(scope["method"], requests.path_of(scope))
        try:
            require(caller, route.role)
            if route.method == "POST":
                self._guard.check_csrf(caller, headers)
        except Refused as refused:
            audit.in_vain(Asked(self._door, caller, path, {}, {}), route, refused)
            raise
        request = Request(route, path, scope, headers, receive, caller)
        answer: Answer = await _KINDS[route.kind](self, request)
        return answer

    async def _asked(self, request: Request) -> Asked:
        query = requests.query_of(request.route, request.scope)
        body: dict[str, Any] = {}
        if request.route.body is not None:
            body = await requests.body_of(request.route, request.headers, request.receive)
        return Asked(self._door, request.caller, request.path, query, body)

    async def _call(self, request: Request) -> Answer:
        asked = await self._asked(request)
        key = request.headers.get("idempotency-key")
        if key is None or not request.route.is_change:
            return await self._done(request.route, asked)
        what = json.dumps([request.route.id, asked.path, asked.body], sort_keys=True)
        return await self._repeats.once(
            asked.caller.name, key, hashlib.sha256(what.encode()).hexdigest(),
            lambda: self._done(request.route, asked),
        )  # fmt: skip

    async def _done(self, route: Route, asked: Asked) -> Response:
        """Errors of the tree are answers, too: a repeat gets the same."""
        call = route.call
        assert call is not None
        audit.asks(asked, route)
        try:
            answer = await self._in_thread(route, asked, lambda: call(asked))
        except OtpsupError as error:
            audit.in_vain(asked, route, error)
            return problem(_as_refused(error))
        audit.in_vain_for_some(asked, route, answer)
        return _response(route, answer)

    async def _in_thread(self, route: Route, asked: Asked, work: Callable[[], Any]) -> Any:
        """Whoever looks at what somebody is about to look at gets the same answer."""
        if route.is_change:
            threads = self._urgent if route.is_urgent else self._changes
            return await threads.run_for(asked.caller.name, work)
        looks = self._draws if route.is_heavy else self._looks
        query = json.dumps(asked.query, sort_keys=True)
        return await looks.run_once((route.id, asked.path, query, asked.caller.role), work)

    # What the server does itself.

    async def _session(self, request: Request) -> Answer:
        await self._asked(request)
        caller = request.caller
        way = self._guard.access.way
        told = {
            "role": caller.role, "csrf": caller.csrf, "name": self._door.name,
            "as": caller.name or None, "access": way if caller.role else None, "sign_in": way,
        }  # fmt: skip
        return Response(json_of(told), media_type=JSON)

    async def _login(self, request: Request) -> Answer:
        asked = await self._asked(request)
        _, cookie = self._guard.log_in(request.scope, request.headers, asked.body["token"])
        return Response(status_code=204, headers={"set-cookie": cookie})

    async def _logout(self, request: Request) -> Answer:
        await self._asked(request)
        cookie = self._guard.log_out(request.scope, request.headers, request.caller)
        return Response(status_code=204, headers={"set-cookie": cookie})

    async def _openapi(self, request: Request) -> Answer:
        await self._asked(request)
        root = request.scope.get("root_path", "")
        return Response(json_of(openapi.document(root)), media_type=JSON)

    # What goes on.

    async def _events(self, request: Request) -> Answer:
        asked = await self._asked(request)
        if request.is_head:
            return Head()
        after = request.headers.get("last-event-id") or asked.query.get("after")
        chunks = streams.events(self._hub, after, asked.query.get("recent", 0))
        return self._stream(request.caller, chunks)

    async def _lines(self, request: Request) -> Answer:
        asked = await self._asked(request)
        if request.is_head:
            await self._looks.run(lambda: acts.lines_of(asked))
            return Head()
        after = request.headers.get("last-event-id")
        lines = Lines(asyncio.get_running_loop(), after)
        place = _Place(self._followers, request.caller.name)
        try:
            stop = await self._looks.run(
                lambda: self._door.follow(*acts.lines_of(asked, resumed=bool(after)), lines.put)
            )
        except BaseException:
            place.leave()
            raise

        def done() -> None:
            place.leave()
            lines.close()
            stop()

        try:
            return self._stream(request.caller, lines.chunks, done)
        except Refused:
            done()
            raise

    async def _wait(self, request: Request) -> Answer:
        query = (await self._asked(request)).query
        place = _Place(self._waiting, request.caller.name)
        try:
            found = await self._waits.until(
                query.get("path", ()), request.receive, ready=query.get("ready", False),
                timeout=query.get("timeout", 30),
            )  # fmt: skip
        finally:
            place.leave()
        return _response(request.route, [forms.status(each) for each in found])

    def _stream(
        self, caller: Caller, chunks: streams.Chunks, done: Callable[[], None] = lambda: None
    ) -> Stream:
        """One more.

        Raises:
            Refused: there are too many.
        """
        if sum(map(len, self._streams.values())) >= self._most:
            raise _too_many()
        own = self._streams.setdefault(caller.name, [])
        if len(own) >= max(self._most // 2, 1):
            own.pop(0).end()

        def ended() -> None:
            if made in own:
                own.remove(made)
            done()

        made = Stream(chunks, self._over, ended, lambda: self._guard.still(caller))
        own.append(made)
        return made


_KINDS: Final[dict[str, Any]] = {
    "call": Rest._call, "session": Rest._session, "login": Rest._login, "logout": Rest._logout,
    "openapi": Rest._openapi, "events": Rest._events, "lines": Rest._lines, "wait": Rest._wait,
}  # fmt: skip


class _Place:
    """One among those who follow, or wait. Half of the places are for one caller at most.

    Raises:
        Refused: there is none.
    """

    def __init__(self, taken: Counter[str], who: str) -> None:
        if taken.total() >= _FOLLOWERS or taken[who] >= _FOLLOWERS // 2:
            raise _too_many()
        self._taken = taken
        self._who = who
        taken[who] += 1

    def leave(self) -> None:
        """It is for another."""
        self._taken[self._who] -= 1


def _as_refused(error: OtpsupError) -> OtpsupError:
    if isinstance(error, Busy):
        return Refused(503, str(error), "busy", {"retry-after": "5"})
    return error


def _too_many() -> Refused:
    text = "too many streams are open; close one, or try again later"
    return Refused(503, text, "busy", {"retry-after": "30"})


def _response(route: Route, value: Any) -> Response:
    if route.status == 204 or route.answer is None:
        return Response(status_code=route.status)
    if isinstance(value, forms.Text):
        headers = {"content-security-policy": PICTURE} if value.type == SVG else {}
        return Response(value.body, media_type=value.type, headers=headers)
    return Response(json_of(value), route.status, media_type=JSON)

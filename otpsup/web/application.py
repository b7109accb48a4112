"""What is where, as an ASGI application: the page, the routes of REST, every path of every plug-in,
and words for all others.

Decides about methods, and who is refused. Runs on the web thread's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from attrs import frozen
from starlette.datastructures import Headers, QueryParams
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from ..plain import plain
from ..serving.asgi import Receive, Scope, Send
from ..serving.limits import most
from . import files
from .access import Access
from .door import Door
from .guard import Guard, require, with_headers
from .hub import Hub
from .pages import Pages
from .problems import Refused
from .rest import Rest
from .tokens import Known

_OURS = ("/api/", "/login", "/logout", "/openapi.json")


@frozen
class Site:
    """What is served, and for whom.

    Attributes:
        hub: the events of the tree behind the door.
        known: who has which token, now.
        trusts_peers: whether a user of this machine on a unix socket needs no token.
    """

    door: Door
    hub: Hub
    access: Access
    known: Callable[[], Known]
    trusts_peers: bool = False


class App:
    """The application. Made and used on one loop.

    Args:
        over: is set when the server ends.
    """

    def __init__(self, site: Site, over: asyncio.Event) -> None:
        site.hub.attach(asyncio.get_running_loop())
        self._door = site.door
        self._access = site.access
        self._guard = Guard(
            site.access, site.known, f"otpsup-{site.hub.server}", trusts_peers=site.trusts_peers
        )
        self._rest = Rest(site.door, site.hub, self._guard, over, max(most() // 2, 4))
        self._pages = Pages(site.door.page)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        headers = Headers(scope=scope)
        send = with_headers(send)
        if path.startswith(_OURS):
            answer = await self._rest.answer(scope, receive, headers)
        else:
            answer = await self._page(scope, path, headers)
        await answer(scope, receive, send)

    async def _page(self, scope: Scope, path: str, headers: Headers) -> Response:
        try:
            return await self._found(scope, path, headers)
        except Refused as refused:
            return words(refused.status, str(refused), refused.headers)

    async def _found(self, scope: Scope, path: str, headers: Headers) -> Response:
        caller = self._guard.caller(scope, headers)
        if not path:  # mounted, and its name is without a slash
            return RedirectResponse(f"{scope.get('root_path', '')}/")
        found = files.file(path, headers.get("if-none-match"))
        if found is None and not self._access.is_open:
            require(caller, "view")
        if found is None and path not in self._door.paths:
            root = plain(scope.get("root_path", ""))
            known = ("/", "/api/v1", "/openapi.json", *self._door.always)
            there = ", ".join(f"{root}{each}" for each in known)
            return words(404, f"there is no page {root}{plain(path[:200])}; there are {there}")
        if scope["method"] not in ("GET", "HEAD"):
            return words(405, "this takes GET and HEAD", {"allow": "GET, HEAD"})
        return found or await self._of_plugin(scope, path, headers)

    async def _of_plugin(self, scope: Scope, path: str, headers: Headers) -> Response:
        query = {**QueryParams(scope.get("query_string", b"")), "accept": headers.get("accept", "")}
        page = await self._pages.get(path, query)
        # Not as `media_type`, to which Starlette adds a charset.
        return Response(page.body, page.status, {"content-type": page.type})


def words(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    """An answer in words."""
    return PlainTextResponse(f"{text}\n", status, headers)

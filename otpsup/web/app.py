"""What is where, as an ASGI application: every path of every plug-in, and words for all others.

Decides about methods, and who is refused. Runs on the web thread's loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ..plain import plain
from ..serving.asgi import Application, Receive, Scope, Send
from .access import Access
from .pages import Pages

Paths = Callable[[], Sequence[str]]


def application(paths: Paths, pages: Pages, access: Access) -> Application:
    """The application.

    Args:
        paths: those that there are just now.
        pages: what is there.
        access: who may ask.
    """

    async def page(request: Request) -> Response:
        path, known = request.scope["path"], paths()
        if path not in known:
            told = plain(path[:200])
            return words(404, f"there is no page {told}; there are {', '.join(known)}")
        query = {**request.query_params, "accept": request.headers.get("accept", "")}
        found = await pages.get(path, query)
        # Not as `media_type`, to which Starlette adds a charset.
        return Response(found.body, found.status, {"content-type": found.type})

    every = Route("/{path:path}", page, methods=["GET", "HEAD"])
    return Guarded(Starlette(routes=[every]), access)


class Guarded:
    """An application that nobody reaches who may not ask.

    Args:
        application: what is behind.
        access: who may ask.
    """

    def __init__(self, application: Application, access: Access) -> None:
        self._application = application
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        refused = self._access.refusal(headers.get("host"), headers.get("authorization"))
        if refused is None:
            await self._application(scope, receive, send)
        else:
            challenge = {"www-authenticate": "Bearer"} if refused[0] == 401 else {}
            await words(*refused, challenge)(scope, receive, send)


def words(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    """An answer in words."""
    return PlainTextResponse(f"{text}\n", status, headers)

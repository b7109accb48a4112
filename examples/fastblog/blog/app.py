"""The pages of the blog.

Decides: which page is where, and what may be posted from where.
Must not know: how posts are stored (`posts`), what the tree is doing (`system`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from . import system
from .ipc import announce
from .posts import PAGE, Posts

HERE = Path(__file__).parent
LONGEST_TITLE = 200
LONGEST_BODY = 100_000
# A form multiplies: every byte may arrive as %XX.
LARGEST_FORM = 3 * 4 * (LONGEST_TITLE + LONGEST_BODY)
# Another site may point its own name at 127.0.0.1; then it would be of the same origin as we are.
HOSTS = ["127.0.0.1", "localhost"]


class Blog:
    """The endpoints of one blog."""

    def __init__(self, posts: Posts, version: str) -> None:
        self._posts, self._version = posts, version
        self._templates = Jinja2Templates(HERE / "templates")
        self._templates.env.globals["version"] = version
        self._templates.env.filters["day"] = _day

    def routes(self) -> list[Route | Mount]:
        """What is answered where."""
        return [
            Route("/", self.index),
            Route("/posts/{number:int}", self.post),
            Route("/write", self.form),
            Route("/write", self.write, methods=["POST"]),
            Route("/healthz", self.healthz),
            Route("/system", self.system),
            Route("/system/status.json", self.status),
            Route("/system/update", self.update, methods=["POST"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]

    def index(self, request: Request) -> Response:
        """The newest posts, or with ?before=ID the ones before that post."""
        before = request.query_params.get("before", "")
        posts = self._posts.page(int(before) if _is_number(before) else None)
        older = posts[-1].id if len(posts) == PAGE else None
        return self._page(request, "index", posts=posts, older=older)

    def post(self, request: Request) -> Response:
        """One post."""
        post = self._posts.get(request.path_params["number"])
        if post is None:
            raise HTTPException(404, "There is no such post.")
        return self._page(request, "post", post=post)

    def form(self, request: Request) -> Response:
        """The empty form."""
        return self._page(request, "write", title="", body="", problem=None)

    async def write(self, request: Request) -> Response:
        """Store a post and go to it, or show the form again with what is wrong."""
        _require_same_origin(request)
        fields = await _form(request)
        title, body = fields.get("title", "").strip(), fields.get("body", "").strip()
        if problem := _problem(title, body):
            page = {"title": title, "body": body, "problem": problem}
            return self._page(request, "write", status=422, **page)
        number = await run_in_threadpool(self._posts.add, title, body)
        return RedirectResponse(f"/posts/{number}", status_code=303)

    def healthz(self, request: Request) -> Response:
        """That this release serves, and can read its posts."""
        self._posts.count()
        return JSONResponse({"status": "ok", "version": self._version})

    def system(self, request: Request) -> Response:
        """The page around the live tree."""
        return self._page(request, "system")

    def status(self, request: Request) -> Response:
        """The live tree and the state of updates."""
        return JSONResponse(system.snapshot(self._version), headers={"Cache-Control": "no-store"})

    async def update(self, request: Request) -> Response:
        """Start the updater."""
        _require_same_origin(request)
        status, message = await run_in_threadpool(system.start_update)
        return JSONResponse({"message": message}, status)

    def error(self, request: Request, error: Exception) -> Response:
        """A page that says what went wrong."""
        assert isinstance(error, HTTPException)
        return self._page(request, "error", status=error.status_code, message=error.detail)

    def _page(self, request: Request, name: str, status: int = 200, **context: Any) -> Response:
        return self._templates.TemplateResponse(request, f"{name}.html", context, status)


def create() -> Starlette:
    """The ASGI application of this release."""
    version = read_version()
    blog = Blog(Posts(Path(os.environ["FASTBLOG_DATA"]) / "blog.db"), version)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        news = {"version": version, "frontend": {"version": version}}
        news["backend"] = {"version": version, "pid": os.getpid()}
        running = ("status_update", {"status": "running", "version": version})
        await run_in_threadpool(announce, ("version_info", news), running)
        yield
        await run_in_threadpool(announce, ("status_update", {"status": "stopping"}))

    return Starlette(
        routes=blog.routes(),
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
        exception_handlers={HTTPException: blog.error},
        lifespan=lifespan,
    )


def read_version() -> str:
    """The version of the release this file lies in."""
    path = HERE.parent / "VERSION"
    return path.read_text().strip() if path.exists() else "unreleased"


def _require_same_origin(request: Request) -> None:
    """Refuse what another site's page makes a browser send.

    Browsers say where a POST comes from: in Sec-Fetch-Site, or (older ones, and over plain HTTP)
    in Origin. A request with neither is not from a browser's page.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        trusted = site in ("same-origin", "none")
    else:
        trusted = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not trusted:
        raise HTTPException(403, "This form was sent from another site; nothing was changed.")


async def _form(request: Request) -> dict[str, str]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise HTTPException(413, "That is too long for a post; nothing was stored.")
    fields = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
    return {name: values[-1].replace("\r\n", "\n") for name, values in fields.items()}


def _problem(title: str, body: str) -> str | None:
    if not title or not body:
        return "A post needs a title and a text."
    if len(title) > LONGEST_TITLE or len(body) > LONGEST_BODY:
        return f"At most {LONGEST_TITLE} characters of title and {LONGEST_BODY} of text."
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d %B %Y}".lstrip("0")

"""The update server: which release is installed, which are on offer, and their files.

Decides: the HTTP interface of updates.
Must not know: how an update is done, or who does it; it only reads the data folder.

The archives it gives out are those the manifest names, nothing else in the folder.
"""

from __future__ import annotations

import platform
import time
from importlib.metadata import version as version_of
from typing import Any

import uvicorn
from attrs import asdict
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from examples.fastblog import journal, releases
from examples.fastblog.data_dir import DataDir
from examples.fastblog.install import current_version

HOST = "127.0.0.1"
SERVICE = "update-checker"


class UpdateServer:
    """The endpoints over one data folder."""

    def __init__(self, data: DataDir, port: int) -> None:
        self._data, self._port = data, port
        self._started = time.monotonic()

    def routes(self) -> list[Route]:
        """What is answered where."""
        answers = {
            "/": self.index,
            "/api/v1/version": self.version,
            "/api/v1/version/full": self.version_full,
            "/api/v1/version/frontend": self.version_frontend,
            "/api/v1/version/backend": self.version_backend,
            "/api/v1/health": self.health,
            "/api/v1/config": self.config,
            "/api/v1/update/status": self.update_status,
            "/api/v1/releases": self.manifest,
            "/releases/{file}": self.archive,
        }
        return [Route(path, endpoint) for path, endpoint in answers.items()]

    def index(self, request: Request) -> Response:
        """Who this is, and where to go."""
        paths = [route.path for route in self.routes()]
        return JSONResponse({"service": SERVICE, "endpoints": paths})

    def version(self, request: Request) -> Response:
        """The installed version."""
        return JSONResponse({"version": self._version()})

    def version_full(self, request: Request) -> Response:
        """The installed version in all its parts."""
        parts = {"frontend": self._frontend(), "backend": self._backend()}
        return JSONResponse({"version": self._version(), **parts})

    def version_frontend(self, request: Request) -> Response:
        """What a browser sees."""
        return JSONResponse(self._frontend())

    def version_backend(self, request: Request) -> Response:
        """What it runs on."""
        return JSONResponse(self._backend())

    def health(self, request: Request) -> Response:
        """That this server is alive; `uptime` in seconds."""
        uptime = round(time.monotonic() - self._started, 3)
        answer = {"status": "healthy", "service": SERVICE, "version": self._version()}
        return JSONResponse({**answer, "uptime": uptime})

    def config(self, request: Request) -> Response:
        """What it was started with."""
        return JSONResponse({"host": HOST, "port": self._port, "data": str(self._data.root)})

    def update_status(self, request: Request) -> Response:
        """Whether an update would do anything, and how the last one ended."""
        offered = releases.manifest(self._data)
        newest = offered[-1].version if offered else None
        last = journal.read(self._data)
        unfinished = last is not None and last.on_trial
        answer = {
            "current": self._version(),
            "newest": newest,
            "available": unfinished or _is_newer(newest, self._version()),
            "last": asdict(last) if last else None,
        }
        return JSONResponse(answer)

    def manifest(self, request: Request) -> Response:
        """The releases on offer, oldest first."""
        return JSONResponse([asdict(release) for release in releases.manifest(self._data)])

    def archive(self, request: Request) -> Response:
        """The bytes of one release; understands Range, so that a download can be continued."""
        name = request.path_params["file"]
        if name not in {release.file for release in releases.manifest(self._data)}:
            raise HTTPException(404, f"no release has a file {name!r}; see /api/v1/releases")
        return FileResponse(self._data.published / name, media_type="application/zip")

    def error(self, request: Request, error: Exception) -> Response:
        """What went wrong, as JSON like everything else."""
        assert isinstance(error, HTTPException)
        return JSONResponse({"error": error.detail}, error.status_code)

    def _version(self) -> str | None:
        return current_version(self._data)

    def _frontend(self) -> dict[str, Any]:
        templates = (self._data.current / "blog" / "templates").glob("*.html")
        return {"version": self._version(), "templates": sorted(path.name for path in templates)}

    def _backend(self) -> dict[str, Any]:
        runs_on = {"python": platform.python_version(), "starlette": version_of("starlette")}
        return {"version": self._version(), **runs_on}


def _is_newer(newest: str | None, current: str | None) -> bool:
    if newest is None or current is None:
        return newest is not None
    return releases.precedence(newest) > releases.precedence(current)


def app(data: DataDir, port: int) -> Starlette:
    """The ASGI application."""
    server = UpdateServer(data, port)
    return Starlette(routes=server.routes(), exception_handlers={HTTPException: server.error})


def serve(data: str, port: int) -> None:
    """The worker: serve until stopped."""
    uvicorn.run(
        app(DataDir(data), port),
        host=HOST,
        port=port,
        access_log=False,
        timeout_graceful_shutdown=3,
    )

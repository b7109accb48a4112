"""Parts of FastBlog for tests: its servers in this process, main_app without a process."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from examples.fastblog import journal
from examples.fastblog.data_dir import DataDir
from examples.fastblog.install import current_version
from examples.fastblog.releases import build, publish
from examples.fastblog.updater import NotUp, Update


class Served:
    """main_app without its process. A file beside the data says which version "runs".

    It is started as the real one is: by `journal.boot`. Versions in `broken` do not come up.
    """

    def __init__(self, data: DataDir, broken: Container[str] = ()) -> None:
        self._data, self._broken = data, broken
        self._running = data.root.with_name(data.root.name + ".running")
        if not self._running.exists():
            self._running.write_text(str(current_version(data)))

    def restart(self) -> None:
        """Choose a version as the real one does; come up, unless it is broken."""
        version = journal.boot(self._data)
        self._running.write_text("" if version in self._broken else version)
        if version in self._broken:
            raise NotUp("exited with status 1")

    def version(self) -> str | None:
        """Which version "answers"."""
        return self._running.read_text() or None


class Site:
    """A data folder with its update server, main_app, and all that an update reported."""

    def __init__(self, data: DataDir, url: str) -> None:
        self.data, self.url = data, url
        self.reports: list[str] = []
        self.app = Served(data)

    def update(self) -> None:
        Update(self.data, self.url, self.app, self.reports.append).run()

    def publish(self, version: str, archive: bytes | None = None) -> Path:
        release = publish(self.data, version, archive or build(version))
        return self.data.published / release.file

    def last(self) -> journal.Journal:
        last = journal.read(self.data)
        assert last is not None
        return last


def installed(data: DataDir) -> dict[str, bytes]:
    """Every file of the release that is linked."""
    files = [path for path in data.current.rglob("*") if path.is_file()]
    return {path.relative_to(data.current).as_posix(): path.read_bytes() for path in files}


def released(version: str, folder: Path) -> dict[str, bytes]:
    """Every file that this release should have."""
    archive = folder / f"{version}.zip"
    archive.write_bytes(build(version))
    shutil.unpack_archive(archive, folder / version)
    files = [path for path in (folder / version).rglob("*") if path.is_file()]
    return {path.relative_to(folder / version).as_posix(): path.read_bytes() for path in files}


def assert_tidy(data: DataDir, *versions: str) -> None:
    """Only these releases, and nothing half-done, anywhere."""
    assert sorted(path.name for path in data.releases.iterdir()) == sorted(versions)
    assert not list(data.downloads.iterdir())
    assert not list(data.root.glob("*.new"))


class FrontDoor:
    """An ASGI application that is whichever application stands behind it at the moment."""

    behind: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        await self.behind(scope, receive, send)


@contextmanager
def served(app: ASGIApp, lifespan: str = "on") -> Iterator[str]:
    """The app behind a real uvicorn in a thread; yields its URL without a path."""
    config = uvicorn.Config(app, log_level="critical", ws="none", lifespan=lifespan)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    # It listens already: clients may connect before the server has come up.
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()

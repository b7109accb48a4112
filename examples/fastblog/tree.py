"""FastBlog as one supervision tree.

Decides: which programs there are, in which order they start, and when each counts as ready.
Must not know: what they do.

rest_for_one, because each knows what it knows from those before it: the ipc_server's subscriptions
and versions come from main_app and the updater, which say it all again when they start. The
updater runs on demand only; who wants an update calls `tree.start_child("updater")`.

What answers no more is restarted: the blog after a minute, so that a burst of visitors does not
cost them the blog; until then it is only marked as one that cannot serve.

Workers are named by import path, so that the supervising process never imports a web server.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from attrs import frozen

import otpsup
from examples.fastblog.data_dir import DataDir
from otpsup import Check, Command, LogFile, Supervisor, Worker
from otpsup.specs.plugin import PluginSpec

SOURCE_ROOT = Path(__file__).resolve().parents[2]


@frozen
class Settings:
    """What can be chosen about a FastBlog. `token` is what IPC clients must show."""

    data: DataDir
    token: str
    ipc_port: int = 12345
    update_port: int = 8001
    port: int = 9421
    web_port: int = 9422

    @property
    def url(self) -> str:
        """Where a browser finds the blog."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def update_url(self) -> str:
        """Where the update_server answers."""
        return f"http://127.0.0.1:{self.update_port}"

    @property
    def ports(self) -> dict[str, int]:
        """The port of each child that has one, and that of the tree's own pages."""
        return {
            "ipc_server": self.ipc_port,
            "update_server": self.update_port,
            "main_app": self.port,
            "web": self.web_port,
        }


def build(settings: Settings | None = None) -> Supervisor:
    """The tree; nothing is started. Without settings, all defaults, and a token of its own."""
    settings = settings or Settings(DataDir("fastblog-data"), secrets.token_urlsafe())
    data, package = str(settings.data.root), "examples.fastblog"
    serve_flags = ["--data", data, "--port", str(settings.port)]
    return Supervisor(
        "fastblog",
        strategy="rest_for_one",
        intensity=5,
        period=60,
        children=[
            Worker(
                "ipc_server",
                f"{package}.ipc_server:serve",
                args=(settings.ipc_port,),
                ready="notify",
                liveness=otpsup.port(settings.ipc_port),
                **_surroundings("ipc_server", settings),
            ),
            Worker(
                "update_server",
                f"{package}.update_server:serve",
                args=(data, settings.update_port),
                ready=otpsup.port(settings.update_port),
                liveness=Check(otpsup.http(f"{settings.update_url}/api/v1/health"), timeout=5),
                **_surroundings("update_server", settings),
            ),
            Command(
                "main_app",
                [sys.executable, "-m", f"{package}.serve", *serve_flags],
                ready=otpsup.http(f"{settings.url}healthz"),
                readiness=Check(otpsup.http(f"{settings.url}healthz"), interval=5, failures=2),
                liveness=[
                    Check(otpsup.http(f"{settings.url}healthz"), timeout=5, failures=6),
                    otpsup.memory(512 * 10**6),
                ],
                **_surroundings("main_app", settings),
            ),
            Worker(
                "updater",
                f"{package}.updater:run",
                args=(data, settings.update_port, settings.port),
                restart="temporary",
                autostart=False,
                **_surroundings("updater", settings),
            ),
        ],
    )


def plugins(settings: Settings) -> list[PluginSpec]:
    """What watches the tree: metrics, alerts into a mailbox in the data folder, and the pages of
    both, with /healthz."""
    alerts = settings.data.alerts
    return [
        otpsup.Metrics(),
        otpsup.Alerts(
            channels={"mailbox": otpsup.Mailbox(alerts / "mail")},
            rules=[
                otpsup.GaveUp(),
                otpsup.Restarts(3, 600),
                otpsup.Unhealthy(0),
                otpsup.TreeStopped(),
            ],
            outbox=alerts,
        ),
        otpsup.Web(f"127.0.0.1:{settings.web_port}"),
    ]


def from_file(path: str | os.PathLike[str], settings: Settings) -> otpsup.Tree:
    """The tree in a file such as `fastblog.yaml`, with these settings as its variables, also when
    it reads the file again.

    Raises:
        InvalidFile: all that is wrong in it.
    """
    return otpsup.Tree.from_file(path, environ={**os.environ, **_variables(settings)})


def _variables(settings: Settings) -> dict[str, str]:
    return {
        "FASTBLOG_DATA": str(settings.data.root),
        "FASTBLOG_PORT": str(settings.port),
        "FASTBLOG_WEB_PORT": str(settings.web_port),
        "FASTBLOG_IPC_PORT": str(settings.ipc_port),
        "FASTBLOG_UPDATE_PORT": str(settings.update_port),
        "FASTBLOG_IPC_TOKEN": settings.token,
        "FASTBLOG_PYTHON": sys.executable,
        "FASTBLOG_PYTHONPATH": _python_path(),
    }


def _python_path() -> str:
    return os.pathsep.join([str(SOURCE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


def _surroundings(name: str, settings: Settings) -> dict[str, Any]:
    """Log file and environment; the same for all, but for the name."""
    log = LogFile(settings.data.log(name), max_bytes=1_000_000, backups=3)
    environment = {
        "PYTHONPATH": _python_path(),
        "PYTHONUNBUFFERED": "1",
        "FASTBLOG_IPC_PORT": str(settings.ipc_port),
        "FASTBLOG_IPC_TOKEN": settings.token,
        "FASTBLOG_UPDATE_URL": settings.update_url,
    }
    return {"environment": environment, "stdout": log, "stderr": "stdout"}

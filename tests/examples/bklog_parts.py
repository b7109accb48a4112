"""BK-LOG's deployment for tests: free ports, real celery tasks, and a little Consul agent."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil

from examples.bklog.fill import FILES, Place
from otpsup.control import address
from tests.support import ROOT
from tests.support.servers import free_port
from tests.support.waiting import until

PATIENCE = 90.0
"""Seconds for all of it to be up: celery takes three, on a busy machine more."""

MAIN, API, GRAFANA = FILES.values()
QUEUES = {
    "add": "default",
    "export": "async_export",
    "clean": "pipeline",
    "check": "service_schedule",
    "digest": "pipeline_additional_task",
    "count": "tgpa_task",
}
"""The tasks, and the queues that the client sends them to."""


@contextmanager
def a_place(consul: str = "") -> Iterator[Place]:
    """A folder, whose path is short enough for Unix sockets, and free ports."""
    with tempfile.TemporaryDirectory(prefix="bk") as folder:
        redis, api, uwsgi, grafana, health = (free_port() for _ in range(5))
        yield Place(Path(folder), redis, api, uwsgi, grafana, health, consul)


@contextmanager
def running(
    place: Place, *arguments: str, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m ARGUMENTS`, and what it prints in the file `out` beside its folder's log files.

    At the end it is stopped, and nothing that it started is left.
    """
    env = {**os.environ, "PYTHONPATH": str(ROOT), address.DIRECTORY: str(place.home)}
    env["PATH"] = f"{place.env}/bin:{env['PATH']}"
    with (place.home / "out").open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=cwd or place.home, env=env,
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    left = []
    with contextlib.suppress(psutil.NoSuchProcess):
        left = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(PATIENCE)
    finally:
        process.kill()
        for each in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()


def printed(place: Place) -> str:
    """What the running program has printed so far."""
    return (place.home / "out").read_text()


class Tasks:
    """Sends tasks as BK-LOG's web pages do, and waits for what they give."""

    def __init__(self, place: Place) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from celery import Celery
        url = f"redis://127.0.0.1:{place.redis}/0"
        self._app = Celery(broker=url, backend=url)

    def send(self, name: str, *arguments: object) -> Any:
        """Put a task into its queue; its AsyncResult."""
        return self._app.send_task(name, arguments, queue=QUEUES[name])

    def do(self, name: str, *arguments: object) -> Any:
        """Have a task done; what it gives."""
        return self.send(name, *arguments).get(timeout=PATIENCE)

    def close(self) -> None:
        """Let go of the connections."""
        self._app.backend.client.close()
        self._app.close()


@contextmanager
def tasks(place: Place) -> Iterator[Tasks]:
    """A client of the queues."""
    client = Tasks(place)
    try:
        yield client
    finally:
        client.close()


def do_one_of_each(client: Tasks, place: Place) -> None:
    """Every queue has somebody who works."""
    assert client.do("add", 2, 3) == 5
    assert client.do("export", "ready") >= 1
    assert client.do("clean", "level=INFO took=3ms") == {"level": "INFO", "took": "3ms"}
    assert client.do("check", f"http://127.0.0.1:{place.grafana}/api/health") == 200
    assert client.do("digest", "").startswith("e3b0c442")
    assert client.do("count", "a b a") == {"a": 2, "b": 1}


class Agent:
    """As much of a Consul agent as registration needs: what was asked of it, and its address."""

    def __init__(self) -> None:
        self.registered: dict[str, dict[str, Any]] = {}
        agent = self

        class Page(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                agent._take(self.path.removeprefix("/v1/agent/service/"), json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_port}"

    def _take(self, action: str, body: Any) -> None:
        if action == "register":
            self.registered[body["ID"]] = body
        else:
            self.registered.pop(action.removeprefix("deregister/"), None)

    def close(self) -> None:
        """Be gone; a second time does nothing."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def supervisorctl(place: Place, file: str, *command: str, input: str = "") -> str:
    """The real supervisorctl; all that it prints."""
    argv = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(place.home / file)]
    done = subprocess.run(
        [*argv, *command],
        input=input,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.stdout + done.stderr


def states(place: Place, file: str) -> dict[str, str]:
    """The state of each process, as supervisorctl tells it."""
    rows = [line.split() for line in supervisorctl(place, file, "status").splitlines()]
    return {row[0]: row[1] for row in rows if len(row) > 1}


def all_running(place: Place, file: str) -> bool:
    """Whether every program of a file is RUNNING."""
    return set(states(place, file).values()) == {"RUNNING"}


def wait_for_text(path: Path, text: str, times: int = 1, within: float = PATIENCE) -> str:
    """Wait until a text is so many times in a file; all that is in the file."""
    until(lambda: path.exists() and path.read_text().count(text) >= times, within)
    return path.read_text()

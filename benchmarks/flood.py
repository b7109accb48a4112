"""What a flood of requests over HTTP costs supervision: from a kill to the next pid, beside one
that nobody disturbs.

    python -m benchmarks.flood [--children 1000] [--kills 25] [--connections 8]

The host of so many children; so many connections of one caller with the role `view`, each of which
asks again as soon as it has its answer, from another process. The time is that until a client of
the control socket hears of the new pid.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from otpsup import TreeClient
from tests.support.browser import token

from .page import hosted

ROUTES = (
    "/api/v1/tree",
    "/api/v1/why/job-5",
    "/api/v1/statistics?samples=240",
    "/api/v1/graph.svg",
    "/api/v1/simulate?kill=job-3&times=50",
)
_FLOOD = """\
import http.client, sys, threading
port, path, token, count = sys.argv[1:]
def flood():
    while True:
        line = http.client.HTTPConnection("127.0.0.1", int(port), timeout=100)
        try:
            while True:
                line.request("GET", path, headers={"authorization": f"Bearer {token}"})
                line.getresponse().read()
        except (OSError, http.client.HTTPException):
            line.close()
for _ in range(int(count)):
    threading.Thread(target=flood).start()
"""
_BEGINS = 2.0
"""Seconds until a flood is one."""


@contextlib.contextmanager
def _flooding(url: str, path: str, connections: int) -> Iterator[None]:
    argv = [str(urlsplit(url).port), path, token("view"), str(connections)]
    with subprocess.Popen([sys.executable, "-c", _FLOOD, *argv]) as process:
        time.sleep(_BEGINS)
        try:
            yield
        finally:
            process.kill()


def _restarts(kills: int) -> list[float]:
    """Milliseconds from each kill until it is known who has come in its place; sorted."""
    with TreeClient.connect("many") as asking, TreeClient.connect("many") as hearing:
        events = hearing.events()
        return sorted(_one(asking, events, f"job-{number + 1}") for number in range(kills))


def _one(client: TreeClient, events: Iterator[object], path: str) -> float:
    pid = client.info(path)["pid"]
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    is_new = (
        event.path == path and event.pid not in (None, pid)  # type: ignore[attr-defined]
        for event in events
    )  # fmt: skip
    next(filter(None, is_new))
    return (time.monotonic() - began) * 1000


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--children", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--connections", type=int, default=8)
    flags = parser.parse_args()
    print(f"kill to new pid, {flags.children} children, {flags.connections} connections:")
    with hosted(flags.children) as (_, url):
        _tell("nobody asks", _restarts(flags.kills))
        for path in ROUTES:
            with _flooding(url, path, flags.connections):
                _tell(path, _restarts(flags.kills))


def _tell(what: str, found: list[float]) -> None:
    print(
        f"  {what}: median {statistics.median(found):.0f} ms, worst {found[-1]:.0f} ms", flush=True
    )


if __name__ == "__main__":
    main()

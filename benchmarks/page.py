"""The page of a tree: from a kill to the screen, and what open pages cost.

    python -m benchmarks.page [--kills 100] [--children 1000] [--pages 10] [--seconds 30]
        [--frames 10]

*Kill to screen*: a child is killed, and its row in Chromium says so. The page takes the time at the
frame after the one in which the row has changed, by the clock that the killer reads, too
(`performance.timeOrigin`, https://www.w3.org/TR/hr-time-3/): it is on the screen then, as far as a
browser without one can say.

*CPU*: the host of so many children, with so many clients that read all events and ask for
statistics and for children as often as the page does; in percent of one processor,
proc_pid_stat(5), its children not counted. Once while nothing happens, and once while a child is
killed each second.

*Frames*: the time from one frame to the next (`requestAnimationFrame`) of a page with so many
children, while nothing happens, while it is scrolled from end to end, and while it is scrolled and
20 children are killed each second.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from otpsup import Tree
from tests.support.browser import chromium, growing, row, token, visit, write_tokens
from tests.support.waiting import until

SAMPLING = 15.0
"""Seconds after which the page asks for statistics again."""
_MANY = """\
name: many
intensity: 100000
period: 1m
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
defaults: {{stdout: "null", stderr: "null"}}
children:
  job: {{command: sleep 100000, copies: {count}}}
"""
_HOST = """\
import sys
from otpsup import Tree
with Tree.from_file(sys.argv[1], name="many") as tree:
    print(tree.ask_plugin("web", "url"), flush=True)
    for line in sys.stdin:
        path = line.strip()
        tree.signal(path, "KILL")
"""
_WATCH = """(path) => {
  const row = document.querySelector(`.row[data-path="${path}"]`);
  window.seen = null;
  const watch = new MutationObserver(() => {
    watch.disconnect();
    requestAnimationFrame(() => (window.seen = performance.timeOrigin + performance.now()));
  });
  watch.observe(row, { attributes: true, attributeFilter: ["data-mood", "aria-label"] });
}"""


_FRAMES = """async ([seconds, scrolls]) => {
  const box = document.getElementById("tree");
  const found = [];
  let last = performance.now();
  const end = last + seconds * 1000;
  let down = 1;
  for (let now = last; now < end; ) {
    now = await new Promise(requestAnimationFrame);
    found.push(now - last);
    last = now;
    if (!scrolls) continue;
    if (box.scrollTop <= 0) down = 1;
    if (box.scrollTop + box.clientHeight >= box.scrollHeight) down = -1;
    box.scrollTop += down * 120;
  }
  return found.slice(1);
}"""
_KILLS = 20
"""A second."""


def latencies(kills: int) -> list[float]:
    """Milliseconds from each kill to the screen."""
    with tempfile.TemporaryDirectory() as folder:
        children = -(-kills // 2)  # who is restarted three times shows that, and no more
        text = _MANY.replace("{count}", str(children))
        with growing(Path(folder), text) as (tree, url), chromium() as browser:
            page = visit(browser, url, size=(1360, 600 + 36 * children))  # all rows are seen
            return [_one(tree, page, f"job-{n % children + 1}") for n in range(kills)]


def _one(tree: Tree, page: object, path: str) -> float:
    """One kill, when the child is up again and the page has said so."""
    before = tree.info(path)
    page.evaluate(_WATCH, path)  # type: ignore[attr-defined]
    at = time.time()
    os.kill(before["pid"], signal.SIGKILL)
    page.wait_for_function("() => window.seen")  # type: ignore[attr-defined]
    seen: float = page.evaluate("() => window.seen")  # type: ignore[attr-defined]
    until(lambda: tree.info(path)["state"] == "running")
    pid = str(tree.info(path)["pid"])
    until(lambda: row(page, path).locator(".c-pid").text_content() == pid)  # type: ignore[arg-type]
    return seen - at * 1000


def frames(children: int, seconds: float) -> Iterator[tuple[str, list[float]]]:
    """Milliseconds from frame to frame."""
    with hosted(children) as (host, url), chromium() as browser:
        page = visit(browser, url)
        yield "nothing happens", page.evaluate(_FRAMES, [seconds, False])
        yield "scrolled", page.evaluate(_FRAMES, [seconds, True])
        with _killing(host, children):
            yield f"scrolled, {_KILLS} kills a second", page.evaluate(_FRAMES, [seconds, True])


@contextlib.contextmanager
def _killing(host: subprocess.Popen[str], children: int) -> Iterator[None]:
    """One child after the other, all the time."""
    over = threading.Event()

    def kill() -> None:
        assert host.stdin is not None
        for n in itertools.cycle(range(children)):
            if over.wait(1 / _KILLS):
                return
            host.stdin.write(f"job-{n + 1}\n")
            host.stdin.flush()

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    over.set()
    thread.join()


@contextlib.contextmanager
def hosted(children: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The host of so many children in a process of its own, and the URL of its page."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tree.yaml"
        tokens = write_tokens(Path(folder) / "tokens")
        file.write_text(_MANY.replace("{count}", str(children)).format(tokens=tokens))
        host = subprocess.Popen(
            [sys.executable, "-c", _HOST, str(file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert host.stdin is not None
        assert host.stdout is not None
        with host, host.stdin:
            yield host, host.stdout.readline().strip()


class Client:
    """Does what an open page does, but for drawing."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self.events = 0
        self._line, self._stream = self._begin("events")
        self._socket: socket.socket = self._line.sock
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._read, self._measure)
        ]
        for thread in self._threads:
            thread.start()

    def _begin(self, path: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        line = http.client.HTTPConnection("127.0.0.1", urlsplit(self._url).port or 0)
        line.request("GET", f"/api/v1/{path}", headers={"authorization": f"Bearer {token('view')}"})
        answer = line.getresponse()
        assert answer.status == 200, answer.read()
        return line, answer

    def _get(self, path: str) -> None:
        line, answer = self._begin(path)
        with contextlib.closing(line), answer:
            answer.read()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._stream:  # until it is shut
                if line.startswith(b"data:"):
                    self.events += 1
                    self._look(json.loads(line[5:]))

    def _look(self, event: dict[str, Any]) -> None:
        """The page asks for a child after its first event, and after what came soon after that."""
        if event["kind"] in ("restart", "progress"):
            self._get(f"children/{event['path']}")

    def _measure(self) -> None:
        while not self._over.wait(SAMPLING):
            with contextlib.suppress(OSError):
                self._get("statistics?samples=2")

    def close(self) -> None:
        """The page is closed."""
        self._over.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._stream.close()
        self._line.close()


def cpu(children: int, pages: int, seconds: float) -> Iterator[tuple[str, float, int]]:
    """What the host takes in percent of one processor, and how many events each client read."""
    with hosted(children) as (host, url):
        yield "no page, nothing happens", *_measured(host, [], seconds, kills=False)
        clients = [Client(url) for _ in range(pages)]
        time.sleep(SAMPLING)  # the first statistics begin the sampling
        yield f"{pages} pages, nothing happens", *_measured(host, clients, seconds, kills=False)
        yield f"{pages} pages, a kill a second", *_measured(host, clients, seconds, kills=True)
        for client in clients:
            client.close()


def _measured(
    host: subprocess.Popen[str], clients: Sequence[Client], seconds: float, *, kills: bool
) -> tuple[float, int]:
    process = psutil.Process(host.pid)
    read = sum(client.events for client in clients)
    before, began = _seconds(process), time.monotonic()
    for n in range(int(seconds)):
        if kills and host.stdin is not None:
            host.stdin.write(f"job-{n + 1}\n")
            host.stdin.flush()
        time.sleep(1)
    share = (_seconds(process) - before) / (time.monotonic() - began)
    read = sum(client.events for client in clients) - read
    return share * 100, read // max(1, len(clients))


def _seconds(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _told(found: Sequence[float]) -> str:
    """Of sorted milliseconds."""
    p99 = found[max(0, round(len(found) * 0.99) - 1)]
    median = statistics.median(found)
    return f"median {median:.1f} ms, p99 {p99:.1f} ms, worst {found[-1]:.1f} ms"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--children", type=int, default=1000)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--frames", type=float, default=10.0, help="seconds of each kind; 0: none")
    flags = parser.parse_args()
    if flags.kills:
        found = sorted(latencies(flags.kills))
        print(f"kill to screen, {len(found)} kills: {_told(found)}")
    if flags.frames:
        print(f"from frame to frame, {flags.children} children:")
        for name, times in frames(flags.children, flags.frames):
            print(f"  {name}: {_told(sorted(times))}, {sum(t > 50 for t in times)} of {len(times)} "
                  "over 50 ms")  # fmt: skip
    if flags.pages:
        print(f"CPU of the host, {flags.children} children, percent of one processor:")
        for what, share, read in cpu(flags.children, flags.pages, flags.seconds):
            print(f"  {what}: {share:.1f} %, {read} events read by each")


if __name__ == "__main__":
    main()

"""FastBlog as a whole: `python -m examples.fastblog`, its four programs, and what befalls them."""

from __future__ import annotations

import asyncio
import contextlib
import mailbox
import os
import queue
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from threading import Thread
from time import monotonic

import httpx
import psutil
import pytest

from examples.fastblog.data_dir import DataDir, locked
from examples.fastblog.ipc_client import IpcClient
from examples.fastblog.releases import build, publish
from examples.fastblog.tree import SOURCE_ROOT
from otpsup import ChildStatus, TreeClient
from tests.support.servers import free_port

DEADLINE = 60.0
PORTS = ("port", "ipc_port", "update_port", "web_port")
TOKEN = "the test's token"


class FastBlog:
    """A running `python -m examples.fastblog`: what it prints, its tree, its page."""

    def __init__(self, data: Path, sockets: Path, *more: str, **ports: int) -> None:
        self.data = DataDir(data)
        self.ports = {name: free_port() for name in PORTS} | ports
        flags = [f"--{name.replace('_', '-')}={number}" for name, number in self.ports.items()]
        paths = {"PYTHONPATH": str(SOURCE_ROOT), "OTPSUP_RUNTIME_DIR": str(sockets)}
        self.env = {**os.environ, **paths}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "examples.fastblog", f"--data={data}", *flags, *more],
            cwd=sockets,  # anywhere but here
            env={**self.env, "FASTBLOG_IPC_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.url = f"http://127.0.0.1:{self.ports['port']}"
        self.output: list[str] = []
        self._sockets = sockets
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, *texts: str) -> list[str]:
        """The next lines that contain these texts, in this order; fails if they do not come."""
        deadline = monotonic() + DEADLINE
        return [self._next_line(text, deadline) for text in texts]

    def _next_line(self, text: str, deadline: float) -> str:
        with contextlib.suppress(queue.Empty):
            while line := self._lines.get(timeout=max(0.0, deadline - monotonic())):
                self.output.append(line)
                if text in line:
                    return line
        pytest.fail(f"no {text!r} in:\n{''.join(self.output)}")

    def wait_for_end(self) -> int:
        """Its exit code; what it printed is in `output`."""
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        while (line := self._lines.get()) is not None:
            self.output.append(line)
        return code

    def tree(self) -> TreeClient:
        """A handle to the tree, from outside."""
        (path,) = self._sockets.glob(f"*-{self.process.pid}.sock")
        return TreeClient.connect(path=path)

    def children(self) -> dict[str, ChildStatus]:
        """The state of each child."""
        with self.tree() as tree:
            return {child.name: child for child in tree.status().children}

    def pids(self) -> dict[str, int | None]:
        """The pid of each child."""
        return {name: child.pid for name, child in self.children().items()}

    def kill(self, name: str) -> None:
        """kill -9 one child."""
        pid = self.pids()[name]
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)

    def wait_until(self, condition: Callable[[dict[str, ChildStatus]], bool]) -> None:
        """Ask the tree until the answer is right."""
        deadline = monotonic() + DEADLINE
        while not condition(children := self.children()):
            assert monotonic() < deadline, children

    def close(self) -> None:
        """End it, if it has not ended, and let nothing of it stay behind."""
        self.process.terminate()
        try:
            self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            self._reader.join(DEADLINE)
            assert self.process.stdout is not None
            self.process.stdout.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., FastBlog]]:
    """Start a FastBlog on free ports; it is stopped after the test."""
    with ExitStack() as stack:
        # pytest's own folders can be too long for the name of a unix socket.
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        def start(*more: str, **ports: int) -> FastBlog:
            fastblog = FastBlog(tmp_path / "data", sockets, *more, **ports)
            stack.callback(fastblog.close)
            return fastblog

        yield start


@pytest.fixture
def fastblog(start: Callable[..., FastBlog]) -> FastBlog:
    """A FastBlog that is up."""
    fastblog = start()
    fastblog.wait_for("the tree is up")
    return fastblog


@pytest.mark.slow
def test_from_its_file(start: Callable[..., FastBlog]) -> None:
    """`--config fastblog.yaml` runs the same blog; the flags are the file's variables."""
    fastblog = start(f"--config={SOURCE_ROOT / 'examples/fastblog/fastblog.yaml'}")
    fastblog.wait_for("the tree is up")
    states = {name: child.state for name, child in fastblog.children().items()}
    assert states == {"ipc_server": "running", "update_server": "running", "main_app": "running",
                      "updater": "down"}  # fmt: skip
    assert httpx.get(fastblog.url, timeout=60).status_code == 200

    fastblog.process.send_signal(signal.SIGHUP)  # the file is read again, and nothing has changed
    fastblog.wait_for("update: 0 changes")


@pytest.mark.slow
def test_kill_9_of_each(fastblog: FastBlog) -> None:
    """Whoever is killed comes back with all that start after it, in order; the others stay.

    Each time the page answers again, and the IPC server knows (again) what main_app told it.
    """
    order = ["ipc_server", "update_server", "main_app"]
    for number, victim in enumerate(order):
        before = fastblog.pids()
        fastblog.kill(victim)
        fastblog.wait_for(*(f"{name} is up" for name in order[number:]))
        after = fastblog.pids()
        changed = [name for name in order if before[name] != after[name]]
        assert changed == order[number:]
        assert after["updater"] is None
        assert "Hello, world" in httpx.get(fastblog.url, trust_env=False, timeout=60).text
        assert asyncio.run(announced_version(fastblog.ports["ipc_port"])) == "1.0.0"


async def announced_version(port: int) -> object:
    """The version of main_app, as the IPC server has been told."""
    async with asyncio.timeout(DEADLINE), await IpcClient.connect(port, TOKEN, "test") as client:
        return (await client.request("version_query")).data["version"]


@asynccontextmanager
async def updates(fastblog: FastBlog) -> AsyncIterator[tuple[httpx.AsyncClient, IpcClient]]:
    """A browser, and a subscriber to everybody's status."""
    async with (
        asyncio.timeout(DEADLINE),
        httpx.AsyncClient(base_url=fastblog.url, trust_env=False, timeout=60) as http,
        await IpcClient.connect(fastblog.ports["ipc_port"], TOKEN, "test") as client,
    ):
        await client.subscribe("status_update")
        yield http, client


async def hear(client: IpcClient, text: str) -> str:
    """The next status that begins with this text."""
    while not (status := str((await client.news()).data["status"])).startswith(text):
        pass
    return status


def is_down(children: dict[str, ChildStatus]) -> bool:
    """The updater has ended."""
    return children["updater"].state == "down"


@pytest.mark.slow
def test_update_from_the_page(fastblog: FastBlog) -> None:
    """Update swaps 1.0.0 for 1.1.0; a second press, and a kill -9 half-way, do no harm."""

    async def check() -> None:
        async with updates(fastblog) as (http, client):
            post = {"title": "Before the update", "body": "text"}
            assert (await http.post("/write", data=post)).status_code == 303
            with locked(fastblog.data.lock("journal")):  # it cannot switch as long as we hold this
                assert (await http.post("/system/update")).status_code == 202
                await hear(client, "unpacking 1.1.0")
                again = await http.post("/system/update")
                assert (again.status_code, "already running" in again.text) == (409, True)
                before = fastblog.pids()
                fastblog.kill("updater")
                del before["updater"]
                fastblog.wait_until(is_down)
            assert before == {name: pid for name, pid in fastblog.pids().items() if name in before}
            assert (await http.get("/healthz")).json()["version"] == "1.0.0"

            assert (await http.post("/system/update")).status_code == 202
            await hear(client, "updated to 1.1.0")
            fastblog.wait_until(is_down)
            page = (await http.get("/")).text
            assert "1 min read" in page
            assert "Before the update" in page
            nothing = await http.post("/system/update")
            assert nothing.json()["message"] == "Nothing newer: 1.1.0 is the newest release."

    asyncio.run(check())


@pytest.mark.slow
def test_a_broken_release_is_rolled_back(fastblog: FastBlog) -> None:
    """A release whose main_app cannot start: the one before serves again, and the page says why."""

    async def check() -> None:
        async with updates(fastblog) as (http, client):
            publish(fastblog.data, "1.2.0", build("1.2.0", broken=True))
            assert (await http.post("/system/update")).status_code == 202
            await hear(client, "failed: rolled back to 1.0.0: 1.2.0")
            fastblog.wait_until(lambda c: is_down(c) and c["main_app"].ready)
            assert (await http.get("/healthz")).json()["version"] == "1.0.0"
            status = (await http.get("/system/status.json")).json()
            assert status["update"]["last"]["phase"] == "rolled_back"
            assert status["page"] == f"http://127.0.0.1:{fastblog.ports['web_port']}/"
            (updater,) = (c for c in status["tree"]["children"] if c["name"] == "updater")
            assert "UpdateFailed: rolled back to 1.0.0" in updater["last_exit"]

    asyncio.run(check())


@pytest.mark.slow
def test_the_tree_s_own_page(fastblog: FastBlog) -> None:
    """The System page leads there, and tells the command that signs in, as it can be typed."""
    from tests.support.browser import PATIENCE, chromium, row  # playwright takes a while to load

    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{fastblog.url}/system")
        page.locator("#page").wait_for()
        line = shlex.split(page.locator("#page code").inner_text())
        page.locator("#page a").click()
        page.locator("#token").wait_for()
        done = subprocess.run(line, env=fastblog.env, capture_output=True, text=True, check=True)
        page.goto(done.stdout.strip())
        row(page, "main_app").wait_for()


def test_ctrl_c(fastblog: FastBlog) -> None:
    """Ctrl-C stops everything: exit code 0, and no process of the tree is left."""
    family = psutil.Process(fastblog.process.pid).children(recursive=True)
    assert len(family) >= 4
    fastblog.process.send_signal(signal.SIGINT)
    assert fastblog.wait_for_end() == 0
    assert not psutil.wait_procs(family, timeout=DEADLINE)[1]


@pytest.mark.slow
def test_too_many_crashes(fastblog: FastBlog) -> None:
    """One crash of ipc_server more than intensity allows: all ends, and one paragraph says why, in
    the mailbox, too; until then it can be asked how it is."""
    with urllib.request.urlopen(f"http://127.0.0.1:{fastblog.ports['web_port']}/healthz") as page:
        assert b"[+]children ok" in page.read()
    with urllib.request.urlopen(f"http://127.0.0.1:{fastblog.ports['web_port']}/metrics") as page:
        assert b'otpsup_child_ready{path="main_app"' in page.read()
    family = psutil.Process(fastblog.process.pid).children(recursive=True)
    for _ in range(5):
        fastblog.kill("ipc_server")
        fastblog.wait_for("main_app is up")
    fastblog.kill("ipc_server")
    assert fastblog.wait_for_end() != 0
    assert "at last ipc_server" in "".join(fastblog.output)
    mails = [str(mail["subject"]) for mail in mailbox.Maildir(fastblog.data.alerts / "mail")]
    # That it was restarted so often may have gone before: it waits for more for ten seconds only.
    assert len([subject for subject in mails if "gave up" in subject]) == 1
    assert not psutil.wait_procs(family, timeout=DEADLINE)[1]


@pytest.mark.parametrize(
    "name", [PORTS[0], *(pytest.param(name, marks=pytest.mark.slow) for name in PORTS[1:])]
)
def test_a_port_is_taken(start: Callable[..., FastBlog], name: str) -> None:
    """One line names the port, who holds it and the flag to change it; nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        fastblog = start(**{name: port})
        assert fastblog.wait_for_end() == 1
    (line,) = fastblog.output
    assert f"port {port} " in line
    assert f"(pid {os.getpid()})" in line
    assert line.endswith(f"choose another with --{name.replace('_', '-')}\n")


def test_one_data_folder_one_fastblog(start: Callable[..., FastBlog], tmp_path: Path) -> None:
    """A FastBlog on data that another one uses is refused, and told the pid of that one."""
    data = DataDir(tmp_path / "data")
    data.create()
    with locked(data.lock("fastblog")):
        fastblog = start()
        assert fastblog.wait_for_end() == 1
    assert f"{data.root} is in use, held by process {os.getpid()}" in "".join(fastblog.output)

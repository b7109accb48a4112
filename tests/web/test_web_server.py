"""The web server of a tree: real requests to a real server, and what goes wrong with it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import stat
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from otpsup import NotFound, Page, Plugin, Supervisor, Tree, Web
from otpsup.logger import logger as our_log
from otpsup.web.pages import Pages
from tests.support.servers import free_port
from tests.support.waiting import LONG, until

TOKEN = "a" * 32
Answer = tuple[int, dict[str, str], bytes]


class Talks(Plugin):
    """Pages of all kinds."""

    name = "talks"
    paths = ("/hello", "/raises", "/hangs", "/odd")

    def __init__(self) -> None:
        self.gate = threading.Event()

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        if path == "/raises":
            raise ValueError("no\nluck")
        if path == "/hangs":
            self.gate.wait(LONG)
        if path == "/odd":
            return Page(b'{"a": 1}', 418, "application/json")
        return Page(f"hello {query.get('name', '')} {query['accept']}".encode())


class Other(Plugin):
    """Another plug-in with a page."""

    name = "other"
    paths = ("/other",)

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        return Page(b"other")


@contextmanager
def served(*plugins: Any, web: Web | None = None) -> Iterator[tuple[Tree, str]]:
    """A tree with a web server, and where that is."""
    web = web or Web(listen="127.0.0.1:0")
    with Tree(Supervisor("web", children=[]), plugins=[web, *plugins]) as tree:
        yield tree, tree.ask_plugin("web", "url")


def ask(url: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """One request."""
    body = None if method in ("GET", "HEAD") else b"x" * 100
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=LONG)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def talking() -> Iterator[tuple[str, Talks]]:
    """The URL of a tree whose plug-in talks."""
    talks = Talks()
    with served(talks, Other()) as (_, url):
        yield url, talks
        talks.gate.set()


def test_pages(talking: tuple[str, Talks]) -> None:
    """What plug-ins answer, with their status and type; their query and what is accepted come to
    them; HEAD is GET without the body."""
    url, _ = talking
    status, headers, body = ask(url, "/hello?name=you%20two&name=me", Accept="text/x")
    assert (status, body) == (200, b"hello me text/x")
    assert headers["content-type"] == "text/plain; charset=utf-8"
    status, headers, body = ask(url, "/odd")
    assert (status, headers["content-type"], body) == (418, "application/json", b'{"a": 1}')
    status, headers, body = ask(url, "/odd", "HEAD")
    assert (status, headers["content-length"], body) == (418, "8", b"")
    assert ask(url, "/healthz?include=tree")[0] == 200
    assert ask(url, "/healthz?include=nope")[0] == 400
    assert ask(url, "/readiness")[2] == b'{"server_up": 1}'


def test_whatever_else_is_answered_in_words(talking: tuple[str, Talks]) -> None:
    url, _ = talking
    status, _, body = ask(url, "/no%1bpage")
    assert status == 404
    assert body == (
        b"there is no page /no\\x1bpage; there are /, /api/v1, /openapi.json, /hangs, /healthz, "
        b"/hello, /odd, /other, /raises, /readiness\n"
    )
    status, _, body = ask(url, "/raises")
    assert status == 502
    assert body == b"plug-in 'talks' failed in page('/raises'): ValueError: no\\nluck\n"
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, headers, _ = ask(url, "/hello", method)
        assert (status, set(headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
    assert ask(url, "/hello", Host="evil.example")[0] == 421


def test_a_page_that_hangs_holds_up_no_other(talking: tuple[str, Talks]) -> None:
    """Ten requests wait for one plug-in; the pages of others come."""
    url, talks = talking
    talks.gate.clear()
    answers: list[Answer] = []
    waiting = [
        threading.Thread(target=lambda: answers.append(ask(url, "/hangs"))) for _ in range(10)
    ]
    for each in waiting:
        each.start()
    until(lambda: sum(t.name == "otpsup-web-page" for t in threading.enumerate()) == 4)
    assert ask(url, "/other")[2] == b"other"
    assert ask(url, "/readiness")[0] == 200
    assert not answers
    talks.gate.set()
    for each in waiting:
        each.join(LONG)
    assert [status for status, _, _ in answers] == [200] * 10


def test_a_page_that_hangs_holds_up_no_other_of_its_path() -> None:
    """As a full report of health hangs while the tree alone is asked for; but a path has so many
    threads at most, whatever is asked."""
    gate = threading.Event()

    def page(path: str, query: Mapping[str, str]) -> Page:
        if query != {"include": "tree"}:
            gate.wait(LONG)
        return Page(b"well")

    def threads() -> int:
        return sum(each.name == "otpsup-web-page" for each in threading.enumerate())

    async def main() -> tuple[int, list[int]]:
        pages = Pages(page, patience=LONG)
        same = [asyncio.create_task(pages.get("/healthz", {})) for _ in range(10)]
        await asyncio.sleep(0)
        first = await pages.get("/healthz", {"include": "tree"})
        others = [pages.get("/healthz", {"include": str(n)}) for n in range(30)]
        hanging = [*same, *map(asyncio.create_task, others)]
        await asyncio.sleep(0)
        await asyncio.to_thread(until, lambda: threads() == 16)  # that of the first may end late
        gate.set()
        answers = await asyncio.gather(*hanging)
        return first.status, [each.status for each in answers]

    first, answers = asyncio.run(main())
    assert first == 200
    assert answers == [200] * 40


def test_a_page_that_hangs_is_answered() -> None:
    """With 504, those that wait for their turn, too; once it is through, the path is as before."""
    gate, asked = threading.Event(), []

    def page(path: str, query: Mapping[str, str]) -> Page:
        asked.append(path)
        gate.wait(LONG)
        return Page(b"late")

    async def main() -> list[int]:
        pages = Pages(page, patience=0.05)
        early = await asyncio.gather(*(pages.get("/a", {}) for _ in range(6)))
        pages._patience = LONG
        gate.set()
        last = await pages.get("/a", {})
        return [*(each.status for each in early), last.status]

    assert asyncio.run(main()) == [504] * 6 + [200]
    assert len(asked) == 5


@pytest.fixture
def log() -> Iterator[list[str]]:
    """What otpsup's log says, without what was said before and waits to be written still."""
    lines: list[str] = []
    our_log.close(LONG)
    handler = logger.add(lambda message: lines.append(str(message)), format="{message}")
    logger.enable("otpsup")
    try:
        yield lines
    finally:
        logger.disable("otpsup")
        logger.remove(handler)


def test_a_token(tmp_path: Path) -> None:
    """With a token in the file nobody gets anything without; on an address for others no name is
    asked for."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    with served(Talks(), web=Web(listen="0.0.0.0:0", token_file=file)) as (_, url):
        url = url.replace("0.0.0.0", "127.0.0.1")
        for path in ("/hello", "/healthz", "/nope"):
            status, headers, body = ask(url, path, Authorization=f"Bearer {TOKEN[1:]}b")
            assert (status, headers["www-authenticate"]) == (401, "Bearer")
            assert TOKEN.encode() not in body
        right = f"Bearer {TOKEN}"
        assert ask(url, "/hello", Authorization=right, Host="shop.example")[0] == 200


@pytest.mark.parametrize(
    "text", ["", "sh0rt", "a" * 20 + "\n" + "b" * 20, "é" * 20, None], ids=range(5)
)
def test_no_token_no_server(text: str | None, tmp_path: Path, log: list[str]) -> None:
    """Whatever is wrong with the file, the log says so, nothing is served, and the tree runs."""
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
    with served(web=Web(listen="0.0.0.0:0", token_file=file)) as (tree, url):
        assert url is None
        assert tree.status().state == "running"
        line = until(lambda: next((each for each in log if "web does not serve" in each), None))
        assert str(file) in line
        assert not text or text.strip() not in line


def test_a_port_that_is_taken(log: list[str]) -> None:
    """The log says which and why; supervision does not notice."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with served(web=Web(listen=where)) as (tree, url):
            assert url is None
            assert tree.status().state == "running"
            line = until(lambda: next((each for each in log if "cannot listen" in each), None))
            assert f"web cannot listen on {where}: Address already in use" in line


def test_without_its_packages(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said, and the tree runs."""
    monkeypatch.setitem(sys.modules, "starlette.datastructures", None)
    monkeypatch.delitem(sys.modules, "otpsup.web.application", raising=False)
    with served() as (tree, url):
        assert url is None
        assert tree.ask_plugin("healthz", "report", {"include": "tree"})["status"]
        until(lambda: any("pip install 'otpsup[web]'" in line for line in log))


def test_a_unix_socket(tmp_path: Path) -> None:
    """Only its user may use it; it goes away with the tree."""
    file = tmp_path / "web.sock"
    with served(web=Web(listen=f"unix:{file}")) as (_, url):
        assert url == f"unix:{file}"
        assert stat.S_IMODE(file.stat().st_mode) == 0o700
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(LONG)
            sock.connect(str(file))
            sock.sendall(b"GET /readiness HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n")
            told = b"".join(iter(lambda: sock.recv(1000), b""))
        assert told.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not file.exists()


def test_a_head_without_an_end(talking: tuple[str, Talks]) -> None:
    """Who sends one is cut off, and holds up nobody."""
    url, _ = talking
    host, _, port = url.split("/")[2].partition(":")
    with socket.create_connection((host, int(port)), timeout=LONG) as sock:
        sock.sendall(b"GET /hello HTTP/1.1\r\n")
        assert ask(url, "/other")[0] == 200
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                sock.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
            assert sock.recv(1) == b""
    assert ask(url, "/other")[0] == 200


def test_another_port_while_it_runs(tmp_path: Path) -> None:
    """`update` moves it, and gives healthz what it looks at now; the children stay."""
    file = tmp_path / "tree.yaml"

    def write(port: int, more: str = "") -> None:
        file.write_text(
            f"name: moving\nchildren: []\nplugins:\n  web: {{listen: '127.0.0.1:{port}'}}\n{more}"
        )

    one, two = free_port(), free_port()
    write(one)
    with Tree.from_file(file) as tree:
        assert str(one) in tree.ask_plugin("web", "url")
        assert ask(f"http://127.0.0.1:{one}/", "/healthz?include=nope")[0] == 400
        write(two, "  healthz: {collectors: {nope: 'nowhere:nobody'}}\n")
        assert {each.path for each in tree.update()} >= {"plugins:web", "plugins:healthz"}
        assert str(two) in tree.ask_plugin("web", "url")
        assert ask(f"http://127.0.0.1:{two}/", "/healthz?include=nope")[0] == 503
        with pytest.raises(ConnectionRefusedError):
            ask(f"http://127.0.0.1:{one}/", "/healthz")


def test_it_ends_with_the_tree() -> None:
    """While a page hangs, too: the tree waits a few seconds at most for its plug-ins."""
    with served(web=Web(listen=f"127.0.0.1:{free_port()}")) as (_, url):
        assert ask(url, "/readiness")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        ask(url, "/readiness")


def test_what_it_does_not_answer() -> None:
    with served() as (tree, _), pytest.raises(NotFound, match="ask for 'url'"):
        tree.ask_plugin("web", "urls")

"""REST has what the command line has, in its words."""

from __future__ import annotations

import contextlib
import json
import os
import select
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from docs.rest_reference import COMMANDS
from otpsup import Command, Supervisor, Worker, copies, log_line
from otpsup.cli import commands, main
from otpsup.control import address
from otpsup.web.routes import ROUTES
from tests.support import targets
from tests.support.waiting import LONG, until
from tests.web.served import Client, read_until, served


def web(number: int) -> Command:
    """Does not start any more once there is a file, if it is the second."""
    code = f"test {number} = 2 && test -e stop && exit 3; echo up; exec sleep 1000"
    return Command(
        "web", ["sh", "-c", code], cwd=os.environ[address.DIRECTORY], ready=log_line("up")
    )


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Client]:
    monkeypatch.setenv(address.DIRECTORY, str(tmp_path / "o"))
    (tmp_path / "o").mkdir(mode=0o700)
    worker = Worker("w", targets.ready, ready="notify")
    db = Command("db", ["sleep", "1000"], autostart=False)
    back = Supervisor("back", strategy="one_for_all", children=[worker, db])
    spec = Supervisor("shop", intensity=0, children=[*copies(3, web), back])
    with served(tmp_path, spec) as client:
        yield client


def said(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[str, str]:
    """What the command says, on both streams."""
    capsys.readouterr()
    with contextlib.suppress(SystemExit):
        main(list(line))
    told = capsys.readouterr()
    return told.out, told.err


def test_every_command_is_in_the_table() -> None:
    """With routes that there are; or it is said to be no matter of a tree that runs."""
    assert set(COMMANDS) == set(commands.COMMANDS)
    known = {route.id for route in ROUTES}
    for told in COMMANDS.values():
        assert isinstance(told, str) or set(told) <= known


def test_status_of_several(shop: Client) -> None:
    """Patterns and the names that copies share, as on the command line."""
    told = shop.get("/api/v1/status?path=web&path=back").json
    assert [each["path"] for each in told] == ["web-1", "web-2", "web-3", "back"]
    assert [each["path"] for each in told[-1]["children"]] == ["back/w", "back/db"]
    assert [e["path"] for e in shop.get("/api/v1/status?path=web-%5B12%5D").json] == [
        "web-1",
        "web-2",
    ]
    assert shop.get("/api/v1/status").json == []
    assert shop.get("/api/v1/status?path=no*").status == 404


def test_the_same_words(shop: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an error, and of what would come of a death."""
    for path, line in (
        ("status?path=wbe", "status"),
        ("why/wbe", "why"),
        ("status?path=x*", "status"),
    ):
        name = path.rpartition("=")[2].rpartition("/")[2]
        detail = shop.get(f"/api/v1/{path}").json["detail"]
        assert said(capsys, line, name)[1].strip().endswith(detail)
    words = shop.get("/api/v1/simulate?kill=back/w").json["words"]
    assert "\n".join(words) + "\n" == said(capsys, "simulate", "--kill", "back/w")[0]
    stacks = until(lambda: waiting_in(shop, "back/w"))
    assert stacks.strip() == said(capsys, "stacks", "back/w")[0].strip()
    for path in ("web-1", "back/db", "back"):
        detail = shop.post(f"/api/v1/children/{path}:stacks").json["detail"]
        assert detail in said(capsys, "stacks", path)[1]


def waiting_in(shop: Client, path: str) -> str:
    """The stacks of this worker, once it only waits."""
    stacks = str(shop.post(f"/api/v1/children/{path}:stacks", role="operate").json["stacks"])
    return stacks if "in wait" in stacks else ""


def test_simulate(shop: Client) -> None:
    """From where the tree is, in turn, and without touching it."""
    before = [node.pid for node in shop.tree.status().walk()]
    query = urlencode({"kill": ["web-1", "web-2"], "broken": "web-1"}, doseq=True)
    told = shop.get(f"/api/v1/simulate?{query}", "view").json
    (first,) = told["consequences"]  # with an intensity of 0 the tree ends
    assert first["path"] == "web-1"
    assert first["steps"][0] == {"at": 0.0, "path": "web-1", "what": "ends", "why": "SIGKILL"}
    assert told["words"][-1] == "The tree has ended; 1 of 2 kills were not to be done."
    assert [node.pid for node in shop.tree.status().walk()] == before
    assert shop.get("/api/v1/simulate").status == 400
    assert shop.get("/api/v1/simulate?kill=nobody").status == 404
    too_many = shop.get("/api/v1/simulate?kill=web-1&kill=web-2&times=26")
    assert (too_many.status, too_many.json["detail"]) == (
        422, "it is too much: 52 kills, of 50 at most"
    )  # fmt: skip


def test_rolling(shop: Client) -> None:
    """One after the other; and none after the one that fails, whose words come back."""
    told = shop.post("/api/v1/children/web:roll", role="operate").json
    assert [(each["path"], each["state"]) for each in told] == [
        ("web-1", "running"), ("web-2", "running"), ("web-3", "running"),
    ]  # fmt: skip
    Path(os.environ[address.DIRECTORY], "stop").touch()
    before = shop.tree.status().find("web-3").pid  # type: ignore[union-attr]
    answer = shop.post("/api/v1/children/web:roll")
    assert (answer.status, answer.json["code"]) == (409, "rolling_halted")
    assert answer.json["detail"].endswith("; left as they are: web-3")
    assert shop.tree.status().find("web-3").pid == before  # type: ignore[union-attr]
    assert shop.tree.status().state == "running"


def test_wait(shop: Client) -> None:
    """Told as soon as nothing is lacking; what is lacking is told when the time is over."""
    assert [each["path"] for each in shop.get("/api/v1/wait?ready=true").json] == [""]
    late = shop.get("/api/v1/wait?path=back/db&path=back/d&ready=true&timeout=0")
    assert (late.status, late.json["code"]) == (504, "timeout")
    assert late.json["detail"] == (
        "waited for 0 s: there is no child 'back/d'; back/db is down because nobody has started it"
    )
    found: list[str] = []

    def wait() -> None:
        answer = shop.get("/api/v1/wait?path=back/db&ready=true&timeout=60")
        found.extend(each["state"] for each in answer.json)

    waiting = threading.Thread(target=wait)
    waiting.start()
    shop.tree.start_child("back/db")
    waiting.join(LONG)
    assert found == ["running"]


@pytest.mark.slow
def test_nobody_waits_any_more(shop: Client) -> None:
    """One caller has half of the places; those who have gone are not looked for."""
    socks = [shop.open("/api/v1/wait?path=nobody&timeout=600") for _ in range(40)]
    until(lambda: len(select.select(socks, (), (), 0)[0]) == 8)
    assert shop.get("/api/v1/wait?timeout=1", "view").status == 200
    for sock in select.select(socks, (), (), 0)[0]:
        read_until(sock, b"too many streams are open")
    for sock in socks:
        sock.close()
    until(lambda: shop.get("/api/v1/wait?timeout=1").status == 200)


def test_graph_and_schema(shop: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """As the commands print them."""
    for form in ("text", "mermaid", "dot", "svg"):
        answer = shop.get(f"/api/v1/graph?format={form}")
        assert answer.body.decode().strip() == said(capsys, "graph", "--format", form)[0].strip()
        kind = "image/svg+xml" if form == "svg" else "text/plain; charset=utf-8"
        assert answer.headers["content-type"] == kind
    assert shop.get("/api/v1/schema").json == json.loads(said(capsys, "schema")[0])

"""Where a tree is served from: unix sockets, TLS, an application of its host, `otpsup web`."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import otpsup.web
from otpsup import Tree, Web
from otpsup.control import address
from otpsup.serving.server import Server, Site
from otpsup.serving.sockets import Address, CannotServe, open_socket
from otpsup.web import files
from otpsup.web.tokens import add
from tests.support.waiting import LONG, until
from tests.web.served import Client, read_until, spec


def over(path: Path, request: str) -> tuple[int, bytes]:
    """An answer over a unix socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(LONG)
        sock.connect(str(path))
        sock.sendall(request.replace("\n", "\r\n").encode())
        told = b"".join(iter(lambda: sock.recv(65536), b""))
    return int(told.split()[1]), told.partition(b"\r\n\r\n")[2]


GET = "GET /api/v1/session HTTP/1.1\nHost: any\nConnection: close\n"


def test_a_unix_socket_knows_its_user(tmp_path: Path) -> None:
    """Who has the tree's uid is its admin; not through a proxy, nor if there are tokens."""
    file = tmp_path / "web.sock"
    with Tree(spec(), web=f"unix:{file}"):
        until(file.exists)
        status, told = over(file, f"{GET}\n")
        assert (status, json.loads(told)) == (200, {
            "role": "admin", "csrf": None, "name": "shop", "as": f"uid {os.getuid()}",
            "access": "unix_user", "sign_in": "unix_user",
        })  # fmt: skip
        for name in ("Forwarded: for=1.2.3.4", "X-Forwarded-For: 1.2.3.4", "Via: 1.1 x"):
            assert json.loads(over(file, f"{GET}{name}\n\n")[1])["role"] is None
        restart = GET.replace("GET /api/v1/session", "POST /api/v1/children/web:restart")
        assert over(file, f"{restart}Content-Length: 0\n\n")[0] == 200
    tokens = tmp_path / "tokens"
    token = add(tokens, "view", "mia")
    with Tree(spec(), web=Web(listen=f"unix:{file}", token_file=tokens)):
        until(file.exists)
        assert json.loads(over(file, f"{GET}\n")[1])["role"] is None
        told = json.loads(over(file, f"{GET}Authorization: Bearer {token}\n\n")[1])
        assert (told["role"], told["access"]) == ("view", "token_file")


def test_a_unix_socket_listens_from_when_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who finds it may connect; and another program that begins at the same time, and asks whether
    anybody is there, finds that it is taken."""
    file = tmp_path / "web.sock"
    link = Path.hardlink_to

    def linked(self: Path, target: Path) -> None:
        link(self, target)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self))
        with pytest.raises(CannotServe, match="another program already listens"):
            open_socket(Address(label="web", file=str(file)))

    monkeypatch.setattr(Path, "hardlink_to", linked)
    with open_socket(Address(label="web", file=str(file))):
        assert file.is_socket()


def certificate(folder: Path) -> Path:
    """One that signs itself, with its key."""
    file = folder / "web.pem"
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", str(file), "-out", str(folder / "cert.pem"), "-days", "2", "-subj",
        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    file.write_text(file.read_text() + (folder / "cert.pem").read_text())
    return file


def test_tls(tmp_path: Path) -> None:
    """Over TLS, with a cookie that is sent over nothing else."""
    file = certificate(tmp_path)
    tokens = tmp_path / "tokens"
    token = add(tokens, "admin", "mia")
    web = Web(listen="127.0.0.1:0", certificate=file, token_file=tokens)
    with Tree(spec(), web=web) as tree:
        url = tree.ask_plugin("web", "url")
        assert url.startswith("https://")
        context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        port = int(url.rstrip("/").rpartition(":")[2])
        connection = http.client.HTTPSConnection("localhost", port, timeout=LONG, context=context)
        body = json.dumps({"token": token})
        connection.request("POST", "/login", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 204
        assert "Secure" in str(answer.getheader("set-cookie")).split("; ")
        connection.close()


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    """Nothing is served, above all not without TLS; the tree runs."""
    file = tmp_path / "web.pem"
    for text in (None, "nothing"):
        if text is not None:
            file.write_text(text)
        with Tree(spec(), web=Web(listen="127.0.0.1:0", certificate=file)) as tree:
            assert tree.ask_plugin("web", "url") is None
            assert tree.status().state == "running"


@contextmanager
def mounted(tree: Tree, folder: Path) -> Iterator[Client]:
    """A host's own server, with the tree's application in it."""
    file = folder / "tokens"
    tokens = {"admin": add(file, "admin", "mia"), "view": add(file, "view", "leo")}
    ours = otpsup.web.app(tree, token_file=file)
    host = Starlette(routes=[Mount("/ops/tree", ours)])
    server = Server([Site(Address(label="host", host="127.0.0.1"), lambda _: host)], "a test")
    server.start()
    try:
        name, port = server.bound[0]
        yield Client(f"http://{name}:{port}/", tokens, tree)
    finally:
        server.stop()


def test_mounted_in_an_application(tmp_path: Path) -> None:
    """Everything is below its path, before the tree is started, while it runs, and after."""
    tree = Tree(spec())
    with mounted(tree, tmp_path) as client:
        base = "/ops/tree"
        refused = client.get(f"{base}/api/v1/tree")
        assert (refused.status, refused.json["code"]) == (503, "noproc")
        with tree:
            assert client.get(f"{base}/api/v1/tree").json["name"] == "shop"
            assert client.get(f"{base}/api/v1/children/back%2Fdb").json["name"] == "db"
            assert client.get(f"{base}/api/v1/graph.svg").status == 200
            assert client.get(f"{base}/healthz").status == 200
            assert client.get(f"{base}/healthz", None).status == 401
            assert client.get("/api/v1/tree").status == 404
            told = client.get(f"{base}/nope")
            assert (told.status, told.body.decode()) == (404, (
                "there is no page /ops/tree/nope; there are /ops/tree/, /ops/tree/api/v1, "
                "/ops/tree/openapi.json, /ops/tree/healthz, /ops/tree/readiness\n"
            ))  # fmt: skip
            assert client.get(f"{base}/openapi.json").json["servers"] == [{"url": base}]
            assert client.get(f"{base}/api/v1/session").json["access"] == "token_file"
            begun = client.post(f"{base}/login", {"token": client.tokens["view"]}, None)
            assert f"Path={base}" in begun.headers["set-cookie"].split("; ")
            with client.open(f"{base}/api/v1/events?recent=9") as sock:
                read_until(sock, b"event: ")  # what was before, or a gap: it hears the tree
                restarted = client.post(f"{base}/api/v1/children/web:restart")
                assert restarted.status == 200
                read_until(sock, b"event: progress")
            with client.open(f"{base}/api/v1/logs/follow?path=web") as sock:
                read_until(sock, b"hello")
        assert client.get(f"{base}/api/v1/tree").status == 503


@contextmanager
def command(*more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`otpsup web`, and what it says."""
    line = [sys.executable, "-m", "otpsup", "web", "--listen", "127.0.0.1:0", *more]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        try:
            yield running, running.stdout.readline().strip()
        finally:
            running.kill()


def first_of(client: Client, path: str) -> bytes:
    """How a stream begins; with a gap, if the server has only just found the tree."""
    with client.open(path) as sock:
        return read_until(sock, b"event: ")


def test_otpsup_web() -> None:
    """A server of its own for a tree of another program, until SIGTERM; its token goes with it."""
    with Tree(spec(), name="elsewhere") as tree, command("--tree", "elsewhere") as (running, url):
        found = re.fullmatch(r"(http://127.0.0.1:\d+/)#token=(otpsup_\S+)", url)
        assert found is not None
        client = Client(found[1], {"admin": found[2]}, tree)
        assert client.get("/api/v1/tree").json["children"][0]["path"] == "web"
        assert client.get("/api/v1/graph.svg").status == 200
        assert client.get("/readiness", None).json == {"server_up": 1}
        assert client.get("/metrics", None).status == 404
        assert client.post("/api/v1/children/nope:stop").status == 404
        until(lambda: b"event: gap" not in first_of(client, "/api/v1/events?recent=5"))
        with client.open("/api/v1/events?recent=5") as events:
            read_until(events, b"event: progress")
            assert client.post("/api/v1/children/web:restart").json["path"] == "web"
            read_until(events, b"was told to restart")
        with client.open("/api/v1/logs/follow?path=web&lines=1") as lines:
            read_until(lines, b"hello")
        assert logged_in("elsewhere") == f"{url}\n"
        tokens = list(address.directory().glob(f"elsewhere-*-{running.pid}.web-token"))
        assert [each.stat().st_mode & 0o777 for each in tokens] == [0o600]
        assert client.post("/api/v1/shutdown").status == 202
        tree.wait(LONG)
        gone = client.get("/api/v1/tree")
        assert (gone.status, gone.json["detail"]) == (503, "tree 'elsewhere' is not running")
        running.send_signal(signal.SIGTERM)
        assert running.wait(LONG) == 0
        assert not tokens[0].exists()
        assert running.stderr is not None
        log = running.stderr.read()
        assert "elsewhere: owner asks for stop_child 'nope', in vain: " in log
        assert "elsewhere: owner asks for restart_child 'web'\n" in log


def logged_in(name: str) -> str:
    """What `otpsup web login` prints."""
    line = [sys.executable, "-m", "otpsup", "web", "login", "--tree", name]
    return subprocess.run(line, capture_output=True, text=True).stdout


def test_where_a_tree_serves_itself() -> None:
    """`otpsup web login` prints what logs in; the token lies where only its user looks."""
    with Tree(spec(), name="itself", web="127.0.0.1:0") as tree:
        url = tree.ask_plugin("web", "login")
        assert logged_in("itself") == f"{url}\n"
        where, _, token = url.partition("#token=")
        client = Client(where, {"admin": token}, tree)
        assert client.get("/api/v1/session").json == {
            "role": "admin", "csrf": None, "name": "itself", "as": "owner", "access": "login",
            "sign_in": "login",
        }  # fmt: skip
        (file,) = address.directory().glob(f"itself-*-{os.getpid()}.web-token")
        assert (file.read_text().split(), file.stat().st_mode & 0o777) == ([token, url], 0o600)
        assert client.get("/healthz", None).status == 200
        assert client.get("/api/v1/tree", None).status == 401
    assert not file.exists()


@pytest.mark.slow
def test_who_else_serves_a_tree_that_serves_itself() -> None:
    """`otpsup web login` tells where it serves itself, and then `otpsup web` beside it."""
    with Tree(spec(), name="both", web="127.0.0.1:0") as tree:
        own = tree.ask_plugin("web", "login")
        with command("--tree", "both") as (_, beside):
            assert logged_in("both") == f"{own}\n{beside}\n"
        until(lambda: logged_in("both") == f"{own}\n")


@pytest.mark.slow
def test_who_else_serves_a_tree_whose_own_server_does_not(tmp_path: Path) -> None:
    """It is told all the same."""
    web = Web(listen="127.0.0.1:0", certificate=tmp_path / "nope.pem")
    with Tree(spec(), name="neither", web=web), command("--tree", "neither") as (_, beside):
        assert logged_in("neither") == f"{beside}\n"


@pytest.mark.parametrize(
    "line",
    [["--role", "view"], ["token"], ["token", "a b"], ["login", "mia"], ["--listen", "0.0.0.0:1"],
     ["--key", "x.pem"], ["--tree", "no-such-tree"]],
)  # fmt: skip
def test_what_otpsup_web_refuses(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from otpsup.cli.main import main

    assert main(["web", *line]) in (1, 2, 3)
    said = capsys.readouterr()
    assert said.err.splitlines()[-1].startswith("otpsup: ")
    assert said.out == ""


def test_tokens_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from otpsup.cli.main import main
    from otpsup.web.tokens import hashed, parsed

    assert main(["web", "token", "--role", "operate", "mia"]) == 0
    told = capsys.readouterr()
    token = told.out.strip()
    assert told.err.endswith(f": operate mia {hashed(token)}\n")
    file = tmp_path / "tokens"
    assert main(["web", "token", "leo", "--tokens", str(file)]) == 0
    token = capsys.readouterr().out.strip()
    assert parsed(file.read_text(), file)[hashed(token)].role == "view"
    assert main(["web", "token", "leo", "--tokens", str(file)]) == 1
    assert "already" in capsys.readouterr().err


def test_files_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those in its folder, with their types; one that a browser has is not sent again."""
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "index.html").write_text("<p>the page")
    (folder / "app.js").write_text("1")
    (folder / "notes.txt").write_text("no page")
    (tmp_path / "secret.js").write_text("secret")
    monkeypatch.setattr(files, "FOLDER", folder)
    first = files.file("/", None)
    assert first is not None
    assert (first.body, first.headers["content-type"]) == (
        b"<p>the page",
        "text/html; charset=utf-8",
    )
    again = files.file("/", first.headers["etag"])
    assert again is not None
    assert (again.status_code, again.body) == (304, b"")
    found = files.file("/static/app.js", None)
    assert found is not None
    assert found.headers["content-type"] == "text/javascript; charset=utf-8"
    for other in ("/static/../secret.js", "/static//app.js", "/static/notes.txt", "/static/",
                  "/static/nope.js", "/app.js", "/static/.app.js", "/static/\0.js"):  # fmt: skip
        assert files.file(other, None) is None

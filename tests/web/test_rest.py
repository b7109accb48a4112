"""REST: a real server of a real tree with real children."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import InvalidSpec, Tree, Web
from otpsup.serving import protocol
from otpsup.web import requests as web_requests
from otpsup.web import shapes
from otpsup.web.access import may
from otpsup.web.openapi import document
from otpsup.web.problems import STATUSES
from otpsup.web.routes import ROUTES, Route
from otpsup.web.sessions import FAILURES
from tests.support.waiting import LONG, until
from tests.web.served import ROLES, Client, read_until, served, spec

BODIES = {
    "signal_child": {"signal": "CONT"},
    "signal_some": {"signal": "CONT", "paths": ["web"]},
    "stop_some": {"paths": ["nobody"]},
    "remove_some": {"paths": ["nobody"]},
    "scale_child": {"count": 2},
    "stdin_child": {"text": "hi\n"},
    "add_children": {"text": "name: more\ncommand: [sleep, '1000']\n"},
    "login": {"token": "nobody's"},
}
PATHS = {"stdin_child": "back/db"}
QUERIES = {"simulate": "?kill=web", "wait": "?timeout=0"}
LATER = ("shutdown", "remove_child", "delete_child")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with served(tmp_path_factory.mktemp("shop")) as client:
        yield client


def asked(client: Client, route: Route, role: str | None) -> tuple[int, Any]:
    """What the route answers; of a stream the head alone."""
    path = route.path.replace("{path}", PATHS.get(route.id, "web")) + QUERIES.get(route.id, "")
    if route.type == "text/event-stream":
        with client.open(path, role) as sock:
            return int(read_until(sock, b"\r\n\r\n").split()[1]), None
    body = BODIES.get(route.id, {}) if route.body is not None else None
    answer = client.ask(route.method, path, role, body)
    is_json = "json" in answer.headers.get("content-type", "")
    return answer.status, answer.json if is_json else answer.body


@pytest.mark.parametrize("role", [None, *ROLES])
def test_each_route_with_each_role(role: str | None, tmp_path: Path) -> None:
    """Whoever may not is told so, and nothing is done; whoever may gets past that, and what the
    tree says then is one of what the route's description has."""
    with served(tmp_path) as client:
        paths = document()["paths"]
        routes = sorted(ROUTES, key=lambda route: (route.id in LATER, route.id == "shutdown"))
        for route in routes:
            status, told = asked(client, route, role)
            known = paths[route.path][route.method.lower()]["responses"]
            assert str(status) in known, (route.id, status, told)
            if route.id == "login":
                assert status == 401
            elif not may(role, route.role):  # type: ignore[arg-type]
                assert status == (401 if role is None else 403), route.id
                assert told is None or told["code"] in ("unauthorized", "forbidden")
            else:
                assert status not in (401, 403), (route.id, told)
        if role in (None, "view"):
            assert client.tree.status().find("web").restarts == 0  # type: ignore[union-attr]
            assert all(each.kind != "restart" for each in client.tree.recent_events())


def test_what_it_tells_is_what_the_tree_tells(shop: Client) -> None:
    """The same fields with the same values as the views."""
    told = shop.get("/api/v1/tree").json
    status = shop.tree.status()
    assert [each["path"] for each in told["children"]] == ["web", "back"]
    assert told["children"][0]["pid"] == status.children[0].pid
    for path in ("back/db", "back%2Fdb", "%62ack/db"):
        info = shop.get(f"/api/v1/children/{path}").json
        assert (info["path"], info["spec"]["command"]) == ("back/db", ["cat"])
    assert shop.get("/api/v1/children/").json["name"] == "shop"
    about = shop.get("/api/v1/about").json
    assert {**about, "now": 0} == {**shop.tree.about(), "now": 0}
    assert abs(about["now"] - time.time()) < LONG
    assert shop.get("/api/v1/why/web").json["why"] == list(status.children[0].why)
    lines = until(lambda: shop.get("/api/v1/logs?path=web&stream=stdout").json)
    assert {line["text"] for line in lines} == {"hello"}
    assert shop.get("/api/v1/logs?path=back&path=web&lines=0").json == []
    events = shop.get("/api/v1/recent-events").json
    assert len(events) == len(shop.tree.recent_events())
    assert shop.get("/api/v1/statistics?samples=0").json["children"]["web"]["starts"] >= 1
    picture = shop.get("/api/v1/graph.svg")
    assert picture.body.startswith(b"<svg")
    assert "style-src 'unsafe-inline'" in picture.headers["content-security-policy"]


def test_it_does_what_it_is_asked(shop: Client) -> None:
    before = shop.get("/api/v1/children/web").json["pid"]
    assert shop.post("/api/v1/children/web:restart").json["pid"] != before
    assert shop.post("/api/v1/children/web:stop").status == 204
    assert shop.get("/api/v1/children/web").json["state"] == "down"
    assert shop.post("/api/v1/children/web:start").json["state"] == "running"
    assert shop.post("/api/v1/children/back/db:stdin", {"text": "to the cat\n"}).status == 204
    until(lambda: "to the cat" in str(shop.get("/api/v1/logs?path=back/db").json))
    added = shop.post(
        "/api/v1/children", {"text": "name: n\ncommand: [sleep, '1000']\n", "parent": "back"}
    )
    assert (added.status, added.json[0]["path"]) == (201, "back/n")
    assert shop.post("/api/v1/children/back/n:remove").status == 204
    assert shop.get("/api/v1/children/back/n").status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "says"),
    [
        ("POST", "/api/v1/children/web:start", {}, 409, "already_started", "web"),
        ("POST", "/api/v1/children/wbe:stop", {}, 404, "not_found", "web"),
        ("POST", "/api/v1/children/back:signal", {"signal": "HUP"}, 409, "no_process", "super"),
        ("POST", "/api/v1/children/web:signal", {"signal": "NOPE"}, 422, "invalid_spec", "NOPE"),
        ("POST", "/api/v1/children/web:signal", {"sgnal": 1}, 400, None, "needs signal"),
        ("POST", "/api/v1/children/web:stop", {"x": 1}, 400, None, "has no 'x'"),
        ("POST", "/api/v1/children/web:stop", [], 400, None, "object"),
        ("POST", "/api/v1/children", {"text": "name: ["}, 422, "invalid_file", "<text>"),
        ("POST", "/api/v1/update", {}, 409, "no_tree_file", "not started from a file"),
        ("GET", "/api/v1/statistics?samples=x", None, 400, None, "a whole number"),
        ("GET", "/api/v1/statistics?sample=1", None, 400, None, "samples"),
        ("GET", "/api/v1/children/%ff", None, 400, None, "UTF-8"),
        ("GET", "/api/v1/children/web:restart", None, 405, None, "POST"),
        ("GET", "/api/v1/children/web%3Arestart", None, 404, "not_found", "web:restart"),
        ("DELETE", "/api/v1/tree", None, 405, None, "GET"),
        ("GET", "/api/v1/nothing", None, 404, None, "openapi.json"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told(
    method: str, path: str, body: Any, status: int, code: str | None, says: str, shop: Client
) -> None:
    """As problem+json, with the words of the command line."""
    answer = shop.ask(method, path, body=body)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json
    assert (told["status"], told["type"]) == (status, "about:blank")
    assert code is None or told["code"] == code
    if says != "<text>":
        assert says in told["detail"]


def test_an_idempotency_key(shop: Client) -> None:
    """A repeat gets the first answer, and nothing is done; another's key is another."""
    again = {"Idempotency_Key": "k1"}
    first = shop.post("/api/v1/children/web:restart", **again)
    pid = first.json["pid"]
    assert shop.post("/api/v1/children/web:restart", **again).body == first.body
    assert shop.get("/api/v1/children/web").json["pid"] == pid
    assert shop.post("/api/v1/children/web:stop", **again).status == 422
    other = shop.post("/api/v1/children/web:restart", role="operate", **again)
    assert other.json["pid"] != pid
    assert shop.post("/api/v1/children/web:restart", Idempotency_Key="x" * 256).status == 400


# Who asks.


def test_a_session(shop: Client) -> None:
    """A token becomes a cookie; what changes something takes the CSRF token, too, and logging out
    ends it."""
    assert shop.post("/login", {"token": "x" * 40}, role=None).status == 401
    begun = shop.post("/login", {"token": shop.tokens["operate"]}, role=None)
    assert begun.status == 204
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(begun.headers["set-cookie"].split("; "))
    assert "Secure" not in begun.headers["set-cookie"]
    cookie = begun.headers["set-cookie"].partition(";")[0]
    told = shop.get("/api/v1/session", None, Cookie=cookie).json
    assert (told["role"], told["name"]) == ("operate", "shop")
    assert (told["as"], told["access"], told["sign_in"]) == (
        "the-operate", "token_file", "token_file",
    )  # fmt: skip
    nobody = shop.get("/api/v1/session", None).json
    assert nobody == {
        "role": None, "csrf": None, "name": "shop", "as": None, "access": None,
        "sign_in": "token_file",
    }  # fmt: skip
    assert shop.get("/api/v1/session", "view").json["as"] == "the-view"
    path = "/api/v1/children/web:signal"
    for wrong in ({}, {"X_CSRF_Token": "x"}, {"X_CSRF_Token": told["csrf"] + "x"}):
        answer = shop.post(path, {"signal": "CONT"}, None, Cookie=cookie, **wrong)
        assert (answer.status, "X-CSRF-Token" in answer.json["detail"]) == (403, True)
    right = {"Cookie": cookie, "X_CSRF_Token": told["csrf"]}
    assert shop.post(path, {"signal": "CONT"}, None, **right).status == 204
    assert shop.post("/api/v1/update", {}, None, **right).status == 403
    assert shop.post("/logout", {}, None, **right).status == 204
    assert shop.get("/api/v1/session", None, Cookie=cookie).json["role"] is None
    assert shop.get("/api/v1/tree", None, Cookie=cookie).status == 401


def test_other_sites(shop: Client) -> None:
    """A page of another site may ask for nothing, whatever it sends along; nor may who has another
    name lead here."""
    host = f"localhost:{shop.address[1]}"
    for origin in ("https://evil.example", f"http://evil.example:{shop.address[1]}", "null",
                   "http://localhost", "http://[", ""):  # fmt: skip
        for method, path in (("GET", "/api/v1/tree"), ("POST", "/api/v1/children/web:stop"),
                             ("POST", "/login"), ("GET", "/healthz")):  # fmt: skip
            body: dict[str, str] | None = {} if method == "POST" else None
            assert shop.ask(method, path, "admin", body, Origin=origin, Host=host).status == 403
    assert shop.get("/api/v1/tree", Origin=f"http://{host}", Host=host).status == 200
    for name in ("evil.example", "localhost.evil.example", "10.0.0.1"):
        assert shop.get("/api/v1/tree", Host=name).status == 421
    # What a form can send without asking first is refused for its type.
    form = b'{"signal": "TERM"}'
    assert shop.post("/api/v1/children/web:signal", form, Content_Type="text/plain").status == 415


def test_headers_of_every_answer(shop: Client) -> None:
    for path in ("/api/v1/tree", "/healthz", "/nothing", "/api/v1/nothing"):
        headers = shop.get(path).headers
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_wrong_tokens_have_to_wait(tmp_path: Path) -> None:
    """After ten, even the right one, unless it was right before; sessions go on."""
    with served(tmp_path) as client:
        assert client.get("/api/v1/about", "view").status == 200
        said = [client.get("/api/v1/about", f"wrong{n}").status for n in range(FAILURES + 1)]
        assert said == [401] * FAILURES + [429]
        refused = client.post("/login", {"token": client.tokens["admin"]}, None)
        assert refused.status == 429
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert client.get("/api/v1/about", "operate").status == 429
        assert client.get("/api/v1/about", "view").status == 200


def test_a_token_that_is_taken_back(tmp_path: Path) -> None:
    """Opens nothing from then on, nor do its sessions."""
    with served(tmp_path) as client:
        begun = client.post("/login", {"token": client.tokens["admin"]}, None)
        cookie = begun.headers["set-cookie"].partition(";")[0]
        assert client.get("/api/v1/tree", None, Cookie=cookie).status == 200
        file = tmp_path / "tokens"
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
        assert client.get("/api/v1/tree").status == 401
        assert client.get("/api/v1/tree", None, Cookie=cookie).status == 401
        assert client.get("/api/v1/tree", "view").status == 200


# What is too large, too slow, or too much.


def test_large_bodies(shop: Client) -> None:
    """Are refused before they have come; one that comes in pieces, too."""
    path = "/api/v1/children/back/db:stdin"
    assert shop.post(path, {"text": "x" * 70_000}).status == 413
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {shop.tokens['admin']}"
        "\r\nContent-Type: application/json\r\n"
    )
    for more in ("Content-Length: 9999999999\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"):
        with socket.create_connection(shop.address, timeout=LONG) as sock:
            sock.sendall(head.encode() + more.encode())
            if "chunked" in more:
                sock.sendall((b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 5)
            assert b"413" in read_until(sock, b"\r\n\r\n").split(b"\r\n")[0]


def test_half_open_requests(shop: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head, or a body, that does not come to its end is given up; others are served meanwhile."""
    monkeypatch.setattr(protocol, "_HEAD_TIME", 0.3)
    monkeypatch.setattr(web_requests, "PATIENCE", 0.3)
    head = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with (
        socket.create_connection(shop.address, timeout=LONG) as half,
        socket.create_connection(shop.address, timeout=LONG) as slow,
    ):
        half.sendall(b"GET /api/v1/tree HTTP/1.1\r\nHost: loc")
        slow.sendall(f'{head}Content-Length: 100\r\n\r\n{{"token": '.encode())
        assert shop.get("/api/v1/about").status == 200
        assert b"408" in read_until(slow, b"\r\n\r\n").split(b"\r\n")[0]
        with contextlib.suppress(ConnectionError):
            assert half.recv(1) == b""
    assert shop.get("/api/v1/about").status == 200


# Streams.


def ids_of(told: bytes) -> list[str]:
    return [line[4:].decode() for line in told.splitlines() if line.startswith(b"id: ")]


def test_events_as_they_come(shop: Client) -> None:
    """All of them, once each, also over a gap; an id that means nothing here is told as a gap."""
    with shop.open("/api/v1/events") as sock:
        read_until(sock, b": otpsup")
        shop.post("/api/v1/children/web:restart")
        told = read_until(sock, b"event: progress")
    first = ids_of(told)[0]
    shop.post("/api/v1/children/web:stop")
    shop.post("/api/v1/children/web:start")
    with shop.open("/api/v1/events", Last_Event_ID=first) as sock:
        missed = read_until(sock, b"down")
        while missed.count(b"event: progress") < 2:
            missed += sock.recv(65536)
    life, _, number = first.partition("-")
    numbers = [int(each.partition("-")[2]) for each in ids_of(missed)]
    assert numbers == [int(number) + 1 + n for n in range(len(numbers))]
    data = next(line for line in missed.splitlines() if line.startswith(b"data: "))
    assert json.loads(data[6:]).keys() >= {"at", "kind", "path", "text", "chain"}
    for other in (f"{life}-999999", "another-1", "x", f"{life}-"):
        with shop.open(f"/api/v1/events?after={other}") as sock:
            read_until(sock, b"event: gap\ndata: {}\n\n")
    with shop.open("/api/v1/events?recent=1") as sock:
        assert len(ids_of(read_until(sock, b"event: "))) == 1


def test_lines_as_they_come(shop: Client) -> None:
    with shop.open("/api/v1/logs/follow?path=back/db&lines=0") as sock:
        read_until(sock, b": otpsup")
        shop.post("/api/v1/children/back/db:stdin", {"text": "meow\n"})
        told = read_until(sock, b"meow")
    assert b"event: line\ndata: {" in told
    assert shop.get("/api/v1/logs/follow?path=nobody").status == 404


def test_streams_end_with_the_tree(tmp_path: Path) -> None:
    """In order, and at once: nobody waits for who follows."""
    with served(tmp_path) as client:
        follows = [client.open("/api/v1/events"), client.open("/api/v1/logs/follow")]
        for each in follows:
            read_until(each, b": otpsup")
        began = time.monotonic()
        assert client.post("/api/v1/shutdown").status == 202
        for each in follows:
            read_until(each, b"0\r\n\r\n")
            each.close()
        client.tree.wait(LONG)
        assert time.monotonic() - began < LONG


# What the table is for.


def test_the_document(shop: Client) -> None:
    """Has every route once, and only known schemas."""
    told = shop.get("/openapi.json").json
    assert told == json.loads(json.dumps(document()))
    ids = [each["operationId"] for path in told["paths"].values() for each in path.values()]
    assert len(ids) == len(set(ids)) == len(ROUTES)
    text = json.dumps(told)
    for name in text.split("#/components/schemas/")[1:]:
        assert name.partition('"')[0] in shapes.COMPONENTS


def test_every_error_of_the_project_has_a_status() -> None:
    from otpsup.errors import RequestError

    assert {each.code for each in RequestError.__subclasses__()} <= STATUSES.keys()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)
def test_shapes_mean_what_json_schema_means(value: Any) -> None:
    """What is refused is just what a validator of JSON Schema refuses."""
    import jsonschema

    for route in ROUTES:
        if route.body is not None:
            valid = jsonschema.Draft202012Validator(route.body).is_valid(value)
            assert (shapes.wrong(route.body, value, "it") == "") == valid


@pytest.mark.parametrize("web", [True, "127.0.0.1:0", Web(listen="127.0.0.1:0")])
def test_a_tree_is_told_to_serve(web: Any) -> None:
    tree = Tree(spec(), web=web)
    assert isinstance(tree.plugins["web"], Web)


def test_a_tree_is_told_nonsense() -> None:
    with pytest.raises(InvalidSpec, match="web must be True, an address"):
        Tree(spec(), web=9300)  # type: ignore[arg-type]
    with pytest.raises(InvalidSpec, match="among the plug-ins already"):
        Tree(spec(), plugins=[Web()], web=True)
    with pytest.raises(InvalidSpec, match="a key is for a certificate"):
        Web(key="/etc/key.pem")
    assert Tree(spec()).plugins == {}

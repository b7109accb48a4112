"""What REST says to people: of what is wrong in a request, in what a stream or a picture is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, Supervisor
from tests.support import ROOT
from tests.support.waiting import until
from tests.web.served import Client, served


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with served(tmp_path_factory.mktemp("shop")) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "/stop", {"paths": "x"}, "paths must be a list, not 'x'"),
        ("POST", "/stop", {"paths": [1]}, "each of paths must be a text, not 1"),
        ("POST", "/stop", [], "the body must be an object, not []"),
        ("POST", "/children/web:scale", {"count": "2"}, "count must be a whole number, not '2'"),
        ("POST", "/children/web:signal", {"signal": []},
         "signal must be a text or a whole number, not []"),
        ("POST", "/shutdown", {"hurry": 1}, "hurry must be true or false, not 1"),
        ("POST", "/update", {"file": "a\0b"}, "file must be a text without NUL, unlike 'a\\x00b'"),
        ("POST", "/update", {"file": 1}, "file must be a text or null, not 1"),
        ("GET", "/simulate", None, "kill must have one item at least"),
        ("GET", "/wait?ready=maybe", None, "ready must be true or false, not 'maybe'"),
        ("GET", "/logs?lines=x", None, "lines must be a whole number, not 'x'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_english(
    method: str, path: str, body: Any, says: str, shop: Client
) -> None:
    """And in no words of a schema."""
    answer = shop.ask(method, f"/api/v1{path}", body=body)
    assert (answer.status, answer.json["detail"]) == (400, says)


def test_a_graph_says_of_what_kind_it_is(shop: Client) -> None:
    """An image is one also where text was asked for before; nothing but its own style runs in
    it."""
    graph = shop.get("/api/v1/graph?format=svg")
    assert graph.headers["content-type"] == "image/svg+xml"
    assert graph.body == shop.get("/api/v1/graph.svg").body
    assert "style-src 'unsafe-inline'" in graph.headers["content-security-policy"]
    for form in ("", "?format=text", "?format=mermaid", "?format=dot"):
        told = shop.get(f"/api/v1/graph{form}").headers
        assert told["content-type"].partition(";")[0] == "text/plain"
        assert "unsafe" not in told["content-security-policy"]
    answers = shop.get("/openapi.json").json["paths"]["/api/v1/graph"]["get"]["responses"]
    assert set(answers["200"]["content"]) == {"text/plain", "image/svg+xml"}


def test_how_many_lines_are_meant(tmp_path: Path) -> None:
    """So many of each child, and both references say so."""
    talk = ["sh", "-c", "printf '1\\n2\\n3\\n'; exec sleep 1000"]
    both = Supervisor("both", children=[Command("a", talk), Command("b", talk)])
    with served(tmp_path, Supervisor("talks", children=[both])) as client:
        path = "/api/v1/logs?path=both&lines=2"
        lines = until(lambda: len(told := client.get(path).json) == 4 and told)
        assert sorted((each["path"], each["text"]) for each in lines) == [
            ("both/a", "2"), ("both/a", "3"), ("both/b", "2"), ("both/b", "3"),
        ]  # fmt: skip
    for page in ("rest", "cli"):
        text = (ROOT / f"docs/reference/{page}.md").read_text()
        assert "last lines of each child" in text


HEADS = (
    "/api/v1/tree",
    "/api/v1/graph.svg",
    "/api/v1/children/web",
    "/api/v1/why/",
    "/openapi.json",
)
STREAMS = ("/api/v1/events", "/api/v1/logs/follow?path=web")


@pytest.mark.parametrize("path", HEADS)
def test_head_is_taken_where_get_is(path: str, shop: Client) -> None:
    """With the headers of GET, and no body (RFC 9110, section 9.3.2)."""
    head, get = shop.ask("HEAD", path), shop.get(path)
    assert (head.status, head.body) == (200, b"")
    for name in ("content-type", "cache-control", "content-security-policy"):
        assert head.headers[name] == get.headers[name]
    assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize("path", STREAMS)
def test_head_of_a_stream_ends(path: str, shop: Client) -> None:
    """It has the head of the stream, and takes no place among those who follow."""
    head = shop.ask("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "content-length" not in head.headers


def test_head_takes_what_get_takes(shop: Client) -> None:
    """A role, parameters that there are, and a child that is there; and no POST is one."""
    assert shop.ask("HEAD", "/api/v1/tree", None).status == 401
    assert shop.ask("HEAD", "/api/v1/events", None).status == 401
    assert shop.ask("HEAD", "/api/v1/events?nope=1").status == 400
    assert shop.ask("HEAD", "/api/v1/children/nope").status == 404
    assert shop.ask("HEAD", "/api/v1/logs/follow?path=nope").status == 404
    refused = shop.ask("HEAD", "/api/v1/children/web:restart")
    assert (refused.status, refused.headers["allow"]) == (405, "POST")
    assert shop.ask("PUT", "/api/v1/tree").headers["allow"] == "GET, HEAD"

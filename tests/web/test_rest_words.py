"""What REST says to people: of what is wrong in a request, in what a stream or a picture is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

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

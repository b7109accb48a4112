"""The blog itself, on its own, over a real uvicorn."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from examples.fastblog.blog import app as blog
from examples.fastblog.blog import system
from examples.fastblog.blog.posts import PAGE, Posts
from tests.examples.fastblog_parts import served

POST = {"title": "First & <last>", "body": "One.\r\n\r\n<script>alert(1)</script>"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTBLOG_DATA", str(tmp_path_factory.mktemp("blog")))
        patch.delenv("FASTBLOG_IPC_PORT", raising=False)
        patch.delenv("FASTBLOG_UPDATE_URL", raising=False)
        with served(blog.create()) as url:
            yield url


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        yield client


def test_write_and_read(http: httpx.Client) -> None:
    """A written post has its page and is listed; what it says is text, never markup."""
    answer = http.post("/write", data=POST)
    assert answer.status_code == 303
    page = http.get(answer.headers["location"]).text
    assert "First &amp; &lt;last&gt;" in page
    assert "One.\n\n&lt;script&gt;" in page
    assert "First &amp; &lt;last&gt;" in http.get("/").text


def test_health_and_footer(http: httpx.Client) -> None:
    """/healthz and every page's footer name the version, which is that of no release here."""
    assert http.get("/healthz").json() == {"status": "ok", "version": "unreleased"}
    for path in ("/", "/write", "/system", "/posts/999"):
        assert '<span id="version">unreleased</span>' in http.get(path).text


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"title": " ", "body": "text"}, "needs a title"),
        ({"title": "title"}, "needs a title and a text"),
        ({"title": "x" * 201, "body": "text"}, "At most 200 characters"),
        ({"title": "title", "body": "x" * 100_001}, "100000 of text"),
    ],
)
def test_a_post_that_will_not_do(http: httpx.Client, fields: dict[str, str], problem: str) -> None:
    """It is not stored; the form comes back with the reason and what was typed."""
    before = http.get("/").text
    answer = http.post("/write", data=fields)
    assert answer.status_code == 422
    assert problem in answer.text
    assert fields["title"].strip() in answer.text
    assert http.get("/").text == before


def test_a_form_without_end(http: httpx.Client) -> None:
    """A body beyond any post is refused before it fills the memory."""
    assert http.post("/write", content=b"body=" + b"x" * 2_000_000).status_code == 413


@pytest.mark.parametrize("path", ["/posts/999", f"/posts/{2**70}", "/posts/x", "/nowhere"])
def test_no_such_page(http: httpx.Client, path: str) -> None:
    """Unknown pages are a 404 in the blog's own clothes."""
    answer = http.get(path)
    assert answer.status_code == 404
    assert "That did not work" in answer.text


@pytest.mark.parametrize("path", ["/write", "/system/update"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_forms_of_other_sites(http: httpx.Client, path: str, headers: dict[str, str]) -> None:
    """What another site makes a browser post is refused and changes nothing."""
    before = http.get("/").text
    answer = http.post(path, data=POST, headers=headers)
    assert answer.status_code == 403
    assert http.get("/").text == before


def test_our_own_form(http: httpx.Client, url: str) -> None:
    """What a browser sends along with our own form lets it pass."""
    for headers in ({"Origin": url}, {"Sec-Fetch-Site": "same-origin", "Origin": url}):
        assert http.post("/write", data=POST, headers=headers).status_code == 303


def test_other_names_for_this_machine(http: httpx.Client) -> None:
    """A name that somebody else has pointed at 127.0.0.1 is not served (DNS rebinding)."""
    assert http.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_system_page_without_a_tree(http: httpx.Client) -> None:
    """Outside otpsup the System page says so, and Update explains why it cannot."""
    status = http.get("/system/status.json").json()
    assert status.pop("sign_in").endswith("otpsup web login")
    nothing = {"update": None, "page": None, "supervised": False, "tree": None}
    assert status == {"version": "unreleased", **nothing}
    answer = http.post("/system/update")
    assert answer.status_code == 503
    assert "Not supervised" in answer.json()["message"]


def test_the_command_that_signs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be typed as it is: by its name if that is on PATH, else by where it is, or through the
    Python that runs the blog."""
    python = tmp_path / "a venv" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert system.sign_in_command() == f"'{python}' -m otpsup web login"
    beside = python.with_name("otpsup")
    beside.write_text("#!/bin/sh\n")
    beside.chmod(0o700)
    assert system.sign_in_command() == f"'{beside}' web login"
    monkeypatch.setenv("PATH", str(beside.parent))
    assert system.sign_in_command() == "otpsup web login"


def test_older_posts(tmp_path: Path) -> None:
    """Pages of posts follow one another without gaps or repetition, newest first."""
    posts = Posts(tmp_path / "blog.db")
    written = [posts.add(f"post {number}", "text") for number in range(2 * PAGE)]
    first = [post.id for post in posts.page()]
    second = [post.id for post in posts.page(before=first[-1])]
    third = [post.id for post in posts.page(before=second[-1])]
    assert first + second + third == [*reversed(written), written[0] - 1]


def test_posts_from_many_threads(tmp_path: Path) -> None:
    """Posts written at once from several threads are all stored, each once."""
    posts = Posts(tmp_path / "blog.db")
    threads = [threading.Thread(target=posts.add, args=(str(n), "text")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(post.title for post in Posts(tmp_path / "blog.db").page()) == [
        *map(str, range(8)),
        "Hello, world",
    ]

"""What the page says when there is no answer, and when another run of the tree answers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect
from starlette.applications import Starlette
from starlette.routing import Mount

import otpsup.web
from otpsup import Tree
from otpsup.serving.server import Server, Site
from otpsup.serving.sockets import Address
from tests.support.browser import SHOP, growing, row, token, visit, write_tokens
from tests.support.servers import free_port
from tests.support.waiting import until
from tests.web.served import spec

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("no_complaints"),
]  # fmt: skip
LIMIT = 31_000
"""Milliseconds after which the page waits no longer, or says that it does."""
AGAIN = "The tree was started again"


# Who asks once more, and why.


def sign_in(page: Page) -> None:
    page.locator("#token").fill(token("admin"))
    page.keyboard.press("Enter")
    expect(page.locator("#link")).to_have_text("live")


def test_another_run_of_the_tree(browser: Browser, tmp_path: Path) -> None:
    """The form says that the tree has ended; who has signed in is told that it was started again,
    and looks at the child that he was looking at."""
    text = SHOP.replace("127.0.0.1:0", f"127.0.0.1:{free_port()}")
    with growing(tmp_path, text) as (_, url):
        page = visit(browser, url)
        expect(page.locator("#link")).to_have_text("live")
        row(page, "backend/api").click()
    with growing(tmp_path, text):
        expect(page.locator("#login")).to_contain_text("The tree has ended, and so has your")
        expect(page.locator("#login")).not_to_contain_text(AGAIN)
        sign_in(page)
        expect(page.locator(".toast")).to_contain_text(re.compile(rf"{AGAIN} at \d\d:\d\d:\d\d"))
        expect(page.locator("#detail-title")).to_contain_text("backend/api")
        page.reload()
        expect(page.locator("#link")).to_have_text("live")
        expect(page.locator(".toast")).to_have_count(0)


def test_a_session_that_was_ended(browser: Browser, shop: tuple[Tree, str]) -> None:
    """Nobody says that the tree was started again."""
    page = visit(browser, shop[1])
    expect(page.locator("#link")).to_have_text("live")
    page.evaluate(_SIGN_OUT)  # as in another tab
    expect(page.locator("#login")).to_contain_text("Your session is over; sign in once more.")
    sign_in(page)
    expect(page.locator(".toast")).to_have_count(0)


_SIGN_OUT = """async () => {
  const { csrf } = await (await fetch("api/v1/session")).json();
  const headers = { "content-type": "application/json", "x-csrf-token": csrf };
  await fetch("logout", { method: "POST", headers, body: "{}" });
}"""


@contextmanager
def hosted(tree: Tree, folder: Path, port: int) -> Iterator[str]:
    """A server that is not the tree's own, and its URL."""
    ours = otpsup.web.app(tree, token_file=write_tokens(folder / "tokens"))
    host = Starlette(routes=[Mount("/ops", ours)])
    server = Server(
        [Site(Address(label="host", host="127.0.0.1", port=port), lambda _: host)], "a test"
    )
    server.start()
    try:
        yield f"http://127.0.0.1:{port}/ops/"
    finally:
        server.stop()


def test_another_server_of_the_same_tree(browser: Browser, tmp_path: Path) -> None:
    """It knows no sessions; the tree goes on."""
    port = free_port()
    with Tree(spec()) as tree:
        with hosted(tree, tmp_path, port) as url:
            page = visit(browser, url)
            expect(page.locator("#link")).to_have_text("live")
        with hosted(tree, tmp_path, port):
            expect(page.locator("#login")).to_contain_text("Your session is over")
            sign_in(page)
            expect(page.locator(".toast")).to_have_count(0)


_RUNS = """
import sys
from otpsup import Tree
from tests.web.served import spec
with Tree(spec(), name=sys.argv[1]):
    print("up", flush=True)
    sys.stdin.read()
"""


_BEGUN = ("up", "http:")


@contextmanager
def running(*line: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A program that has begun, and the line in which it has said so."""
    with subprocess.Popen(
        [sys.executable, *line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout
        try:
            yield program, next(line.strip() for line in program.stdout if line.startswith(_BEGUN))
        finally:
            program.kill()


def test_a_tree_that_was_killed(browser: Browser, tmp_path: Path) -> None:
    """It has said nothing of its end, and the server knows its sessions still: the page sees that
    it is another run, and begins anew."""
    name = f"killed-{os.getpid()}"
    server = ("-m", "otpsup", "web", "--listen", "127.0.0.1:0", "--tree", name)
    with running("-c", _RUNS, name) as (first, _), running(*server) as (_, url):
        page = visit(browser, url.partition("#")[0], role=None)
        page.goto(url)
        expect(page.locator("#link")).to_have_text("live")
        before = row(page, "web").locator(".c-pid").inner_text()
        first.send_signal(signal.SIGKILL)
        first.wait()
        with running("-c", _RUNS, name):
            expect(page.locator(".toast")).to_contain_text(AGAIN)
            expect(row(page, "web").locator(".c-pid")).not_to_have_text(before)


# Who does not answer.


class Held:
    """Requests that are answered when the test says so."""

    def __init__(self, page: Page, what: str) -> None:
        self.routes: list[Route] = []
        self._page = page
        page.route(re.compile(what), self._hold)

    def _hold(self, route: Route) -> None:
        self.routes.append(route)

    def wait(self, n: int = 1) -> None:
        """Until so many are under way."""

        def look() -> bool:
            self._page.evaluate("() => 0")  # playwright brings its news with an answer
            return len(self.routes) >= n

        until(look)

    def let_go(self) -> None:
        for route in self.routes:
            route.continue_()

    def lose(self) -> None:
        for route in self.routes:
            route.abort()


def without_answer(browser: Browser, url: str, what: str) -> tuple[Page, Held]:
    """A page whose time is the test's, and whose requests for this are not answered."""
    page = visit(browser, url)
    expect(page.locator("#link")).to_have_text("live")
    page.clock.install()
    return page, Held(page, what)


def pass_by(page: Page, held: Held) -> None:
    """More time than anything may take, once the request is under way."""
    held.wait()
    page.clock.fast_forward(LIMIT)


def confirm(page: Page, path: str, verb: str) -> None:
    row(page, path).click()
    button = page.locator(f".verbs [data-verb={verb}]")
    expect(button).to_be_attached()
    if not button.is_visible():
        page.locator(".verbs summary").click()
    button.click()


def test_a_verb_without_an_answer(browser: Browser, shop: tuple[Tree, str]) -> None:
    """It is said that there is none, that it may be done nevertheless, and what to do; the answer
    is told when it comes."""
    page, held = without_answer(browser, shop[1], ":restart$")
    confirm(page, "db", "restart")
    page.locator("dialog .main").click()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("Restarting db …")
    pass_by(page, held)
    expect(toast).to_contain_text("Restarting db … No answer for 30 s. It may be done nevertheless")
    expect(toast).to_contain_text("see how it is now")
    expect(toast).to_have_class(re.compile("busy"))
    held.let_go()
    expect(toast).to_contain_text("db is up again")
    expect(toast).not_to_contain_text("No answer")


def test_a_verb_whose_answer_is_lost(browser: Browser, shop: tuple[Tree, str]) -> None:
    """Nobody knows whether it was done, and the page does not say that it failed."""
    page, held = without_answer(browser, shop[1], ":restart$")
    confirm(page, "db", "restart")
    page.locator("dialog .main").click()
    held.wait()
    held.lose()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("db: “Restart” had no answer.")
    expect(toast).to_contain_text("It may have been done nevertheless: see how it is now")
    expect(toast).not_to_contain_text("failed")


def test_a_form_without_an_answer(browser: Browser, shop: tuple[Tree, str]) -> None:
    page, held = without_answer(browser, shop[1], ":stdin$")
    confirm(page, "backend/api", "stdin")
    page.locator("dialog [name=text]").fill("hello")
    page.keyboard.press("Enter")
    pass_by(page, held)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("No answer for 30 s.")
    expect(dialog.get_by_role("button", name="Close")).to_be_enabled()
    held.let_go()
    expect(dialog).to_have_count(0)
    expect(page.locator(".toast.good")).to_be_visible()


def keys_of(held: Held) -> list[str]:
    return [each.request.headers["idempotency-key"] for each in held.routes]


def test_what_was_lost_long_ago_is_done_again(browser: Browser, shop: tuple[Tree, str]) -> None:
    """Soon after it the same request is meant; when the server has forgotten it, a new one."""
    page, held = without_answer(browser, shop[1], ":restart$")

    def restart(times: int) -> None:
        confirm(page, "db", "restart")
        page.locator("dialog .main").click()
        held.wait(times)
        held.routes[-1].abort()
        expect(page.locator(".toast.bad").last).to_contain_text("had no answer")

    restart(1)
    restart(2)
    page.clock.fast_forward(601_000)
    restart(3)
    first, second, third = keys_of(held)
    assert first == second != third


def looks_late(page: Page, held: Held, where: Locator) -> None:
    """It is said that there is no answer, and who asks again gets one."""
    pass_by(page, held)
    expect(where).to_contain_text("The tree has not answered within 30 s; it may be busy.")
    page.unroute_all()
    where.get_by_role("button", name="Try again").click()
    expect(where).not_to_contain_text("has not answered")
    expect(where.locator(".wait")).to_have_count(0)


def test_a_plan_without_an_answer(browser: Browser, shop: tuple[Tree, str]) -> None:
    page, held = without_answer(browser, shop[1], "/plan$")
    page.locator("#plan").click()
    looks_late(page, held, page.get_by_role("dialog"))
    expect(page.get_by_role("dialog")).to_contain_text("Nothing: the tree is as its file says.")


def test_a_look_without_an_answer(browser: Browser, shop: tuple[Tree, str]) -> None:
    page, held = without_answer(browser, shop[1], "/simulate")
    confirm(page, "db", "simulate")
    looks_late(page, held, page.get_by_role("dialog"))
    expect(page.locator("dialog .summary")).to_have_count(1)


def test_a_login_without_an_answer(browser: Browser, shop: tuple[Tree, str]) -> None:
    """It can be tried again."""
    page = visit(browser, shop[1], role=None)
    page.clock.install()
    held = Held(page, "/login$")
    page.locator("#token").fill(token("view"))
    page.keyboard.press("Enter")
    pass_by(page, held)
    expect(page.locator("#login").get_by_role("alert")).to_contain_text("has not answered within")
    page.unroute_all()
    page.get_by_role("button", name="Sign in").click()
    expect(row(page, "db")).to_be_visible()


def test_a_tree_without_an_answer(browser: Browser, shop: tuple[Tree, str]) -> None:
    """At the start: in one sentence, and when it is tried again."""
    page = visit(browser, shop[1], role=None)
    expect(page.locator("#token")).to_be_visible()
    page.clock.install()
    held = Held(page, "/api/v1/tree$")
    page.locator("#token").fill(token("view"))
    page.keyboard.press("Enter")
    pass_by(page, held)
    expect(page.locator("#lost-words")).to_have_text(
        "Cannot read the tree: The tree has not answered within 30 s; it may be busy."
    )
    expect(page.locator("#lost-ago")).to_contain_text("Trying again in")

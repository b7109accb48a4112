"""What somebody has opened, focused, selected or is just pressing stays so, while children come and
go twenty times a second."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from otpsup import Tree
from tests.support.browser import growing, kill, row, settle, visit
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("no_complaints"),
]  # fmt: skip
EACH = 0.05
"""Seconds from one kill to the next."""
TREE = """\
name: shop
intensity: 100000
period: 1m
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
children:
  first: {{command: sleep 1000, backoff: {{initial: 1h, max: 2h}}}}
  db: {{command: sleep 1000}}
  api: {{command: sleep 1000, after: [db]}}
  pay: {{command: "sh -c 'echo no money; exit 3'", backoff: {{initial: 1h, max: 2h}}}}
  quiet: {{command: sleep 1000}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Tree, str]]:
    with growing(tmp_path, TREE) as found:
        yield found


@contextmanager
def storm(tree: Tree, *paths: str) -> Iterator[None]:
    """One of these is killed each time."""
    over = threading.Event()

    def rage() -> None:
        for n in range(100_000):
            if over.wait(EACH):
                return
            with contextlib.suppress(ProcessLookupError):
                pid = tree.info(paths[n % len(paths)])["pid"]
                if pid:
                    os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=rage)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def some_restarts(page: Page, path: str, n: int = 8) -> None:
    """The page has seen so many more of them."""
    shown = row(page, path).locator(".c-restarts")
    before = int(shown.inner_text() or 0)
    until(lambda: int(shown.inner_text() or 0) >= before + n)


def remember(what: Locator) -> None:
    what.evaluate("it => { window.meant = it; }")


def is_still_focused(page: Page) -> bool:
    return bool(page.evaluate("() => meant.isConnected && meant === document.activeElement"))


def hold(page: Page, what: Locator) -> None:
    """Put the pointer on it, and press."""
    what.hover()
    page.mouse.down()


def places(page: Page, what: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(
        """(what) => Object.fromEntries([...document.querySelectorAll(what)].map(
          (it) => [it.textContent, Math.round(it.getBoundingClientRect().top)]))""",
        what,
    )
    return found


def test_the_menu_stays_as_it_is(browser: Browser, shop: tuple[Tree, str]) -> None:
    """No verb comes under the pointer in place of another, and a press that has begun is one."""
    tree, url = shop
    page = visit(browser, url)
    row(page, "api").click()
    page.locator(".verbs summary").click()
    expect(page.locator(".menu-list [data-verb=unmonitor]")).to_be_visible()
    before = places(page, ".menu-list button")
    hold(page, page.locator(".menu-list [data-verb=signal]"))
    with storm(tree, "api"):
        for _ in range(5):
            some_restarts(page, "api", 1)
            assert places(page, ".menu-list button") == before
    until(lambda: tree.info("api")["state"] == "running")
    expect(page.locator(".menu-list [aria-disabled]")).to_have_count(0)
    page.mouse.up()
    expect(page.get_by_role("dialog")).to_contain_text("Send a signal to api")


def test_what_cannot_be_done_just_now_is_not_done(browser: Browser, shop: tuple[Tree, str]) -> None:
    """It is still there in an open menu, and says so; it can be had again when it makes sense."""
    tree, url = shop
    page = visit(browser, url)
    row(page, "first").click()
    page.locator(".verbs summary").click()
    verb = page.locator(".menu-list [data-verb=simulate]")
    expect(verb).to_be_visible()
    os.kill(tree.info("first")["pid"], signal.SIGKILL)
    expect(verb).to_have_attribute("aria-disabled", "true")
    verb.click(force=True)
    expect(verb).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")
    page.locator(".verbs summary").click()
    expect(page.locator(".menu-list [data-verb=remove]")).to_be_visible()
    expect(verb).to_have_count(0)


def test_a_state_is_pressed(browser: Browser, shop: tuple[Tree, str]) -> None:
    """While its number changes, and others come and go beside it."""
    tree, url = shop
    page = visit(browser, url)
    up = page.locator("#chips [data-mood=up]")
    hold(page, up)
    with storm(tree, "api", "db"):
        some_restarts(page, "api", 5)
        expect(page.locator("#chips [data-mood=unsteady]")).to_be_visible()
        page.mouse.up()
        expect(up).to_have_attribute("aria-pressed", "true")


def test_who_it_depends_on(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    row(page, "api").click()
    link = page.locator(".links").get_by_role("button", name="db")
    link.focus()
    remember(link)
    with storm(tree, "db"):
        some_restarts(page, "db")
        assert is_still_focused(page)


def test_what_is_read_stays_in_its_place(browser: Browser, shop: tuple[Tree, str]) -> None:
    """The declaration of a child that is open, and has the focus, while it ends and comes again."""
    tree, url = shop
    page = visit(browser, url)
    row(page, "api").click()
    summary = page.locator("details.spec summary")
    summary.click()
    remember(summary)
    with storm(tree, "api"):
        some_restarts(page, "api")
        assert is_still_focused(page)
        expect(page.locator("details.spec")).to_have_attribute("open", "")


def test_events_stay_where_they_are_read(browser: Browser, shop: tuple[Tree, str]) -> None:
    """New ones come above; what is selected is, and is where it was."""
    tree, url = shop
    page = visit(browser, url)
    kill(tree, "api", 15)
    row(page, "api").click()
    page.get_by_role("tab", name="Events").click()
    line = page.locator(".events li").nth(40)
    line.scroll_into_view_if_needed()
    remember(line)
    page.evaluate("() => getSelection().selectAllChildren(meant)")
    chosen = page.evaluate("() => getSelection().toString()")
    settle(page)
    top, count = page.evaluate(_TOP), page.locator(".events li").count()
    kill(tree, "api", 3)
    until(lambda: page.locator(".events li").count() >= count + 15)
    settle(page)
    assert page.evaluate("() => getSelection().toString()") == chosen != ""
    assert abs(page.evaluate(_TOP) - top) <= 2


_TOP = """() => meant.getBoundingClientRect().top
  - document.querySelector(".detail-body").getBoundingClientRect().top"""
"""Where in its box it is."""


def test_a_tab_keeps_the_focus(browser: Browser, shop: tuple[Tree, str]) -> None:
    """However it was chosen; arrows go on from there."""
    page = visit(browser, shop[1])
    row(page, "api").click()
    page.get_by_role("tab", name="Events").click()
    expect(page.get_by_role("tab", name="Events")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Log")).to_be_focused()
    expect(page.get_by_role("tab", name="Log")).to_have_attribute("aria-selected", "true")


def test_a_line_of_the_headline_keeps_the_focus(browser: Browser, shop: tuple[Tree, str]) -> None:
    """When another comes before it."""
    tree, url = shop
    page = visit(browser, url)
    line = page.locator(".trouble li button", has_text="pay")
    line.focus()
    remember(line)
    os.kill(tree.info("first")["pid"], signal.SIGKILL)
    expect(page.locator(".trouble li")).to_have_count(2)
    expect(page.locator(".trouble li").first).to_contain_text("first")
    assert is_still_focused(page)


def test_the_title_stays_selected(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    row(page, "first").click()
    page.evaluate("() => getSelection().selectAllChildren(document.querySelector('#detail-title'))")
    os.kill(tree.info("first")["pid"], signal.SIGKILL)
    expect(page.locator("#detail-title")).to_contain_text("restarting")
    assert "first" in page.evaluate("() => getSelection().toString()")


def test_what_was_known_stays(browser: Browser, shop: tuple[Tree, str]) -> None:
    """If it is asked for in vain, what is open stays open."""
    page = visit(browser, shop[1])
    row(page, "quiet").click()
    page.locator("details.spec summary").click()
    page.clock.install()
    page.route("**/api/v1/children/quiet", lambda route: route.abort())
    with page.expect_event("requestfailed", lambda it: it.url.endswith("/children/quiet")):
        page.clock.fast_forward(16_000)
    settle(page)
    page.clock.run_for(1_000)
    expect(page.locator("details.spec")).to_have_attribute("open", "")


def test_undo_waits_for_who_is_there(browser: Browser, shop: tuple[Tree, str]) -> None:
    """And goes once he has left."""
    page = visit(browser, shop[1])
    row(page, "quiet").click()
    page.locator(".verbs [data-verb=stop]").click()
    page.clock.install()
    page.locator("dialog .danger").click()
    undo = page.get_by_role("button", name="Undo")
    undo.focus()
    page.clock.run_for(15_000)
    expect(undo).to_be_focused()
    page.locator("#filter").focus()
    page.clock.run_for(2_000)
    expect(undo).to_have_count(0)


def test_who_is_gone_leaves_the_focus_near(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    row(page, "quiet").click()
    page.locator("details.spec summary").focus()
    tree.remove("quiet")
    expect(page.locator("#detail")).to_contain_text("This child is gone")
    expect(page.locator("#detail")).to_be_focused()


def test_enter_does_not_update(browser: Browser, shop: tuple[Tree, str]) -> None:
    """Who opens a plan and presses Enter has closed it, however late the plan comes."""
    tree, url = shop
    assert tree.file is not None
    tree.file.write_text(tree.file.read_text().replace("quiet:", "calm:"))
    page = visit(browser, url)
    page.locator("#plan").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Update")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert tree.info("quiet")["state"] == "running"


def test_again_keeps_the_focus(browser: Browser, tmp_path: Path) -> None:
    """Stacks can be taken by Enter, as often as somebody likes."""
    text = TREE + '  w: {{worker: "tests.support.targets:hang_in_a_lock", ready: notify}}\n'
    with growing(tmp_path, text) as (_, url):
        page = visit(browser, url)
        row(page, "w").click()
        page.locator(".verbs summary").click()
        page.locator(".menu-list [data-verb=stacks]").click()
        again = page.locator("dialog .look button")
        again.focus()
        remember(again)
        page.keyboard.press("Enter")
        page.wait_for_function("() => !meant.isConnected")
        expect(again).to_be_focused()

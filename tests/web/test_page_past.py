"""The time line of the page: the same for who sees it, hears it, or uses no pointer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from otpsup import Tree
from tests.support.browser import kill, row, settle, visit

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("no_complaints"),
]  # fmt: skip


def marks(page: Page) -> Any:
    """Those of the list beside the line of the whole tree."""
    return page.locator("#past .past-list li")


_SIZE = """() => {
  const { width, height } = document.querySelector("#past .past-list").getBoundingClientRect();
  return [width, height];
}"""


def test_all_marks_are_in_a_list(browser: Browser, shop: tuple[Tree, str]) -> None:
    """The latest first, with time, child and what happened; the oldest of many are counted."""
    tree, url = shop
    page = visit(browser, url)
    expect(marks(page)).to_have_count(0)
    kill(tree, "db")
    expect(marks(page)).to_have_text([
        re.compile(r"^\d\d:\d\d:\d\d db is up \(pid \d+\)$"),
        re.compile(r"^\d\d:\d\d:\d\d db ended with SIGKILL$"),
    ])  # fmt: skip
    assert page.evaluate(_SIZE) == [1, 1]
    kill(tree, "db", 11)
    expect(marks(page)).to_have_count(20)
    expect(page.locator("#past .past-list p")).to_have_text("and 4 more")
    row(page, "db").click()
    of_child = page.locator(".own-past .past-list")
    expect(of_child.locator("li")).to_have_count(20)
    expect(of_child.get_by_role("button")).to_have_count(0)


def test_a_mark_is_pressed_by_keys(browser: Browser, shop: tuple[Tree, str]) -> None:
    """One press of Tab leads to the list, which is seen then; one more leads on."""
    tree, url = shop
    page = visit(browser, url)
    kill(tree, "backend/jobs-2")
    kill(tree, "db")
    expect(marks(page)).to_have_count(4)
    expect(page.locator(".trouble li")).to_have_count(0)  # those lead to a child, too
    page.locator("#leave").focus()
    page.keyboard.press("Tab")
    expect(marks(page).first.get_by_role("button")).to_be_focused()
    assert page.evaluate(_SIZE)[0] > 200
    assert_clean(page)
    for press in ("ArrowDown 1", "ArrowUp 0", "End 3", "ArrowDown 3", "Home 0", "End 3"):
        key, place = press.split()
        page.keyboard.press(key)
        expect(marks(page).nth(int(place)).get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_contain_text("backend/jobs-2")
    page.keyboard.press("Tab")
    expect(page.locator("#chips button").first).to_be_focused()


def test_the_list_stays_while_it_is_read(browser: Browser, shop: tuple[Tree, str]) -> None:
    """What happens meanwhile is in it once nobody is there."""
    tree, url = shop
    page = visit(browser, url)
    kill(tree, "db")
    expect(marks(page)).to_have_count(2)
    last = marks(page).last.get_by_role("button")
    page.evaluate("it => it.focus()", last.element_handle())
    page.evaluate("() => { window.read = document.activeElement; }")
    kill(tree, "db", 10)
    expect(page.locator("#past .past-words")).to_contain_text("11 ended")
    assert page.evaluate("() => read.isConnected && read === document.activeElement")
    page.locator("#filter").focus()
    expect(marks(page)).to_have_count(20)


def test_a_mark_stays_under_the_pointer(browser: Browser, shop: tuple[Tree, str]) -> None:
    """The line is drawn anew while the button is down: what is pressed is what was meant."""
    tree, url = shop
    page = visit(browser, url)
    kill(tree, "backend/jobs-2")
    mark = page.locator("#past .event.ended")
    expect(mark).to_have_count(1)
    page.evaluate("it => { window.meant = it; }", mark.element_handle())
    kill(tree, "db")
    expect(page.locator("#past .past-words")).to_contain_text("2 ended")
    settle(page)
    assert page.evaluate("() => meant.isConnected")
    page.evaluate("() => meant.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    expect(page.locator("#detail-title")).to_contain_text("backend/jobs-2")


def assert_clean(page: Page) -> None:
    """axe-core finds nothing, see `test_page_for_all`."""
    settle(page)
    found: Any = Axe().run(page)
    assert [each["id"] for each in found.response["violations"]] == []

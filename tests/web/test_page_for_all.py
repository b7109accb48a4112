"""The page for everybody: both languages, light and dark, phones, keyboards, screen readers, and
trees of any size."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from otpsup import Tree
from tests.support.browser import growing, row, settle, visit

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("no_complaints"),
]  # fmt: skip
PHONE = (390, 844)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tree, str]]:
    """A tree of which something has ended, and something is off."""
    with growing(tmp_path_factory.mktemp("shop")) as (tree, url):
        os.kill(tree.info("db")["pid"], signal.SIGKILL)
        yield tree, url


# Languages.


def test_chinese_where_the_browser_speaks_it(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1], locale="zh-CN")
    expect(page.locator(".head-title")).to_have_text("全部 4 个运行正常")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    row(page, "db").click()
    expect(page.get_by_role("tab", name="日志")).to_be_visible()
    expect(page.get_by_role("button", name="重启", exact=True)).to_be_visible()


def test_the_language_is_changed_and_kept(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    row(page, "db").click()
    page.locator("#language").click()
    expect(page.locator(".head-title")).to_have_text("全部 4 个运行正常")
    expect(page.get_by_role("tab", name="概览")).to_be_visible()
    page.reload()
    expect(page.locator(".head-title")).to_have_text("全部 4 个运行正常")
    page.locator("#language").click()
    expect(page.locator(".head-title")).to_have_text("All 4 are up")


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_no_text_is_missing(browser: Browser, shop: tuple[Tree, str], locale: str) -> None:
    """No key of a text, and no placeholder, is ever seen."""
    page = visit(browser, shop[1], locale=locale)
    row(page, "db").click()
    expect(page.get_by_role("tab")).to_have_count(3)
    for tab in page.get_by_role("tab").all():
        tab.click()
        settle(page)
        text = page.locator("body").inner_text()
        assert not re.search(r"\b(head|mood|tab|do|fact|detail|past)\.\w+|\{\w+\}", text)


# Light and dark.


def ground(page: Page) -> int:
    """How light the page is, from 0 to 765."""
    colour = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3])


def test_light_and_dark(browser: Browser, shop: tuple[Tree, str]) -> None:
    assert ground(visit(browser, shop[1], color_scheme="light")) > 600
    page = visit(browser, shop[1], color_scheme="dark")
    assert ground(page) < 120
    page.locator("#theme").click()
    assert ground(page) > 600
    page.reload()
    expect(page.locator(".row").first).to_be_visible()
    assert ground(page) > 600


def test_nothing_moves_where_it_should_not(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1], reduced_motion="reduce")
    assert page.evaluate("() => document.getAnimations().length") == 0


# Phones.


def test_a_phone_shows_one_after_the_other(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1], size=PHONE)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE[0]
    expect(page.locator("#detail")).to_be_hidden()
    row(page, "db").click()
    expect(page.locator("#detail")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE[0]
    page.get_by_role("button", name="Back to the tree").click()
    expect(page.locator("#detail")).to_be_hidden()
    expect(row(page, "db")).to_be_visible()


# Keyboards.


def test_all_by_keys(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    keys = page.keyboard

    def chosen(path: str) -> None:
        expect(row(page, path)).to_have_attribute("aria-selected", "true")

    keys.press("ArrowDown")
    chosen("")
    keys.press("End")
    chosen("report")
    keys.press("Home")
    for _ in range(2):
        keys.press("ArrowDown")
    chosen("backend")
    keys.press("ArrowLeft")
    expect(row(page, "backend")).to_have_attribute("aria-expanded", "false")
    expect(row(page, "backend/api")).to_have_count(0)
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    chosen("backend/api")
    keys.press("ArrowLeft")
    chosen("backend")
    keys.press("/")
    expect(page.locator("#filter")).to_be_focused()
    keys.type("jobs-2")
    expect(page.locator(".row")).to_have_count(1)
    keys.press("Escape")
    expect(page.locator(".row")).to_have_count(7)
    keys.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("filter by name")
    keys.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    keys.press("ArrowUp")
    chosen("db")
    keys.press("x")
    expect(page.get_by_role("dialog")).to_contain_text("Stop db?")
    keys.press("Escape")


def test_only_those_of_a_state(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    page.locator("#chips [data-mood=off]").click()
    expect(page.locator(".row")).to_have_count(1)
    expect(row(page, "report")).to_be_visible()
    page.locator("#filter").fill("nobody")
    expect(page.locator("#nothing")).to_have_text("Nothing matches.")


# Screen readers.


def assert_clean(page: Page) -> None:
    """axe-core finds nothing (https://github.com/dequelabs/axe-core): WCAG 2.2 A and AA, and the
    best practices."""
    settle(page)
    found: Any = Axe().run(page)
    said = [
        f"{each['id']}: {each['help']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
        for each in found.response["violations"]
    ]
    assert not said, "\n".join(said)
    assert len(found.response["passes"]) > 15


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1360, 860), PHONE])
def test_axe_finds_nothing(
    browser: Browser, shop: tuple[Tree, str], scheme: Any, size: tuple[int, int]
) -> None:
    page = visit(browser, shop[1], size=size, color_scheme=scheme)
    assert_clean(page)
    row(page, "db").click()
    expect(page.get_by_role("tab")).to_have_count(3)
    for tab in page.get_by_role("tab").all():
        tab.click()
        assert_clean(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_dialogs(
    browser: Browser, shop: tuple[Tree, str], scheme: Any
) -> None:
    page = visit(browser, shop[1], color_scheme=scheme)
    row(page, "db").click()
    page.locator(".verbs [data-verb=stop]").click()
    assert_clean(page)
    page.keyboard.press("Escape")
    for opener in ("#plan", "#more", "#help", "#graph"):
        page.locator(opener).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert_clean(page)
        page.keyboard.press("Escape")
    assert_clean(visit(browser, shop[1], role=None, color_scheme=scheme))


# Size.


def test_a_thousand_children(browser: Browser, tmp_path: Path) -> None:
    """Few rows are there, any can be reached."""
    text = (
        'name: many\nplugins:\n  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}\n'
        "children:\n  job: {{command: sleep 1000, copies: 1000, autostart: false}}\n"
    )
    with growing(tmp_path, text) as (_, url):
        page = visit(browser, url)
        expect(row(page, "job-1")).to_be_visible()
        assert page.locator(".row").count() < 80
        page.locator("#tree").focus()
        page.keyboard.press("End")
        expect(row(page, "job-1000")).to_be_visible()
        expect(row(page, "job-1000")).to_have_attribute("aria-posinset", "1000")
        assert max(page.evaluate(_SCROLL)) < 80


_SCROLL = """async () => {
  const tree = document.getElementById("tree"), rows = [];
  for (let i = 0; i < 60; i += 1) {
    tree.scrollTop = i * 500;
    await new Promise(requestAnimationFrame);
    rows.push(document.querySelectorAll(".row").length);
  }
  return rows;
}"""

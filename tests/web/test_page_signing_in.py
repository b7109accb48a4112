"""Who signs in on the page: how he comes by a token, as whom he is then seen, and what becomes of
that while he looks."""

# ruff: noqa: RUF001 - it is Chinese punctuation

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from starlette.applications import Starlette
from starlette.routing import Mount

import otpsup.web
from otpsup import Tree
from otpsup.serving.server import Server, Site
from otpsup.serving.sockets import Address
from otpsup.web.tokens import add
from tests.support.browser import row, verb, visit, write_tokens
from tests.web.served import spec

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("no_complaints"),
]  # fmt: skip
PHONE = (390, 844)


# How one signs in.


def printed(command: str) -> str:
    """What such a command of the page prints."""
    line = [sys.executable, "-m", *command.split()]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()


def test_a_token_of_a_file(browser: Browser, shop: tuple[Tree, str], tmp_path: Path) -> None:
    """The command that the form tells makes one that signs in; where the file is is no stranger's
    business."""
    page = visit(browser, shop[1], role=None)
    form = page.locator("#login")
    expect(form.locator("code")).to_have_text("otpsup web token NAME --tokens FILE")
    expect(form).not_to_contain_text("web login")
    expect(form).not_to_contain_text(str(tmp_path))
    expect(form.get_by_label("Token", exact=True)).to_be_visible()
    command = form.locator("code").inner_text()
    made = printed(command.replace("NAME", "mia").replace("FILE", str(tmp_path / "tokens")))
    page.locator("#token").fill(made)
    page.keyboard.press("Enter")
    expect(row(page, "db")).to_be_visible()


def test_a_token_of_a_file_in_chinese(browser: Browser, shop: tuple[Tree, str]) -> None:
    form = visit(browser, shop[1], role=None, locale="zh-CN").locator("#login")
    expect(form.locator("code")).to_have_text("otpsup web token NAME --tokens FILE")
    expect(form).to_contain_text("访问此进程树需要令牌文件中的令牌")


def test_an_address_that_signs_in(browser: Browser, tmp_path: Path) -> None:
    with Tree(spec(), name=tmp_path.name, web="127.0.0.1:0") as tree:
        page = visit(browser, tree.ask_plugin("web", "url"), role=None)
        form = page.locator("#login")
        expect(form).to_contain_text("prints an address that signs you in")
        expect(form.get_by_label("Token, or that address")).to_be_visible()
        expect(form.locator("code")).to_have_text(f"otpsup web login --tree {tmp_path.name}")
        page.goto(printed(form.locator("code").inner_text()))
        expect(row(page, "web")).to_be_visible()


@contextmanager
def mounted(tree: Tree) -> Iterator[str]:
    """In an application that has no file of tokens; its URL."""
    host = Starlette(routes=[Mount("/ops", otpsup.web.app(tree))])
    here = Address(label="host", host="127.0.0.1")
    server = Server([Site(here, lambda _: host)], "a test")
    server.start()
    try:
        name, port = server.bound[0]
        yield f"http://{name}:{port}/ops/"
    finally:
        server.stop()


def test_a_token_of_an_application(browser: Browser, tmp_path: Path) -> None:
    """Its address is not known to the command, which prints the token alone."""
    with Tree(spec(), name=tmp_path.name) as tree, mounted(tree) as url:
        page = visit(browser, url, role=None)
        form = page.locator("#login")
        expect(form).to_contain_text("prints a token that signs you in here")
        expect(form).not_to_contain_text("address")
        page.locator("#token").fill(printed(form.locator("code").inner_text()))
        page.keyboard.press("Enter")
        expect(row(page, "web")).to_be_visible()


def answer(told: object, status: int = 200) -> Callable[[Route], None]:
    """What a server would say."""
    return lambda route: route.fulfill(status=status, body=json.dumps(told))


def nobody(way: str) -> dict[str, object]:
    """The session of a stranger."""
    return {"role": None, "csrf": None, "name": "shop", "as": None, "access": None, "sign_in": way}


def test_a_unix_socket_behind_a_proxy(browser: Browser, shop: tuple[Tree, str]) -> None:
    """No token opens it, so none is asked for; what would help is said."""
    page = visit(browser, shop[1], role=None)
    page.route(re.compile("/session$"), answer(nobody("unix_user")))
    page.reload()
    form = page.locator("#login")
    expect(form).to_contain_text("give its plug-in web a token_file")
    expect(form.locator("code, input, button")).to_have_count(0)


# As whom.


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("en-GB", "Signed in as operate, role operate"),
        ("zh-CN", "当前登录： operate（角色 operate）"),
    ],
)
def test_who_is_signed_in(browser: Browser, shop: tuple[Tree, str], locale: str, told: str) -> None:
    """Beside what ends that: the name of the token and its role, also for screen readers; and in
    the menu."""
    page = visit(browser, shop[1], "operate", locale=locale)
    who = page.locator("#who")
    expect(who).to_be_visible()
    assert told in page.locator(".bar").aria_snapshot()
    shown = who.bounding_box()
    leave = page.locator("#leave").bounding_box()
    assert shown is not None
    assert leave is not None
    assert 0 <= leave["x"] - (shown["x"] + shown["width"]) < 20
    page.locator("#more").click()
    expect(page.get_by_role("dialog").get_by_text(told)).to_be_visible()


def test_who_is_signed_in_follows_the_language(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1], "view")
    expect(page.locator("#who")).to_have_text("Signed in as view, role view")
    page.locator("#language").click()
    expect(page.locator("#who")).to_have_text("当前登录： view（角色 view）")


def test_who_is_signed_in_on_a_phone(browser: Browser, shop: tuple[Tree, str]) -> None:
    """The bar has no room for it; it is above what signs out."""
    page = visit(browser, shop[1], "view", size=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator("#who")).to_be_hidden()
    page.locator("#more").click()
    said = page.get_by_role("dialog").get_by_text("Signed in as view, role view")
    expect(said).to_be_visible()
    leave = page.get_by_role("dialog").get_by_role("button", name="Sign out").bounding_box()
    place = said.bounding_box()
    assert place is not None
    assert leave is not None
    assert 0 <= leave["y"] - (place["y"] + place["height"]) < 20


@pytest.mark.parametrize("width", [610, 910, 1024])
def test_a_long_name_takes_no_others_place(
    browser: Browser, shop: tuple[Tree, str], tmp_path: Path, width: int
) -> None:
    """A name has 64 characters at most, which no bar has room for."""
    made = add(tmp_path / "tokens", "admin", "w" * 64)
    page = visit(browser, f"{shop[1]}#token={made}", role=None, size=(width, 800))
    leave = page.get_by_role("button", name="Sign out")
    expect(leave).to_be_visible()
    box = leave.bounding_box()
    assert box
    assert box["x"] + box["width"] <= width
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


# What becomes of it.


_WHY = "nobody can log in now: the server's file of tokens cannot be used; its log says why"
_WHY_IN_CHINESE = "暂时无法登录：服务器的令牌文件不可用，原因见其日志"
UNUSABLE = {
    "en-GB": (
        f"Not connected: {_WHY}. Trying again.",
        f"This log cannot be read now: {_WHY}; trying again …",
    ),
    "zh-CN": (
        f"未连接：{_WHY_IN_CHINESE}。正在重试。",
        f"暂时无法读取该日志：{_WHY_IN_CHINESE}；正在重试…",
    ),
}
"""By language, what is said above everything, and of a log."""


@pytest.mark.parametrize("locale", UNUSABLE)
def test_a_file_of_tokens_that_cannot_be_used(
    browser: Browser, shop: tuple[Tree, str], tmp_path: Path, locale: str
) -> None:
    """An open page says what the server says, and goes on when the file is in order again."""
    head, log = UNUSABLE[locale]
    page = visit(browser, shop[1], locale=locale)
    row(page, "db").click()
    page.locator("#tab-log").click()
    expect(page.locator(".log-lines")).to_contain_text("checkpoint complete")
    (tmp_path / "tokens").write_text("this is no token\n")
    expect(page.locator("#lost-words")).to_have_text(head)
    expect(page.locator(".log-state")).to_have_text(log)
    write_tokens(tmp_path / "tokens")
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.locator(".log-state")).to_be_hidden()


def become(folder: Path, name: str, role: str) -> None:
    """The token of this name has this role."""
    file = folder / "tokens"
    file.write_text(
        re.sub(rf"^\w+ {name} ", f"{role} {name} ", file.read_text(), flags=re.MULTILINE)
    )


def verbs(page: Page) -> list[str]:
    found: list[str] = page.locator(".verbs button[data-verb]").evaluate_all(
        "all => all.map((it) => it.dataset.verb)"
    )
    return found


def test_a_role_that_is_lowered(browser: Browser, shop: tuple[Tree, str], tmp_path: Path) -> None:
    """What it does not allow any more goes away by itself, and who is signed in is told anew."""
    page = visit(browser, shop[1])
    row(page, "db").click()
    expect(page.locator(".verbs [data-verb=stop]")).to_be_visible()
    become(tmp_path, "admin", "view")
    expect(page.locator("#who")).to_have_text("Signed in as admin, role view")
    expect(page.locator(".verbs [data-verb=stop]")).to_have_count(0)
    expect(page.locator(".verbs")).to_contain_text("Your role, view, only looks.")
    expect(page.locator("#link")).to_have_text("live")
    assert verbs(page) == ["simulate"]
    page.locator("#more").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator("dialog [data-verb]")).to_have_count(0)
    page.keyboard.press("Escape")
    become(tmp_path, "admin", "admin")
    page.reload()
    expect(page.locator("#who")).to_have_text("Signed in as admin, role admin")


_ASK = "async () => { await (await fetch('api/v1/session')).text(); }"


def test_what_the_role_does_not_allow_any_more(browser: Browser, shop: tuple[Tree, str]) -> None:
    """Who is refused something is asked for his role again at once: what he sees is what he may."""
    page = visit(browser, shop[1], "operate")
    page.evaluate(_ASK)  # as the page has just done: that was answered, too
    row(page, "db").click()
    why = "this takes the role operate, and operate has view"
    lowered = {**nobody("token_file"), "role": "view", "csrf": "x", "as": "operate"}
    page.route(re.compile("/session$"), answer(lowered))
    page.route(re.compile(":stop$"), answer({"detail": why, "status": 403, "code": ""}, 403))
    verb(page, "db", "stop")
    page.locator("dialog .danger").click()
    expect(page.locator(".toast.bad")).to_contain_text(why)
    expect(page.locator(".verbs [data-verb=stop]")).to_have_count(0)
    expect(page.locator(".verbs")).to_contain_text("Your role, view, only looks.")
    expect(page.locator("#who")).to_have_text("Signed in as operate, role view")

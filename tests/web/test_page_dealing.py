"""To deal with the page: sign in, fill in, be asked, lose the connection, search, go back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from otpsup import Tree
from tests.support.browser import SHOP, growing, row, settle, token, verb, visit
from tests.support.line import Line
from tests.support.waiting import LONG, until

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("no_complaints"),
]  # fmt: skip
PHONE = (390, 844)


def refuse(status: int, why: str) -> Callable[[Route], None]:
    """An answer that is none."""
    body = json.dumps({"detail": why, "status": status, "code": "busy"})
    return lambda route: route.fulfill(
        status=status, content_type="application/problem+json", body=body
    )


# Who is there.


def test_a_login_address_in_a_tab_that_asks(browser: Browser, shop: tuple[Tree, str]) -> None:
    """Only its fragment is another than that of the tab: nothing is loaded anew."""
    page = visit(browser, shop[1], role=None)
    expect(page.locator("#token")).to_be_visible()
    page.goto(f"{shop[1]}#token={'x' * 40}")
    expect(page.locator("#login").get_by_role("alert")).to_have_text("nobody has this token")
    page.goto(f"{shop[1]}#token={token('view')}")
    expect(row(page, "db")).to_be_visible()
    assert "token" not in page.url


def test_the_whole_address_is_as_good_as_the_token(
    browser: Browser, shop: tuple[Tree, str]
) -> None:
    page = visit(browser, shop[1], role=None)
    page.locator("#token").fill(f" {shop[1]}#token={token('view')} ")
    page.keyboard.press("Enter")
    expect(row(page, "db")).to_be_visible()


# What is filled in.


def test_what_was_filled_in_is_not_lost(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    page.locator("#more").click()
    page.locator("dialog [data-verb=add]").click()
    text = page.locator("dialog [name=text]")
    text.fill("children: {mail: {comand: sleep 1000}}")
    page.locator("dialog .main").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(
        "did you mean 'command'"
    )
    expect(text).to_have_value("children: {mail: {comand: sleep 1000}}")
    expect(page.locator(".toast")).to_have_count(0)
    text.fill("children: {mail: {command: sleep 1000}}")
    page.locator("dialog .main").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".toast.good")).to_be_visible()
    expect(row(page, "mail")).to_have_attribute("data-mood", "up")


def test_what_goes_on_is_busy_and_done_once(browser: Browser, shop: tuple[Tree, str]) -> None:
    """The connection is lost as the answer comes: to try again does it no second time."""
    tree, url = shop
    page = visit(browser, url)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    verb(page, "backend/api", "stdin")
    page.route("**/*:stdin", lose, times=1)
    page.locator("dialog [name=text]").fill("once")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("cannot be reached")
    expect(page.locator("dialog [name=text]")).to_have_value("once")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    tree.write_stdin("backend/api", "last\n")
    texts = until(lambda: _texts(tree, "last"))
    assert texts.count("once") == 1


def _texts(tree: Tree, last: str) -> list[str] | None:
    found = [line.text for line in tree.logs(["backend/api"])]
    return found if last in found else None


# What is asked.


def test_what_takes_others_along_says_so(browser: Browser, shop: tuple[Tree, str]) -> None:
    """And Enter alone does not do it."""
    tree, url = shop
    page = visit(browser, url)
    verb(page, "backend", "stop")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This stops 3 children: api, jobs-1…2.")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    verb(page, "backend/api", "stop")
    expect(dialog).to_contain_text("jobs-1…2 need it.")
    page.keyboard.press("Escape")
    assert tree.info("backend")["state"] == "running"


def test_a_tree_ends_by_its_name(browser: Browser, shop: tuple[Tree, str], tmp_path: Path) -> None:
    tree, url = shop
    page = visit(browser, url)
    page.locator("#more").click()
    page.locator("dialog [data-verb=shutdown]").click()
    expect(page.get_by_role("dialog")).to_contain_text("This stops 4 children: db, api, jobs-1…2.")
    page.locator("dialog [name=name]").fill("shop?")
    page.locator("dialog .danger").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert tree.info("")["state"] == "running"
    page.locator("dialog [name=name]").fill(tmp_path.name)
    page.locator("dialog .danger").click()
    tree.wait(LONG)


def test_a_stop_is_undone(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    verb(page, "db", "stop")
    page.locator("dialog .danger").click()
    expect(row(page, "db")).to_have_attribute("data-mood", "off")
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(row(page, "db")).to_have_attribute("data-mood", "up")
    expect(page.locator("#tree")).to_be_focused()


def test_only_verbs_that_make_sense(browser: Browser, tmp_path: Path) -> None:
    """A name that ends in a number makes no copy; what is left alone is only watched again."""
    text = SHOP.replace("  report:", "  port-80:")
    with growing(tmp_path, text) as (tree, url):
        tree.start_child("port-80")
        page = visit(browser, url)
        row(page, "port-80").click()
        expect(page.locator(".verbs [data-verb=unmonitor]")).to_be_attached()
        expect(page.locator(".verbs [data-verb=scale]")).to_have_count(0)
        expect(page.locator(".verbs [data-verb=monitor]")).to_have_count(0)
        verb(page, "port-80", "unmonitor")
        page.locator("dialog .main").click()
        expect(page.locator(".verbs [data-verb=monitor]")).to_be_attached()
        expect(page.locator(".verbs [data-verb=unmonitor]")).to_have_count(0)
        expect(page.locator(".facts")).to_contain_text("left alone")
        row(page, "backend/jobs-1").click()
        expect(page.locator(".verbs [data-verb=scale]")).to_be_attached()


# What is lost.


_LISTEN = """() => {
  window.said = [];
  const alert = document.getElementById("lost-words");
  new MutationObserver(() => window.said.push(alert.textContent)).observe(
    alert, { childList: true, characterData: true, subtree: true });
}"""


@pytest.mark.parametrize("size", [(1360, 860), PHONE])
def test_what_is_not_so_any_more(
    browser: Browser, shop: tuple[Tree, str], size: tuple[int, int]
) -> None:
    """It is in front, read aloud once, as easy to read as before; and nothing can be pressed."""
    with Line(shop[1]) as line:
        page = visit(browser, line.url, size=size)
        expect(page.locator("#link")).to_have_text("live")
        row(page, "db").click()
        expect(page.locator(".verbs [data-verb=stop]")).to_be_enabled()
        page.evaluate(_LISTEN)
        line.cut()
        expect(page.locator("#lost-ago")).to_contain_text(re.compile("[2-9] s ago"))
        assert page.evaluate("() => window.said") == ["The connection is lost; trying again."]
        expect(page.locator(".last-known:visible").last).to_contain_text("Last known")
        expect(page.locator(".verbs [data-verb=stop]")).to_be_disabled()
        assert (
            page.evaluate("() => getComputedStyle(document.querySelector('.columns')).opacity")
            == "1"
        )
        assert page.evaluate(_IN_FRONT, "#lost")
        assert size != PHONE or page.evaluate(_IN_FRONT, "#detail .back")
        line.mend()
        expect(page.locator(".verbs [data-verb=stop]")).to_be_enabled()


_IN_FRONT = """(what) => {
  const box = document.querySelector(what).getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return top !== null && top.closest(what) !== null;
}"""


def test_a_refusal_is_kept(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1], role=None)
    page.route("**/api/v1/events*", refuse(403, "this role may not listen"))
    page.goto(f"{shop[1]}#token={token('view')}")
    expect(page.locator("#lost")).to_contain_text("this role may not listen")
    expect(page.locator("#lost-ago")).to_contain_text(re.compile("[2-9] s ago"))
    expect(page.locator("#lost")).to_contain_text("this role may not listen")
    page.unroute("**/api/v1/events*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#link")).to_have_text("live")


# What is not there yet.


def test_a_busy_tree_is_asked_again(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1], role=None)
    expect(page.locator("#token")).to_be_visible()
    page.route("**/api/v1/tree", refuse(503, "busy"))
    page.goto(f"{shop[1]}#token={token('view')}")
    expect(page.locator("#lost-words")).to_have_text("Cannot read the tree: busy.")
    expect(page.locator("#lost-ago")).to_contain_text("Trying again in")
    for _ in range(2):
        with page.expect_request("**/api/v1/tree"):
            page.get_by_role("button", name="Now").click()
    page.unroute("**/api/v1/tree")
    page.get_by_role("button", name="Now").click()
    expect(row(page, "db")).to_be_visible()
    expect(page.locator("#lost")).to_be_hidden()


def test_an_address_that_is_none(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    page.goto(f"{shop[1]}#100%")
    page.reload()
    expect(row(page, "db")).to_be_visible()
    expect(page.locator("#link")).to_have_text("live")


# What is selected, and what has the focus.


PAY = """\
name: shop
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
children:
  pay:
    command: "sh -c 'echo no more money >&2; exit 3'"
    restart: permanent
    backoff: {{initial: 50s, max: 50s}}
"""
_SELECT = """(what) => {
  getSelection().selectAllChildren(document.querySelector(what));
  return getSelection().toString();
}"""


def test_a_selection_stays(browser: Browser, tmp_path: Path) -> None:
    """While the seconds beside it run."""
    with growing(tmp_path, PAY) as (_, url):
        page = visit(browser, url)
        row(page, "pay").click()
        left = page.locator(".next")
        expect(left).to_contain_text("next try in")
        now = left.inner_text()
        chosen = page.evaluate(_SELECT, ".why-list li")
        expect(left).not_to_have_text(now)
        assert page.evaluate("() => getSelection().toString()") == chosen != ""
        since = page.locator(".facts dd").first.inner_text()
        chosen = page.evaluate(_SELECT, ".facts dt")
        expect(page.locator(".facts dd").first).not_to_have_text(since)
        assert page.evaluate("() => getSelection().toString()") == chosen != ""


def test_the_focus_stays_with_the_verbs(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    verb(page, "db", "stop")
    page.locator("dialog .danger").click()
    expect(page.locator(".verbs [data-verb=start]")).to_be_focused()


# The log.


TALK = """\
name: shop
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
children:
  talk: {{command: "{talk}", stderr: "{err}"}}
"""


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[str]:
    """A child that has written what terminals understand."""
    script = tmp_path / "talk.sh"
    script.write_text(
        "printf '10%%\\r50%%\\r100%% done\\r\\n'\n"
        "printf '\\033[1;31mERROR\\033[0m can\\033[33mnot\\n'\n"
        "echo too late >&2\nexec sleep 1000\n"
    )
    with growing(
        tmp_path, TALK.replace("{talk}", f"sh {script}").replace("{err}", f"{tmp_path}/err.log")
    ) as (_, url):
        yield url


def test_lines_as_on_a_terminal(browser: Browser, talk: str) -> None:
    page = log_of(visit(browser, talk), "talk")
    done = page.locator(".log-line", has_text="done").locator(".log-text")
    expect(done).to_have_text("100% done")
    error = page.locator(".log-line .sgr-red")
    expect(error).to_have_text("ERROR")
    expect(error).to_have_class("sgr-bold sgr-red")
    page.locator(".log-bar input[type=search]").fill("cannot")
    expect(page.locator("mark")).to_have_text("cannot")
    expect(page.locator("mark .sgr-yellow")).to_have_text("not")
    page.locator(".log-bar input[type=search]").fill("")
    bar = page.locator(".log-line.stderr")
    expect(bar).to_contain_text("stderr: too late")
    assert bar.evaluate("it => getComputedStyle(it).borderLeftWidth") == "3px"


def log_of(page: Page, path: str) -> Page:
    row(page, path).click()
    page.get_by_role("tab", name="Log").click()
    return page


def line(n: int, text: str, day: int = 0) -> dict[str, Any]:
    at = 1_700_000_000 + day * 86_400 + n / 1000
    return {"at": at, "path": "db", "stream": "stdout", "text": text}


def follow(page: Page, lines: list[dict[str, Any]]) -> None:
    """Logs are these lines; then the stream is cut off, and there is no other."""
    body = "".join(
        f"id: x-{n}\nevent: line\ndata: {json.dumps(it)}\n\n" for n, it in enumerate(lines)
    )
    page.route("**/api/v1/logs/follow*", lambda route: route.abort())
    page.route(
        "**/api/v1/logs/follow*",
        lambda route: route.fulfill(content_type="text/event-stream", body=body),
        times=1,
    )


def test_all_that_is_kept_is_searched(browser: Browser, shop: tuple[Tree, str]) -> None:
    """The page says how far it has looked; all is asked for once, and no line is there twice."""
    page = visit(browser, shop[1])
    kept = [line(n, f"line {n}" + " whale" * (n in {2, 5})) for n in range(40)]
    asked: list[str] = []

    def all_of_it(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(json=kept)

    follow(page, kept[-10:])
    page.route(re.compile(r"/api/v1/logs\?"), all_of_it)
    log_of(page, "db")
    expect(page.locator(".log-line")).to_have_count(10)
    page.locator(".log-bar input[type=search]").fill("whale")
    expect(page.locator(".log-lines")).to_contain_text(
        re.compile(r"None of the last 10 lines \(since .*\) has these words")
    )
    page.get_by_role("button", name="Search all that is kept").click()
    expect(page.locator(".log-line")).to_have_count(2)
    assert len(asked) == 1
    assert "lines=100000" in asked[0]
    page.keyboard.press("Tab")
    page.locator(".log-bar input[type=search]").focus()
    for key, hit in (("Enter", 0), ("Enter", 1), ("Enter", 0), ("Shift+Enter", 1)):
        page.keyboard.press(key)
        expect(page.locator("mark").nth(hit)).to_have_class("here")
    page.locator(".log-bar input[type=search]").fill("line")
    expect(page.locator(".log-line")).to_have_count(40)
    page.locator(".log-bar input[type=search]").fill("shark")
    expect(page.locator(".log-lines")).to_contain_text(
        "None of the 40 lines that are kept has these words"
    )


def test_days_are_told(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    some = [line(0, "one", 1), line(1, "two", 1), line(2, "three", 2)]
    follow(page, some)
    log_of(page, "db")
    expect(page.locator(".log-day")).to_have_count(2)
    expect(page.locator(".log-line").last.locator(".log-day")).to_be_visible()


def test_a_log_that_is_refused(browser: Browser, shop: tuple[Tree, str]) -> None:
    """That is not to say that the child has written nothing."""
    page = visit(browser, shop[1])
    page.route("**/api/v1/logs/follow*", refuse(403, "not for you"), times=1)
    log_of(page, "db")
    expect(page.locator(".log-state")).to_contain_text("This log cannot be read: not for you.")
    expect(page.locator(".log")).not_to_contain_text("It has written nothing yet")
    page.locator(".log-state").get_by_role("button", name="Try again").click()
    expect(page.locator(".log-line")).to_contain_text("checkpoint complete")
    expect(page.locator(".log-state")).to_be_hidden()


def test_a_search_in_another_language(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = log_of(visit(browser, shop[1]), "db")
    page.locator(".log-bar input[type=search]").fill("checkpoint")
    expect(page.locator("mark")).to_have_count(1)
    page.locator("#language").click()
    expect(page.get_by_role("tab", name="日志")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".log-bar input[type=search]")).to_have_value("checkpoint")
    expect(page.locator("mark")).to_have_text("checkpoint")
    expect(page.locator(".log-bar")).to_contain_text("自动滚动")


# Phones.


def test_back_on_a_phone(browser: Browser, shop: tuple[Tree, str]) -> None:
    """What the child covers is out of reach; the browser's own way back leads to the tree."""
    page = visit(browser, shop[1], size=PHONE)
    row(page, "db").click()
    expect(page.locator("#detail")).to_be_visible()
    expect(page.locator(".bar")).to_have_attribute("inert", "")
    expect(page.locator("[inert] #tree")).to_be_attached()
    page.go_back()
    expect(page.locator("#detail")).to_be_hidden()
    expect(page.locator("[inert]")).to_have_count(0)
    row(page, "backend/api").click()
    page.get_by_role("button", name="Back to the tree").click()
    expect(page.locator("#detail")).to_be_hidden()
    page.evaluate("() => { location.hash = '#backend/jobs-2'; }")
    expect(page.locator("#detail-title")).to_contain_text("backend/jobs-2")
    page.go_back()
    expect(page.locator("#detail")).to_be_hidden()
    expect(row(page, "backend/jobs-2")).to_have_attribute("aria-selected", "true")


def test_all_is_in_reach_of_a_finger(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1], "view", size=PHONE, has_touch=True, is_mobile=True)
    page.locator("#more").click()
    for name in ("Graph", "Keys", "Sign out"):
        expect(page.get_by_role("dialog").get_by_role("button", name=name)).to_be_visible()
    assert small(page) == []
    page.keyboard.press("Escape")
    row(page, "db").click()
    expect(page.get_by_role("tab")).to_have_count(3)
    for tab in page.get_by_role("tab").all():
        tab.click()
        settle(page)
        assert small(page) == []


def small(page: Page) -> list[str]:
    """What is too small to press: less than 44 px
    (https://www.w3.org/WAI/WCAG22/Understanding/target-size-enhanced.html)."""
    found: list[str] = (
        page.evaluate("""() => [...document.querySelectorAll("button, summary, select, input")]
      .filter((it) => it.checkVisibility() && !it.classList.contains("unseen"))
      .map((it) => it.closest("label") ?? it)
      .filter((it) => it.getBoundingClientRect().height < 43.9)
      .map((it) => it.outerHTML.slice(0, 100))""")
    )
    return found


def test_escape_closes_the_menu_alone(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1], size=PHONE)
    row(page, "db").click()
    page.locator(".verbs summary").click()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator(".verbs details")).not_to_have_attribute("open", "")
    expect(page.locator(".verbs summary")).to_be_focused()
    expect(page.locator("#detail")).to_be_visible()


class Late:
    """Answers to a page that come when we say so."""

    def __init__(self, page: Page, url: str) -> None:
        self._asked: list[Route] = []
        self._is_late = True
        page.route(url, lambda route: self._on_request(route))  # playwright marks it

    def _on_request(self, route: Route) -> None:
        if self._is_late:
            self._asked.append(route)
        else:
            route.continue_()

    def come(self) -> None:
        """From here on they come as ever."""
        self._is_late = False
        for route in self._asked:
            route.continue_()


def test_a_menu_that_is_drawn_anew_keeps_the_focus(
    browser: Browser, shop: tuple[Tree, str]
) -> None:
    page = visit(browser, shop[1])
    late = Late(page, "**/api/v1/children/db")
    row(page, "db").click()
    page.locator(".verbs summary").click()
    page.keyboard.press("Tab")
    first = page.evaluate("() => document.activeElement.dataset.verb")
    expect(page.locator(".verbs [data-verb=unmonitor]")).to_have_count(0)
    late.come()
    expect(page.locator(".verbs [data-verb=unmonitor]")).to_be_visible()
    expect(page.locator(f".verbs [data-verb={first}]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".verbs details")).not_to_have_attribute("open", "")
    expect(page.locator(".verbs summary")).to_be_focused()


def test_a_press_is_not_lost_when_others_come(browser: Browser, shop: tuple[Tree, str]) -> None:
    """Further verbs are there when all is known of the child: while a button is held down, too."""
    page = visit(browser, shop[1])
    late = Late(page, "**/api/v1/children/db")
    row(page, "db").click()
    page.locator(".verbs [data-verb=stop]").hover()
    page.mouse.down()
    before = page.locator(".verbs [data-verb]").count()
    late.come()
    expect(page.locator(".verbs [data-verb]")).not_to_have_count(before)
    page.mouse.up()
    expect(page.get_by_role("dialog")).to_contain_text("Stop db?")


# What is told.


def test_a_graph_that_does_not_fit(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1], size=PHONE)
    page.locator("#more").click()
    page.get_by_role("button", name="Graph").click()
    picture = page.locator(".graph img")
    expect(picture).to_be_visible()
    picture.evaluate("it => it.decode()")
    assert picture.evaluate("it => it.naturalWidth === it.clientWidth")
    expect(page.get_by_role("dialog").get_by_role("button", name="Close")).to_be_in_viewport(
        ratio=1
    )
    expect(page.get_by_role("link", name="Open alone")).to_have_attribute("rel", "noopener")
    page.keyboard.press("Escape")
    page.route("**/graph.svg", refuse(503, "busy"))
    page.locator("#more").click()
    page.get_by_role("button", name="Graph").click()
    expect(page.locator(".graph")).to_contain_text("There is no picture. busy")


def test_what_is_read_aloud(browser: Browser, shop: tuple[Tree, str]) -> None:
    """What failed at once; how many rows a filter leaves."""
    page = visit(browser, shop[1])
    page.locator("#filter").fill("jobs")
    expect(page.locator("#hits")).to_have_text("2 rows")
    page.locator("#filter").fill("")
    page.route("**/*:restart", refuse(409, "not now"))
    verb(page, "db", "restart")
    page.locator("dialog .main").click()
    expect(page.locator(".toast").get_by_role("alert")).to_have_text(
        "db: “Restart” failed. not now"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, talk: str, scheme: Any) -> None:
    """In what is asked, refused, coloured and lost."""
    with Line(talk) as line:
        page = visit(browser, line.url, color_scheme=scheme)
        page.locator("#more").click()
        page.locator("dialog [data-verb=add]").click()
        page.locator("dialog [name=text]").fill("nothing: 1")
        page.locator("dialog .main").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
        assert_clean(page)
        page.keyboard.press("Escape")
        log_of(page, "talk")
        expect(page.locator(".log-line")).to_have_count(3)
        assert_clean(page)
        page.locator(".log-bar input[type=search]").fill("o")
        page.keyboard.press("Enter")
        assert_clean(page)
        line.cut()
        expect(page.locator(".log-state")).to_be_visible()
        expect(page.locator("#lost")).to_be_visible()
        assert_clean(page)


def assert_clean(page: Page) -> None:
    """axe-core finds nothing, see `test_page_for_all`."""
    settle(page)
    found: Any = Axe().run(page)
    assert [each["id"] for each in found.response["violations"]] == []


def test_chinese_punctuation() -> None:
    """Between Chinese characters it is as wide as they are, and dots of buttons are three."""
    text = (Path(__file__).parents[2] / "otpsup/web/static/texts-zh.js").read_text()
    assert not re.findall(r"[\u4e00-\u9fff][,:?;()!]|[,:?;()!][\u4e00-\u9fff]|……", text)

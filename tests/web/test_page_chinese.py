"""The page in Chinese: what the tree itself says is in Chinese, too."""

# ruff: noqa: RUF001 - it is Chinese punctuation

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from playwright.sync_api import Browser, Locator, Page, expect

from otpsup import Tree
from tests.support.browser import growing, row, settle, visit
from tests.support.waiting import until
from tests.web.sentences import SENTENCES, Said, english_in

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("no_complaints"),
]  # fmt: skip

ILL = """\
name: ill
intensity: 100
period: 1m
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
children:
  db: {{command: sleep 1000}}
  cache: {{command: sleep 1000}}
  api:
    command: sleep 1000
    readiness: {{command: [sh, -c, "exit 7"], interval: 0.2, timeout: 30, failures: 1}}
  batch:
    restart: transient
    intensity: 0
    children:
      job: {{command: sleep 1000}}
  odd: {{worker: "tests.support.targets:fail", restart: temporary}}
"""
"""After a kill of `batch/job` that supervisor gives up; `odd` raises `Broken: no luck`."""


@pytest.fixture(scope="module")
def ill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tree, str]]:
    """A tree in which one was killed, one has given up and a check fails."""
    with growing(tmp_path_factory.mktemp("ill"), ILL) as (tree, url):
        for path in ("db", "batch/job"):
            os.kill(tree.info(path)["pid"], signal.SIGKILL)
        until(lambda: tree.info("db")["restarts"] == 1 and tree.info("db")["pid"])
        until(lambda: tree.info("batch")["state"] == "down")
        until(lambda: not tree.info("api")["ready"])
        yield tree, url


@pytest.fixture
def page(browser: Browser, ill: tuple[Tree, str]) -> Iterator[Page]:
    """Its page in Chinese; closed then, for a server has no room for all of them."""
    found = visit(browser, ill[1], locale="zh-CN")
    yield found
    found.context.close()


def assert_chinese(found: Locator) -> None:
    """All of these are in Chinese, and none is marked as English."""
    expect(found.first).to_be_visible()
    for element in found.all():
        text = element.inner_text()
        names = ("db", "cache", "api", "batch", "job", "ill", "sh")
        assert [word for word in english_in(text, "") if word not in names] == [], text
        assert element.get_attribute("lang") is None, text
        assert element.locator("[lang=en]").count() == 0, text


# What is on the screen.


def test_why_and_last_exit(page: Page) -> None:
    row(page, "db").click()
    why = page.locator(".why-list li")
    expect(why.first).to_have_text("db 因被 SIGKILL 终止而重启；60 秒内第 1 次重启（上限 100 次）")
    expect(why.nth(1)).to_have_text("在此之前，进程树启动")
    expect(page.locator(".exit")).to_have_text("上次退出： 被 SIGKILL 终止")
    assert_chinese(why)
    assert_chinese(page.locator(".exit strong"))


def test_one_that_gave_up(page: Page) -> None:
    row(page, "batch").click()
    expect(page.locator(".why-list li").first).to_have_text("batch 未运行：放弃重启")
    assert_chinese(page.locator(".why-list li"))
    assert_chinese(page.locator(".exit strong"))
    row(page, "batch/job").click()
    expect(page.locator(".why-list li").first).to_contain_text("超出 5 秒内 0 次的重启上限")
    assert_chinese(page.locator(".why-list li"))


def test_a_check_that_fails(page: Page) -> None:
    """In the head, in the row of the child, and among its checks."""
    words = "命令 sh 检查失败：退出码 7"
    expect(row(page, "api").locator(".c-note")).to_have_text(words)
    head = page.locator(".trouble li").filter(has_text="api").locator(".why")
    expect(head).to_have_text(words)
    row(page, "api").click()
    checks = page.locator(".checks li")
    expect(checks.locator("strong")).to_have_text("就绪检查：命令 sh")
    expect(checks.locator(".problem")).to_have_text("退出码 7")
    for found in (row(page, "api").locator(".c-note"), head, checks):
        assert_chinese(found)


def test_events(page: Page, ill: tuple[Tree, str]) -> None:
    """Also those that are heard while somebody looks."""
    tree, _ = ill
    row(page, "cache").click()
    page.locator("#tab-events").click()
    lines = page.locator(".events li > span")
    assert_chinese(lines)
    tree.restart("cache")
    expect(lines.filter(has_text="cache 停止中：cache 被要求重启").first).to_be_visible()
    assert_chinese(lines)
    titles = page.locator("#past .event title").all_text_contents()
    assert titles
    assert not any("ended with" in title for title in titles)


def test_what_if(page: Page) -> None:
    row(page, "db").click()
    page.locator(".verbs summary").click()
    page.locator(".verbs [data-verb=simulate]").click()
    expect(page.locator(".summary")).to_have_text("db 恢复运行，故障不会向上传播。")
    assert_chinese(page.locator(".summary"))
    assert_chinese(page.locator(".steps li span"))


def test_a_plan_and_what_it_changes(browser: Browser, tmp_path: Path) -> None:
    with growing(tmp_path, ILL) as (_, url):
        file = tmp_path / "tree.yaml"
        text = file.read_text().replace("db: {command: sleep 1000}", "dc: {command: sleep 1000}")
        file.write_text(text)
        page = visit(browser, url, locale="zh-CN")
        page.locator("#plan").click()
        whys = page.locator(".diff-why")
        expect(whys).to_have_text(["新的配置中没有它", "新增"])
        assert_chinese(whys)


def test_a_refusal(page: Page, ill: tuple[Tree, str]) -> None:
    """What is refused is told in Chinese where it was asked for."""
    tree, _ = ill
    row(page, "db").click()
    page.locator(".verbs [data-verb=stop]").wait_for()
    page.evaluate(_ASK_TO_START, "db")
    pid = tree.info("db")["pid"]
    assert page.evaluate("() => window.said") == {
        "text": f"无法启动子进程 'db'：已在运行（PID {pid}）", "lang": None,
    }  # fmt: skip


_ASK_TO_START = """async (path) => {
  const { post, ofChild } = await import(new URL("static/api.js", document.baseURI));
  const { toldOf } = await import(new URL("static/told.js", document.baseURI));
  window.said = await post(ofChild(path, "start")).catch(toldOf);
}"""


def test_english_is_as_it_was(browser: Browser, ill: tuple[Tree, str]) -> None:
    """And what is drawn already follows the language that is chosen."""
    page = visit(browser, ill[1])
    note = row(page, "api").locator(".c-note")
    expect(note).to_have_text("command sh failed: exit code 7")
    expect(note).to_have_attribute("lang", "en")
    row(page, "batch").click()
    why = page.locator(".why-list li").first
    expect(why).to_have_text("batch is down because it gave up")
    expect(why).to_have_attribute("lang", "en")
    page.locator("#language").click()
    expect(page.locator(".why-list li").first).to_have_text("batch 未运行：放弃重启")
    expect(note).to_have_text("命令 sh 检查失败：退出码 7")
    assert_chinese(note)
    page.locator("#language").click()
    expect(note).to_have_text("command sh failed: exit code 7")
    expect(note).to_have_attribute("lang", "en")


# What nobody has translated.


def test_what_is_unknown_is_whole_and_english(page: Page, ill: tuple[Tree, str]) -> None:
    """Of a sentence that the catalogue has, what an exception says in it; and any other."""
    tree, _ = ill
    until(lambda: any(event.path == "odd" and event.reason for event in tree.recent_events()))
    row(page, "").click()
    page.locator("#tab-events").click()
    ended = page.locator(".events li.ended > span").filter(has_text="odd")
    expect(ended).to_contain_text("Broken: no luck")
    assert tell(page, [("The moon has set.", "line")]) == [("The moon has set.", "en")]
    assert tell(page, [("Broken: no luck", "line")]) == [("Broken: no luck", "en")]
    page.evaluate(_DRAW, "The moon has set; restart 1 of 3 in 60 s.")
    settle(page)
    drawn = page.locator("#drawn li")
    expect(drawn).to_have_text("The moon has set; restart 1 of 3 in 60 s.")
    expect(drawn).to_have_attribute("lang", "en")


_DRAW = """async (text) => {
  const { drawWhy } = await import(new URL("static/overview.js", document.baseURI));
  const box = Object.assign(document.createElement("div"), { id: "drawn" });
  document.getElementById("main").append(box);
  drawWhy(box, { why: [text], last_exit: null, waits: null, next_attempt: null });
}"""


def tell(page: Page, said: list[Said]) -> list[tuple[str, str | None]]:
    """How the page tells this: texts, each with its language."""
    found = page.evaluate(_TELL, said)
    return [(each["text"], each["lang"]) for each in found]


_TELL = """async (said) => {
  const { told } = await import(new URL("static/told.js", document.baseURI));
  return said.map(([text, kind]) => told(text, kind));
}"""


@pytest.mark.parametrize("family", SENTENCES)
def test_no_english_is_left(page: Page, family: str) -> None:
    """Whatever the tree says of whatever names: what the project's functions say is translated."""
    said: dict[Said, None] = {}

    @given(SENTENCES[family])
    def collect(found: list[Said]) -> None:
        said.update(dict.fromkeys(found))

    collect()
    assert len(said) > 20
    told = tell(page, list(said))
    left = [
        (text, shown)
        for (text, _), (shown, _) in zip(said, told, strict=True)
        if english_in(shown, family)
    ]
    assert left == []


def test_a_text_made_to_be_slow_is_left_as_it_is(page: Page) -> None:
    """One that could be read in too many ways does not hold up the page."""
    knot = "; before that, ".join(["a and b is one_for_all; c; d"] * 100)
    [(_, lang)] = tell(page, [(f"{knot} because", "line")])
    assert lang == "en"
    assert page.evaluate(_TIME, f"{knot} because of it") < 2_000


_TIME = """async (text) => {
  const { told } = await import(new URL("static/told.js", document.baseURI));
  const began = performance.now();
  told(text);
  return performance.now() - began;
}"""

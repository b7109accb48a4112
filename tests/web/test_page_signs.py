"""What the page says of a tree at a glance: who keeps restarting, who waits, what is not known."""

from __future__ import annotations

import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import growing, row, verb, visit
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("no_complaints"),
]  # fmt: skip


HEAD = """\
name: shop
intensity: 100000
period: 1m
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
children:
"""
LOOP = (
    HEAD
    + """\
  db: {{command: sleep 1000}}
  loop: {{command: "sh -c 'echo no route to db; sleep 0.3; exit 3'"}}
"""
)


def test_who_keeps_restarting(browser: Browser, tmp_path: Path) -> None:
    """It is up most of the time, and not well: the headline says so all the time, and how often."""
    with growing(tmp_path, LOOP) as (tree, url):
        until(lambda: tree.info("loop")["restarts"] >= 4)
        page = visit(browser, url)
        title = page.locator(".head-title")
        expect(title).to_have_text("loop keeps restarting")
        line = page.locator(".trouble li")
        expect(line).to_have_text(re.compile(r"loop\d+ restarts in \d+ s.*exit code 3 · no route"))
        watched = "() => (window.titles = new Set(), new MutationObserver(() => titles.add("
        page.evaluate(
            f"{watched}document.querySelector('.head-title').textContent))"
            ".observe(document.querySelector('.headline'), {subtree: true, childList: true, "
            "characterData: true, attributes: true}))"
        )
        page.evaluate(
            "() => (window.moods = new Set(), window.child = document.querySelector("
            "'.row[data-path=loop]'), moods.add(child.dataset.mood), new MutationObserver(() => "
            "moods.add(child.dataset.mood)).observe(child, {attributes: true}))"
        )
        before = tree.info("loop")["restarts"]
        until(lambda: tree.info("loop")["restarts"] >= before + 5)
        shown = row(page, "loop").locator(".c-restarts")
        until(lambda: int(shown.inner_text()) >= before + 5)
        assert page.evaluate("[...titles]") == ["loop keeps restarting"]
        assert page.evaluate("[...moods]") == ["unsteady"]


def test_a_line_stays_under_the_finger(browser: Browser, tmp_path: Path) -> None:
    """While its words change, and its count, it is the same button, and keeps the focus."""
    with growing(tmp_path, LOOP) as (tree, url):
        until(lambda: tree.info("loop")["restarts"] >= 4)
        page = visit(browser, url)
        button = page.locator(".trouble li button")
        button.focus()
        page.evaluate("window.pressed = document.activeElement")
        told = button.text_content()
        expect(button).not_to_have_text(told or "")
        assert page.evaluate("pressed.isConnected && pressed === document.activeElement")


WAITS = (
    HEAD
    + """\
  first:
    command: "sh -c 'exit 1'"
    ready: {{log_line: up}}
    start_retries: 5
    backoff: {{initial: 1h, max: 2h}}
  second: {{command: sleep 1000, after: [first]}}
"""
)


def test_who_waits_is_no_failure(browser: Browser, tmp_path: Path) -> None:
    """The one for which it waits is; and the page says for whom."""
    with growing(tmp_path, WAITS) as (tree, url):
        until(lambda: tree.info("second")["waits"])
        page = visit(browser, url)
        expect(page.locator(".head-title")).to_have_text("first is not up")
        expect(page.locator(".head-facts")).to_contain_text("1 waits for another")
        expect(row(page, "second")).to_have_attribute("data-mood", "waiting")
        expect(row(page, "second").locator(".c-note")).to_contain_text("waits until first is ready")
        expect(page.locator(".trouble li")).to_have_count(1)


GROUP = (
    HEAD.replace("intensity", "strategy: rest_for_one\nintensity")
    + """\
  db:
    command: ["sh", "-c", "mkfifo up 2>/dev/null; read word < up; echo ready; exec sleep 1000"]
    cwd: "{here}"
    ready: {{log_line: ready}}
  api: {{command: sleep 1000, after: [db]}}
"""
)


def test_a_restart_of_several(browser: Browser, tmp_path: Path) -> None:
    """Who was stopped for another waits for it, and has not failed, nor is it off, not even for a
    moment; when both are up again, each of them was restarted."""
    gate = tmp_path / "up"
    text = GROUP.replace("{here}", str(tmp_path))
    os.mkfifo(gate)
    with ThreadPoolExecutor(1) as apart:
        apart.submit(gate.write_text, "go\n")
        with growing(tmp_path, text) as (tree, url):
            page = visit(browser, url)
            expect(row(page, "api")).to_have_attribute("data-mood", "up")
            page.evaluate(
                "() => (window.moods = new Set(), window.child = document.querySelector("
                "'.row[data-path=api]'), new MutationObserver(() => "
                "moods.add(child.dataset.mood)).observe(child, {attributes: true}))"
            )
            os.kill(tree.info("db")["pid"], signal.SIGKILL)
            expect(row(page, "api")).to_have_attribute("data-mood", "waiting")
            expect(row(page, "api").locator(".c-note")).to_contain_text("waits until db is ready")
            expect(page.locator(".trouble li")).to_have_count(0)
            apart.submit(gate.write_text, "go\n")
            expect(row(page, "api")).to_have_attribute("data-mood", "up")
            assert set(page.evaluate("() => [...moods]")) <= {
                "stopping",
                "waiting",
                "starting",
                "up",
            }
            expect(page.locator(".head-facts")).to_contain_text("2 restarts in the last hour")
            expect(row(page, "db").locator(".c-restarts")).to_have_text("1")
            expect(row(page, "api").locator(".c-restarts")).to_have_text("1")
            row(page, "api").click()
            expect(page.locator(".own-past .past-words")).to_contain_text("1 restarted")
            verb(page, "api", "stop")
            page.locator("dialog .danger").click()
            expect(row(page, "api")).to_have_attribute("data-mood", "off")
            page.get_by_role("button", name="Undo").click()
            expect(row(page, "api")).to_have_attribute("data-mood", "up")
            expect(page.locator(".head-facts")).to_contain_text("2 restarts in the last hour")


FOLDED = (
    HEAD
    + """\
  backend:
    children:
      api: {{command: sleep 1000}}
      job: {{command: "sh -c 'exit 7'", backoff: {{initial: 1h, max: 2h}}}}
"""
)


def test_a_folded_supervisor_tells_of_those_below(browser: Browser, tmp_path: Path) -> None:
    """By shape, in words, and to a screen reader."""
    with growing(tmp_path, FOLDED) as (_, url):
        page = visit(browser, url)
        backend = row(page, "backend")
        expect(backend).to_have_attribute("data-mood", "up")
        backend.locator(".fold").click()
        expect(backend).to_have_attribute("data-mood", "restarting")
        expect(backend.locator(".c-note")).to_have_text("1 of 2 not up")
        expect(backend).to_have_attribute("aria-label", re.compile("backend, 1 of 2 not up"))


def test_what_was_missed_is_caught_up_with(browser: Browser, tmp_path: Path) -> None:
    """A page that nobody saw lets go of its events, and has all of them when it is seen again."""
    text = HEAD + "  db: {{command: sleep 1000}}\n"
    with growing(tmp_path, text) as (tree, url):
        page = visit(browser, url)
        page.clock.install()
        page.evaluate("seen = false; Object.defineProperty(document, 'hidden', {get: () => !seen})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.clock.run_for(11_000)
        before = tree.info("db")["pid"]
        os.kill(before, signal.SIGKILL)
        until(lambda: tree.info("db")["pid"] not in (None, before))
        expect(page.locator("#past .event.ended")).to_have_count(0)
        page.evaluate("seen = true; document.dispatchEvent(new Event('visibilitychange'))")

        def caught_up() -> bool:
            page.clock.run_for(500)
            return page.locator("#past .event.restarted").count() == 1

        until(caught_up)
        expect(page.locator("#past .event.ended")).to_have_count(1)


def test_what_is_not_known_is_not_counted(browser: Browser, tmp_path: Path) -> None:
    """Of more events than are kept: at least so many, and the line says from when on it knows."""
    with growing(tmp_path, LOOP.replace("sleep 0.3; ", "")) as (tree, url):
        until(lambda: tree.info("loop")["restarts"] > 260, 200)
        page = visit(browser, url)
        expect(page.locator(".head-facts")).to_contain_text("at least ")
        expect(page.locator("#past .unknown title")).to_contain_text("are no longer kept")


def test_restarted_is_who_is_up_again(browser: Browser, tmp_path: Path) -> None:
    """Not who is to be."""
    with growing(tmp_path, FOLDED) as (_, url):
        page = visit(browser, url)
        expect(page.locator("#past .past-words")).to_have_text(re.compile("^1 endedin the last"))


def test_only_what_is_in_trouble(browser: Browser, tmp_path: Path) -> None:
    """The rest of those that are down are a press away."""
    later = "{{initial: 1h, max: 2h}}"
    jobs = f"  job: {{{{command: 'false', backoff: {later}, copies: 6}}}}\n"
    with growing(tmp_path, HEAD + "  db: {{command: sleep 1000}}\n" + jobs) as (_, url):
        page = visit(browser, url)
        expect(page.locator(".head-title")).to_have_text("6 of 7 are not up")
        page.get_by_role("button", name="and 2 more").click()
        expect(page.get_by_role("treeitem")).to_have_count(6)
        expect(page.get_by_role("treeitem").last).to_have_attribute("aria-posinset", "6")


def test_the_trees_time(browser: Browser, tmp_path: Path) -> None:
    """Whatever the viewer's clock says."""
    with growing(tmp_path, HEAD + "  db: {{command: sleep 1000}}\n") as (_, url):
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        page.add_init_script("const real = Date.now; Date.now = () => real() + 3_600_000;")
        page.goto(f"{url}#token=admin-{'t' * 32}")
        expect(page.locator(".head-facts")).to_contain_text(re.compile(r"running for \d+ s"))
        expect(row(page, "db").locator(".c-for")).to_have_text(re.compile(r"^\d+ s$"))


def test_what_a_page_missed_before_it_heard_anything(browser: Browser, tmp_path: Path) -> None:
    """It knows of no event after which to go on."""
    hide = """
      let away = false;
      Object.defineProperty(document, "hidden", { get: () => away });
      window.look = (is) => { away = !is; document.dispatchEvent(new Event("visibilitychange")); };
      const later = window.setTimeout;
      window.setTimeout = (work, ms, ...more) => later(work, ms === 10000 ? 0 : ms, ...more);
    """
    with growing(tmp_path, HEAD + "  db: {{command: sleep 1000}}\n") as (tree, url):
        page = browser.new_context(locale="en-GB").new_page()
        page.add_init_script(hide)
        page.goto(f"{url}#token=admin-{'t' * 32}")
        expect(page.locator("#link")).to_have_text("live")
        with page.expect_event("requestfailed", lambda request: "/events" in request.url):
            page.evaluate("look(false)")
        os.kill(tree.info("db")["pid"], signal.SIGKILL)
        until(lambda: tree.info("db")["restarts"] == 1 and tree.info("db")["pid"])
        page.evaluate("look(true)")
        expect(page.locator("#past .event.ended")).to_have_count(1)
        expect(page.locator("#past .event.restarted")).to_have_count(1)


def test_why_it_is_not_ready(browser: Browser, tmp_path: Path) -> None:
    """Not why it was started; and an attempt that is to come is no restart."""
    text = """\
  ill:
    command: sleep 1000
    readiness: {{command: "false", interval: 100ms, timeout: 30s, failures: 1}}
  pay: {{command: "sh -c 'exit 3'", backoff: {{initial: 1h, max: 2h}}}}
"""
    with growing(tmp_path, HEAD + text) as (tree, url):
        until(lambda: not tree.info("ill")["ready"])
        page = visit(browser, url)
        why = "command false failed: exit code 1"
        expect(row(page, "ill").locator(".c-note")).to_have_text(why)
        expect(page.locator(".trouble li", has_text="ill")).to_contain_text(why)
        expect(page.locator(".head-facts")).to_have_text(re.compile("^running for"))


def test_of_whom_the_charts_are(browser: Browser, tmp_path: Path) -> None:
    """What was measured last of a process that has ended since is not said to be so now."""
    with growing(tmp_path) as (_, url):
        page = visit(browser, url)
        said = [page.evaluate(_CHARTS, began) for began in (1.0, 30.0, 30.1, None)]
    known, unknown = ["1.0 %", "2.0 MB"], ["\N{EN DASH}"] * 2
    assert said == [known, known, unknown, unknown]


_CHARTS = """async (began) => {
  const { drawFacts } = await import(new URL("static/overview.js", document.baseURI));
  const node = { path: "c", name: "c", type: "command", state: "running", pid: 7, since: began };
  const history = [[15, 0.02, 4e6], [30, 0.01, 2 * 2 ** 20]];
  const statistics = new Map([["c", { history, started_at: began }]]);
  const model = { nodes: new Map([["c", node]]), statistics };
  const box = document.createElement("div");
  drawFacts(box, node, { model, info: null, select() {} });
  return [...box.querySelectorAll(".chart strong")].map((each) => each.textContent);
}"""

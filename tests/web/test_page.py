"""The page in real Chromium: what is on the screen is what is so, and what is pressed is done."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from otpsup import Tree
from tests.support.browser import SHOP, growing, row, token, verb, visit
from tests.support.line import Line
from tests.support.servers import free_port
from tests.support.waiting import LONG, is_alive, until

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("no_complaints"),
]  # fmt: skip


def press(page: Page, path: str, name: str) -> None:
    """Choose a child, press a verb, and say yes."""
    verb(page, path, name)
    page.locator("dialog .dialog-foot button").last.click()


def pid_of(tree: Tree, path: str) -> int:
    return int(until(lambda: tree.info(path)["pid"]))


# What is so.


def test_a_kill_is_told_with_its_reason(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    row(page, "backend/api").click()
    os.kill(pid_of(tree, "backend/api"), signal.SIGKILL)
    why = page.locator(".why-list li").first
    expect(why).to_contain_text("ended with SIGKILL")
    expect(row(page, "backend/api").locator(".c-restarts")).to_have_text("1")
    expect(row(page, "backend/jobs-1").locator(".c-restarts")).to_have_text("1")
    # Those three may stand at one place of the line, or at two.
    expect(page.locator("#past .past-words")).to_contain_text(re.compile("1 ended.*3 restarted"))
    expect(page.locator("#past .event.ended")).to_have_count(1)
    expect(page.locator("#past .event.restarted").first).to_be_attached()
    expect(page.locator(".head-title")).to_have_text("All 4 are up")
    page.get_by_role("tab", name="Events").click()
    expect(page.locator(".events .ended").first).to_contain_text("backend/api ended with SIGKILL")


CRASHES = """\
name: shop
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
children:
  db: {{command: sleep 1000}}
  pay:
    command: "sh -c 'echo no more money >&2; exit 3'"
    restart: permanent
    backoff: {{initial: 1h, max: 2h}}
"""


def test_what_is_down_is_in_the_headline(browser: Browser, tmp_path: Path) -> None:
    """A child that waits for its next attempt: its name, what happened, and when it is tried."""
    with growing(tmp_path, CRASHES) as (_, url):
        page = visit(browser, url)
        expect(page.locator(".head-title")).to_have_text("pay is not up")
        trouble = page.locator(".trouble li")
        expect(trouble).to_contain_text("exit code 3")
        expect(trouble).to_contain_text("next try in")
        expect(page).to_have_title(re.compile("^pay is not up"))
        trouble.get_by_role("button").click()
        expect(page.locator("#detail-title")).to_contain_text("pay")
        expect(page.locator("#detail .stack").first).to_have_text("no more money")


BUGS = """\
name: shop
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
x-later: &later {{initial: 1h, max: 2h}}
children:
  job: {{worker: "tests.support.targets:fail", backoff: *later}}
  hung:
    worker: "tests.support.targets:beat_and_hang"
    backoff: *later
    ready: notify
    shutdown: 500ms
    liveness: {{heartbeat: 300ms}}
"""


def test_where_it_was_is_shown(browser: Browser, tmp_path: Path) -> None:
    """The traceback of an exception, and the stacks of a worker that hung."""
    with growing(tmp_path, BUGS) as (_, url):
        page = visit(browser, url)
        row(page, "job").click()
        expect(page.locator("#detail .stack").last).to_contain_text("Broken: no luck")
        row(page, "hung").click()
        expect(page.locator("#detail .stack").last).to_contain_text("beat_and_hang")


def test_a_tree_that_ends_is_seen_to_end(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    tree.stop()
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#link")).to_have_text("not connected")


def test_another_tree_in_its_place_is_shown(browser: Browser, tmp_path: Path) -> None:
    """The page of a tree that has ended begins anew when there is one again; it knows nobody."""
    port = free_port()
    text = SHOP.replace("127.0.0.1:0", f"127.0.0.1:{port}")
    with growing(tmp_path, text) as (_, url):
        page = visit(browser, url)
        expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#lost")).to_contain_text("The tree has ended")
    with growing(tmp_path, text):
        expect(page.locator("#token")).to_be_visible()
        page.locator("#token").fill(token("view"))
        page.keyboard.press("Enter")
        expect(page.locator(".head-title")).to_have_text("All 4 are up")


def test_a_lost_connection_is_said_and_made_again(browser: Browser, shop: tuple[Tree, str]) -> None:
    """And what happened in between is there then."""
    tree, url = shop
    with Line(url) as line:
        page = visit(browser, line.url)
        expect(page.locator("#link")).to_have_text("live")
        line.cut()
        expect(page.locator("#lost")).to_contain_text("The connection is lost")
        expect(page.locator("#link")).to_have_text("not connected")
        os.kill(pid_of(tree, "db"), signal.SIGKILL)
        line.mend()
        expect(page.locator("#link")).to_have_text("live")
        expect(page.locator("#lost")).to_be_hidden()
        expect(row(page, "db").locator(".c-restarts")).to_have_text("1")
        expect(page.locator("#past .event.ended")).to_have_count(1)


def test_what_it_needs_is_shown_and_leads_there(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    row(page, "backend/jobs-2").click()
    page.locator(".links").get_by_role("button", name="api").click()
    expect(page.locator("#detail-title")).to_contain_text("backend/api")
    expect(row(page, "backend/api")).to_have_attribute("aria-selected", "true")
    needed = page.locator(".part", has_text="Needed by").locator(".chip")
    expect(needed).to_have_text([re.compile("jobs-1"), re.compile("jobs-2")])
    needed.last.click()
    expect(page.locator("#detail-title")).to_contain_text("backend/jobs-2")


WORKER = """\
name: shop
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
children:
  w: {{worker: "tests.support.targets:hang_in_a_lock", ready: notify, shutdown: 100ms}}
"""


def test_where_it_is_now(browser: Browser, tmp_path: Path) -> None:
    """The stacks of a worker, while it runs, as often as somebody wants to know."""
    with growing(tmp_path, WORKER) as (tree, url):
        before = pid_of(tree, "w")
        page = visit(browser, url, "operate")
        verb(page, "w", "stacks")
        expect(page.locator("dialog .stack")).to_contain_text("in hang_in_a_lock")
        expect(page.locator("dialog .stack")).to_contain_text("in wait_in_thread")
        os.kill(before, signal.SIGSTOP)
        until(lambda: psutil.Process(before).status() == psutil.STATUS_STOPPED)
        page.locator("dialog .look button").click()
        expect(page.locator("dialog .problem")).to_contain_text("stopped by a signal (SIGSTOP)")
        os.kill(before, signal.SIGCONT)
        assert tree.info("w")["pid"] == before


def test_what_if_it_died(browser: Browser, shop: tuple[Tree, str]) -> None:
    """Whoever may look sees what would come of it, once and several times; nothing is touched."""
    tree, url = shop
    before = [node.pid for node in tree.status().walk()]
    page = visit(browser, url, "view")
    verb(page, "backend/api", "simulate")
    steps = page.locator("dialog .steps li")
    expect(steps.first).to_contain_text("backend/apiends")
    expect(steps).to_have_text([re.compile(f"^{path}") for path in (
        "backend/api", "backend/jobs-2", "backend/jobs-1", "backend/api", "backend/jobs-1",
        "backend/jobs-2")])  # fmt: skip
    expect(page.locator("dialog .summary")).to_have_count(1)
    page.locator("dialog input").fill("3")
    page.locator("dialog input").press("Enter")
    expect(page.locator("dialog .summary")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    assert [node.pid for node in tree.status().walk()] == before


def test_a_log_is_searched_and_followed(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    row(page, "backend/api").click()
    page.get_by_role("tab", name="Log").click()
    expect(page.locator(".log-line")).to_have_text([re.compile("listening on 8080")])
    tree.write_stdin("backend/api", "one fish\ntwo fish\n<b>red</b>\n")
    expect(page.locator(".log-line").last).to_contain_text("<b>red</b>")
    page.locator(".log-bar input[type=search]").fill("FISH")
    expect(page.locator(".log-line")).to_have_count(2)
    expect(page.locator(".log-line mark").first).to_have_text("fish")
    page.locator(".log-bar input[type=search]").fill("whale")
    expect(page.locator(".log")).to_contain_text("None of the last 4 lines")


# What is done.


def test_stop_and_start(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    press(page, "db", "stop")
    expect(page.locator(".toast.good")).to_contain_text("db is down")
    expect(row(page, "db")).to_have_attribute("data-mood", "off")
    assert tree.info("db")["state"] == "down"
    press(page, "db", "start")
    expect(row(page, "db")).to_have_attribute("data-mood", "up")
    assert is_alive(pid_of(tree, "db"))


def test_restart(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    before = pid_of(tree, "db")
    press(page, "db", "restart")
    expect(page.locator(".toast.good")).to_contain_text("db is up again")
    assert pid_of(tree, "db") != before


def test_one_by_one(browser: Browser, shop: tuple[Tree, str]) -> None:
    """Copies are restarted one after the other."""
    tree, url = shop
    before = [pid_of(tree, f"backend/jobs-{n}") for n in (1, 2)]
    page = visit(browser, url, "operate")
    press(page, "backend/jobs-1", "roll")
    expect(page.locator(".toast")).to_contain_text("backend/jobs, done")
    after = [pid_of(tree, f"backend/jobs-{n}") for n in (1, 2)]
    assert not set(before) & set(after)
    assert is_alive(pid_of(tree, "backend/api"))


def test_no_is_no(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    before = pid_of(tree, "db")
    row(page, "db").click()
    page.locator(".verbs [data-verb=stop]").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator(".verbs [data-verb=stop]").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert tree.info("db")["pid"] == before


def test_a_signal_is_sent(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    row(page, "db").click()
    page.locator(".verbs summary").click()
    page.locator(".verbs [data-verb=signal]").click()
    page.locator("dialog [name=signal]").select_option("KILL")
    page.get_by_role("dialog").get_by_role("button", name="Signal").click()
    expect(row(page, "db").locator(".c-restarts")).to_have_text("1")
    assert tree.info("db")["last_exit"] == "SIGKILL"


def test_copies_come_and_go(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    row(page, "backend/jobs-1").click()
    page.locator(".verbs summary").click()
    page.locator(".verbs [data-verb=scale]").click()
    expect(page.locator("dialog [name=count]")).to_have_value("2")
    page.locator("dialog [name=count]").fill("3")
    page.get_by_role("dialog").get_by_role("button", name="Scale").click()
    expect(row(page, "backend/jobs-3")).to_have_attribute("data-mood", "up")
    expect(page.locator(".head-title")).to_have_text("All 5 are up")


def test_a_text_is_written(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    row(page, "backend/api").click()
    page.locator(".verbs summary").click()
    page.locator(".verbs [data-verb=stdin]").click()
    page.locator("dialog [name=text]").fill("hello")
    page.keyboard.press("Enter")
    until(lambda: any(line.text == "hello" for line in tree.logs(["backend/api"])))


def test_left_alone_and_watched_again(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    press(page, "db", "unmonitor")
    expect(page.locator(".toast.good")).to_be_visible()
    os.kill(pid_of(tree, "db"), signal.SIGKILL)
    expect(row(page, "db")).to_have_attribute("data-mood", "off")
    press(page, "db", "start")
    expect(row(page, "db")).to_have_attribute("data-mood", "up")
    press(page, "db", "monitor")
    expect(page.locator(".verbs [data-verb=unmonitor]")).to_be_attached()
    before = pid_of(tree, "db")
    os.kill(before, signal.SIGKILL)
    after = until(lambda: {pid_of(tree, "db")} - {before}).pop()
    expect(row(page, "db").locator(".c-pid")).to_have_text(str(after))
    expect(row(page, "db")).to_have_attribute("data-mood", "up")


def test_forgotten_and_removed(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    press(page, "report", "delete")
    expect(row(page, "report")).to_have_count(0)
    expect(page.locator("#detail")).to_contain_text("This child is gone")
    press(page, "db", "remove")
    expect(row(page, "db")).to_have_count(0)
    assert tree.status().find("db") is None


def test_children_are_added(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    page.locator("#more").click()
    page.locator("dialog [data-verb=add]").click()
    page.locator("dialog [name=text]").fill("children: {mail: {command: sleep 1000}}")
    page.get_by_role("dialog").get_by_role("button", name="Add children").click()
    expect(row(page, "mail")).to_have_attribute("data-mood", "up")


def test_what_fails_is_told_in_the_words_of_the_tree(
    browser: Browser, shop: tuple[Tree, str]
) -> None:
    page = visit(browser, shop[1])
    page.locator("#more").click()
    page.locator("dialog [data-verb=add]").click()
    page.locator("dialog [name=text]").fill("children: {mail: {comand: sleep 1000}}")
    page.get_by_role("dialog").get_by_role("button", name="Add children").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("command")


def test_a_plan_is_shown_and_done(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    assert tree.file is not None
    tree.file.write_text(
        tree.file.read_text().replace("copies: 2", "copies: 3").replace("report:", "rapport:")
    )
    page.locator("#plan").click()
    expect(page.locator(".diff .start")).to_contain_text("backend/jobs-3")
    expect(page.locator(".diff .stop")).to_contain_text("report")
    page.get_by_role("dialog").get_by_role("button", name="Update").click()
    expect(page.locator(".diff .good").first).to_be_visible()
    expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text("What was changed")
    expect(page.locator(".plan .good").first).to_have_text("Done")
    page.get_by_role("button", name="Close").first.click()
    expect(row(page, "backend/jobs-3")).to_have_attribute("data-mood", "up")
    expect(row(page, "report")).to_have_count(0)


def test_a_bad_file_is_told(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    assert tree.file is not None
    tree.file.write_text(tree.file.read_text().replace("copies", "copys"))
    page.locator("#plan").click()
    expect(page.locator("dialog .problem")).to_contain_text("copies")


def test_log_files_and_the_end(browser: Browser, shop: tuple[Tree, str]) -> None:
    tree, url = shop
    page = visit(browser, url)
    page.locator("#more").click()
    page.locator("dialog [data-verb=reopen-logs]").click()
    page.locator("dialog .dialog-foot button").last.click()
    expect(page.locator(".toast.good")).to_be_visible()
    page.locator("#more").click()
    page.locator("dialog [data-verb=shutdown]").click()
    page.locator("dialog [name=name]").fill(page.locator("#name").inner_text())
    page.locator("dialog .dialog-foot button").last.click()
    expect(page.locator("#link")).to_have_text("not connected")
    tree.wait(LONG)


# Who.


def test_nobody_sees_a_form(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1], role=None)
    page.locator("#token").fill("x" * 40)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").last).not_to_be_empty()
    expect(page.locator(".row")).to_have_count(0)
    page.locator("#token").fill(token("view"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".head-title")).to_have_text("All 4 are up")
    page.reload()
    expect(page.locator(".head-title")).to_have_text("All 4 are up")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#token")).to_be_visible()


def test_a_token_in_the_address_is_gone_from_it(browser: Browser, shop: tuple[Tree, str]) -> None:
    page = visit(browser, shop[1])
    assert "token" not in page.url


@pytest.mark.parametrize(
    ("role", "verbs"),
    [
        ("view", ["simulate"]),
        ("operate", ["restart", "signal", "simulate", "stop", "unmonitor"]),
        ("admin", ["remove", "restart", "signal", "simulate", "stop", "unmonitor"]),
    ],
)
def test_only_what_the_role_allows(
    browser: Browser, shop: tuple[Tree, str], role: str, verbs: list[str]
) -> None:
    page = visit(browser, shop[1], role)
    row(page, "db").click()
    buttons = page.locator(".verbs button[data-verb]")
    expect(buttons).to_have_count(len(verbs))  # some are there when all is known of the child
    shown = buttons.evaluate_all("all => all.map(b => b.dataset.verb)")
    assert sorted(shown) == verbs
    page.locator("#more").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert (page.locator("dialog [data-verb]").count() > 0) == (role != "view")

"""Draws docs/how-to/web/*.png: each view of the page in light, dark and on a phone, of a real tree.

    python -m docs.screenshots
    python -m docs.screenshots bklog      # of examples/bklog, which takes what its README says

Takes Debian's `chromium`, and a font with Chinese for one of them (`fonts-wqy-microhei`). It waits
for some samples of what the children use: about two minutes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from examples.bklog.__main__ import tree as bklog
from examples.bklog.fill import Place, fill
from otpsup import Tree
from tests.support.browser import chromium, growing, row, settle, visit
from tests.support.waiting import until

FOLDER = Path(__file__).parent / "how-to" / "web"
SAMPLES = 7
SIZES = {"light": (1220, 760), "dark": (1220, 760), "phone": (390, 800)}

_WAVE = (
    "import math,sys,time; print(sys.argv[1], flush=True); b=time.time()\n"
    "while True:\n"
    "  t=time.perf_counter(); f=0.05+0.04*math.sin((time.time()-b)/float(sys.argv[2]))\n"
    "  while time.perf_counter()-t<f*0.5: pass\n"
    "  print(sys.argv[3] % int((time.time()-b)*7+100), flush=True); time.sleep(0.5-f*0.5)"
)
_TREE = """\
name: shop
intensity: 20
period: 1m
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
children:
  db:
    command:
      - python3
      - -c
      - &wave {wave}
      - database system is ready
      - "11"
      - checkpoint complete, wrote %d buffers
    ready: {{log_line: ready}}
  cache: {{command: sleep 100000, after: [db]}}
  backend:
    after: [db, cache]
    strategy: rest_for_one
    intensity: 20
    period: 1m
    children:
      api: {{command: [python3, -c, *wave, listening on 8080, "7", "GET /orders/1%d 200 in 12 ms"]}}
      jobs:
        command: [python3, -c, *wave, waiting for orders, "17", "order 1%d packed"]
        copies: 3
        after: [api]
  payments:
    command: >-
      sh -c 'echo "connecting to bank.example:443" >&2; sleep 1;
      echo "certificate has expired" >&2; exit 3'
    backoff: {{initial: 5m, max: 5m}}
  report: {{command: sleep 1000, autostart: false}}
"""


def main() -> None:
    """Draw all of them, or those of BK-LOG."""
    FOLDER.mkdir(exist_ok=True)
    if sys.argv[1:] == ["bklog"]:
        _draw_bklog()
    else:
        _draw_shop()


def _draw_bklog() -> None:
    """The deployment as it stands, of which a worker was killed just now."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder) / "bklog")
        fill(place)
        with bklog(place) as tree, chromium() as browser:
            until(lambda: len(tree.statistics().children["redis"].history) >= SAMPLES, within=300)
            os.kill(tree.info("async_export")["pid"], signal.SIGKILL)
            until(lambda: tree.info("async_export")["restarts"] == 1)
            page = visit(browser, tree.ask_plugin("web", "login"), None, SIZES["light"])
            _choose(page, "async_export")
            _draw(page, "bklog-light")


def _draw_shop() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "shop"
        place.mkdir()
        text = _TREE.replace("{wave}", json.dumps(_WAVE))
        with growing(place, text) as (tree, url), chromium() as browser:
            _let_it_live(tree)
            _draw_all(tree, browser, url)


def _let_it_live(tree: Tree) -> None:
    """Something ends now and then, and samples are taken."""
    killed = 0

    def enough() -> bool:
        nonlocal killed
        history = tree.statistics().children["db"].history
        if killed < len(history) // 2:
            killed += 1
            path = ["backend/api", "cache", "backend/jobs-2"][killed % 3]
            os.kill(tree.info(path)["pid"], signal.SIGKILL)
        return len(history) >= SAMPLES

    until(enough, within=300)


def _draw_all(tree: Tree, browser: Browser, url: str) -> None:
    for theme, size in SIZES.items():
        scheme: Any = "dark" if theme == "dark" else "light"
        for view, prepare in VIEWS.items():
            role = None if view == "login" else "admin"
            page = visit(browser, url, role, size, color_scheme=scheme, reduced_motion="reduce")
            prepare(page, tree)
            _draw(page, f"{view}-{theme}")
    chinese = visit(browser, url, size=SIZES["light"], locale="zh-CN", reduced_motion="reduce")
    _choose(chinese, "backend/api")
    _draw(chinese, "chinese-light")


def _draw(page: Page, name: str) -> None:
    settle(page)
    page.screenshot(path=FOLDER / f"{name}.png")
    page.context.close()


def _choose(page: Page, path: str) -> None:
    row(page, path).click()
    expect(page.locator("#detail .spec")).to_have_count(1)


def _tab(name: str) -> Callable[[Page, Tree], None]:
    def prepare(page: Page, _tree: Tree) -> None:
        _choose(page, "backend/api")
        page.locator(f"#tab-{name}").click()
        expect(page.locator(".log-line, .events li").first).to_be_visible()

    return prepare


def _overview(page: Page, _tree: Tree) -> None:
    expect(page.locator(".c-spark polyline").first).to_be_attached()
    if (
        page.viewport_size and page.viewport_size["width"] > 600
    ):  # a phone shows one after the other
        _choose(page, "backend/api")


def _why(page: Page, _tree: Tree) -> None:
    _choose(page, "payments")


def _ask(page: Page, _tree: Tree) -> None:
    _choose(page, "backend/api")
    page.locator(".verbs [data-verb=restart]").click()


def _simulate(page: Page, _tree: Tree) -> None:
    _choose(page, "backend/api")
    page.locator(".verbs summary").click()
    page.locator(".verbs [data-verb=simulate]").click()
    expect(page.locator("dialog .summary")).to_be_visible()


def _plan(page: Page, tree: Tree) -> None:
    assert tree.file is not None
    before = tree.file.read_text()
    tree.file.write_text(
        before.replace("copies: 3", "copies: 4")
        .replace("report:", "invoices:")
        .replace("sleep 100000", "sleep 200000")
    )
    page.locator("#plan").click()
    expect(page.locator(".diff li").first).to_be_visible()
    tree.file.write_text(before)


def _login(page: Page, _tree: Tree) -> None:
    expect(page.locator("#token")).to_be_visible()


VIEWS: dict[str, Callable[[Page, Tree], None]] = {
    "overview": _overview,
    "why": _why,
    "log": _tab("log"),
    "events": _tab("events"),
    "confirm": _ask,
    "simulate": _simulate,
    "plan": _plan,
    "login": _login,
}

if __name__ == "__main__":
    main()

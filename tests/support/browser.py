"""Real Chromium on a real tree's page."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    Browser,
    Error,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from otpsup import Tree
from tests.support.waiting import until

CHROMIUM = "/usr/bin/chromium"
"""Debian's `chromium`."""
ROLES = ("view", "operate", "admin")
PATIENCE = 60_000
"""Milliseconds that nothing takes unless it is broken."""

COMPLAINTS: list[str] = []
"""Exceptions of pages that nobody has caught: a test that has any has found something."""

expect.set_options(timeout=PATIENCE)


def token(role: str) -> str:
    """The token that has this role in a file of `write_tokens`."""
    return f"{role}-{'t' * 32}"


def write_tokens(file: Path) -> Path:
    """One token for each role."""
    lines = (f"{role} {role} {hashlib.sha256(token(role).encode()).hexdigest()}" for role in ROLES)
    file.write_text("".join(f"{line}\n" for line in lines))
    file.chmod(0o600)
    return file


SHOP = """\
name: shop
intensity: 100
period: 1m
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
children:
  db: {{command: "sh -c 'echo checkpoint complete; exec sleep 1000'"}}
  backend:
    strategy: rest_for_one
    intensity: 100
    period: 1m
    children:
      api: {{command: "sh -c 'echo listening on 8080; exec cat'", stdin: pipe}}
      jobs: {{command: sleep 1000, copies: 2, after: [api]}}
  report: {{command: sleep 1000, autostart: false}}
"""


@contextmanager
def growing(folder: Path, text: str = SHOP) -> Iterator[tuple[Tree, str]]:
    """A tree from a file in this folder, and the URL of its page."""
    file = folder / "tree.yaml"
    file.write_text(text.format(tokens=write_tokens(folder / "tokens")))
    with Tree.from_file(file, name=folder.name) as tree:
        yield tree, tree.ask_plugin("web", "url")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=3 * PATIENCE
        )
        try:
            yield browser
        finally:
            browser.close()


def _complain(error: Error) -> None:
    COMPLAINTS.append(error.message)


def visit(
    browser: Browser,
    url: str,
    role: str | None = "admin",
    size: tuple[int, int] = (1360, 860),
    **options: Any,
) -> Page:
    """The page as somebody of this role sees it, once it hears the tree; `None` is nobody."""
    viewport: ViewportSize = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=viewport, **{"locale": "en-GB", **options})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", _complain)
    page.goto(f"{url}#token={token(role)}" if role else url)
    if role:
        expect(page.get_by_role("treeitem").first).to_be_visible()
        expect(page.locator("#link")).to_have_attribute("data-state", "live")  # nothing is off now
    return page


def kill(tree: Tree, path: str, times: int = 1) -> None:
    """So often, each time when it is up again; and it is again at the end."""
    for _ in range(times):
        before = tree.info(path)["restarts"]
        os.kill(until(lambda: tree.info(path)["pid"]), signal.SIGKILL)
        until(lambda before=before: tree.info(path)["restarts"] > before)  # type: ignore[misc]
        until(lambda: tree.info(path)["state"] == "running")


def row(page: Page, path: str) -> Any:
    """The row of a child."""
    return page.locator(f".row[data-path='{path}']")


def verb(page: Page, path: str, name: str) -> None:
    """Choose a child, and press a verb of it."""
    row(page, path).click()
    button = page.locator(f".verbs [data-verb={name}]")
    expect(button).to_be_attached()  # some are there when all is known of the child
    if not button.is_visible():
        page.locator(".verbs summary").click()
    button.click()


def settle(page: Page) -> None:
    """Wait until all is drawn that is there."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )

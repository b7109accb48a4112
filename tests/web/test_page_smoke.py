"""The page in real Chromium, in short: it shows the tree, and what is killed."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from otpsup.web.files import FOLDER
from tests.support.browser import CHROMIUM, chromium, growing, row, visit
from tests.support.waiting import until


@pytest.mark.slow
@pytest.mark.usefixtures("no_complaints")
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Debian's chromium")
def test_a_kill_is_seen(tmp_path: Path) -> None:
    with growing(tmp_path) as (tree, url), chromium() as browser:
        page = visit(browser, url)
        expect(page.locator(".head-title")).to_have_text("All 4 are up")
        pid = tree.info("db")["pid"]
        expect(row(page, "db").locator(".c-pid")).to_have_text(str(pid))
        os.kill(pid, signal.SIGKILL)
        expect(row(page, "db").locator(".c-restarts")).to_have_text("1")
        again = until(lambda: tree.info("db")["pid"])
        expect(row(page, "db").locator(".c-pid")).to_have_text(str(again))


FILES = {
    str(file.relative_to(FOLDER)): file.read_text() for file in FOLDER.rglob("*") if file.is_file()
}


def test_nothing_comes_from_elsewhere() -> None:
    """No file names another host; and every file that one imports is there."""
    for path, text in FILES.items():
        hosts = set(re.findall(r"https?://([\w.]+)", text))
        assert hosts <= {"www.w3.org", "html.spec.whatwg.org"}, path
        for name in re.findall(r'from "\./([\w-]+\.js)"', text):
            assert name in FILES, f"{path} imports {name}"


def test_nothing_is_inline() -> None:
    """Else the policy would have to allow it, to everybody."""
    page = FILES["index.html"]
    assert not re.search(r"\s(style|on\w+)=", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style", page)


def test_both_languages_have_all_texts() -> None:
    keys = {
        name: set(re.findall(r'^  "?([\w.-]+)"?: ', FILES[name], re.MULTILINE))
        for name in ("texts-en.js", "texts-zh.js")
    }
    assert len(keys["texts-en.js"]) > 100
    assert keys["texts-en.js"] == keys["texts-zh.js"]


def test_every_text_that_is_used_is_there() -> None:
    known = set(re.findall(r'^  "?([\w.-]+)"?: ', FILES["texts-en.js"], re.MULTILINE))
    for path, text in FILES.items():
        used = set(re.findall(r'\bt\("([\w.-]+)"', text)) | set(
            re.findall(r'data-(?:t|label|placeholder)="([\w.-]+)"', text)
        )
        assert used <= known, path

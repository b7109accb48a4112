"""The tree on a phone: names have room however deep they are, and who is in trouble says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import growing, row, settle, visit

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("no_complaints"),
]  # fmt: skip
PHONE = (390, 844)
DEEP = """\
name: shop
intensity: 1000
period: 1m
plugins:
  web: {{listen: "127.0.0.1:0", token_file: "{tokens}"}}
children:
  region:
    children:
      cluster:
        children:
          rack:
            children:
              machine:
                children:
                  warehouse-mmmmmmmmmmmmmmmm:
                    command: sleep 1000
                  invoices-wwwwwwwwwwwwwwwwww:
                    command: "sh -c 'echo no paper in tray two; exit 4'"
                    backoff: {{initial: 1h, max: 2h}}
"""
BELOW = "region/cluster/rack/machine/"

_SEEN = """(it) => {
  const text = it.firstChild, box = it.getBoundingClientRect(), range = document.createRange();
  for (let n = text.length; n > 0; n -= 1) {
    range.setStart(text, 0);
    range.setEnd(text, n);
    const { right } = range.getBoundingClientRect();
    if (right <= box.right - (n < text.length ? 12 : 0)) return n;
  }
  return 0;
}"""
"""How many characters of a name are seen, beside the dots that stand for the others."""


@pytest.mark.parametrize("size", [PHONE, (1220, 760)])
def test_names_at_depth_six(browser: Browser, tmp_path: Path, size: tuple[int, int]) -> None:
    """Twelve characters at least are seen, wide ones, too."""
    with growing(tmp_path, DEEP) as (_, url):
        page = visit(browser, url, size=size)
        for name in ("warehouse-mmmmmmmmmmmmmmmm", "invoices-wwwwwwwwwwwwwwwwww"):
            deep = row(page, BELOW + name)
            expect(deep).to_have_attribute("aria-level", "6")
            assert deep.locator(".name").evaluate(_SEEN) >= 12


def test_why_it_is_not_up_is_in_its_row(browser: Browser, tmp_path: Path) -> None:
    """In a second line, which who is up has none of; all rows are of one height."""
    with growing(tmp_path, DEEP) as (_, url):
        page = visit(browser, url, size=PHONE)
        ill = row(page, BELOW + "invoices-wwwwwwwwwwwwwwwwww")
        expect(ill.locator(".c-note")).to_be_visible()
        expect(ill.locator(".c-note")).to_contain_text("exit code 4 · no paper in tray two")
        expect(row(page, BELOW + "warehouse-mmmmmmmmmmmmmmmm").locator(".c-note")).to_be_hidden()
        settle(page)
        name, note = (part(page, ill, each) for each in (".name", ".c-note"))
        assert note["y"] >= name["y"] + name["height"] - 1
        assert page.evaluate(_PLACES) == [44 * place for place in range(7)]


def part(page: Page, ill: object, what: str) -> dict[str, float]:
    found: dict[str, float] = ill.locator(what).bounding_box()  # type: ignore[attr-defined]
    return found


_PLACES = """() => {
  const rows = [...document.querySelectorAll(".row")].map((it) => it.getBoundingClientRect());
  return rows.map(({ top }) => Math.round(top - rows[0].top));
}"""


def test_who_is_filtered_is_told_by_name(browser: Browser, tmp_path: Path) -> None:
    """First its name, then where it is: the end may be cut off."""
    with growing(tmp_path, DEEP) as (_, url):
        page = visit(browser, url, size=PHONE)
        page.locator("#filter").fill("ware")
        name = row(page, BELOW + "warehouse-mmmmmmmmmmmmmmmm").locator(".name")
        expect(name).to_have_text("warehouse-mmmmmmmmmmmmmmmm region/cluster/rack/machine")

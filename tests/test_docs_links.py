"""The pages lead somewhere: links to files and headings, and the files that they show."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from otpsup import load

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")],
)
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+(?:\([^()]*\))?[^()\s]*)\)")
SHOWN = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)


def prose(page: Path) -> str:
    """A page without what stands in fences."""
    return re.sub(r"^( *)```.*?^\1```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The names by which GitHub links to the headings of a page."""
    headings = re.findall(r"^#+ +(.*)$", prose(page), flags=re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {each.strip().replace(" ", "-") for each in words}


def links(page: Path) -> Iterator[str]:
    """Where the page's own links lead, those to other sites left out."""
    text = re.sub(r"\s*\n\s*", " ", prose(page))
    yield from (link for link in LINK.findall(text) if "://" not in link)


def is_dead(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a page names a file that exists, and a heading that is in it."""
    assert not [link for link in links(page) if is_dead(page, link)]


def test_a_dead_link_would_be_seen(tmp_path: Path) -> None:
    """In all of its forms; and what is in a fence, or on another site, is none."""
    page = tmp_path / "page.md"
    page.write_text(
        "# Name of `it(x)`, here\n[a](#name-of-itx-here) [b\nc](none.md) [d](page.md#none)\n"
        "[e](https://x.y/z)\n```\n[f](fence.md)\n# no-heading\n```\n[g](page.md) [h](#no-heading)\n"
    )
    dead = [link for link in links(page) if is_dead(page, link)]
    assert dead == ["none.md", "page.md#none", "#no-heading"]


def shown(suffix: str) -> list[tuple[str, str]]:
    """The files of this kind that the pages show: name and text."""
    found = [file for page in PAGES for file in SHOWN.findall(page.read_text())]
    return [(name, text) for name, text in found if name.endswith(suffix)]


@pytest.mark.parametrize(("name", "text"), shown(".yaml"), ids=lambda text: text.partition("\n")[0])
def test_tree_files_of_the_pages_are_good(name: str, text: str, tmp_path: Path) -> None:
    """Each tree file that a page shows can be loaded."""
    (tmp_path / name).write_text(text)
    assert load(tmp_path / name).name == "shop"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_units_of_the_pages_are_good(tmp_path: Path) -> None:
    """systemd has nothing to say against the unit that the page shows, if the program is there."""
    ((name, text),) = shown(".service")
    unit = re.sub(r"(?<=ExecStart=)\S+", sys.executable, text)
    (tmp_path / name).write_text(unit)
    argv = ["systemd-analyze", "verify", str(tmp_path / name)]
    told = subprocess.run(argv, capture_output=True, text=True, timeout=250)
    assert name not in told.stderr

"""What all tests of the page have: a browser, and ears for what fails in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from otpsup import Tree


@pytest.fixture
def no_complaints() -> Iterator[None]:
    """No page has failed in anything."""
    from tests.support.browser import COMPLAINTS  # playwright takes a while to load

    COMPLAINTS.clear()
    yield
    assert COMPLAINTS == []


@pytest.fixture(scope="module")
def shared_browser() -> Iterator[Browser]:
    """One for all tests of a module."""
    from tests.support.browser import chromium

    with chromium() as found:
        yield found


@pytest.fixture
def browser(shared_browser: Browser) -> Iterator[Browser]:
    """That, without the pages of earlier tests, which would look for their trees for ever."""
    yield shared_browser
    for context in shared_browser.contexts:
        context.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Tree, str]]:
    """A tree of a few children, and the URL of its page."""
    from tests.support.browser import growing

    with growing(tmp_path) as found:
        yield found

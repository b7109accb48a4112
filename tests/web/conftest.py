"""What all tests of the page have: a browser, and ears for what fails in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def no_complaints() -> Iterator[None]:
    """No page has failed in anything."""
    from tests.support.browser import COMPLAINTS  # playwright takes a while to load

    COMPLAINTS.clear()
    yield
    assert COMPLAINTS == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests of a module."""
    from tests.support.browser import chromium

    with chromium() as found:
        yield found

"""Every test here leaves no process behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.strays import descendants


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    """After the test there is nobody below this process who was not there before."""
    before = {process.pid for process in descendants()}
    yield
    assert not [process for process in descendants() if process.pid not in before]

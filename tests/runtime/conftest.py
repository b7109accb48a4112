"""Every test here leaves no process behind; and some give a worker time to tell where it hangs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otpsup.runtime.hanging import Hanging
from tests.support.strays import descendants


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    """After the test there is nobody below this process who was not there before."""
    before = {process.pid for process in descendants()}
    yield
    assert not [process for process in descendants() if process.pid not in before]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second, before it is killed, is too little on a busy machine."""
    monkeypatch.setattr(Hanging.__init__, "__defaults__", (10.0,))

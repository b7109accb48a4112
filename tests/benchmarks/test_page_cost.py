"""The benchmark of the page, at its smallest."""

from __future__ import annotations

import pytest

from benchmarks import page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_from_a_kill_to_the_screen() -> None:
    found = page.latencies(2)
    assert len(found) == 2
    assert all(0 < each < 10_000 for each in found)


def test_what_open_pages_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "SAMPLING", 0.1)
    (_, _, none), (_, _, calm), (_, _, kills) = page.cpu(5, 2, 2)
    assert none == calm == 0
    assert kills >= 4, "each kill has several events, and each client reads them"

"""The benchmark of what looking after children costs runs, and leaves nothing behind."""

from __future__ import annotations

import os

import pytest

from benchmarks import health_cost, processes


@pytest.mark.slow
def test_the_smallest_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind is measured, and told with its goal; what takes nothing is told, too."""
    monkeypatch.setattr(health_cost, "_SETTLE", 0.5)
    before = set(processes.below(os.getpid()))
    found = health_cost.measure(children=3, seconds=0.5)
    assert list(found) == [kind.name for kind in health_cost.KINDS]
    assert all(0 <= share < 100 for share in found.values())
    text = health_cost.report(found, 3)
    assert text.startswith("3 children, % of one processor")
    assert all(kind.what in text for kind in health_cost.KINDS)
    assert "< 2" in text
    left = processes.await_gone(set(processes.below(os.getpid())) - before, 10)
    assert not left

"""Chaos with real processes, in short; `python -m tests.chaos` is the long form."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.chaos.faults import run


@pytest.mark.timeout(120)
def test_short(tmp_path: Path) -> None:
    """After whatever happened the system has just the processes that the tree says, and the host
    has no more descriptors and threads than before."""
    lines: list[str] = []
    seed = random.randrange(10**6)
    chaos = run(seed, 100, tmp_path, report=lines.append)
    assert sum(chaos.done.values()) == 100, f"seed {seed}"

"""The whole runtime in a made-up world, where a seed decides what happens when.

More of it: `python -m tests.simulation`, which `.ci/run` runs for 100,000 steps.
"""

from __future__ import annotations

from typing import Any

import pytest

from otpsup.runtime.hooks import POINTS
from otpsup.runtime.launcher.leftovers import Leftovers
from tests.simulation.run import FailedLife, run
from tests.simulation.world import World


def test_everything_holds() -> None:
    """Whatever happens, nobody is alive who should not be, and all that is promised is kept."""
    done = run(2, 8_000)
    assert done.faults["spawn failures"] > 0
    assert all(done.faults[f"hooks {point}"] > 0 for point in POINTS)
    assert done.faults["reload"] > 0
    assert done.faults["replaced"] > 0
    assert done.faults["unwanted"] > 0
    assert done.ends["the host died"] > 0


@pytest.mark.slow
def test_it_is_the_same_each_time() -> None:
    """A seed is enough to see again what was seen."""
    traces = [trace_of("again"), trace_of("again")]
    assert len(traces[0]) > 200
    assert traces[0] == traces[1]


def trace_of(seed: str) -> list[str]:
    lines: list[str] = []
    for life in range(3):
        world = World(f"{seed}/{life}", 200)
        world.live()
        lines += (line for line in world.kernel.trace if "host" not in line)
    return lines


def test_it_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher that does not wait for what a dead child has left behind is found out, and what
    is printed says how to see it again."""

    def is_swept(*_: Any) -> bool:
        return True

    monkeypatch.setattr(Leftovers, "_is_swept", is_swept)
    with pytest.raises(FailedLife, match=r"again: python -m tests\.simulation --seed 5 --life \d+"):
        run(5, 25_000)

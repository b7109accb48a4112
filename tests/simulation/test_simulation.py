"""The whole runtime in a made-up world, where a seed decides what happens when.

More of it: `python -m tests.simulation`.
"""

from __future__ import annotations

from typing import Any

import pytest

from otpsup.runtime.launcher.server import Server
from tests.simulation.run import FailedLife, run
from tests.simulation.world import World


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_everything_holds(seed: int) -> None:
    """25,000 steps each; in every one of them nobody is alive who should not be."""
    done = run(seed, 25_000)
    assert done.faults["spawn failures"] > 0
    assert done.ends["the host died"] > 0


def test_it_is_the_same_each_time() -> None:
    """A seed is enough to see again what was seen."""
    traces = []
    for _ in range(2):
        world = World("again", 2000)
        world.live()
        traces.append([line for line in world.kernel.trace if "host" not in line])
    assert len(traces[0]) > 200
    assert traces[0] == traces[1]


def test_it_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher that does not wait for what a dead child has left behind is found out, and what
    is printed says how to see it again."""

    def is_swept(*_: Any) -> bool:
        return True

    monkeypatch.setattr(Server, "_is_swept", is_swept)
    with pytest.raises(FailedLife, match=r"again: python -m tests\.simulation --seed 5 --life \d+"):
        run(5, 25_000)

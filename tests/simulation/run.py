"""Many lives, one after the other, until enough steps have been made."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from random import Random

from attrs import define, field

from tests.simulation.world import Told, World

_SHOWN = 60
"""Lines of what happened last that a failure shows."""


class FailedLife(AssertionError):
    """Something did not hold in one life; says what, and how to see it again."""


@define
class Sum:
    """What many lives have come to."""

    seed: int
    began: float = field(factory=time.monotonic)
    lives: int = 0
    steps: int = 0
    requests: int = 0
    faults: Counter[str] = field(factory=Counter)
    ends: Counter[str] = field(factory=Counter)

    def add(self, told: Told) -> None:
        """One more."""
        self.lives += 1
        self.steps += told.steps
        self.requests += told.requests
        self.faults += told.faults
        self.ends[told.end] += 1

    def __str__(self) -> str:
        took = time.monotonic() - self.began
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        ends = ", ".join(f"{name} {count}" for name, count in sorted(self.ends.items()))
        return (
            f"seed {self.seed}: {self.steps} steps in {self.lives} lives, {self.requests} requests "
            f"answered ({faults}); {ends}; {self.steps / took:.0f} steps/s"
        )


def one_life(seed: int, life: int, *, trace: Callable[[str], None] | None = None) -> Told:
    """One life of one seed.

    Raises:
        FailedLife: something did not hold.
    """
    steps = Random(f"{seed}/{life}/steps").choice((50, 300, 1000, 3000))
    world = World(f"{seed}/{life}", steps)
    if trace is not None:
        world.kernel.note = lambda text: trace(f"{world.kernel.now:10.4f} {text}")  # type: ignore[method-assign]
    try:
        return world.live()
    except AssertionError as error:
        shown = "\n".join(list(world.kernel.trace)[-_SHOWN:])
        again = f"python -m tests.simulation --seed {seed} --life {life}"
        raise FailedLife(f"{shown}\n{error}\nagain: {again}") from error


def run(seed: int, steps: int, *, report: Callable[[str], None] = lambda _: None) -> Sum:
    """Lives of this seed, until so many steps have been made.

    Raises:
        FailedLife: something did not hold.
    """
    done, next_report = Sum(seed), 10
    while done.steps < steps:
        done.add(one_life(seed, done.lives))
        if time.monotonic() - done.began >= next_report:
            report(str(done))
            next_report += 10
    return done

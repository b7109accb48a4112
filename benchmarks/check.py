"""Has otpsup become slower? Ratios to a hand-written loop, in one short run, within bounds.

    python -m benchmarks.check             as CI does; exit code 1 if something got slower
    python -m benchmarks.check --rewrite   measure anew what is to be held

A ratio over its bound is measured twice more before it counts: another's load can spoil one run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve, frozen

from . import processes
from .report import OURS, Row, number, table
from .rivals.loops import ASYNCIO, LIMIT
from .rivals.ours import OTPSUP
from .rows import bulk, restart

BOUNDS = Path(__file__).with_name("bounds.json")
ROOM = 1.7
"""A bound is so many times the ratio that was measured: it catches a doubling."""
TRIES = 3
SIZE = bulk.Size(count=200, few=0, idle=0.0, rest=0.0, repetitions=3)
KILLS = 40
_TAKING = [evolve(each, settle=0.2) for each in (LIMIT, ASYNCIO, OTPSUP)]
"""None of these makes what has just been started wait."""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _restart() -> list[Row]:
    return restart.rows(_TAKING, KILLS, _say)


def _bulk() -> list[Row]:
    return bulk.rows(_TAKING, SIZE, _say)


MEASURED: Mapping[str, Callable[[], Sequence[Row]]] = {
    "restart-command-p50": _restart,
    "start": _bulk,
    "failure": _bulk,
    "stop": _bulk,
}
"""What is checked, and what measures it."""


@frozen
class Bound:
    """What a row must keep.

    Attributes:
        base: who it is compared with: a hand-written loop, whose cost moves with the machine's as
            otpsup's does.
        ratio: as it was measured.
        most: that it may be.
    """

    key: str
    base: str
    ratio: float
    most: float


def ratios(keys: Sequence[str]) -> dict[str, float]:
    """How many times the hand-written loop's median otpsup takes, by row."""
    found: dict[str, float] = {}
    for measure in dict.fromkeys(MEASURED[key] for key in keys):
        found |= {row.key: _ratio(row) for row in measure() if row.key in keys}
        processes.sweep()
    return found


def _ratio(row: Row) -> float:
    ours, base = row.median(OURS), row.median(ASYNCIO.name)
    if ours is None or not base:
        notes = "; ".join(figure.note for figure in row.figures if figure.note)
        raise SystemExit(f"benchmarks: {row.key} could not be measured: {notes}")
    return ours / base


def bounds() -> list[Bound]:
    """What is committed."""
    return [Bound(**each) for each in json.loads(BOUNDS.read_text())]


def rewrite() -> None:
    """Measure anew, three times, and write the bounds."""
    runs = [ratios(list(MEASURED)) for _ in range(TRIES)]
    medians = {key: statistics.median(run[key] for run in runs) for key in MEASURED}
    written = [
        {"key": key, "base": ASYNCIO.name, "ratio": round(ratio, 2), "most": round(ratio * ROOM, 2)}
        for key, ratio in medians.items()
    ]
    BOUNDS.write_text(json.dumps(written, indent=1) + "\n")


def tried(held: Sequence[Bound], measure: Callable[[Sequence[str]], Mapping[str, float]]) -> (
    dict[str, float]
):  # fmt: skip
    """The best ratio of each row; those over their bound are measured again, thrice in all."""
    best: dict[str, float] = {}
    for _ in range(TRIES):
        slow = [each.key for each in held if best.get(each.key, float("inf")) > each.most]
        for key, ratio in measure(slow).items() if slow else ():
            best[key] = min(ratio, best.get(key, ratio))
    return best


def show(held: Sequence[Bound], found: Mapping[str, float]) -> str:
    """The table."""
    lines = [
        (
            each.key, f"{number(found[each.key])} x {each.base}", number(each.ratio),
            number(each.most), "ok" if found[each.key] <= each.most else "SLOWER",
        )
        for each in held
    ]  # fmt: skip
    return table(("work", "now", "was", "at most", ""), lines)


def main() -> int:
    """Check, or rewrite; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__)
    parser.add_argument("--rewrite", action="store_true")
    is_to_rewrite = parser.parse_args().rewrite
    processes.adopt()
    try:
        if is_to_rewrite:
            rewrite()
        held = bounds()
        found = tried(held, ratios)
    finally:
        processes.sweep()
    print(show(held, found))
    return int(any(found[each.key] > each.most for each in held))


if __name__ == "__main__":
    sys.exit(main())

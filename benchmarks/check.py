"""Has otpsup become slower? Ratios to hand-written loops and to `cat`, in one run, within bounds.

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
from .rivals.logging import CAT
from .rivals.logging import OTPSUP as CAPTURE
from .rivals.loops import ASYNCIO, LIMIT
from .rivals.ours import OTPSUP
from .rivals.workers import OTPSUP as PYTHON
from .rivals.workers import ZYGOTE
from .rows import bulk, logs, restart, workers

BOUNDS = Path(__file__).with_name("bounds.json")
ROOM = 1.7
"""A bound is so many times the ratio that was measured: it catches a doubling."""
TRIES = 3
SIZE = bulk.Size(count=200, few=0, idle=0.0, rest=0.0, repetitions=3)
KILLS = 40
WORKERS = 20
SIZE_OF_LOG = 40_000_000
_TAKING = [evolve(each, settle=0.2) for each in (LIMIT, ASYNCIO, OTPSUP)]
"""None of these makes what has just been started wait."""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _restart() -> list[Row]:
    return restart.rows(_TAKING, KILLS, _say)


def _bulk() -> list[Row]:
    return bulk.rows(_TAKING, SIZE, _say)


def _workers() -> list[Row]:
    return workers.rows([LIMIT, ZYGOTE, PYTHON], "small", WORKERS, KILLS, _say)


def _logs() -> list[Row]:
    return logs.rows(logs.WORKS[0], [CAT, CAPTURE], SIZE_OF_LOG, TRIES, _say)


MEASURED: Mapping[str, tuple[Callable[[], Sequence[Row]], str]] = {
    "restart-command-p50": (_restart, ASYNCIO.name),
    "start": (_bulk, ASYNCIO.name),
    "failure": (_bulk, ASYNCIO.name),
    "stop": (_bulk, ASYNCIO.name),
    "worker-start-small": (_workers, ZYGOTE.name),
    "worker-restart-small": (_workers, ZYGOTE.name),
    "logs": (_logs, CAT.rival.name),
    "logs-cpu": (_logs, CAT.rival.name),
}
"""What is checked, what measures it, and who it is compared with."""


@frozen
class Bound:
    """What a row must keep.

    Attributes:
        base: who it is compared with: what does the same by hand, and whose cost moves with the
            machine's as otpsup's does.
        ratio: how many times worse otpsup was when it was measured.
        most: that it may be.
    """

    key: str
    base: str
    ratio: float
    most: float


def ratios(keys: Sequence[str]) -> dict[str, float]:
    """How many times worse otpsup's median is than that of its base, by row."""
    found: dict[str, float] = {}
    for measure in dict.fromkeys(MEASURED[key][0] for key in keys):
        found |= {row.key: _ratio(row) for row in measure() if row.key in keys}
        processes.sweep()
    return found


def _ratio(row: Row) -> float:
    ours, base = row.median(OURS), row.median(MEASURED[row.key][1])
    if not ours or not base:
        notes = "; ".join(figure.note for figure in row.figures if figure.note)
        raise SystemExit(f"benchmarks: {row.key} could not be measured: {notes}")
    return ours / base if row.better == "lower" else base / ours


def bounds() -> list[Bound]:
    """What is committed."""
    return [Bound(**each) for each in json.loads(BOUNDS.read_text())]


def rewrite() -> None:
    """Measure anew, three times, and write the bounds."""
    runs = [ratios(list(MEASURED)) for _ in range(TRIES)]
    medians = {key: statistics.median(run[key] for run in runs) for key in MEASURED}
    written = [
        {
            "key": key,
            "base": MEASURED[key][1],
            "ratio": round(ratio, 2),
            "most": round(ratio * ROOM, 2),
        }
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

"""Python workers: from their start, or from a kill -9, to their first own line; and their memory.

    python -m benchmarks.rows.workers [RIVAL ...] [--workers 100] [--kills 60]

All rivals are up at once. Workers are started one at a time, the rivals in turns; then workers are
killed in turns at random, among them programs of the limit in C.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import fmean

from .. import places, processes
from ..records import Gate, Records, TooLateError
from ..report import Figure, Row, detail
from ..rivals.loops import LIMIT
from ..rivals.rival import Program, Rival
from ..rivals.workers import WORKERS, ZYGOTE
from ..workers.loop import STARTING

PAUSE = 0.03
"""Seconds between two starts, or kills, on the average."""
MODULES = {"small": "small", "heavy": "with 100 ms of imports"}
_LATEST = 15.0


class Up:
    """A rival that is up."""

    def __init__(self, rival: Rival, module: str, count: int, folder: Path) -> None:
        folder.mkdir()
        self.rival = rival
        self.count = count
        self.starts: list[float] = []
        self.restarts: list[float] = []
        self.records = Records(folder / "fifo")
        self.gate = Gate(folder / "fifo")
        what = places.compiled("child") if rival is LIMIT else f"benchmarks.workers.{module}"
        argv = [what, str(folder / "fifo")]
        programs = [Program(f"w{id}", [*argv, str(id)]) for id in range(count)]
        self.running = rival.start(programs, folder / "own")

    def start(self, id: int) -> None:
        """Have it start a worker, and wait until that is there."""
        self.gate.open()
        begun = 0
        for record in self.records.until(_LATEST):
            if record.id == STARTING + id:
                begun = record.at
                del self.records.pids[record.id]
            elif record.id == id:
                self.starts.append((record.at - begun) / 1e6)
                break

    def kill_one(self) -> None:
        """Kill a worker, and wait until it is back."""
        id, pid = random.choice(list(self.records.pids.items()))
        begun = time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        try:
            self.restarts.append((self.records.of(id, _LATEST) - begun) / 1e6)
        except TooLateError as error:
            raise TooLateError(f"{self.rival.name} did not restart a worker: {error}") from None

    def pss(self) -> float:
        """MiB a worker."""
        return fmean(processes.pss([pid]) for pid in self.records.pids.values())

    def close(self) -> None:
        """Stop it."""
        self.running.kill(list(self.records.pids.values()))
        self.gate.close()
        self.records.close()


@contextmanager
def _all_up(rivals: Sequence[Rival], module: str, count: int) -> Iterator[list[Up]]:
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        up = []
        for number, rival in enumerate(rivals):
            each = Up(rival, module, count, Path(place) / str(number))
            stack.callback(each.close)
            up.append(each)
        yield up


def measure(rivals: Sequence[Rival], *, quick: bool, progress: Callable[[str], None]) -> list[Row]:
    """The rows: of starts, restarts and memory, small and with imports. Who takes part is in
    `rivals.workers`, not in `rivals`."""
    del rivals
    count, kills = (20, 20) if quick else (100, 100)
    present = [rival for rival in WORKERS if not rival.missing()]
    return [row for module in MODULES for row in rows(present, module, count, kills, progress)]


def rows(
    rivals: Sequence[Rival],
    module: str,
    count: int,
    kills: int,
    progress: Callable[[str], None],
) -> list[Row]:
    """Starts, restarts and memory of so many workers of one module."""
    progress(f"Python workers, {MODULES[module]}")
    with _all_up(rivals, module, count) as up:
        theirs = [each for each in up if each.rival is not LIMIT]
        for id in range(count):
            for each in random.sample(theirs, len(theirs)):
                time.sleep(PAUSE * random.uniform(0.2, 0.6))
                each.start(id)
        for each in up:
            if each.rival is LIMIT:
                each.records.of_all(count, _LATEST)
        memory = {each.rival.name: each.pss() for each in theirs}
        turns = [each for each in up for _ in range(max(kills * each.rival.kills // 200, 5))]
        for each in random.sample(turns, len(turns)):
            time.sleep(PAUSE * random.uniform(0.5, 1.5))
            each.kill_one()
    is_small = module == "small"
    title = f"Python worker, {MODULES[module]}"
    return [
        Row(f"worker-start-{module}", f"{title}: start to its first line", "ms",
            [_figure(each, each.starts[1:]) for each in theirs], base=ZYGOTE.name,
            target=2.0, target_is_absolute=True),
        Row(f"worker-restart-{module}", f"{title}: kill -9 to the next one's first line", "ms",
            [_figure(each, each.restarts) for each in up], target=2.6),
        Row(f"worker-pss-{module}", f"{title}: memory (PSS), of {count}", "MiB",
            [_figure(each, [memory[each.rival.name]]) for each in theirs], base=ZYGOTE.name,
            target=1.5 if is_small else 2.0, target_is_absolute=True),
    ]  # fmt: skip


def _figure(up: Up, values: Sequence[float]) -> Figure:
    return Figure(up.rival.name, up.rival.kind, values)


def main() -> None:
    """Print tables."""
    parser = argparse.ArgumentParser(prog="benchmarks.rows.workers", description=__doc__)
    parser.add_argument("rivals", nargs="*")
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--kills", type=int, default=60)
    given = parser.parse_args()
    chosen = [r for r in WORKERS if not given.rivals or any(n in r.name for n in given.rivals)]
    for module in MODULES:
        found = rows(chosen, module, given.workers, given.kills, lambda _: None)
        print(*map(detail, found), sep="\n")


if __name__ == "__main__":
    main()

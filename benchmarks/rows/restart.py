"""How long after its SIGKILL a child is back: all rivals up at once, killed in turns at random.

The time runs from just before kill(2) to the first statement of the new process's main.

    python -m benchmarks.rows.restart [RIVAL ...] [--kills 200]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..records import Records, TooLateError
from ..rivals import COMMANDS
from ..rivals.rival import Rival, announcing

CHILDREN = 20
"""Under each rival."""
PAUSE = 0.06
"""Seconds between two kills on average, from half of it to one and a half."""
_LATEST = 30.0


class Up:
    """A rival that is up with its children."""

    def __init__(self, rival: Rival, folder: Path, children: int) -> None:
        folder.mkdir()
        self.records = Records(folder / "fifo")
        programs = announcing(self.records.path, children)
        self.running = rival.start(programs, folder / "own")
        self.records.of_all(children, _LATEST)
        self.latencies: list[float] = []

    def kill_one(self) -> None:
        """Kill a child, and wait until it is back."""
        id, pid = random.choice(list(self.records.pids.items()))
        begun = time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        self.latencies.append((self.records.of(id, _LATEST) - begun) / 1e6)

    def close(self) -> None:
        """Stop it."""
        self.running.kill(list(self.records.pids.values()))
        self.records.close()


@contextmanager
def all_up(rivals: Sequence[Rival], children: int) -> Iterator[list[Up]]:
    """All of them up at once."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        up = []
        for number, rival in enumerate(rivals):
            each = Up(rival, Path(place) / str(number), children)
            stack.callback(each.close)
            up.append(each)
        time.sleep(max(rival.settle for rival in rivals))
        yield up


def measure(rivals: Sequence[Rival], kills: int = 200) -> dict[str, list[float]]:
    """Latencies in ms by rival; `kills` of each that is fast, fewer of the slow ones."""
    with all_up(rivals, CHILDREN) as everybody:
        turns = [up for up in everybody for _ in range(_share(up.running.rival, kills))]
        random.shuffle(turns)
        for up in turns:
            time.sleep(PAUSE * random.uniform(0.5, 1.5))
            up.kill_one()
        return {up.running.rival.name: up.latencies for up in everybody}


def _share(rival: Rival, kills: int) -> int:
    return max(round(kills * rival.kills / 200), 5)


def main() -> None:
    """Print a table."""
    import statistics

    parser = argparse.ArgumentParser(prog="benchmarks.rows.restart", description=__doc__)
    parser.add_argument("rivals", nargs="*")
    parser.add_argument("--kills", type=int, default=200)
    given = parser.parse_args()
    chosen = [r for r in COMMANDS if not given.rivals or any(n in r.name for n in given.rivals)]
    found = measure([rival for rival in chosen if not rival.missing()], given.kills)
    base = statistics.median(next(iter(found.values())))
    base99 = statistics.quantiles(next(iter(found.values())), n=100)[98]
    for name, values in found.items():
        p50, p99 = statistics.median(values), statistics.quantiles(values, n=100)[98]
        print(f"{name:24}{p50:9.3f}{p99:9.3f} ms{p50 / base:8.2f}{p99 / base99:8.2f} x")


if __name__ == "__main__":
    try:
        main()
    except TooLateError as error:
        raise SystemExit(f"benchmarks: {error}") from None

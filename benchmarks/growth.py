"""How what otpsup does grows with its tree: 10, 100, 1,000, 10,000 commands under one supervisor.

    python -m benchmarks.growth [--most 10000] [--kills 100] [--rounds 3] [--into FOLDER]

The output of the commands goes to the host, as it does by default; where the limit of descriptors
is too low for that, to /dev/null; and where it is too low for that, too, the largest tree is as
large as it may be (ulimit -Hn).

The trees of all sizes are up at once, each under a host of its own, and their children are killed
in turns at random: so what counts is the ratio of two sizes, from which the machine's drift cancels
out. Latencies run from just before kill(2) to the first statement of the new process's main. An
exponent is log(ratio of times) / log(ratio of sizes): 0 does not grow, 1 is linear, 2 quadratic.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from . import curves, places, processes
from .records import Records

SIZES = (10, 100, 1_000, 10_000)
PAUSE = 0.04
"""Seconds between two kills on average, from half of it to one and a half."""
IDLE = 10.0
"""Seconds in which nothing happens."""
_SETTLE = 2.0
_LATEST = 600.0
_PER_CHILD = {"inherit": 3, "null": 2}
_OWN = 100
"""Descriptors that the host needs, by where its children's output goes."""
_HOST = """\
import sys
from otpsup import Command, Supervisor, run
program, fifo, count, strategy, out = sys.argv[1:]
children = [
    Command(f"c{id}", [program, fifo, str(id)], stdout=out, stderr=out)
    for id in range(int(count))
]
run(Supervisor("growth", children=children, strategy=strategy, intensity=1_000_000))
"""

Steps = dict[str, list[float]]


class Host:
    """A program whose whole job is a tree of `count` commands.

    Args:
        folder: an empty one.
    """

    def __init__(self, count: int, folder: Path, strategy: str, output: str) -> None:
        folder.mkdir()
        self.count = count
        self.records = Records(folder / "fifo")
        told = (places.compiled("child"), str(self.records.path), str(count), strategy, output)
        begun = time.monotonic_ns()
        self._said = folder / "output"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [places.python(), "-c", _HOST, *told], stdin=subprocess.DEVNULL, stdout=said,
                stderr=said, env={**os.environ, "OTPSUP_RUNTIME_DIR": str(folder)},
                start_new_session=True,
            )  # fmt: skip
        self.boot = self._all_back(begun)

    def _all_back(self, begun: int) -> float:
        """Seconds from then until every child has come to life since.

        Raises:
            SystemExit: the host has ended.
        """
        seen: set[int] = set()
        last = 0
        while len(seen) < self.count:
            for record in self.records.take(1.0):
                seen.add(record.id)
                last = max(last, record.at)
            if self.process.poll() is not None:
                raise SystemExit(f"benchmarks: the host has ended: {self._said.read_text()[-500:]}")
        return (last - begun) / 1e9

    def supervisors(self) -> list[int]:
        """The host and its launcher."""
        return [self.process.pid, *(p for p in processes.children(self.process.pid))]

    def kill_one(self) -> float:
        """Kill one; ms until it is back."""
        id, pid = random.choice(list(self.records.pids.items()))
        begun = time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        return (self.records.of(id, _LATEST) - begun) / 1e6

    def kill_all(self) -> float:
        """Kill all; seconds until all are back."""
        pids = list(self.records.pids.values())
        random.shuffle(pids)
        begun = time.monotonic_ns()
        processes.kill(pids)
        return self._all_back(begun)

    def end_one(self) -> float:
        """As `kill_one` where all have to go with it: seconds until all are back."""
        pid = random.choice(list(self.records.pids.values()))
        begun = time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        return self._all_back(begun)

    def stop(self) -> float:
        """Seconds until nothing is left after SIGTERM.

        Raises:
            RuntimeError: somebody is.
        """
        everybody = [*self.supervisors(), *self.records.pids.values()]
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(_LATEST)
        took = time.monotonic() - begun
        if left := processes.alive(everybody):
            raise RuntimeError(f"{len(left)} processes are left after the stop")
        return took

    def close(self) -> None:
        """Whatever state it is in."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            processes.await_gone(self.records.pids.values(), 60)
        self.records.close()


@contextmanager
def hosts(sizes: Sequence[int], strategy: str, output: str) -> Iterator[dict[int, Host]]:
    """A host of each size, all up at once; the small ones are started first."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        found: dict[int, Host] = {}
        for size in sizes:
            found[size] = Host(size, Path(place) / str(size), strategy, output)
            stack.callback(found[size].close)
        yield found


def measure(
    sizes: Sequence[int] = SIZES, kills: int = 100, rounds: int = 3
) -> dict[int, dict[str, float]]:
    """What each step takes, by size: times in seconds, latencies in ms, memory in MiB.

    Args:
        kills: of each size.
        rounds: how often each of the other steps is done; medians count.
    """
    output, most = room(max(sizes))
    sizes = [min(size, most) for size in sizes]
    told: dict[int, Steps] = {size: {} for size in sizes}
    with hosts(sizes, "one_for_one", output) as up:
        for size, host in up.items():
            told[size]["boot"] = [host.boot]
        time.sleep(_SETTLE)
        _idle(up, told)
        _restarts(up, told, kills)
        for _ in range(rounds):
            for size, host in up.items():
                time.sleep(_SETTLE)
                told[size].setdefault("mass", []).append(host.kill_all())
        time.sleep(_SETTLE)
        for size, host in up.items():
            told[size]["stop"] = [host.stop()]
    with hosts(sizes, "one_for_all", output) as up:
        for size, host in up.items():
            told[size]["boot"].append(host.boot)
        for _ in range(rounds):
            for size, host in up.items():
                time.sleep(_SETTLE)
                told[size].setdefault("one_for_all", []).append(host.end_one())
        time.sleep(_SETTLE)
        for size, host in up.items():
            told[size]["stop"].append(host.stop())
    return {size: _figures(steps) for size, steps in told.items()}


def room(count: int) -> tuple[str, int]:
    """Where the output of so many children can go, and how many there can be (getrlimit(2))."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, PermissionError):  # root may raise the hard limit, too
        hard = max(hard, count * _PER_CHILD["inherit"] + _OWN)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    fits = {output: (hard - _OWN) // each for output, each in _PER_CHILD.items()}
    output = "inherit" if fits["inherit"] >= count else "null"
    return output, min(count, fits[output])


def _idle(up: dict[int, Host], told: dict[int, Steps]) -> None:
    """Memory, and what is done while nothing happens."""
    who = {size: host.supervisors() for size, host in up.items()}
    before = {size: (processes.cpu(pids), processes.switches(pids)) for size, pids in who.items()}
    time.sleep(IDLE)
    for size, pids in who.items():
        told[size]["idle_cpu"] = [(processes.cpu(pids) - before[size][0]) * 1e3]
        told[size]["idle_switches"] = [processes.switches(pids) - before[size][1]]
        told[size]["pss"] = [processes.pss(pids)]
        told[size]["descriptors"] = [len(os.listdir(f"/proc/{pids[0]}/fd"))]  # noqa: PTH208


def _restarts(up: dict[int, Host], told: dict[int, Steps], kills: int) -> None:
    turns = [size for size in up for _ in range(kills)]
    random.shuffle(turns)
    who = {size: host.supervisors() for size, host in up.items()}
    before = {size: processes.cpu(pids) for size, pids in who.items()}
    for size in turns:
        time.sleep(PAUSE * random.uniform(0.5, 1.5))
        told[size].setdefault("restart", []).append(up[size].kill_one())
    time.sleep(_SETTLE)
    for size, pids in who.items():
        told[size]["restart_cpu"] = [(processes.cpu(pids) - before[size]) * 1e3 / kills]


def _figures(steps: Steps) -> dict[str, float]:
    found = {name: statistics.median(values) for name, values in steps.items()}
    found["restart_p99"] = statistics.quantiles(steps["restart"], n=100)[98]
    return found


COLUMNS = {
    "boot": ("all up", "s"),
    "restart": ("restart p50", "ms"),
    "restart_p99": ("restart p99", "ms"),
    "restart_cpu": ("CPU of host and launcher a restart", "ms"),
    "mass": ("all killed, all back", "s"),
    "one_for_all": ("one_for_all, all back", "s"),
    "stop": ("orderly stop", "s"),
    "pss": ("PSS of host and launcher", "MiB"),
    "descriptors": ("descriptors of the host", ""),
    "idle_cpu": (f"CPU in {IDLE:g} idle s", "ms"),
    "idle_switches": (f"context switches in {IDLE:g} idle s", ""),
}
_GROWING = ("boot", "restart", "restart_p99", "restart_cpu", "mass", "one_for_all", "stop", "pss")


def exponents(figures: dict[int, dict[str, float]]) -> dict[str, list[float]]:
    """How each step grows from each size to the next."""
    sizes = sorted(figures)
    pairs = list(itertools.pairwise(sizes))
    return {
        name: [math.log(figures[b][name] / figures[a][name]) / math.log(b / a) for a, b in pairs]
        for name in _GROWING
    }


def per_child(figures: dict[int, dict[str, float]], small: int, large: int) -> float:
    """KiB that each further child costs host and launcher."""
    return (figures[large]["pss"] - figures[small]["pss"]) * 1024 / (large - small)


def table(figures: dict[int, dict[str, float]]) -> str:
    """As text: a row for each step, a column for each size, and the exponents."""
    sizes = sorted(figures)
    grown = exponents(figures)
    rows = [["", *(f"{size:,}" for size in sizes), "exponents"]]
    for name, (title, unit) in COLUMNS.items():
        values = [_number(figures[size][name]) for size in sizes]
        how = " ".join(f"{value:.2f}" for value in grown.get(name, ()))
        rows.append([f"{title}, {unit}" if unit else title, *values, how])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(r, widths, strict=True)) for r in rows]
    ratio = figures[sizes[-1]]["restart"] / figures[sizes[0]]["restart"]
    lines.append(f"restart p50, {sizes[-1]:,} children to {sizes[0]:,}: {ratio:.2f} x")
    if len(sizes) > 1:
        kib = per_child(figures, sizes[-2], sizes[-1])
        lines.append(f"memory of each child from {sizes[-2]:,} on: {kib:.1f} KiB")
    return "\n".join(line.rstrip() for line in lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def chart(figures: dict[int, dict[str, float]]) -> str:
    """The times by size, as SVG."""
    shown = ("boot", "mass", "one_for_all", "stop", "restart")
    scale = {"ms": 1e-3, "s": 1.0}
    lines = {
        COLUMNS[name][0]: [
            (size, figures[size][name] * scale[COLUMNS[name][1]]) for size in sorted(figures)
        ]
        for name in shown
    }
    return curves.growth("otpsup: time by number of children", lines, "children", "seconds")


def main() -> None:
    """Print the table; write figures and chart."""
    parser = argparse.ArgumentParser(prog="benchmarks.growth", description=__doc__)
    parser.add_argument("--most", type=int, default=SIZES[-1])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--into", type=Path, help="a folder for growth.json and growth.svg")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave nobody behind
    figures = measure([n for n in SIZES if n <= given.most], given.kills, given.rounds)
    print(table(figures))
    if given.into:
        given.into.mkdir(parents=True, exist_ok=True)
        told: dict[str, Any] = {"figures": figures, "exponents": exponents(figures)}
        (given.into / "growth.json").write_text(json.dumps(told, indent=2) + "\n")
        (given.into / "growth.svg").write_text(chart(figures))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()

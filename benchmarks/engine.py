"""The engine alone, from 10 to 100,000 children, beside the supervisor of Erlang/OTP.

    python -m benchmarks.engine [--quick]

The two take turns at each work, in one run, on one core; medians. What each row holds:

* engine: events in, effects out; every state change and report is made, and the deadline is asked
  for after each event, as the runtime does. No process is made, nothing is signalled or logged: an
  effect `Spawn` is answered with the event `Spawned` at once.
* OTP: the real `supervisor` with bare Erlang processes, which are made, linked, killed and say that
  they are up; its reports are switched off. So OTP does more outside of the decisions, and fewer
  reports within them.

Both keep restarts of one second in their window, by the real clock. OTP goes through all of these
at each restart, and through its children to find the one that died, unless it is a pool
(`simple_one_for_one`). Mass failures that take it minutes are left out. Without Erlang only ours is
measured.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from attrs import evolve, frozen

from otpsup.engine import Engine
from otpsup.engine.effects import Spawn, Terminate
from otpsup.engine.events import Boot, Event, Exited, Reload, Shutdown, Spawned, StartChild
from otpsup.engine.reasons import Exit
from otpsup.specs import ChildSpec, Command, DynamicSupervisor, Supervisor
from otpsup.specs.children import Strategy
from tests.otp import erlang

SIZES = (10, 100, 1_000, 10_000, 100_000)
QUICK = (10, 100, 1_000)
PROGRAM = Path(__file__).with_name("engine_otp.erl")
RESTARTS = 200
"""So many in one go, one after the other."""
LIMITS: dict[str, Any] = {"intensity": 1_000_000_000, "period": 1}
KILLED, ASKED = Exit(signal=9), Exit(signal=15)
MOST_FOR_OTP = 10_000
"""A mass failure of more takes OTP minutes."""


class Host:
    """Drives an engine as a world in which everything works at once."""

    def __init__(self, spec: Supervisor | DynamicSupervisor) -> None:
        self.spec = spec
        self.engine = Engine(spec)
        self.runs: dict[str, int] = {}
        self.paths: list[str] = []

    def handle(self, *events: Event) -> None:
        """Handle these, and what comes of them, in the order of arrival."""
        queue = list(events)
        engine, clock = self.engine, time.monotonic
        for event in queue:  # which grows meanwhile
            for effect in engine.handle(event, clock()):
                if isinstance(effect, Spawn):
                    self.runs[effect.path] = effect.run
                    queue.append(Spawned(effect.path, effect.run, 1))
                elif isinstance(effect, Terminate):
                    queue.append(Exited(effect.path, effect.run, ASKED))
            engine.deadline  # noqa: B018 - it is worked out when asked for

    def killed(self, path: str) -> Exited:
        """The event that this child is dead."""
        return Exited(path, self.runs[path], KILLED)

    def start(self) -> None:
        self.handle(Boot())
        self.paths = list(self.runs)

    def restart(self) -> None:
        for number in range(1, RESTARTS + 1):
            self.handle(self.killed(self.paths[number * 7919 % len(self.paths)]))

    def kill_last(self) -> None:
        for _ in range(RESTARTS):
            self.handle(self.killed(self.paths[-1]))

    def kill_first_of_all(self) -> None:
        self.handle(self.killed(self.paths[0]))

    def kill_all(self) -> None:
        self.handle(*map(self.killed, self.runs))

    def stop(self) -> None:
        self.handle(Shutdown())

    def snapshot(self) -> None:
        self.engine.snapshot()

    def add_one(self) -> None:
        """A reload with one child more."""
        self._become(*self._children, Command("new", ["program"]))

    def change_one(self) -> None:
        """A reload in which one child is another program."""
        self._become(Command("c0", ["other"]), *self._children[1:])

    @property
    def _children(self) -> Sequence[ChildSpec]:
        assert isinstance(self.spec, Supervisor)
        return self.spec.children

    def _become(self, *children: ChildSpec) -> None:
        assert isinstance(self.spec, Supervisor)
        self.spec = evolve(self.spec, children=children)
        self.handle(Reload(spec=self.spec))


def tree(strategy: Strategy, count: int) -> Host:
    """A host of a supervisor with so many commands."""
    children = [Command(f"c{number}", ["program"]) for number in range(count)]
    return Host(Supervisor("top", strategy=strategy, children=children, **LIMITS))


class PoolHost(Host):
    """A host of a dynamic supervisor, whose instances are started one by one."""

    def __init__(self, count: int) -> None:
        super().__init__(DynamicSupervisor("pool", Command("job", ["program"]), **LIMITS))
        self._count = count

    def start(self) -> None:
        self.handle(Boot())
        for _ in range(self._count):
            self.handle(StartChild(""))
        self.paths = list(self.runs)


class Otp:
    """The Erlang program beside this file, which does one work after the other."""

    def __init__(self, folder: str) -> None:
        subprocess.run(["erlc", "-o", folder, str(PROGRAM)], check=True)
        argv = ["erl", "+S", "1", "+P", "1000000", "-noshell", "-pa", folder]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [*argv, "-run", "engine_otp", "main"], stdin=pipe, stdout=pipe, text=True, bufsize=1
        )

    def seconds(self, work: str) -> float:
        """How long it takes for this."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{work}\n")
        return int(self._process.stdout.readline()) / 1e9

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@frozen
class Work:
    """One row of the table.

    Attributes:
        name: what is done.
        ours: the method of `Host`.
        otps: OTP's line for the same; none if it has nothing like it.
        share: what of it is told: a `restart`, or each `child`'s part.
        most: the most children with which OTP is asked.
    """

    name: str
    ours: str
    otps: str = ""
    share: str = "child"
    most: int = SIZES[-1]


RUNS: dict[Strategy | Literal["pool"], tuple[Work, ...]] = {
    "one_for_one": (
        Work("start, a child", "start", "start one_for_one {n}"),
        Work("restart of one", "restart", f"restart {RESTARTS}", "restart"),
        Work("all fail, a child", "kill_all", "kill_all", most=MOST_FOR_OTP),
        Work("snapshot, a child", "snapshot"),
        Work("reload, one is new, a child", "add_one"),
        Work("reload, one differs, a child", "change_one"),
        Work("stop, a child", "stop", "stop"),
    ),
    "one_for_all": (
        Work("", "start", "start one_for_all {n}"),
        Work("one_for_all, a child", "kill_first_of_all", "kill_first_of_all"),
        Work("", "stop", "stop"),
    ),
    "rest_for_one": (
        Work("", "start", "start rest_for_one {n}"),
        Work("rest_for_one, the last", "kill_last", f"kill_last {RESTARTS}", "restart"),
        Work("", "stop", "stop"),
    ),
    "pool": (
        Work("pool: start, an instance", "start", "start pool {n}"),
        Work("pool: restart of one", "restart", f"restart {RESTARTS}", "restart"),
        Work("pool: all fail, an instance", "kill_all", "kill_all", most=MOST_FOR_OTP),
        Work("pool: stop, an instance", "stop", "stop"),
    ),
}
"""The works on each kind of tree, in turn, from its start to its stop; those without a name only
lead from one to the next."""

Times = dict[tuple[str, str], dict[int, list[float]]]


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def one_round(
    kind: Strategy | Literal["pool"], count: int, otp: Otp | None
) -> Iterator[tuple[str, str, float]]:
    """All works on one kind of tree, ours and OTP's in turn: which, whose, and microseconds."""
    host = PoolHost(count) if kind == "pool" else tree(kind, count)
    gc.collect()
    for work in RUNS[kind]:
        by = RESTARTS if work.share == "restart" else count
        yield work.name, "engine", seconds(getattr(host, work.ours)) / by * 1e6
        if otp is not None and work.otps and count <= work.most:
            yield work.name, "OTP", otp.seconds(work.otps.format(n=count)) / by * 1e6


def rounds_for(count: int, *, quick: bool) -> int:
    """Fewer where each takes long."""
    return 5 if quick else 1 if count > 10_000 else 3 if count > 1_000 else 15


def memory(count: int) -> float:
    """Bytes that the engine holds for each child of a tree that is up, without the specs."""
    host = tree("one_for_one", count)
    tracemalloc.start()
    try:
        host.engine = Engine(host.spec)
        host.start()
        host.runs.clear()
        return tracemalloc.get_traced_memory()[0] / count
    finally:
        tracemalloc.stop()


def measure(sizes: Sequence[int] = SIZES, *, quick: bool = False) -> dict[str, Any]:
    """All rows: `{"rows": [{"work", "whose", "microseconds": {children: median}}], ...}`."""
    times: Times = {}
    with tempfile.TemporaryDirectory(prefix="otpsup-engine-") as folder:
        otp = Otp(folder) if erlang.is_installed() else None
        for round_ in range(rounds_for(0, quick=quick)):
            for count in (n for n in sizes if round_ < rounds_for(n, quick=quick)):
                for kind in RUNS:
                    for name, whose, took in one_round(kind, count, otp):
                        times.setdefault((name, whose), {}).setdefault(count, []).append(took)
        if otp is not None:
            otp.close()
    rows = [
        {"work": name, "whose": whose, "microseconds": medians(found)}
        for (name, whose), found in times.items()
        if name
    ]
    return {"rows": rows, "bytes": {count: memory(count) for count in sizes}}


def medians(found: dict[int, list[float]]) -> dict[int, float]:
    """The median for each number of children."""
    return {count: statistics.median(values) for count, values in found.items()}


def main(*, quick: bool) -> None:
    sizes = QUICK if quick else SIZES
    found = measure(sizes, quick=quick)
    otp = f"; OTP {erlang.release()}" if erlang.is_installed() else ""
    print(f"Microseconds, medians{otp}\n{'children':38}" + "".join(f"{n:>11,}" for n in sizes))
    for row in found["rows"]:
        line(f"{row['work']:31}{row['whose']:7}", sizes, row["microseconds"])
    restart = next(row for row in found["rows"] if row["work"] == "restart of one")
    events = {count: 2e6 / took for count, took in restart["microseconds"].items()}
    line("events a second, restart of one", sizes, events)
    line("bytes a child, up", sizes, found["bytes"])


def line(head: str, sizes: Sequence[int], values: dict[int, float]) -> None:
    """One row of the table."""
    cells = (
        f"{values[n]:>11,.{1 if values[n] < 1000 else 0}f}" if n in values else f"{'-':>11}"
        for n in sizes
    )
    print(f"{head:38}{''.join(cells)}", flush=True)


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])

"""Many commands: start them all, leave them alone, kill them all at once, stop them in order.

Rivals take turns, in another order each time. The start runs from the launch of the supervisor to
the first statement of the last child; the mass failure from before the first kill(2) to the first
statement of the last replacement; the stop until nobody is left, supervisors neither.
"""

from __future__ import annotations

import functools
import random
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

from .. import processes
from ..records import Records, TooLateError
from ..report import Figure, Row
from ..rivals.rival import Rival, Running, announcing

Progress = Callable[[str], None]


@frozen
class Size:
    """How much is measured.

    Attributes:
        count: of children.
        few: children of the run that tells what each one more costs; 0 for no such run.
        idle: seconds of the window in which nothing happens; 0 for none.
        rest: seconds before it.
        repetitions: at most, of each rival.
    """

    count: int = 1000
    few: int = 10
    idle: float = 30.0
    rest: float = 3.0
    repetitions: int = 3


FULL = Size()
QUICK = Size(count=200, idle=10.0, repetitions=2)
_LATEST = 120.0
_LONGEST_STOP = 300.0


@frozen
class Found:
    """What was found up to now: values by kind of work, by rival's name."""

    values: dict[str, dict[str, list[float]]] = field(
        factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    failures: dict[str, str] = field(factory=dict)

    def add(self, work: str, rival: Rival, value: float) -> None:
        """Note one value."""
        self.values[work][rival.name].append(value)

    def figures(self, work: str, rivals: Sequence[Rival]) -> list[Figure]:
        """One row's figures; of those who failed, the reason."""
        values = self.values[work]
        return [
            Figure(each.name, each.kind, values[each.name], self.failures.get(each.name, ""))
            for each in rivals
            if each.name in values or each.name in self.failures
        ]


class Turn:
    """One rival's turn: up with `count` children."""

    def __init__(self, rival: Rival, records: Records, running: Running, count: int) -> None:
        self.rival, self.count = rival, count
        self._records, self._running = records, running

    @property
    def children(self) -> list[int]:
        """The pids of its children, as they are now."""
        self._records.take(0.0)
        return list(self._records.pids.values())

    def start(self) -> float:
        """Seconds until all had come to life."""
        return (self._records.of_all(self.count, _LATEST) - self._running.begun) / 1e9

    def memory(self) -> float:
        """PSS of all supervising processes, MiB."""
        return processes.pss(self._running.supervisors(self.children))

    def idle(self, seconds: float) -> tuple[float, float]:
        """CPU seconds and context switches a second of all supervising processes, left alone."""
        pids = self._running.supervisors(self.children)
        before = processes.cpu(pids), processes.switches(pids)
        time.sleep(seconds)
        used, switched = processes.cpu(pids) - before[0], processes.switches(pids) - before[1]
        return used, switched / seconds

    def fail(self) -> float:
        """Seconds from the first kill of all until all were back."""
        children = self.children
        begun = time.monotonic_ns()
        processes.kill(children)
        return (self._records.of_all(len(children), _LATEST) - begun) / 1e9

    def stop(self) -> float:
        """Seconds until nobody is left."""
        return self._running.stop(self.children, _LONGEST_STOP)


@contextmanager
def turn(rival: Rival, count: int) -> Iterator[Turn]:
    """A rival up with so many children, or as many as it can; whatever happens, it ends."""
    count = min(count, rival.most)
    with tempfile.TemporaryDirectory() as place:
        records = Records(Path(place) / "fifo")
        running = rival.start(announcing(records.path, count), Path(place) / "own")
        try:
            yield Turn(rival, records, running, count)
        except (TooLateError, TimeoutError, subprocess.TimeoutExpired) as error:
            raise TooLateError(f"failed: {error}; {running.last_words()}") from None
        finally:
            running.kill(records.pids.values())
            records.close()


def measure(rivals: Sequence[Rival], *, quick: bool, progress: Progress) -> list[Row]:
    """All rows about many commands."""
    return rows(rivals, QUICK if quick else FULL, progress)


def rows(rivals: Sequence[Rival], size: Size, progress: Progress) -> list[Row]:
    """The same in any size."""
    found = Found()
    for number in range(size.repetitions):
        taking = [rival for rival in rivals if number < rival.repetitions]
        for rival in random.sample(taking, len(taking)):
            if rival.name not in found.failures:
                progress(f"repetition {number + 1} of {size.repetitions}: {rival.name}")
                _one(rival, size, found, is_first=number == 0)
    return _rows(rivals, size, found)


def _one(rival: Rival, size: Size, found: Found, *, is_first: bool) -> None:
    try:
        if is_first and size.few:
            _cost_of_a_child(rival, size, found)
        with turn(rival, size.count) as now:
            _work(now, size, found, is_first=is_first)
    except (TooLateError, OSError) as error:
        found.failures[rival.name] = str(error)


def _cost_of_a_child(rival: Rival, size: Size, found: Found) -> None:
    """The memory with few; `_work` takes the difference."""
    with turn(rival, size.few) as now:
        now.start()
        time.sleep(rival.settle)
        found.add("memory-few", rival, now.memory())


def _work(now: Turn, size: Size, found: Found, *, is_first: bool) -> None:
    rival = now.rival
    found.add("start", rival, now.start())
    time.sleep(max(size.rest, rival.settle))
    memory = now.memory()
    found.add("memory", rival, memory)
    if is_first and size.few:
        few = found.values["memory-few"][rival.name][0]
        found.add("memory-per-child", rival, (memory - few) * 1024 / (now.count - size.few))
    if is_first and size.idle:
        cpu, wakeups = now.idle(size.idle)
        found.add("idle-cpu", rival, cpu)
        found.add("idle-wakeups", rival, wakeups)
    if rival.restarts:
        found.add("failure", rival, now.fail())
        time.sleep(rival.settle)
    found.add("stop", rival, now.stop())


def _rows(rivals: Sequence[Rival], size: Size, found: Found) -> list[Row]:
    count = f"{size.count:,}"
    figures = functools.partial(found.figures, rivals=rivals)
    return [
        Row(
            "start", f"start {count} commands", "s", figures("start"),
            target=1.35, against={"Erlang/OTP": 0.9},
        ),
        Row(
            "failure", f"kill -9 all {count} at once, until all are back", "s", figures("failure"),
            target=1.35, against={"Erlang/OTP": 1.0},
        ),
        Row(
            "stop", f"stop {count} in an orderly way", "s", figures("stop"),
            target=3.0, against={"circus": 0.5},
        ),
        Row("idle-cpu", f"idle with {count}, for {size.idle:g} s", "CPU s", figures("idle-cpu")),
        Row(
            "idle-wakeups", f"idle with {count}", "wake-ups/s", figures("idle-wakeups"),
            target=0.0, target_is_absolute=True,
        ),
        Row(
            "memory", f"PSS of all supervising processes, {count} children", "MiB",
            figures("memory"), target=28.0, target_is_absolute=True,
        ),
        Row(
            "memory-per-child", "the same, for each child more", "KiB", figures("memory-per-child"),
            target=5.0, target_is_absolute=True,
        ),
    ]  # fmt: skip

"""How long after its SIGKILL a child is back: all rivals up at once, killed in turns at random.

The time runs from just before kill(2) to the first statement of the new process's main. Victims
have run for longer than any rival's guard against crash loops asks. The children of those that look
only now and then are killed afterwards, one at a time under each and at random between two of its
looks, while the fast ones are up but left alone.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..records import Records, TooLateError
from ..report import Figure, Row
from ..rivals.rival import Rival, announcing

CHILDREN = 20
"""Under each rival."""
PAUSE = 0.06
"""Seconds between two kills on average, from half of it to one and a half."""
KILLS = 200
QUICK = 40
FEWEST = 5
FEWEST_FOR_P99 = 40
"""With fewer kills the 99th percentile is left out: it would be the largest value alone."""
_LATEST = 30.0
_GLANCE = 0.005

Progress = Callable[[str], None]


class Up:
    """A rival that is up with its children.

    Attributes:
        latencies: of all kills up to now, ms.
        failure: why it takes part no more; empty as long as it does.
    """

    def __init__(self, rival: Rival, folder: Path, children: int) -> None:
        folder.mkdir()
        self.rival = rival
        self.records = Records(folder / "fifo")
        self.running = rival.start(announcing(self.records.path, children), folder / "own")
        self.latencies: list[float] = []
        self.failure = ""
        self._killed: tuple[int, int] | None = None
        self._count = children

    def await_up(self) -> None:
        """Wait until all its children are there."""
        try:
            self.records.of_all(self._count, _LATEST)
        except TooLateError as error:
            self._fail(str(error))

    def kill_and_wait(self) -> None:
        """Kill a child, and wait until it is back."""
        if self.failure:
            return
        self.kill_one()
        while self.is_waiting:
            self.look(0.1)

    def kill_one(self) -> None:
        """Kill a child that has run for long enough."""
        self.records.take(0.0)
        id = self._victim()
        self._killed = id, time.monotonic_ns()
        os.kill(self.records.pids[id], signal.SIGKILL)

    @property
    def is_waiting(self) -> bool:
        """Whether a killed child is not back yet."""
        return self._killed is not None and not self.failure

    def look(self, timeout: float = 0.0) -> None:
        """See whether it is back, waiting up to `timeout` seconds; this fails if it is too late."""
        assert self._killed
        id, begun = self._killed
        for record in self.records.take(timeout):
            if record.id == id:
                self.latencies.append((record.at - begun) / 1e6)
                self._killed = None
        if self._killed and time.monotonic_ns() - begun > _LATEST * 1e9:
            self._fail(f"a killed child was not back within {_LATEST:g} s")

    def _victim(self) -> int:
        """A random one of those that have run for longer than `settle`; else the oldest."""
        born = self.records.born
        latest = time.monotonic_ns() - self.rival.settle * 1e9
        if old := [id for id, at in born.items() if at < latest]:
            return random.choice(old)
        return min(born, key=born.__getitem__)

    def _fail(self, why: str) -> None:
        self.failure = f"failed: {why}; {self.running.last_words()}"

    def close(self) -> None:
        """Put an end to it."""
        self.running.kill(self.records.pids.values())
        self.records.close()


@contextmanager
def all_up(rivals: Sequence[Rival], children: int, progress: Progress) -> Iterator[list[Up]]:
    """All of them up at once, for longer than each needs to settle."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        up = []
        for number, rival in enumerate(rivals):
            progress(f"start {rival.name}")
            each = Up(rival, Path(place) / str(number), children)
            stack.callback(each.close)
            each.await_up()
            up.append(each)
        time.sleep(max((rival.settle for rival in rivals), default=0.0))
        yield up


def in_turns(fast: Sequence[Up], kills: int, progress: Progress) -> None:
    """One kill at a time, of all in random order."""
    turns = [up for up in fast for _ in range(share(up.rival, kills))]
    random.shuffle(turns)
    for done, up in enumerate(turns):
        if done % 100 == 0:
            progress(f"{done} of {len(turns)} kills in turns")
        time.sleep(PAUSE * random.uniform(0.5, 1.5))
        up.kill_and_wait()


class Chain:
    """The kills under one that looks now and then: each at a random time after the one before."""

    def __init__(self, up: Up, kills: int) -> None:
        self._up, self._left = up, kills
        self._due = self._soon()

    def goes_on(self) -> bool:
        """Do what is due; whether there is more to come."""
        up = self._up
        if up.is_waiting:
            up.look()
            self._due = self._soon()
        elif self._left and not up.failure and time.monotonic() >= self._due:
            up.kill_one()
            self._left -= 1
        return not up.failure and (self._left > 0 or up.is_waiting)

    def _soon(self) -> float:
        return time.monotonic() + random.uniform(0, self._up.rival.poll)


def between_looks(slow: Sequence[Up], kills: int, progress: Progress) -> None:
    """All that look now and then at the same time, for they do little."""
    progress("kills under those that look now and then")
    chains = [Chain(up, share(up.rival, kills)) for up in slow]
    while chains := [chain for chain in chains if chain.goes_on()]:
        time.sleep(_GLANCE)


def share(rival: Rival, kills: int) -> int:
    """How many of `kills` this one gets."""
    return max(round(kills * rival.kills / KILLS), FEWEST)


def latencies(
    rivals: Sequence[Rival], kills: int, progress: Progress, children: int = CHILDREN
) -> list[Up]:
    """All rivals, closed, with the latencies of their children."""
    with all_up(rivals, children, progress) as everybody:
        in_turns([up for up in everybody if not up.rival.poll], kills, progress)
        between_looks([up for up in everybody if up.rival.poll], kills, progress)
        return everybody


def measure(rivals: Sequence[Rival], *, quick: bool, progress: Progress) -> list[Row]:
    """The median of the latencies, and what one in a hundred exceeds."""
    return rows(rivals, QUICK if quick else KILLS, progress)


def rows(
    rivals: Sequence[Rival], kills: int, progress: Progress, children: int = CHILDREN
) -> list[Row]:
    """The same with any number of kills."""
    taking = [rival for rival in rivals if rival.restarts]
    everybody = latencies(taking, kills, progress, children)
    what = "kill -9 of a command to exec of its replacement"
    return [
        Row(
            "restart-command-p50", f"{what}, p50", "ms", [_figure(up) for up in everybody],
            target=1.7, against={"Erlang/OTP": 1.0},
        ),
        Row(
            "restart-command-p99", f"{what}, p99", "ms",
            [_p99(up) for up in everybody if len(up.latencies) >= FEWEST_FOR_P99],
            target=2.2,
        ),
    ]  # fmt: skip


def _figure(up: Up) -> Figure:
    return Figure(up.rival.name, up.rival.kind, up.latencies, up.failure)


def _p99(up: Up) -> Figure:
    p99 = statistics.quantiles(up.latencies, n=100, method="inclusive")[98]
    return Figure(up.rival.name, up.rival.kind, [p99], f"of {len(up.latencies)} kills")

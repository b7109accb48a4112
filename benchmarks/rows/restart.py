"""How long after its SIGKILL a child is back: all rivals up at once, killed in turns at random.

The time runs from just before kill(2) to the first statement of the new process's main. Victims
have run for longer than any rival's guard against crash loops asks. Those that take a second or
more are killed afterwards, spread over the time between two of their looks, while the fast ones are
up but left alone.
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
FEWEST_FOR_P99 = 40
"""With fewer kills the 99th percentile is left out: it would be the largest value alone."""
_LATEST = 30.0

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
        self._killed: dict[int, int] = {}
        self._count = children

    def await_up(self) -> None:
        """Wait until all its children are there."""
        self._attempt(lambda: self.records.of_all(self._count, _LATEST))

    def kill_and_wait(self) -> None:
        """Kill a child, and wait until it is back."""
        if not self.failure:
            self.kill_one()
            self.await_back()

    def kill_one(self) -> None:
        """Kill a child that has run for long enough."""
        self._note(0.0)
        id = self._victim()
        self._killed[id] = time.monotonic_ns()
        os.kill(self.records.pids[id], signal.SIGKILL)

    def await_back(self) -> None:
        """Wait until all that were killed are back."""
        self._attempt(self._await_back)

    def _await_back(self) -> None:
        end = time.monotonic() + _LATEST
        while self._killed:
            if time.monotonic() > end:
                raise TooLateError(f"a killed child was not back within {_LATEST:g} s")
            self._note(0.1)

    def _note(self, timeout: float) -> None:
        for record in self.records.take(timeout):
            if begun := self._killed.pop(record.id, None):
                self.latencies.append((record.at - begun) / 1e6)

    def _victim(self) -> int:
        """A random one of those that have run for longer than `settle`; else the oldest."""
        born = {id: at for id, at in self.records.born.items() if id not in self._killed}
        latest = time.monotonic_ns() - self.rival.settle * 1e9
        if old := [id for id, at in born.items() if at < latest]:
            return random.choice(old)
        return min(born, key=born.__getitem__)

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except TooLateError as error:
            self.failure = f"failed: {error}; {self.running.last_words()}"

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


def spread(slow: Sequence[Up], kills: int, progress: Progress) -> None:
    """Kills at random times within one look of each; nobody waits for anybody."""
    plan = [
        (random.uniform(0, up.rival.poll), up)
        for up in slow
        if not up.failure
        for _ in range(share(up.rival, kills))
    ]
    progress(f"{len(plan)} kills of those that poll")
    begun = time.monotonic()
    for at, up in sorted(plan, key=lambda pair: pair[0]):
        time.sleep(max(begun + at - time.monotonic(), 0.0))
        up.kill_one()
    for up in slow:
        if not up.failure:
            up.await_back()


def share(rival: Rival, kills: int) -> int:
    """How many of `kills` this one gets; of those that poll, not so many as to kill one twice."""
    found = max(round(kills * rival.kills / KILLS), 8)
    return min(found, CHILDREN * 3 // 4) if rival.poll else found


def latencies(
    rivals: Sequence[Rival], kills: int, progress: Progress, children: int = CHILDREN
) -> list[Up]:
    """All rivals, closed, with the latencies of their children."""
    with all_up(rivals, children, progress) as everybody:
        in_turns([up for up in everybody if not up.rival.poll], kills, progress)
        spread([up for up in everybody if up.rival.poll], kills, progress)
        return everybody


def measure(rivals: Sequence[Rival], *, quick: bool, progress: Progress) -> list[Row]:
    """The median of the latencies, and what one in a hundred exceeds."""
    taking = [rival for rival in rivals if rival.restarts]
    everybody = latencies(taking, QUICK if quick else KILLS, progress)
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

"""What can keep programs running, as the rows of the table see it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from attrs import define, field, frozen

from .. import places, processes

Kind = Literal["limit", "bare loop", "rival", "otpsup"]


@frozen
class Program:
    """One thing to keep running: a command."""

    name: str
    argv: Sequence[str]


def announcing(fifo: Path, count: int) -> list[Program]:
    """So many programs that write a record with their number into `fifo` when they come to life."""
    child = places.compiled("child")
    return [Program(f"c{id}", [child, str(fifo), str(id)]) for id in range(count)]


@frozen
class Launch:
    """How a supervisor is started."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(factory=dict)


@frozen
class Rival:
    """Somebody who keeps programs running.

    Attributes:
        name: as the tables show it.
        prepare: (programs, an empty folder) -> how to start it on them; writes its configuration.
        kind: what it is compared as.
        needs: a program that must be there, by its name or path.
        stop: (its process, its folder): have it end its programs, and itself; SIGTERM if None.
        most: programs that it can run at all.
        restarts: whether it starts again what has ended.
        kills: how many of 200 kills it is worth: slow ones get fewer.
        poll: seconds between two looks of one that polls, or that waits before a restart: its kills
            are spread over such a time, and do not wait for each other.
        repetitions: how often a run of many programs is worth its time, of three.
        settle: seconds after the start of a program in which it would not be restarted at once.
        version: a command that prints it.
    """

    name: str
    prepare: Callable[[Sequence[Program], Path], Launch]
    kind: Kind = "rival"
    needs: str = sys.executable
    stop: Callable[[subprocess.Popen[bytes], Path], None] | None = None
    most: int = 100_000
    restarts: bool = True
    kills: int = 200
    poll: float = 0.0
    repetitions: int = 3
    settle: float = 1.2
    version: Sequence[str] = (sys.executable, "--version")

    def missing(self) -> str:
        """Why it cannot take part; nothing if it can."""
        found = shutil.which(self.needs, path=path())
        return (
            "" if found else f"{self.name}: there is no {self.needs} (python -m benchmarks.setup)"
        )

    def start(self, programs: Sequence[Program], folder: Path) -> Running:
        """Start it in a session of its own; its folder is made."""
        folder.mkdir(parents=True)
        launch = self.prepare(programs, folder)
        env = {**os.environ, "PATH": path(), **launch.env}
        with (folder / "output").open("wb") as output:
            begun = time.monotonic_ns()
            process = subprocess.Popen(
                launch.argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=folder, env=env, start_new_session=True,
            )  # fmt: skip
        return Running(self, process, folder, begun)


def path() -> str:
    """PATH, with what the set-up has brought before all else."""
    ours = [places.RIVALS / place for place in ("bin", "venv/bin", "node_modules/.bin")]
    debian = places.RIVALS / "debian/usr/bin"
    given = os.environ.get("PATH", os.defpath)
    return os.pathsep.join([*map(str, ours), str(debian), given])


@define
class Running:
    """A supervisor that was started.

    Attributes:
        begun: when, CLOCK_MONOTONIC in ns.
    """

    rival: Rival
    process: subprocess.Popen[bytes]
    folder: Path
    begun: int

    def supervisors(self, children: Iterable[int]) -> list[int]:
        """The pids of everything that supervises: all below it that is none of the programs."""
        return sorted(set(processes.below(self.process.pid)) - set(children))

    def stop(self, children: Iterable[int], seconds: float = 120.0) -> float:
        """Have it stop in an orderly way; the seconds until all of it is gone.

        Raises:
            TimeoutError: somebody is left after `seconds`; killed now.
        """
        everybody = {*processes.below(self.process.pid), *children}
        begun = time.monotonic()
        if self.rival.stop:
            self.rival.stop(self.process, self.folder)
        else:
            self.process.send_signal(signal.SIGTERM)
        left = processes.await_gone(everybody, seconds)
        took = time.monotonic() - begun
        self.kill(left)
        if left:
            raise TimeoutError(f"{len(left)} are left {seconds:g} s after its stop")
        return took

    def kill(self, children: Iterable[int] = ()) -> None:
        """Put an end to all of it, whatever state it is in."""
        left = [self.process.pid, *processes.below(self.process.pid), *children]
        processes.kill(left)
        processes.await_gone(left, 10.0)
        self.process.wait()

    def last_words(self) -> str:
        """The end of what it said."""
        text = (self.folder / "output").read_text(errors="replace")
        return " ".join(text.split())[-300:]

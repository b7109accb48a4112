"""What it costs to write the output of programs into files, and whether every line arrives.

    python -m benchmarks.rows.logs [RIVAL ...] [--megabytes 200] [--rounds 5]

Programs write numbered lines of 100 bytes flat out, as stdio does by blocks of 4 KiB, or with one
write a line. The time runs from their first write until every byte is in the files, of which each
may have 10 MB; then every line is looked up.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from .. import places, processes
from ..records import Gate, Records
from ..report import Figure, Row, detail
from ..rivals.logging import LOGGERS, Logger
from ..rivals.rival import Program, Rival

LINE = 100
_LATEST = 60.0
_SETTLE = 0.7
"""Seconds in which a rival finishes its own start."""
_GLANCE = 0.002
_QUIET = 2.0
"""Seconds without a byte more after which the rest counts as lost."""
_NO_LOGS = ("lock", "state", "config")
_NUMBERED = re.compile(rb"(?<!x)(\d{3}) (\d{12}) x{82}$", re.MULTILINE)


@frozen
class Work:
    """What is written.

    Attributes:
        size: of each write.
        share: of the bytes; small writes take the writer itself long.
    """

    key: str
    title: str
    writers: int
    size: int
    share: float = 1.0
    target: float | None = None
    most_cpu: float | None = None


WORKS = (
    Work("logs", "Logs: 1 writer, 4 KiB writes", 1, 4096, 1.0, 0.6, 0.9),
    Work("logs-4", "Logs: 4 writers, 4 KiB writes", 4, 4096, 1.0, None, 0.9),
    Work("logs-lines", "Logs: 1 writer, a write a line", 1, LINE, 0.1),
)


@frozen
class Took:
    """What one run has come to.

    Attributes:
        speed: bytes a second, of what the programs wrote.
        cpu: seconds a GB of all that is not the programs.
        lost: lines that are in no file.
        cut: lines that are in two.
    """

    speed: float
    cpu: float
    lost: int
    cut: int


def run(logger: Logger, work: Work, size: int, place: Path) -> Took:
    """Have it log `size` bytes in all."""
    place.mkdir()
    lines = max(size // work.writers // LINE, 1)
    written = lines * LINE * work.writers
    records, gate = Records(place / "fifo"), Gate(place / "fifo")
    running = logger.rival.start(_writing(records.path, work, lines * LINE), place / "own")
    try:
        records.of_all(work.writers, _LATEST)
        time.sleep(_SETTLE)
        writers = list(records.pids.values())
        pids = running.supervisors(writers)
        used = processes.cpu(pids)
        begun = gate.open(work.writers)
        ended = _until_there(place / "own/logs", written)
        used = processes.cpu(pids) - used
        lost, cut = verify(place / "own/logs", work.writers, lines)
    finally:
        running.kill(list(records.pids.values()))
        gate.close()
        records.close()
        shutil.rmtree(place)
    return Took(written / (ended - begun), used / (written / 1e9), lost, cut)


def _writing(fifo: Path, work: Work, each: int) -> list[Program]:
    argv = [places.compiled("writer"), str(fifo)]
    return [
        Program(f"w{id}", [*argv, str(id), str(each), str(work.size)]) for id in range(work.writers)
    ]


def _until_there(place: Path, size: int) -> float:
    """When so many bytes were in the files, or when the last of them came, if some never do."""
    last, at = -1, time.monotonic()
    while last < size and time.monotonic() < at + _QUIET:
        time.sleep(_GLANCE)
        now = _size(place)
        if now > last:
            last, at = now, time.monotonic()
    return at


def _size(place: Path) -> int:
    """Bytes in all files; one that is being renamed may be missed once."""
    total = 0
    for folder, _, names in os.walk(place):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(f"{folder}/{name}").st_size  # noqa: PTH116 - while it is timed
    return total


def verify(place: Path, writers: int, lines: int) -> tuple[int, int]:
    """Look every line up: how many are in no file, and how many have been cut in two."""
    missing = [bytearray(b"\1") * lines for _ in range(writers)]
    torn = 0
    for file in place.rglob("*"):
        if not file.is_file() or file.name in _NO_LOGS:
            continue
        data = file.read_bytes()
        whole = 0
        for found in _NUMBERED.finditer(data):
            missing[int(found[1])][int(found[2])] = 0
            whole += 1
        torn += data.count(b"\n") + (not data.endswith(b"\n") and data != b"") - whole
    cut = (torn + 1) // 2
    return max(sum(map(sum, missing)) - cut, 0), cut


def measure(
    rivals: Sequence[Rival] = (), *, quick: bool, progress: Callable[[str], None]
) -> list[Row]:
    """The rows: of speed and of CPU time. Who takes part is in `rivals.logging`."""
    present = [logger for logger in LOGGERS if not logger.rival.missing()]
    size, rounds = (40_000_000, 2) if quick else (200_000_000, 5)
    return [row for work in WORKS for row in rows(work, present, size, rounds, progress)]


def rows(
    work: Work,
    loggers: Sequence[Logger],
    size: int,
    rounds: int,
    progress: Callable[[str], None],
) -> list[Row]:
    """Speed and CPU time of this work; `size` bytes in each of so many rounds."""
    took: dict[str, list[Took]] = {logger.rival.name: [] for logger in loggers}
    with tempfile.TemporaryDirectory() as place:
        for turn in range(rounds):
            progress(f"{work.title}, round {turn + 1} of {rounds}")
            for number, logger in enumerate(loggers):
                share = round(size * work.share * logger.share)
                found = run(logger, work, share, Path(place) / str(number))
                took[logger.rival.name].append(found)
    speeds = [_figure(logger, took, lambda one: one.speed / 1e6) for logger in loggers]
    used = [_figure(logger, took, lambda one: one.cpu) for logger in loggers]
    base = loggers[0].rival.name
    return [
        Row(work.key, work.title, "MB/s", speeds, "higher", base, work.target),
        Row(f"{work.key}-cpu", f"{work.title}: CPU time", "s/GB", used, "lower", base,
            work.most_cpu, target_is_absolute=True),
    ]  # fmt: skip


def _figure(logger: Logger, took: dict[str, list[Took]], value: Callable[[Took], float]) -> Figure:
    runs = took[logger.rival.name]
    lost, cut = max(one.lost for one in runs), max(one.cut for one in runs)
    bad = [f"{n} {what}" for n, what in ((lost, "lines lost"), (cut, "lines cut")) if n]
    notes = ", ".join(filter(None, [logger.note, *bad]))
    return Figure(logger.rival.name, logger.rival.kind, [value(one) for one in runs], notes)


def main() -> None:
    """Print tables."""
    parser = argparse.ArgumentParser(prog="benchmarks.rows.logs", description=__doc__)
    parser.add_argument("rivals", nargs="*")
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    chosen = [
        each
        for each in LOGGERS
        if not given.rivals or any(name in each.rival.name for name in given.rivals)
    ]
    present = [each for each in chosen if not each.rival.missing()]
    for work in WORKS:
        found = rows(work, present, given.megabytes * 1_000_000, given.rounds, lambda _: None)
        print(*map(detail, found), sep="\n")


if __name__ == "__main__":
    main()

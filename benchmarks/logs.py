"""What children's output costs: one thread that reads pipes and writes files, beside `cat > file`.

    python benchmarks/logs.py [ROUNDS] [MEGABYTES]

All ways take turns in one run, because absolute times drift with the machine's load; what counts
is the ratio to the first row, the least that reading a pipe and writing a file can cost. Writers
are other processes that write lines of 100 bytes, flat out: in blocks as `yes` does, or with one
write(2) a line. The time runs from their start to the last byte that is in the file.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from otpsup.runtime.logs import LogPump, Source
from otpsup.specs import LogFile

TEXT = "x" * 99
LINE = len(TEXT) + 1
BY_LINE = f"""
import os
line = b"{TEXT}\\n"
for n in range(%d):
    os.write(1, line)
"""
Writers = Callable[[int], list[subprocess.Popen[bytes]]]
Way = Callable[[Path, list[int]], None]


def blocks(size: int) -> list[str]:
    return ["sh", "-c", f"yes {TEXT} | head -c {size}"]


def lines(size: int) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", BY_LINE % (size // LINE)]


def cat(folder: Path, pipes: list[int]) -> None:
    """One `cat` a pipe, all into one file."""
    with (folder / "log").open("ab") as file:
        cats = [subprocess.Popen(["cat"], stdin=pipe, stdout=file) for pipe in pipes]
    for pipe in pipes:
        os.close(pipe)
    for process in cats:
        process.wait()


def pumped(**options: object) -> Way:
    def way(folder: Path, pipes: list[int]) -> None:
        target = LogFile(folder / "log", **options)  # type: ignore[arg-type]
        pump = LogPump()
        sink = pump.file(target)
        for number, pipe in enumerate(pipes):
            source = Source(f"child{number}", pid=1, run=number)
            pump.attach(pipe, sink, None, source, target.format)
        pump.close(600)

    return way


WAYS: dict[str, Way] = {
    "cat > file": cat,
    "raw": pumped(max_bytes=0),
    "raw, rotated every 10 MB": pumped(max_bytes=10_000_000, backups=3),
    "the same, compressed": pumped(max_bytes=10_000_000, backups=3, compress=True),
    "name": pumped(max_bytes=0, format="name"),
    "full": pumped(max_bytes=0, format="full"),
    "json": pumped(max_bytes=0, format="json"),
}


@contextmanager
def folder() -> Iterator[Path]:
    """In memory if there is such a place: disks are not what is measured."""
    memory = "/dev/shm"
    path = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def measure(way: Way, argv: list[str], writers: int) -> float:
    with folder() as place:
        pipes = [os.pipe() for _ in range(writers)]
        start = time.perf_counter()
        processes = [subprocess.Popen(argv, stdout=writer) for _, writer in pipes]
        for _, writer in pipes:
            os.close(writer)
        way(place, [reader for reader, _ in pipes])
        for process in processes:
            process.wait()
        return time.perf_counter() - start


def compare(title: str, argv: list[str], writers: int, size: int, rounds: int) -> None:
    """All ways, in turns; prints medians."""
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            times[name].append(measure(way, argv, writers))
    print(f"\n| {title} | MB/s | million lines/s | of `cat` |\n|---|---|---|---|")
    first = statistics.median(times["cat > file"])
    for name, found in times.items():
        seconds = statistics.median(found)
        speed = size * writers / seconds / 1e6
        print(f"| {name} | {speed:.0f} | {speed / LINE:.2f} | {first / seconds:.0%} |")


def main(rounds: int = 5, megabytes: int = 200) -> None:
    size = megabytes * 1_000_000
    compare("one writer, blocks", blocks(size), 1, size, rounds)
    compare("four writers, blocks", blocks(size // 4), 4, size // 4, rounds)
    compare("one writer, a write a line", lines(size // 10), 1, size // 10, rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

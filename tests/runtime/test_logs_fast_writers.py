"""Children that write much: their output is read in large pieces, and every line is still whole."""

from __future__ import annotations

import fcntl
import os
import random
import threading
from pathlib import Path

import pytest

from otpsup import LogFile
from otpsup.runtime.logs import LogPump, Source
from otpsup.runtime.logs.pipe import Buffer, Pipe
from otpsup.specs.output import Format
from tests.support.waiting import until

LARGE = 1024 * 1024


def lines(count: int, seed: int) -> bytes:
    """Numbered lines, some longer than a pipe."""
    lengths = random.Random(seed).choices((0, 9, 99, 5_000, 90_000), (2, 9, 9, 2, 1), k=count)
    return b"".join(b"%d %s\n" % (n, b"x" * length) for n, length in enumerate(lengths))


def write_in_pieces(fd: int, data: bytes, seed: int) -> None:
    """As fast as it is taken, in writes of all sizes."""
    sizes = random.Random(seed)
    at = 0
    while at < len(data):
        at += os.write(fd, data[at : at + sizes.choice((1, 100, 4096, 70_000, 300_000))])
    os.close(fd)


@pytest.mark.parametrize("form", ["raw", "name"])
def test_what_is_written_fast_arrives_whole_and_in_order(tmp_path: Path, form: Format) -> None:
    """Four at once, each into a file that is rotated many times, two of them into the same."""
    pump = LogPump()
    written = [lines(400, seed) for seed in range(4)]
    threads = []
    for number, data in enumerate(written):
        reader, writer = os.pipe()
        name = f"c{number}"
        target = LogFile(tmp_path / str(number // 2), max_bytes=300_000, backups=900, format=form)
        pump.attach(reader, pump.sink(target), None, Source(name, run=number), target.format)
        threads.append(threading.Thread(target=write_in_pieces, args=(writer, data, number)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = pump.tail
    pump.close(10)
    for log, pair in enumerate((written[:2], written[2:])):
        files = [tmp_path / str(log), *tmp_path.glob(f"{log}.*")]
        found = [file.read_bytes() for file in files if file.exists()]
        assert all(content.endswith(b"\n") for content in found)
        names = [f"c{2 * log + n} | ".encode() * (form == "name") for n in range(2)]
        wanted = [
            name + line
            for name, data in zip(names, pair, strict=True)
            for line in data.split(b"\n")
        ]
        got = b"".join(found).split(b"\n")
        assert sorted(filter(None, got)) == sorted(line for line in wanted if line not in names)
    for number, data in enumerate(written):
        assert last(f"c{number}", 1)[0].text == data.decode().splitlines()[-1]


def test_pipes_of_fast_writers_hold_more_but_not_of_too_many(tmp_path: Path) -> None:
    """All pipes of a user share 64 MiB: we take a part of that, and give it back."""
    buffer = Buffer()
    ends = [os.pipe() for _ in range(18)]
    pipes = [Pipe(reader, buffer, may_grow=True) for reader, _ in ends]
    for pipe, (_, writer) in zip(pipes, ends, strict=True):
        os.write(writer, b"x" * 64 * 1024)
        assert pipe.read() == 64 * 1024
    held = [fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ) for _, writer in ends]
    assert held.count(LARGE) <= 16
    assert held[-2:] == [64 * 1024, 64 * 1024]
    pipes[0].close()
    os.write(ends[-1][1], b"x" * 64 * 1024)
    assert pipes[-1].read() == 64 * 1024
    assert fcntl.fcntl(ends[-1][1], fcntl.F_GETPIPE_SZ) == held[0]
    for pipe in pipes[1:]:
        pipe.close()
    for _, writer in ends:
        os.close(writer)


def test_what_has_a_queue_is_not_read_faster(tmp_path: Path) -> None:
    """What waits for a slow reader stays in the child's pipe, which stays as it is."""
    reader, writer = os.pipe()
    pipe = Pipe(reader, Buffer(), may_grow=False)
    os.write(writer, b"x" * 64 * 1024)
    assert pipe.read() == 64 * 1024
    assert fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ) == 64 * 1024
    pipe.close()
    os.close(writer)


def test_a_pump_that_rests_hears_of_a_new_child(tmp_path: Path) -> None:
    """While one writes line by line and is read with pauses, another's output is still taken in."""
    pump = LogPump()
    reader, writer = os.pipe()
    pump.attach(reader, pump.file(LogFile(tmp_path / "steady")), None, Source("steady"))
    is_over = threading.Event()

    def write() -> None:
        while not is_over.is_set():
            os.write(writer, b"on and on\n")

    thread = threading.Thread(target=write)
    thread.start()
    for number in range(20):
        other, its = os.pipe()
        pump.attach(other, pump.file(LogFile(tmp_path / "other")), None, Source(f"c{number}"))
        os.write(its, b"hello\n")
        os.close(its)
    log = tmp_path / "other"
    until(lambda: log.exists() and log.read_bytes() == b"hello\n" * 20)
    is_over.set()
    thread.join()
    os.close(writer)
    pump.close(5)

"""The pieces that write children's output: no line torn, lost, or doubled, whatever comes."""

from __future__ import annotations

import gc
import itertools
import os
import random
import resource
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger as loguru_logger

from otpsup import LogFile
from otpsup.runtime.logs import LogPump, Nowhere
from otpsup.runtime.logs.file import FileSink
from otpsup.runtime.logs.outlet import HostOutlet
from otpsup.runtime.logs.sink import Lines, Lost, nobody
from tests.support.waiting import until

LINE = st.binary(min_size=0, max_size=30).map(lambda text: text.replace(b"\n", b"") + b"\n")
OUTPUT = st.lists(LINE, min_size=1, max_size=40).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The pieces of `data` between these places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


def files(path: Path) -> list[Path]:
    """All files of a log, the oldest first."""
    numbered = sorted(path.parent.glob(f"{path.name}.*"), key=lambda p: -int(p.suffix[1:]))
    return [*numbered, path] if path.exists() else numbered


@pytest.mark.slow
@given(st.lists(OUTPUT, min_size=1, max_size=6), st.integers(1, 200))
@settings(deadline=None, max_examples=60)
def test_rotation_loses_and_tears_nothing(outputs: list[bytes], limit: int) -> None:
    """All lines arrive whole and in order over all files, whatever the writes were; no file is
    larger than the limit unless a single line is; no file is empty."""
    data = b"".join(outputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        sink = FileSink(LogFile(path, max_bytes=limit, backups=300))
        for output in outputs:
            sink.write(output)
        sink.close()
        contents = [file.read_bytes() for file in files(path)]
    assert b"".join(contents) == data
    for content in contents:
        assert content.endswith(b"\n")
        assert len(content) <= limit or content.count(b"\n") == 1


@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(0, 300), max_size=9))
@settings(deadline=None, max_examples=30)
def test_pieces_of_a_line_stay_together(line: bytes, places: list[int]) -> None:
    """A line that comes in pieces, as very long ones do, is not cut by a rotation."""
    line = line.replace(b"\n", b"-") + b"\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        sink = FileSink(LogFile(path, max_bytes=20, backups=300))
        for piece in [b"before\n", *cut(line, places), b"after\n"]:
            sink.write(piece)
        sink.close()
        contents = [file.read_bytes() for file in files(path)]
    assert b"".join(contents) == b"before\n" + line + b"after\n"
    assert all(content.endswith(b"\n") for content in contents)


@given(OUTPUT, st.integers(1, 60), st.integers(0, 4))
@settings(deadline=None, max_examples=40)
def test_backups_are_counted(data: bytes, limit: int, backups: int) -> None:
    """There are never more than `backups` old files, and they hold the newest lines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        sink = FileSink(LogFile(path, max_bytes=limit, backups=backups))
        for line in data.splitlines(keepends=True):
            sink.write(line)
        sink.close()
        found = files(path)
        assert len(found) <= backups + 1
        assert data.endswith(b"".join(file.read_bytes() for file in found))
        names = [f"log.{n}" for n in range(len(found) - 1, 0, -1)]
        assert [file.name for file in found] == [*names, "log"]


def test_a_log_goes_on_where_it_was(tmp_path: Path) -> None:
    """An old file is appended to, and its size counts."""
    path = tmp_path / "log"
    path.write_bytes(b"old\n")
    sink = FileSink(LogFile(path, max_bytes=10))
    sink.write(b"new\n")
    assert path.read_bytes() == b"old\nnew\n"
    sink.write(b"newer\n")
    sink.close()
    assert (path.read_bytes(), (tmp_path / "log.1").read_bytes()) == (b"newer\n", b"old\nnew\n")


def test_without_a_limit_nothing_is_rotated(tmp_path: Path) -> None:
    """`max_bytes=0`."""
    sink = FileSink(LogFile(tmp_path / "log", max_bytes=0))
    for _ in range(10):
        sink.write(b"x" * 100_000 + b"\n")
    sink.close()
    assert files(tmp_path / "log") == [tmp_path / "log"]


def test_a_disk_that_was_full_glues_no_lines_together(tmp_path: Path) -> None:
    """When there is room again the half of a line that was written last gets an end, and the log
    says how many lines are lost."""
    said: list[str] = []
    sink = FileSink(LogFile(tmp_path / "log", max_bytes=0))
    sink.write(b"begun")
    handler = loguru_logger.add(said.append, format="{message}")
    loguru_logger.enable("otpsup")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, limit[1]))
    try:
        sink.write(b" 2 3 4 5\n")
        sink.write(b"lost\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    sink.write(b"on\n")
    sink.close()
    until(lambda: any("works again; 2 lines are lost" in line for line in said))
    loguru_logger.remove(handler)
    loguru_logger.disable("otpsup")

    assert (tmp_path / "log").read_bytes() == b"begun 2 \non\n"


def test_a_file_that_cannot_be_written_loses_lines_only(tmp_path: Path) -> None:
    """A missing right, a folder in the way, a full disk: lines are lost, no error is raised, and
    writing goes on when it is possible again."""
    path = tmp_path / "log"
    path.mkdir()
    sink = FileSink(LogFile(path))
    sink.write(b"lost\n")
    path.rmdir()
    sink.write(b"kept\n")
    sink.close()
    assert path.read_bytes() == b"kept\n"
    full = FileSink(LogFile(Path("/dev/full"), max_bytes=0))
    full.write(b"lost\n")
    full.close()


def outlet(fd: int) -> HostOutlet:
    """A queue before a descriptor of ours."""
    return HostOutlet(fd, lambda _: None)


def test_stdout_that_cannot_take_more_is_waited_for() -> None:
    """A non-blocking pipe that is full delays output, and loses nothing."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    data = b"".join(b"%d\n" % n for n in range(30_000))
    sink = outlet(writer)
    sink.write(data)
    received = b""
    while len(received) < len(data):
        received += os.read(reader, 4096)
    sink.end(5)
    os.close(reader)
    os.close(writer)
    assert received == data


def test_stdout_that_nobody_reads_any_more_is_given_up() -> None:
    """A closed pipe, and a closed descriptor: output is dropped."""
    reader, writer = os.pipe()
    os.close(reader)
    sink = outlet(writer)
    sink.write(b"lost\n")
    sink.end(5)
    os.close(writer)
    sink = outlet(writer)
    sink.write(b"lost\n")
    sink.end(5)


@contextmanager
def pump() -> Iterator[LogPump]:
    """A log thread, and its end."""
    logs = LogPump()
    try:
        yield logs
    finally:
        logs.close(10)


def attached(logs: LogPump, target: LogFile) -> int:
    """The writing end of a child's pipe into a file."""
    reader, writer = os.pipe()
    logs.attach(reader, logs.file(target))
    return writer


@given(
    st.lists(st.tuples(OUTPUT, st.lists(st.integers(0, 2000), max_size=6)), min_size=2, max_size=4),
    st.integers(50, 500),
    st.integers(0, 10_000),
)
@settings(deadline=None, max_examples=20)
def test_several_writers_into_one_file(
    outputs: list[tuple[bytes, list[int]]], limit: int, seed: int
) -> None:
    """Children that share a file never cut each other's lines, however their writes mix; each
    one's lines stay in their order, and rotation does not change that."""
    choose = random.Random(seed).choice
    with tempfile.TemporaryDirectory() as folder:
        target = LogFile(Path(folder) / "log", max_bytes=limit, backups=200)
        lines = [
            b"".join(b"%d:%b" % (n, line) for line in data.splitlines(keepends=True))
            for n, (data, _) in enumerate(outputs)
        ]
        pieces = [cut(data, places) for data, (_, places) in zip(lines, outputs, strict=True)]
        with pump() as logs:
            writers = [attached(logs, target) for _ in outputs]
            while left := [n for n, rest in enumerate(pieces) if rest]:
                chosen = choose(left)
                os.write(writers[chosen], pieces[chosen].pop(0))
            for writer in writers:
                os.close(writer)
        written = b"".join(file.read_bytes() for file in files(target.path)).split(b"\n")[:-1]
    for n, data in enumerate(lines):
        mine = [line for line in written if line.startswith(b"%d:" % n)]
        assert mine == data.split(b"\n")[:-1]
    assert len(written) == sum(data.count(b"\n") for data in lines)


def test_a_line_that_was_begun_waits_for_its_end(tmp_path: Path) -> None:
    """A child that has written half a line when another comes in is not cut by it."""
    target = LogFile(tmp_path / "log")
    with pump() as logs:
        first = attached(logs, target)
        os.write(first, b"done\nbeg")
        until(lambda: target.path.exists() and target.path.read_bytes() == b"done\n")
        second = attached(logs, target)
        os.write(second, b"other\n")
        until(lambda: b"other" in target.path.read_bytes())
        os.write(first, b"un\n")
        os.close(first)
        os.close(second)
    assert target.path.read_bytes() == b"done\nother\nbegun\n"


def test_a_last_line_without_an_end_gets_one(tmp_path: Path) -> None:
    """What a child wrote last before it died is kept, and the next incarnation's first line does
    not stick to it."""
    target = LogFile(tmp_path / "log")
    with pump() as logs:
        for text in (b"crash", b"again", b"fine\n", b""):
            writer = attached(logs, target)
            os.write(writer, text)
            os.close(writer)
            until(lambda text=text: text in _content(target.path))  # type: ignore[misc]
    assert target.path.read_bytes() == b"crash\nagain\nfine\n"


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


@pytest.mark.parametrize("size", [64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 1_000_000])
def test_very_long_lines_arrive_whole(size: int, tmp_path: Path) -> None:
    """A line longer than anything that is waited for is passed on in pieces, in order."""
    target = LogFile(tmp_path / "log", max_bytes=0)
    line = bytes(n % 251 + 1 for n in range(size)).replace(b"\n", b"-")
    with pump() as logs:
        writer = attached(logs, target)
        for text in (line, b"\n", b"next\n"):
            while text:
                text = text[os.write(writer, text) :]
        os.close(writer)
    assert target.path.read_bytes() == line + b"\nnext\n"


def test_an_idle_file_is_not_kept_open(tmp_path: Path) -> None:
    """Hundreds of children that have ended leave no open files behind."""
    gc.collect()  # of what earlier tests have left, nothing is to be closed meanwhile
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pump() as logs:
        for n in range(100):
            target = LogFile(tmp_path / f"{n}.log")
            writer = attached(logs, target)
            os.write(writer, b"hi\n")
            os.close(writer)
        until(lambda: all((tmp_path / f"{n}.log").exists() for n in range(100)))
        until(lambda: len(os.listdir("/proc/self/fd")) <= before + 4)  # noqa: PTH208
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_watcher_that_has_seen_enough_is_left_alone(tmp_path: Path) -> None:
    """It is not called again, and output goes on."""
    seen: list[bytes] = []

    def watch(data: bytes) -> bool:
        seen.append(data)
        return True

    with pump() as logs:
        reader, writer = os.pipe()
        logs.attach(reader, logs.file(LogFile(tmp_path / "log")), watch)
        os.write(writer, b"one\n")
        until(lambda: seen)
        os.write(writer, b"two\n")
        os.close(writer)
    assert seen == [b"one\n"]
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"


class Broken(Nowhere):
    """A sink with a bug."""

    def write(self, data: Lines, lost: Lost = nobody) -> None:
        raise ValueError("a bug")

    def close(self) -> None:
        raise ValueError("another")


def test_a_bug_in_one_stream_silences_nobody_else(tmp_path: Path) -> None:
    """What is wrong with one child's output is no reason to leave all others' pipes to fill up; a
    child whose output is read no more hears so (EPIPE)."""
    pump = LogPump()
    (bad_reader, bad), (reader, good) = os.pipe(), os.pipe()
    pump.attach(bad_reader, Broken())
    pump.attach(reader, pump.file(LogFile(tmp_path / "log")))
    os.write(bad, b"hello\n")
    with pytest.raises(BrokenPipeError):
        until(lambda: os.write(bad, b"hello\n") == 0)
    os.write(good, b"hello\n")
    until(lambda: (tmp_path / "log").exists() and (tmp_path / "log").read_bytes() == b"hello\n")
    os.close(bad)
    os.close(good)
    pump.close(5)

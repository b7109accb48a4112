"""When logs are rotated, what becomes of the old ones, and that none of it loses a line."""

from __future__ import annotations

import gzip
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger as loguru_logger

from otpsup import LogFile
from otpsup.runtime.logs import rotation
from otpsup.runtime.logs.backups import Backups
from otpsup.runtime.logs.compressor import Compressor
from otpsup.runtime.logs.file import FileSink
from otpsup.runtime.logs.rotation import Backup
from otpsup.specs.output import Every
from tests.support.waiting import until

NOON = datetime(2026, 3, 11, 12, 0).timestamp()
"""A Wednesday."""
HOUR, DAY = 3600.0, 86400.0

BACKUPS = st.lists(
    st.builds(
        Backup,
        st.integers(1, 12),
        st.booleans(),
        size=st.integers(0, 100),
        at=st.floats(0, 1000),
        inode=st.integers(1, 2**40),
    ),
    unique_by=lambda backup: backup.number,
)


# The arithmetic.


@given(st.sampled_from(["hour", "day", "week"]), st.integers(0, 4_000_000_000))
def test_the_next_boundary(every: Every, at: int) -> None:
    """It lies ahead, no further than the hour, day or week is long (a day may have 25 hours), and
    is a full hour, a midnight, or a Monday's."""
    boundary = rotation.next_boundary(every, at)
    longest = {"hour": 1, "day": 25, "week": 7 * 24 + 1}[every] * HOUR
    local = datetime.fromtimestamp(boundary)
    assert at < boundary <= at + longest
    assert (local.minute, local.second) == (0, 0)
    assert every == "hour" or local.hour == 0
    assert every != "week" or local.weekday() == 0


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where clocks are changed twice a year."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


def test_clocks_that_are_changed(berlin: None) -> None:
    """A day of 25 hours has one rotation, and each of its hours has one."""
    at = begin = datetime(2026, 10, 25).timestamp()
    assert rotation.next_boundary("day", begin) == begin + 25 * HOUR
    for _ in range(25):
        assert rotation.next_boundary("hour", at) == at + HOUR
        at += HOUR
    assert rotation.next_boundary("day", datetime(2026, 3, 29).timestamp()) == (
        datetime(2026, 3, 30).timestamp()
    )


@given(BACKUPS, st.integers(1, 12))
def test_a_shift_makes_room_and_keeps_the_order(found: list[Backup], keep: int) -> None:
    """Afterwards number 1 is free, no two have one number, none has more than is kept, the order
    is as before, and only the oldest are gone; at no moment is a file renamed onto another."""
    shift = rotation.shift(found, keep)
    there = {backup.number: backup for backup in found}
    for backup in shift.deleted:
        assert there.pop(backup.number) == backup
    for old, new in shift.renamed:
        assert new.number not in there
        there[new.number] = there.pop(old.number)
    after = [there[number].inode for number in sorted(there)]
    before = [backup.inode for backup in sorted(found, key=lambda backup: backup.number)]
    assert 1 not in there
    assert all(number <= keep for number in there)
    assert after == before[: len(after)]


@given(
    BACKUPS,
    st.integers(0, 12),
    st.none() | st.integers(0, 400),
    st.none() | st.floats(1, 1000),
    st.floats(0, 1500),
)
def test_what_expires(
    found: list[Backup], keep: int, total: int | None, age: float | None, now: float
) -> None:
    """What is kept is young enough, few enough and small enough together; and it is all that can
    be kept without a gap."""
    target = LogFile("/l/log", backups=keep, max_total=total, max_age=age)
    gone = {backup.number for backup in rotation.expired(found, target, now)}
    ordered = sorted(found, key=lambda backup: backup.number)
    kept = [backup for backup in ordered if backup.number not in gone]
    assert kept == ordered[: len(kept)]

    def is_fine(backups: list[Backup]) -> bool:
        return (
            all(backup.number <= keep for backup in backups)
            and (total is None or sum(backup.size for backup in backups) <= total)
            and (age is None or all(now - backup.at <= age for backup in backups))
        )

    assert is_fine(kept)
    assert len(kept) == len(ordered) or not is_fine(ordered[: len(kept) + 1])


# Files.


class Clock:
    """Tells the time that it is set to."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def names(folder: Path) -> list[str]:
    """All files there are."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("every", "later"), [("hour", HOUR), ("day", 12 * HOUR), ("week", 4.5 * DAY)]
)
def test_rotated_by_the_clock(every: Every, later: float, tmp_path: Path) -> None:
    """The first line of a new hour, day or week begins a new file, not one before; without lines
    there are no files."""
    clock = Clock()
    sink = FileSink(LogFile(tmp_path / "log", every=every), clock=clock)
    sink.write(b"first\n")
    clock.now = NOON + later - 0.001
    sink.write(b"last\n")
    clock.now = NOON + later
    sink.write(b"new\n")
    clock.now += 30 * DAY
    sink.write(b"much later\n")
    sink.close()
    texts = [(tmp_path / name).read_text() for name in ("log.2", "log.1", "log")]
    assert texts == ["first\nlast\n", "new\n", "much later\n"]
    assert names(tmp_path) == ["log", "log.1", "log.2"]


def test_a_file_of_yesterday_is_rotated_by_the_next_host(tmp_path: Path) -> None:
    """When the host was not there at midnight, the file tells when it was written last."""
    path = tmp_path / "log"
    for name, age in (("yesterday", 13 * HOUR), ("today", 11 * HOUR)):
        path.write_text(name + "\n")
        os.utime(path, (NOON - age, NOON - age))
        sink = FileSink(LogFile(path, every="day"), clock=Clock())
        sink.write(b"now\n")
        sink.close()
    assert (tmp_path / "log.1").read_text() == "yesterday\n"
    assert path.read_text() == "today\nnow\n"


def test_a_line_in_pieces_is_not_cut_at_midnight(tmp_path: Path) -> None:
    """A line that began before midnight ends in the file of its beginning."""
    clock = Clock()
    sink = FileSink(LogFile(tmp_path / "log", every="day"), clock=clock)
    sink.write(b"begun ")
    clock.now += DAY
    sink.write(b"ended\n")
    sink.write(b"next\n")
    sink.close()
    assert (tmp_path / "log.1").read_text() == "begun ended\n"
    assert (tmp_path / "log").read_text() == "next\n"


def test_old_files_go_by_age_and_by_total(tmp_path: Path) -> None:
    """Whatever is older than `max_age`, or too much for `max_total`, is deleted at a rotation, and
    when a log is opened."""
    clock = Clock(time.time())
    for n in range(1, 6):
        old = tmp_path / f"log.{n}"
        old.write_bytes(b"x" * 10)
        os.utime(old, (clock.now - n * DAY, clock.now - n * DAY))
    (tmp_path / "log.old").write_text("not ours\n")
    (tmp_path / "other.1").write_text("not ours either\n")

    sink = FileSink(LogFile(tmp_path / "log", max_age=3.5 * DAY, max_bytes=10), clock=clock)
    sink.write(b"begin\n")
    assert names(tmp_path) == ["log", "log.1", "log.2", "log.3", "log.old", "other.1"]
    sink.retarget(LogFile(tmp_path / "log", max_total=20, max_bytes=10))
    sink.write(b"12345678\n")
    sink.close()
    assert names(tmp_path) == ["log", "log.1", "log.2", "log.old", "other.1"]
    assert (tmp_path / "log.1").read_text() == "begin\n"


def test_a_log_that_cannot_be_rotated_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder in the way of the new name: no line is lost, and the log says so once."""
    (tmp_path / "log.1").mkdir()
    (tmp_path / "log.1" / "x").touch()
    with said() as lines:
        sink = FileSink(LogFile(tmp_path / "log", max_bytes=10, backups=1))
        for n in range(6):
            sink.write(b"line %d\n" % n)
        sink.close()
        until(lambda: lines)
    assert (tmp_path / "log").read_text() == "".join(f"line {n}\n" for n in range(6))
    assert len(lines) == 1
    assert "cannot rotate the log" in lines[0]


@contextmanager
def said() -> Iterator[list[str]]:
    """What otpsup's own log says meanwhile."""
    lines: list[str] = []
    handler = loguru_logger.add(lambda line: lines.append(str(line)), format="{message}")
    loguru_logger.enable("otpsup")
    try:
        yield lines
    finally:
        loguru_logger.remove(handler)
        loguru_logger.disable("otpsup")


# Compressed ones.

LINES = st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"") + b"\n"), max_size=40)


@given(LINES, st.integers(1, 100), st.integers(1, 60))
@settings(deadline=None, max_examples=30)
def test_compressed_or_not_nothing_is_lost(lines: list[bytes], limit: int, backups: int) -> None:
    """While files are compressed others are rotated; in the end the newest lines are there, in
    their order, and no number is left out or given twice."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        compressor = Compressor()
        target = LogFile(path, max_bytes=limit, backups=backups, compress=True)
        sink = FileSink(target, compressor)
        for line in lines:
            sink.write(line)
        sink.close()
        compressor.close(10)
        found = Backups(path).found()
        numbers = sorted((backup.number for backup in found), reverse=True)
        assert numbers == list(range(len(found), 0, -1))
        assert all(backup.is_compressed for backup in found)
        old = [gzip.decompress((path.parent / f"log.{n}.gz").read_bytes()) for n in numbers]
        new = path.read_bytes() if path.exists() else b""
        data = b"".join(lines)
        assert data.endswith(b"".join([*old, new]))
        assert len(found) == backups or b"".join([*old, new]) == data


def test_a_compressed_file_has_the_time_and_the_rights_of_the_old_one(tmp_path: Path) -> None:
    """Its age still counts from its last line, and who could not read it before cannot now."""
    old = tmp_path / "log.1"
    old.write_text("hello\n")
    old.chmod(0o600)
    os.utime(old, (NOON, NOON))
    compressor = Compressor()
    compressor.add(Backups(tmp_path / "log"), old.stat().st_ino)
    compressor.close(10)
    status = (tmp_path / "log.1.gz").stat()
    assert names(tmp_path) == ["log.1.gz"]
    assert (status.st_mtime, status.st_mode & 0o777) == (NOON, 0o600)


def test_what_a_killed_host_has_left_is_finished(tmp_path: Path) -> None:
    """A half written .gz is deleted, one that stands beside its whole file too, and what was not
    compressed yet is, when the log is next opened."""
    (tmp_path / "log.1").write_text("one\n")
    (tmp_path / "log.2").write_text("two\n")
    (tmp_path / "log.2.gz").write_bytes(b"half")
    (tmp_path / "log.gz.part").write_bytes(b"ha")
    compressor = Compressor()
    sink = FileSink(LogFile(tmp_path / "log", compress=True), compressor)
    sink.write(b"new\n")
    sink.close()
    compressor.close(10)
    assert names(tmp_path) == ["log", "log.1.gz", "log.2.gz"]
    assert gzip.decompress((tmp_path / "log.2.gz").read_bytes()) == b"two\n"


def test_without_room_for_the_compressed_file_the_old_one_stays(tmp_path: Path) -> None:
    """Said once; nothing half is left."""
    (tmp_path / "log.gz.part").mkdir()
    with said() as lines:
        compressor = Compressor()
        sink = FileSink(LogFile(tmp_path / "log", max_bytes=5, compress=True), compressor)
        for n in range(4):
            sink.write(b"%d\n" % n * 2)
        sink.close()
        compressor.close(10)
        until(lambda: lines)
    assert names(tmp_path) == ["log", "log.1", "log.2", "log.3", "log.gz.part"]
    assert len([line for line in lines if "cannot compress" in line]) == 1

"""Files that are rotated, compressed and moved away while children write as fast as they can: all
lines are counted afterwards."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, LogFile
from otpsup.specs.output import Format
from tests.support.trees import python, running, watching
from tests.support.waiting import until

WRITE = """
    import os, sys, time
    name, lines, gates = sys.argv[1].encode(), int(sys.argv[2]), sys.argv[3:]
    pieces = []
    for n in range(lines):
        while n % 4000 == 0 and gates and not os.path.exists(f"{gates[0]}/gate-{n}"):
            time.sleep(0.001)
        pieces.append(b"%s %d %s\\n" % (name, n, b"x" * (n * 7919 % 180)))
        if len(pieces) == 400 or n == lines - 1:
            data = b"".join(pieces)
            pieces.clear()
            while data:
                data = data[os.write(1, data) :]
"""
LINE = re.compile(rb"([a-d]) (\d+) (x*)")


def writer(name: str, lines: int, log: LogFile, *gates: Path, **options: Any) -> Command:
    """A child that writes numbered lines of many lengths, as fast as it can; with the folder of
    `gates`, line N of each 4,000 and those after it when the file `gate-N` is there."""
    argv = python(WRITE, name, str(lines), *map(str, gates))
    return Command(name, argv, restart="temporary", stdout=log, stderr="stdout", **options)


def contents(path: Path) -> Iterator[bytes]:
    """What is in all files of a log, the oldest first."""

    def number(file: Path) -> int:
        found = re.fullmatch(re.escape(path.name) + r"\.(\d+)(\.gz)?", file.name)
        return int(found[1]) if found else 0

    for file in sorted(path.parent.glob(f"{path.name}*"), key=number, reverse=True):
        yield gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()


def check(parts: list[bytes], lines: int) -> None:
    """No line is torn, none is lost or doubled, and each writer's are in their order."""
    counts = dict.fromkeys((b"a", b"b", b"c", b"d"), 0)
    for part in parts:
        assert part.endswith(b"\n")
        for line in part.split(b"\n")[:-1]:
            match = LINE.fullmatch(line)
            assert match, f"torn: {line!r}"
            name, n, filling = match[1], int(match[2]), match[3]
            assert (n, len(filling)) == (counts[name], n * 7919 % 180)
            counts[name] += 1
    assert counts == dict.fromkeys(counts, lines)


def run_four(log: LogFile, lines: int) -> None:
    """Four writers, to their end and that of their tree."""
    with running() as tree, watching(tree) as events:
        for name in "abcd":
            tree.start_child(writer(name, lines, log))
        events.until_all(*"abcd", state="down")


def test_four_writers_flat_out(tmp_path: Path) -> None:
    """Four children write 200,000 lines into one file as fast as they can, rotated every 300 kB:
    none is lost, none is torn."""
    log = LogFile(tmp_path / "log", max_bytes=300_000, backups=200)
    run_four(log, 50_000)
    parts = list(contents(log.path))
    assert len(parts) > 50
    assert all(len(part) <= 300_000 for part in parts)
    check(parts, 50_000)


@pytest.mark.slow
def test_four_writers_flat_out_and_compressed(tmp_path: Path) -> None:
    """The same with gzip: whatever is compressed by the end, and whatever is not yet."""
    log = LogFile(tmp_path / "log", max_bytes=300_000, backups=200, compress=True)
    run_four(log, 50_000)
    assert any(tmp_path.glob("log.*.gz"))
    assert not list(tmp_path.glob("*.part"))
    check(list(contents(log.path)), 50_000)


@pytest.mark.slow
def test_four_writers_for_longer(tmp_path: Path) -> None:
    """Two million lines, rotated by size, compressed."""
    log = LogFile(tmp_path / "log", max_bytes=3_000_000, backups=200, compress=True)
    run_four(log, 500_000)
    check(list(contents(log.path)), 500_000)


@pytest.mark.slow
def test_reopened_while_four_write(tmp_path: Path) -> None:
    """A log that is moved away and reopened again and again, as logrotate does it, loses no line
    and tears none."""
    log = LogFile(tmp_path / "log", max_bytes=0)
    moved: list[Path] = []

    def move() -> bool:
        if not log.path.exists():
            return False
        moved.append(log.path.rename(tmp_path / f"moved-{len(moved)}"))
        return True

    with running() as tree, watching(tree) as events:
        session = tree._session
        assert session
        pump = session._runner.pump
        for name in "abcd":
            tree.start_child(writer(name, 40_000, log, tmp_path))
        for n in range(0, 40_000, 4000):
            (tmp_path / f"gate-{n}").touch()
            until(move)
            pump.reopen()
        events.until_all(*"abcd", state="down")
    check([file.read_bytes() for file in [*moved, log.path] if file.exists()], 40_000)


@pytest.mark.parametrize("format", ["json", pytest.param("full", marks=pytest.mark.slow)])
def test_formatted_lines_are_whole_too(format: Format, tmp_path: Path) -> None:
    """With a time, a name, or as objects: as many lines as were written."""
    log = LogFile(tmp_path / "log", max_bytes=1_000_000, backups=200, format=format)
    run_four(log, 20_000)
    lines = b"".join(contents(log.path)).split(b"\n")[:-1]
    begin = rb'\{"time":"[^"]+","child":"(.)","stream":"stdout","pid":\d+,"line":"(\1 .*)"\}'
    form = re.compile(begin if format == "json" else rb"[\dT:.+-]+ (.) \| (\1 .*)")
    said = [form.fullmatch(line) for line in lines]
    assert all(said)
    check([b"\n".join(match[2] for match in said if match) + b"\n"], 20_000)

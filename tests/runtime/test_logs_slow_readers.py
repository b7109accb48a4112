"""Whoever reads slowly or not at all: children wait for a while, never for ever, and what is
dropped is counted and said."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, Inherit, LogFile
from otpsup.runtime.logs import LogPump, Source, outlet
from otpsup.runtime.logs.outlet import DeviceOutlet, HostOutlet
from tests.support.hosts import hosting
from tests.support.trees import running, watching
from tests.support.waiting import until

FLOOD = b"".join(b"%06d\n" % n for n in range(40_000))
DROPPED = re.compile(rb"(\d+) lines were dropped")


@contextmanager
def pumping() -> Iterator[tuple[LogPump, HostOutlet, int]]:
    """A pump, an outlet of it, and the end of a pipe where that leads to."""
    reader, writer = os.pipe()
    pump = LogPump()
    sink = pump._sinks[writer] = HostOutlet(writer, pump._has_room)
    try:
        yield pump, sink, reader
    finally:
        os.close(reader)
        pump.close(5)
        os.close(writer)


def child(pump: LogPump, sink: Any) -> int:
    """The writing end of a pipe that leads to a sink."""
    reader, writer = os.pipe()
    pump.attach(reader, sink, None, Source("c", run=1))
    return writer


def write(fd: int, data: bytes) -> threading.Thread:
    """Write it all, as a child that waits in its writes; then close."""

    def run() -> None:
        left = data
        while left:
            left = left[os.write(fd, left) :]
        os.close(fd)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def read(fd: int, size: int, piece: int) -> bytes:
    """So many bytes, a piece at a time."""
    data = b""
    while len(data) < size:
        data += os.read(fd, piece)
    return data


def test_a_slow_reader_loses_nothing() -> None:
    """Who reads a little now and then is waited for: the child waits too, and every line comes."""
    with pumping() as (pump, sink, reader):
        thread = write(child(pump, sink), FLOOD * 2)
        until(lambda: sink.is_full)
        assert thread.is_alive()
        assert read(reader, 2 * len(FLOOD), 1000) == FLOOD * 2
        thread.join()


def test_a_reader_that_stands_still_holds_up_nobody_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The child goes on when nobody has read for some time; who reads then gets what came first, is
    told where how many lines are missing, and gets all that comes from then on; none is torn."""
    monkeypatch.setattr(outlet, "PATIENCE", 0.3)
    with pumping() as (pump, sink, reader):
        writer = child(pump, sink)
        write(os.dup(writer), b"".join(b"%06d\n" % n for n in range(80_000))).join()
        received = os.read(reader, 4096)
        until(lambda: not sink._is_stuck)
        os.write(writer, b"after\n")
        os.close(writer)
        while not received.endswith(b"after\n"):
            received += os.read(reader, 4096)
    lines = received.split(b"\n")[:-2]
    at = 0
    for line in lines:
        if dropped := DROPPED.search(line):
            at += int(dropped[1])
        else:
            assert line == b"%06d" % at
            at += 1
    assert at == 80_000
    assert any(map(DROPPED.search, lines))


def test_others_are_not_held_up(tmp_path: Path) -> None:
    """While the host's stdout is blocked, files are written as ever."""
    with pumping() as (pump, sink, reader):
        write(child(pump, sink), FLOOD)
        until(lambda: sink.is_full)
        write(child(pump, pump.file(LogFile(tmp_path / "log"))), FLOOD).join()
        until((tmp_path / "log").is_file)
        until(lambda: (tmp_path / "log").stat().st_size == len(FLOOD))
        assert read(reader, len(FLOOD), 65536) == FLOOD


def test_at_the_end_what_waits_is_written() -> None:
    """A pump that is closed writes what is in its queues first."""
    received: list[bytes] = []
    with pumping() as (pump, sink, reader):
        write(child(pump, sink), FLOOD)
        until(lambda: sink.is_full)

        def read_all(fd: int) -> None:
            while data := os.read(fd, 4096):
                received.append(data)

        thread = threading.Thread(target=read_all, args=(os.dup(reader),))
        thread.start()
    thread.join()
    assert b"".join(received) == FLOOD


def test_a_pipe_with_a_name(tmp_path: Path) -> None:
    """A FIFO gets what a file would get, unrotated; it may have no reader yet, and nobody waits
    for one."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    pump = LogPump()
    sink = pump.file(LogFile(fifo, max_bytes=10))
    assert isinstance(sink, DeviceOutlet)
    writer = child(pump, sink)
    os.write(writer, b"one line\nanother line\n")
    reader = os.open(fifo, os.O_RDONLY)
    assert os.read(reader, 4096) == b"one line\nanother line\n"
    os.write(writer, b"a third\n")
    os.close(writer)
    assert os.read(reader, 4096) == b"a third\n"
    pump.close(5)
    os.close(reader)
    assert os.listdir(tmp_path) == ["fifo"]  # noqa: PTH208


def test_a_fifo_that_nobody_reads_ends_with_the_pump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child is not held up for ever, and no thread is left behind."""
    monkeypatch.setattr(outlet, "PATIENCE", 0.3)
    os.mkfifo(tmp_path / "fifo")
    pump = LogPump()
    write(child(pump, pump.file(LogFile(tmp_path / "fifo"))), FLOOD * 2).join()
    pump.close(0.1)
    until(lambda: not any(each.name == "otpsup-outlet" for each in threading.enumerate()))


def test_a_file_that_becomes_a_fifo_blocks_nobody(tmp_path: Path) -> None:
    """Lines are lost as on a full disk, and are not once there is a file again."""
    path = tmp_path / "log"
    os.mkfifo(tmp_path / "fifo")
    pump = LogPump()
    sink = pump.file(LogFile(path))
    writer = child(pump, sink)
    os.write(writer, b"one\n")
    until(lambda: path.exists() and path.read_bytes() == b"one\n")
    path.rename(tmp_path / "moved")
    (tmp_path / "fifo").rename(path)
    pump.reopen()
    os.write(writer, b"lost\n")
    until(lambda: sink._losses.lines == 1)
    path.unlink()
    os.write(writer, b"two\n")
    os.close(writer)
    pump.close(5)
    assert path.read_bytes() == b"two\n"


def test_the_hosts_stderr_and_formats(capfd: pytest.CaptureFixture[str]) -> None:
    """`Inherit` chooses which of the host's streams it is, and what a line looks like."""
    options: dict[str, Any] = {"restart": "temporary", "stderr": "null"}
    with running() as tree, watching(tree) as events:
        for name, target in (
            ("a", Inherit("stderr", format="raw")),
            ("b", Inherit("stderr", format="full")),
            ("c", "/dev/stdout"),
            ("d", "inherit"),
        ):
            tree.start_child(Command(name, ["echo", "hello"], stdout=target, **options))
            events.until(name, "down")
    out, err = capfd.readouterr()
    assert out == "hello\nd | hello\n"
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
    assert re.fullmatch(rf"hello\n{time} b \| hello\n", err)


@pytest.mark.slow
def test_a_host_in_a_slow_pipeline_loses_nothing(tmp_path: Path) -> None:
    """`program | slow reader`: all that children have written comes out, in whole lines."""
    code = """
        def main():
            spec = Command("c", ["seq", "200000"], restart="temporary")
            with running() as tree, watching(tree) as events:
                tree.start_child(spec)
                events.until("c", "down", within=30)
    """
    with hosting(tmp_path, code, stdout=subprocess.PIPE) as host:
        assert host.process.stdout
        received = b""
        while data := os.read(host.process.stdout.fileno(), 1500):
            received += data
        assert host.wait() == 0
    assert received == b"".join(b"c | %d\n" % n for n in range(1, 200_001))

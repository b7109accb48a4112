"""The last lines of children, those who follow them, and what lines look like in other formats."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import Command, LogFile
from otpsup.errors import ProtocolError
from otpsup.runtime.logs import LogPump, Source, followers, ring
from otpsup.runtime.logs.formats import formatter
from otpsup.runtime.logs.ring import Ring
from otpsup.wire import lines as wire
from otpsup.wire.lines import LogLine
from tests.support.trees import running, watching
from tests.support.waiting import until

WEB = Source("web", "stdout", 7, 1)
ERR = Source("web", "stderr", 7, 1)
JOB = Source("pool/job#1", "stdout", 8, 2)
ANY_LINES = st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), min_size=1)


def texts(lines: list[LogLine]) -> list[str]:
    return [line.text for line in lines]


# Formats.


@given(ANY_LINES)
def test_json_keeps_every_byte(lines: list[bytes]) -> None:
    """One object a line, and the line in it has all the bytes that the child wrote, be they UTF-8
    or not."""
    write = formatter("json", WEB)
    assert write
    written = write(b"\n".join(lines) + b"\n", 1.5)
    objects = [json.loads(line) for line in written.split(b"\n")[:-1]]
    assert [each["line"].encode("utf-8", "surrogateescape") for each in objects] == lines
    for each in objects:
        assert list(each) == ["time", "child", "stream", "pid", "line"]
        assert (each["child"], each["stream"], each["pid"]) == ("web", "stdout", 7)


def test_json_tells_of_a_line_in_pieces() -> None:
    """What is too long to wait for is in several objects; all but the last say that there is
    more."""
    write = formatter("json", WEB)
    assert write
    first, last = json.loads(write(b"begin", 1.5)), json.loads(write(b"end\n", 1.5))
    assert (first["line"], first["more"]) == ("begin", True)
    assert (last["line"], "more" in last) == ("end", False)


@given(ANY_LINES)
def test_prefixes(lines: list[bytes]) -> None:
    """Each line comes after its name, its time, or both, and is as it was."""
    time = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.500[+-]\d\d:\d\d "
    forms: dict[Any, bytes] = {
        "name": rb"web \| ",
        "time": time,
        "full": time + rb"web \| ",
    }
    for format, prefix in forms.items():
        write = formatter(format, WEB)
        assert write
        written = write(b"\n".join(lines) + b"\n", 1.5).split(b"\n")[:-1]
        assert [re.sub(rb"\A" + prefix, b"", line) for line in written] == lines
        assert all(re.match(prefix, line) for line in written)


def test_a_file_for_both_streams_knows_which_it_was(tmp_path: Path) -> None:
    """JSON lines tell stdout and stderr apart, and the process they are of."""
    log = LogFile(tmp_path / "log", format="json")
    argv = ["sh", "-c", "echo out; echo err >&2; echo $$"]
    with running() as tree, watching(tree) as events:
        tree.start_child(Command("c", argv, restart="temporary", stdout=log, stderr=log))
        events.until("c", "down")
    objects = [json.loads(line) for line in log.path.read_text().splitlines()]
    pid = next(each["line"] for each in objects if each["line"].isdigit())
    assert {(each["stream"], each["line"]) for each in objects} == {
        ("stdout", "out"),
        ("stderr", "err"),
        ("stdout", pid),
    }
    assert {str(each["pid"]) for each in objects} == {pid}


# The last lines.


@given(st.lists(st.tuples(st.sampled_from([WEB, ERR, JOB]), ANY_LINES)), st.integers(0, 300))
def test_the_last_lines(said: list[tuple[Source, list[bytes]]], count: int) -> None:
    """Of one child, of one stream, of all below a supervisor, or of all: the last so many, the
    oldest first."""
    kept = Ring()
    lines: list[tuple[Source, str]] = []
    for at, (source, texts_) in enumerate(said):
        kept.add(source, float(at), b"".join(text + b"\n" for text in texts_))
        lines += [(source, text.decode("utf-8", "surrogateescape")) for text in texts_]

    def expected(*sources: Source) -> list[str]:
        mine = [text for source, text in lines if source in sources]
        return mine[len(mine) - min(count, len(mine)) :]

    if sum(len(text) + 1 for _, text in lines) + ring._ENTRY * len(said) <= ring.EACH:
        assert texts(kept.tail(None, count)) == expected(WEB, ERR, JOB)
        assert texts(kept.tail("web", count)) == expected(WEB, ERR)
        assert texts(kept.tail("web", count, "stderr")) == expected(ERR)
        assert texts(kept.tail("pool", count)) == expected(JOB)


def test_what_is_kept_is_bounded() -> None:
    """Of each child the last 16 KiB in whole lines, and of all together as much as there is room
    for; who was silent for longest is forgotten first."""
    kept = Ring()
    for n in range(100_000):
        kept.add(WEB, float(n), b"%d\n" % n)
    kept.add(JOB, 100_000.0, b"".join(b"%d\n" % n for n in range(100_000)))
    last = texts(kept.tail("web", 1000))
    assert last == [str(n) for n in range(100_000 - len(last), 100_000)]
    assert 50 < len(last) < 200
    many = texts(kept.tail("pool/job#1", 10_000))
    assert many == [str(n) for n in range(100_000 - len(many), 100_000)]
    for n in range(2000):
        kept.add(Source(f"many/{n}"), float(200_000 + n), b"x" * 20_000)
    assert kept._size <= ring.TOTAL + ring.EACH
    assert kept.tail("web", 1) == []
    assert kept.tail("many/1999", 1)


# Followers.


@contextmanager
def pumping() -> Iterator[LogPump]:
    pump = LogPump()
    try:
        yield pump
    finally:
        pump.close(5)


def test_following_goes_on_over_rotations_and_restarts(tmp_path: Path) -> None:
    """The last lines first, then each line once, in order, while the file is rotated and writers
    come and go."""
    heard: list[LogLine] = []
    with pumping() as pump:
        sink = pump.file(LogFile(tmp_path / "log", max_bytes=100, backups=2))
        for run in range(5):
            reader, writer = os.pipe()
            pump.attach(reader, sink, None, Source("web", run=run))
            for n in range(100):
                os.write(writer, b"%d\n" % (run * 100 + n))
                if (run, n) == (1, 50):
                    until(lambda: texts(pump.tail("web", 1)) == ["150"])
                    pump.follow(heard.append, ["web"], lines=3)
            os.close(writer)
            until(lambda run=run: run not in pump._runs)  # type: ignore[misc]
    assert texts(heard) == [str(n) for n in range(148, 500)]


def test_who_follows_hears_only_what_it_asked_for() -> None:
    """Children, those below a supervisor, one stream; and nothing more once it has had enough."""
    kept, heard = Ring(), dict[str, list[LogLine]]()
    ends = []
    for name, paths, stream in (
        ("web", ["web"], None),
        ("err", None, "stderr"),
        ("pool", ["pool"], None),
        ("all", None, None),
    ):
        heard[name] = []
        ends.append(kept.follow(heard[name].append, paths, stream=stream))
    for source in (WEB, ERR, JOB):
        kept.add(source, 1.0, source.path.encode() + b"\n")
    until(lambda: [len(heard[name]) for name in ("web", "err", "pool", "all")] == [2, 1, 1, 3])
    for end in ends:
        end()
    kept.add(WEB, 2.0, b"later\n")
    kept.close(5)
    found = {name: texts(lines) for name, lines in heard.items()}
    assert found == {
        "web": ["web", "web"],
        "err": ["web"],
        "pool": ["pool/job#1"],
        "all": ["web", "web", "pool/job#1"],
    }


def test_a_slow_follower_is_told_what_it_has_missed() -> None:
    """It holds up nobody; what it was too slow for is counted, where it was."""
    kept, go = Ring(), threading.Event()
    heard: list[LogLine] = []

    def listen(line: LogLine) -> None:
        go.wait()
        heard.append(line)

    kept.follow(listen, None)
    line = b"x" * 99 + b"\n"
    for _ in range(20):
        kept.add(WEB, 1.0, line * 1000)
    go.set()
    until(lambda: heard and heard[-1].skipped)
    kept.add(WEB, 2.0, b"after\n")
    until(lambda: heard[-1].text == "after")
    kept.close(5)
    told = [line for line in heard if not line.skipped]
    assert sum(line.skipped for line in heard) + len(told) == 20_001
    assert len(told) * 100 <= followers.ROOM + 2 * 100_000


def test_a_follower_that_fails_is_heard_no_more() -> None:
    """An error in it reaches neither the pump nor other followers."""
    kept, heard = Ring(), list[LogLine]()

    def fail(line: LogLine) -> None:
        raise ValueError("no")

    kept.follow(fail, None)
    kept.follow(heard.append, None)
    kept.add(WEB, 1.0, b"one\ntwo\n")
    kept.close(5)
    assert texts(heard) == ["one", "two"]


# On the wire.


@given(st.binary(max_size=40), st.floats(0, 2e9), st.integers(0, 5))
def test_lines_travel(text: bytes, at: float, skipped: int) -> None:
    """What is decoded is what was encoded, through JSON, whatever the bytes."""
    line = LogLine(at, "web", "stdout", text.decode("utf-8", "surrogateescape"), skipped)
    assert wire.decode(json.loads(json.dumps(wire.encode(line)))) == line


@pytest.mark.parametrize(
    "value",
    [None, 3, {}, {"at": 1.0}, {"at": "1", "path": "", "stream": "", "text": ""},
     {"at": float("inf"), "path": "", "stream": "", "text": ""},
     {"at": 10**400, "path": "", "stream": "", "text": ""},
     {"at": 1, "path": "", "stream": "", "text": "", "skipped": True},
     {"at": 1, "path": "", "stream": "", "text": 1}],
)  # fmt: skip
def test_what_is_no_line(value: Any) -> None:
    """Bad values are refused, with a reason."""
    with pytest.raises(ProtocolError):
        wire.decode(value)

"""Capture mode, PROCESS_LOG events and strip_ansi: supervisord's, wherever output is cut."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup.supervisord.conf.model import Log, Process
from otpsup.supervisord.events import Channel, Event
from otpsup.supervisord.listeners import Capture
from otpsup.supervisord.listeners.capture import BEGIN, END, Ring
from otpsup.supervisord.listeners.escapes import Escapes
from otpsup.supervisord.listeners.syslog import LONGEST, Forward
from otpsup.supervisord.listeners.taps import in_turn, of_listener, of_program
from tests.supervisord.originals import RealOutput

TEXT = st.one_of(
    st.sampled_from([BEGIN, END, BEGIN[:9], END[:9], BEGIN[:-1], b"<", b"<!--", b"\n", b"\xff"]),
    st.binary(max_size=40),
)
OUTPUT = st.lists(TEXT, max_size=12).map(b"".join)
CUTS = st.lists(st.integers(0), max_size=8)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


class Tapped:
    """A capture and what came of it."""

    def __init__(
        self, channel: Channel = "stdout", *, strip_ansi: bool = False, **log: int
    ) -> None:
        self.told: list[Event] = []
        settings = Log(**log)  # type: ignore[arg-type]
        self.tap = Capture(
            "cat", "pets", channel, settings, self.told.append, strip_ansi=strip_ansi
        )

    def say(self, pieces: list[bytes], pid: int = 42) -> bytes:
        return b"".join(self.tap(pid, piece) for piece in pieces)

    def communicated(self) -> list[str]:
        return [event.text for event in self.told if "COMMUNICATION" in event.name]


def reference(said: bytes) -> tuple[bytes, list[bytes]]:
    """What is logged and what is captured of this output, written out."""
    logged = b""
    captured: list[bytes] = []
    while True:
        outside, begun, said = said.partition(BEGIN)
        logged += outside
        inside, ended, said = said.partition(END)
        if not begun or not ended:
            return logged, captured
        captured.append(inside)


@given(OUTPUT, CUTS)
def test_marks_may_be_cut_anywhere(said: bytes, at: list[int]) -> None:
    """The same log and the same events as of the whole output."""
    tapped = Tapped(capture_maxbytes=10_000)
    logged = tapped.say(cut(said, at)) + tapped.tap(42, b"")
    expected, captured = reference(said)
    assert logged == expected
    assert [text.partition("\n")[2] for text in tapped.communicated()] == [
        as_text(data) for data in captured
    ]


def as_text(data: bytes) -> str:
    """As payloads show bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"Undecodable: {data!r}"


@given(st.sampled_from(["stdout", "stderr"]), OUTPUT, CUTS, st.integers(1, 60))
def test_captured_as_supervisord_captures(
    channel: Channel, said: bytes, at: list[int], limit: int
) -> None:
    """The same PROCESS_COMMUNICATION events, also when there is more than `capture_maxbytes`; and
    its log is the beginning of ours: it holds back up to 24 bytes."""
    real = RealOutput(channel, capture_maxbytes=limit)
    tapped = Tapped(channel, capture_maxbytes=limit)
    for piece in cut(said + b"the end, of some length", at):
        real.say(piece)
        tapped.say([piece])
    whole = tapped.communicated()
    theirs = [text for name, text in real.told if "COMMUNICATION" in name]
    assert whole[: len(theirs)] == theirs
    assert len(whole) == len(theirs) or len(real.dispatcher.output_buffer) >= len(END)


@given(st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=8), st.integers(1, 60))
def test_what_the_ring_keeps_is_what_supervisord_keeps(said: list[bytes], limit: int) -> None:
    """Which depends on the pieces: they are the same."""
    real = RealOutput("stdout", capture_maxbytes=limit)
    tapped = Tapped(capture_maxbytes=limit)
    for piece in (BEGIN, *said, END, b" " * 30):
        real.say(piece)
        tapped.say([piece])
    assert tapped.communicated() == [text for name, text in real.told]


@given(OUTPUT, CUTS)
def test_the_log_is_supervisords(said: bytes, at: list[int]) -> None:
    """What it has logged so far, we have."""
    real = RealOutput("stdout", capture_maxbytes=1000)
    tapped = Tapped(capture_maxbytes=1000)
    logged = b""
    for piece in cut(said, at):
        real.say(piece)
        logged += tapped.say([piece])
        assert logged.startswith(real.logged)


@given(OUTPUT, CUTS, st.booleans(), st.sampled_from(["stdout", "stderr"]))
def test_log_events_as_supervisord(
    said: bytes, at: list[int], strips: bool, channel: Channel
) -> None:
    """Without capture mode each chunk is an event, with it all of the text is in events, the
    captured included."""
    real = RealOutput(channel, events_enabled=True, strip_ansi=strips)
    tapped = Tapped(channel, events_enabled=True, strip_ansi=strips)
    chunks = [piece for piece in cut(said, at) if not piece.endswith(b"\x1b")]
    for piece in chunks:
        real.say(piece)
        tapped.say([piece])
    assert [(event.name, event.text) for event in tapped.told] == real.told


def test_captured_text_is_in_log_events_too() -> None:
    """As in supervisord, which tells of what it captures before it knows that it ends."""
    tapped = Tapped(capture_maxbytes=100, events_enabled=True)
    assert tapped.say([b"out" + BEGIN + b"inside" + END + b"side"]) == b"outside"
    bodies = [(event.name, event.text.partition("\n")[2]) for event in tapped.told]
    assert bodies == [
        ("PROCESS_LOG_STDOUT", "out"),
        ("PROCESS_LOG_STDOUT", "inside"),
        ("PROCESS_COMMUNICATION_STDOUT", "inside"),
        ("PROCESS_LOG_STDOUT", "side"),
    ]


def test_an_event_is_told_when_its_end_is_there() -> None:
    """Not with the next output, which may be hours away."""
    for text in (b"", b"x", b"x" * 30):
        tapped = Tapped(capture_maxbytes=100)
        tapped.say([BEGIN + text, END])
        assert tapped.communicated() == [f"processname:cat groupname:pets pid:42\n{text.decode()}"]


def test_the_next_process_begins_outside() -> None:
    """Of a process that ended within a capture nothing is told, and the next one's output is
    logged; what was held back of the one before comes first."""
    tapped = Tapped(capture_maxbytes=100)
    assert tapped.say([BEGIN + b"never ended"], pid=1) == b""
    assert tapped.say([b"hello <!--"], pid=2) == b"hello "
    assert tapped.say([b"again"], pid=3) == b"<!--again"
    assert tapped.told == []


def test_nobody_wants_what_is_written() -> None:
    """Then no event is made of it."""
    told: list[Event] = []
    tap = Capture(
        "a", "a", "stdout", Log(events_enabled=True), told.append, wants=lambda name: False
    )
    assert tap(1, b"text") == b"text"
    assert told == []


def test_the_ring_keeps_the_last() -> None:
    """As many bytes go as come; a piece longer than the limit stays whole."""
    ring = Ring(10)
    for piece in (b"12345678", b"abc", b"z"):
        ring.add(piece)
    assert ring.take() == b"45678abcz"
    ring.add(b"longer than ten")
    assert ring.take() == b"longer than ten"
    assert ring.take() == b""


ESCAPED = st.lists(
    st.sampled_from(
        [b"\x1b[31m", b"\x1b[0m", b"\x1b[2J", b"\x1b[1;2H", b"text", b"\n", b"\x1b", b"["]
    )
).map(b"".join)


@given(ESCAPED)
def test_escapes_go_as_in_supervisord(said: bytes) -> None:
    """Of output that comes in one piece."""
    from supervisor.dispatchers import stripEscapes

    escapes = Escapes()
    assert escapes.strip(said) + escapes.rest() == stripEscapes(said)


@given(st.lists(st.sampled_from([b"\x1b[31m", b"\x1b[1;2H", b"text", b"\n"])).map(b"".join), CUTS)
def test_an_escape_may_be_cut(said: bytes, at: list[int]) -> None:
    """It is one all the same."""
    escapes = Escapes()
    stripped = b"".join(map(escapes.strip, cut(said, at)))
    assert stripped == said.replace(b"\x1b[31m", b"").replace(b"\x1b[1;2H", b"")


def test_what_cannot_be_an_escape_is_not_waited_for() -> None:
    """As in supervisord the rest of its chunk is lost, and no more than that."""
    escapes = Escapes()
    assert escapes.strip(b"one \x1b[3G two") == b"one "
    assert escapes.strip(b"xyz") == b"xyz"
    assert escapes.strip(b"\x1b[" + b"1" * 100) == b""
    assert escapes.strip(b"xyz") + escapes.rest() == b"xyz"


@given(st.lists(st.text(max_size=20)), CUTS)
def test_syslog_gets_lines(lines: list[str], at: list[int]) -> None:
    """Each line once, whole, with the name before it, wherever output is cut."""
    lines = [line.replace("\n", "").replace("\0", "") for line in lines]
    sent: list[str] = []
    forward = Forward("web ", sent.append)
    said = "".join(f"{line}\n" for line in lines).encode()
    assert b"".join(forward(1, piece) for piece in cut(said, at)) == said
    assert sent == [f"web {line}" for line in lines]


def test_syslog_gets_what_has_no_end() -> None:
    """When its process ends, when another begins, or when it gets too long; and bytes that are no
    text."""
    sent: list[str] = []
    forward = Forward("", sent.append)
    for pid, data in ((1, b"one"), (1, b""), (2, b"two"), (3, b"three\xff\0\n"), (3, b"x" * 9000)):
        forward(pid, data)
    assert sent == ["one", "two", "three\N{REPLACEMENT CHARACTER}\\0", "x" * 9000]
    assert len("x" * 9000) > LONGEST


def taps_for(log: Log, *, strip_ansi: bool = False) -> list[str]:
    process = Process(name="a", section="program:a", command="a", stdout=log)
    found = of_program(
        process, "a", "stdout", lambda event: None, strip_ansi=strip_ansi, wants=lambda name: True
    )
    return [type(tap).__name__ for tap in found]


@pytest.mark.parametrize(
    ("log", "taps"),
    [
        (Log(), []),
        (Log(events_enabled=True), ["Capture"]),
        (Log(capture_maxbytes=1), ["Capture"]),
        (Log(syslog=True), ["Forward"]),
        (Log(logfile="syslog"), ["Forward"]),
        (Log(capture_maxbytes=1, syslog=True), ["Capture", "Forward"]),
    ],
)
def test_a_stream_has_the_taps_that_it_needs(log: Log, taps: list[str]) -> None:
    """One that is only logged has none."""
    assert taps_for(log) == taps
    assert taps_for(Log(), strip_ansi=True) == ["Capture"]


def test_a_listener_is_neither_captured_nor_told_of() -> None:
    """Its stdout is the protocol, whatever is configured."""
    log = Log(capture_maxbytes=10, events_enabled=True, syslog=True)
    process = Process(name="a", section="eventlistener:a", command="a", stdout=log)
    assert list(of_listener(process, strip_ansi=False)) == []


def pieces(*sent: bytes) -> Iterator[bytes]:
    yield from sent


def test_captured_text_does_not_reach_syslog() -> None:
    """And a chunk that is captured as a whole does not end a line there."""
    sent: list[str] = []
    capture = Capture("a", "a", "stdout", Log(capture_maxbytes=99), lambda event: None)
    tap = in_turn([capture, Forward("a ", sent.append)])
    for piece in pieces(b"one ", BEGIN + b"secret", END + b"line\n", b"rest <!--", b""):
        tap(1, piece)
    assert sent == ["a one line", "a rest <!--"]

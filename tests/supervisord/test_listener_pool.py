"""Pools of event listeners do what supervisord's own do, step by step, and lose nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from supervisor import events as real_events

from otpsup.errors import NoProcess
from otpsup.supervisord import events
from otpsup.supervisord.events import Event
from otpsup.supervisord.listeners import Pool, RejectEvent
from tests.supervisord.originals import TYPES, RealPool

NAMES = ["a", "b", "c"]
SAID = [
    *[b"READY\n"] * 4, *[b"RESULT 2\nOK"] * 3, *[b"RESULT 4\nFAIL"] * 2,
    b"RESULT 2\nOKREADY\n", b"RESULT 4\nFAILREADY\n", b"REA", b"DY\n", b"RESULT", b" 2\nO", b"K",
    b"RESULT 17\n", b"RESULT 3\nOK\n", b"RESULT two\n", b"whateve2\nOK", b"RESULT \xff\n", b"\n",
    b"READY", b"READY\nREADY\n", b"Traceback (most recent call last):\n",
]  # fmt: skip

Step = tuple[Any, ...]
STEPS = st.one_of(
    st.tuples(st.just("event"), st.text(max_size=5)),
    st.tuples(st.just("say"), st.sampled_from(NAMES), st.sampled_from(SAID)),
    st.tuples(st.sampled_from(["start", "run", "stop", "end"]), st.sampled_from(NAMES)),
)
BEGUN: list[Step] = [(do, name) for do in ("start", "run") for name in NAMES]


class Ours:
    """A pool that is told what the real one is told."""

    def __init__(self, subscribed: list[str], size: int, listeners: list[str]) -> None:
        self.written: list[tuple[str, bytes]] = []
        self.errors: list[str] = []
        self._serial = 0
        self._listeners = listeners
        self.pool = Pool(
            "pool", listeners, subscribed, buffer_size=size, write=self._write, log=self._log
        )

    def _write(self, name: str, data: bytes) -> None:
        self.written.append((name, data))

    def _log(self, level: str, text: str) -> None:
        if level == "error":
            self.errors.append(text)

    def hear(self, event: Any) -> None:
        """One of the real events."""
        name = real_events.getEventNameByType(type(event))
        if self.pool.wants(name):
            self.pool.accept(Event(name, event.payload()), self._serial)
            self._serial += 1

    def seen(self) -> dict[str, Any]:
        return {
            "written": self.written,
            "waiting": [(queued.serial, queued.pool_serial) for queued in self.pool.waiting],
            "states": {name: self.pool.state(name) for name in self._listeners},
            "errors": self.errors,
        }


class Both:
    """The real pool and ours, side by side. What cannot happen in a state is left out."""

    def __init__(self, real: RealPool, ours: Ours) -> None:
        self.real = real
        self.ours = ours
        self.states = dict.fromkeys(NAMES, "down")
        self._pids = 100
        real_events.subscribe(real_events.Event, ours.hear)

    def take(self, step: Step) -> None:
        getattr(self, step[0])(*step[1:])
        self.real.pool.dispatch()
        self.ours.pool.dispatch()

    def event(self, text: str) -> None:
        real_events.notify(real_events.RemoteCommunicationEvent("t", text))

    def say(self, name: str, data: bytes) -> None:
        if self.states[name] != "down":
            self.real.say(name, data)
            self.ours.pool.hear(name, data)

    def start(self, name: str) -> None:
        if self.states[name] == "down":
            self._pids += 1
            self.real.start(name, self._pids)
            self.ours.pool.started(name)
            self.states[name] = "starting"

    def run(self, name: str) -> None:
        if self.states[name] == "starting":
            self.real.run(name)
            self.ours.pool.running(name)
            self.states[name] = "running"

    def stop(self, name: str) -> None:
        if self.states[name] in ("starting", "running"):
            self.real.stop(name)
            self.ours.pool.paused(name)
            self.states[name] = "stopping"

    def end(self, name: str) -> None:
        if self.states[name] in ("running", "stopping"):
            self.real.end(name)
            self.ours.pool.ended(name)
            self.states[name] = "down"


SUBSCRIBED = [
    ["REMOTE_COMMUNICATION"], ["EVENT"], ["PROCESS_STATE", "REMOTE_COMMUNICATION"],
    ["EVENT", "PROCESS_STATE"], ["PROCESS_STATE_EXITED"],
]  # fmt: skip


@given(
    st.sampled_from(SUBSCRIBED),
    st.integers(1, 4),
    st.lists(STEPS, max_size=60),
    st.booleans(),
)
@example(["REMOTE_COMMUNICATION"], 1, [("event", "x"), ("say", "a", b"READY\n")], True)
def test_step_by_step_as_supervisord(
    subscribed: list[str], size: int, steps: list[Step], are_up: bool
) -> None:
    """After each event, each piece of output and each change of a process: the same bytes to the
    same listeners, the same buffer with the same serials, the same states, the same errors."""
    with RealPool("pool", NAMES, subscribed, size) as real:
        both = Both(real, Ours(subscribed, size, NAMES))
        for step in (BEGUN if are_up else []) + steps:
            both.take(step)
            assert both.ours.seen() == real.seen(), step


class Script:
    """One pool of one listener, for tests that say what they do."""

    def __init__(self, size: int = 10, **more: Any) -> None:
        self.written: list[bytes] = []
        self.log: list[tuple[str, str]] = []
        self.broken = False
        self.pool = Pool(
            "p", ["a"], ["EVENT"], buffer_size=size, write=self._write,
            log=lambda level, text: self.log.append((level, text)), **more,
        )  # fmt: skip
        self.pool.started("a")
        self.pool.running("a")
        self._serial = 0

    def _write(self, name: str, data: bytes) -> None:
        if self.broken:
            raise NoProcess("a")
        self.written.append(data)

    def event(self, text: str) -> None:
        self.pool.accept(events.remote_communication("t", text), self._serial)
        self._serial += 1
        self.pool.dispatch()

    def say(self, data: bytes) -> None:
        self.pool.hear("a", data)
        self.pool.dispatch()

    def got(self) -> list[str]:
        """What the listener was sent: the data of each event."""
        return [data.decode().rpartition("\n")[2] for data in self.written]

    def waits(self) -> list[str]:
        return [queued.event.text.partition("\n")[2] for queued in self.pool.waiting]


def test_an_event_as_it_is_sent() -> None:
    """The header line and the payload, whose length is counted in characters."""
    script = Script()
    script.say(b"READY\n")
    script.event("grüße")
    assert script.written == [
        b"ver:3.0 server:supervisor serial:0 pool:p poolserial:0 eventname:REMOTE_COMMUNICATION"
        b" len:12\ntype:t\n" + "grüße".encode()
    ]


def test_a_rejected_event_comes_again_before_any_other() -> None:
    """FAIL brings it back to the head, with the serials that it had."""
    script = Script()
    script.say(b"READY\n")
    for text in ("1", "2"):
        script.event(text)
    script.say(b"RESULT 4\nFAILREADY\n")
    assert script.got() == ["1", "1"]
    assert script.written[0] == script.written[1]
    assert script.waits() == ["2"]


def test_a_full_buffer_loses_the_oldest_and_says_so() -> None:
    """The newcomer stays; the log names the serial of the one that is lost."""
    script = Script(size=2)
    for text in ("1", "2", "3"):
        script.event(text)
    assert script.waits() == ["2", "3"]
    assert script.log == [("error", "pool p event buffer overflowed, discarding event 0")]


def test_what_comes_back_to_a_full_buffer_costs_the_oldest_too() -> None:
    """Not the one that comes back: that one is next."""
    script = Script(size=2)
    script.say(b"READY\n")
    for text in ("1", "2", "3"):
        script.event(text)
    script.say(b"RESULT 4\nFAIL")
    assert script.waits() == ["1", "3"]
    assert ("error", "pool p event buffer overflowed, discarding event 1") in script.log


@pytest.mark.parametrize("before_end", [b"", b"RES", b"RESULT 2\nO"])
def test_a_listener_that_dies_busy_gives_its_event_back(before_end: bytes) -> None:
    """Whatever part of the answer it had written. The next process gets it first."""
    script = Script()
    script.say(b"READY\n")
    for text in ("1", "2"):
        script.event(text)
    script.say(before_end)
    script.pool.ended("a")
    assert script.waits() == ["1", "2"]
    script.pool.started("a")
    script.pool.running("a")
    for _ in range(2):
        script.say(b"READY\n")
        script.say(b"RESULT 2\nOK")
    assert script.got() == ["1", "1", "2"]


@pytest.mark.parametrize("garbage", [b"hello\n", b"READY\nmore", b"READY\nREADY\n", b"\xff" * 6])
def test_garbage_ends_it_until_the_next_process(garbage: bytes) -> None:
    """Nothing that it says later makes it a listener again; another process does."""
    script = Script()
    script.say(garbage)
    script.say(b"READY\n")
    script.event("1")
    assert script.pool.state("a") == "UNKNOWN"
    assert script.got() == []
    assert [text.partition(" ")[0] for level, text in script.log if level == "warn"] == ["a:"]
    script.pool.ended("a")
    script.pool.started("a")
    script.pool.running("a")
    script.say(b"READY\n")
    assert script.got() == ["1"]


@pytest.mark.parametrize("line", [b"RESULT two\n", b"RESULT -1\n", b"RESULT\n", b"x" * 4096])
def test_a_bad_result_line_gives_the_event_back(line: bytes) -> None:
    """And tells the line; one that does not end is not waited for."""
    script = Script()
    script.say(b"READY\n")
    script.event("1")
    script.say(line)
    assert script.pool.state("a") == "UNKNOWN"
    assert script.waits() == ["1"]
    assert ("warn", f"a: bad result line: '{line.decode().strip()}'") in script.log


def test_an_empty_result_is_a_result() -> None:
    """supervisord sees it only with the next output of that listener; here it counts at once."""
    script = Script()
    script.say(b"READY\n")
    script.event("1")
    script.say(b"RESULT 0\n")
    assert script.pool.state("a") == "ACKNOWLEDGED"
    assert script.waits() == ["1"]


def test_only_a_running_listener_gets_events() -> None:
    """READY is not enough while its process is STARTING or STOPPING."""
    script = Script()
    script.pool.started("a")
    script.say(b"READY\n")
    script.event("1")
    assert script.got() == []
    script.pool.running("a")
    script.pool.dispatch()
    assert script.got() == ["1"]
    script.say(b"RESULT 2\nOKREADY\n")
    script.pool.paused("a")
    script.event("2")
    assert script.got() == ["1"]


def test_who_cannot_be_written_to_gets_nothing_and_loses_nothing() -> None:
    """The event waits, and the listener counts as ready."""
    script = Script()
    script.say(b"READY\n")
    script.broken = True
    script.event("1")
    assert script.waits() == ["1"]
    script.broken = False
    script.pool.dispatch()
    assert script.got() == ["1"]


def reject_loudly(event: Event, response: bytes) -> None:
    raise RejectEvent(event.payload())


def fail(event: Event, response: bytes) -> None:
    raise ValueError(response)


@pytest.mark.parametrize(
    ("handler", "state", "words"),
    [
        (reject_loudly, "ACKNOWLEDGED", "a: event was rejected"),
        (fail, "UNKNOWN", "a: event caused an error"),
        (lambda event, response: None, "ACKNOWLEDGED", "a: event was processed"),
    ],
)
def test_a_result_handler_of_ones_own(handler: Any, state: str, words: str) -> None:
    """It rejects with RejectEvent; an error of its own costs the listener, not the event."""
    script = Script(handler=handler)
    script.say(b"READY\n")
    script.event("1")
    script.say(b"RESULT 2\nOK")
    assert script.pool.state("a") == state
    assert script.waits() == ([] if "processed" in words else ["1"])
    assert words in [text for _, text in script.log]


@given(st.lists(st.sampled_from([b"OK", b"FAIL", b"die"]), max_size=30), st.data())
def test_no_event_is_lost_and_none_overtakes(answers: list[bytes], data: st.DataObject) -> None:
    """With room in the buffer, one listener accepts all events in their order, whatever it rejects
    and however often it dies, and wherever its output is cut."""
    script = Script(size=100)
    accepted = []
    for number in range(len(answers)):
        script.event(str(number))
    for answer in [*answers, *[b"OK"] * len(answers)]:
        script.say(b"READY\n")
        if len(script.written) == 0 or script.pool.state("a") != "BUSY":
            break
        if answer == b"die":
            script.pool.ended("a")
            script.pool.started("a")
            script.pool.running("a")
            continue
        accepted += [script.got()[-1]] if answer == b"OK" else []
        said = b"RESULT %d\n%s" % (len(answer), answer)
        cut = data.draw(st.integers(0, len(said)))
        script.say(said[:cut])
        script.say(said[cut:])
    assert accepted == [str(number) for number in range(len(answers))]


def test_a_rejected_event_stays_in_its_pool() -> None:
    """supervisord offers it to every pool of the same priority; here only to the one whose it
    was."""
    assert "PROCESS_STATE" in TYPES
    one, other = Script(), Script()
    one.say(b"READY\n")
    one.event("1")
    one.say(b"RESULT 4\nFAIL")
    assert (one.waits(), other.waits()) == (["1"], [])

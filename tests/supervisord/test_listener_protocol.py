"""The conversation with one listener does not depend on how its output is cut."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup.supervisord import events
from otpsup.supervisord.listeners import Conversation, default_handler, handlers, resolve
from otpsup.supervisord.listeners.protocol import Queued
from tests.supervisord.originals import RealPool

EVENT = Queued(events.supervisor_running(), 7, 3)
WORDS = st.sampled_from(
    [b"READY\n", b"RESULT 2\n", b"OK", b"RESULT 4\nFAIL", b"RESULT 0\n", b"x", b"\n", b"READY",
     b"RESULT  2 \nOK", b"RESULT +2\nOK", b"RESULT 1_0\n0123456789", b"RESULT 2\r\nOK"]
)  # fmt: skip


def cut(data: bytes, at: list[int]) -> Iterator[bytes]:
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    for start, end in itertools.pairwise(places):
        yield data[start:end]


def outcome(first: str, pieces: Iterator[bytes]) -> list[object]:
    """How a conversation that is in this state goes on."""
    log: list[str] = []
    talk = Conversation("a", default_handler, lambda level, text: log.append(text))
    if first != "ACKNOWLEDGED":
        talk.hear(b"READY\n")
    if first == "BUSY":
        talk.send(EVENT)
    rejected = [one for piece in pieces if (one := talk.hear(piece))]
    return [talk.state, talk.sent, rejected, log]


@given(
    st.sampled_from(["ACKNOWLEDGED", "READY", "BUSY"]),
    st.one_of(st.lists(WORDS).map(b"".join), st.binary(max_size=40)),
    st.lists(st.integers(0), max_size=8),
)
def test_it_does_not_matter_where_output_is_cut(first: str, said: bytes, at: list[int]) -> None:
    """The same states, rejections and log lines for the same bytes, in one piece, in single bytes
    or cut anywhere."""
    whole = outcome(first, iter([said]))
    assert outcome(first, cut(said, at)) == whole
    assert outcome(first, cut(said, list(range(len(said))))) == whole


@given(st.lists(WORDS, min_size=1, max_size=8).map(b"".join), st.lists(st.integers(0), max_size=4))
def test_the_answer_means_what_it_means_to_supervisord(said: bytes, at: list[int]) -> None:
    """A busy listener's output, odd forms of the length included. An empty result is the one thing
    that supervisord understands later, with the next output."""
    with RealPool("pool", ["a"], ["SUPERVISOR_STATE_CHANGE"], 10) as real:
        real.start("a", 100)
        real.run("a")
        real.say("a", b"READY\n")
        real_event(real)
        for piece in cut(said, at):
            real.say("a", piece)
        if not said.endswith(b"RESULT 0\n"):
            assert outcome("BUSY", iter([said]))[0] == real.seen()["states"]["a"]


def real_event(real: RealPool) -> None:
    from supervisor import events as real_events

    real_events.notify(real_events.SupervisorRunningEvent())
    real.pool.dispatch()
    assert real.seen()["states"]["a"] == "BUSY"


@given(st.integers(0, 100_000))
def test_a_result_may_be_of_any_length(length: int) -> None:
    """It reaches the handler whole."""
    got = []
    talk = Conversation("a", lambda event, result: got.append(result), lambda level, text: None)
    talk.hear(b"READY\n")
    talk.send(EVENT)
    talk.hear(b"RESULT %d\n" % length + b"x" * length + b"READY\n")
    assert got == [b"x" * length]
    assert talk.state == "READY"


def test_handlers_are_found_by_their_import_path() -> None:
    """The default one is there without the supervisor package; others are imported."""
    assert resolve("supervisor.dispatchers:default_handler") is default_handler
    assert resolve("otpsup.supervisord.listeners.handlers:default_handler") is default_handler


@pytest.mark.parametrize("spec", ["", "nothing", "no.such:thing", ":x", "os:"])
def test_a_handler_that_is_not_there(spec: str) -> None:
    """An error that says so; never a pool without a judge."""
    with pytest.raises((ImportError, AttributeError)):
        resolve(spec)


def test_supervisors_own_rejection_is_one() -> None:
    """A handler that was written for supervisord raises supervisord's RejectEvent."""
    from supervisor.dispatchers import RejectEvent

    assert handlers.is_rejection(RejectEvent("no"))
    assert not handlers.is_rejection(ValueError("no"))

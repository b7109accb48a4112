"""Events: their names, their parents and their payloads are supervisord's to the byte."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervisor import events as real
from supervisor.states import ProcessStates, getProcessStateDescription
from supervisor.supervisord import Supervisor as RealDaemon

from otpsup.supervisord import events
from otpsup.supervisord.events import Channel, Event, Ticks
from tests.supervisord.originals import TYPES

CODES = {name: code for name, code in vars(ProcessStates).items() if name.isupper()}
STATES = sorted(CODES)
NAMES = st.text(st.characters(exclude_characters=": \n", exclude_categories=["Cs"]), min_size=1)


def process(name: str, group: str, **fields: Any) -> Any:
    config = SimpleNamespace(name=name)
    owner = SimpleNamespace(config=SimpleNamespace(name=group))
    return SimpleNamespace(config=config, group=owner, **fields)


def as_ours(event: Any) -> Event:
    return Event(real.getEventNameByType(type(event)), event.payload())


def test_the_names_are_all_of_supervisords() -> None:
    """Whatever `events=` may name there, it may name here, and nothing else."""
    assert set(TYPES) == events.NAMES


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_parent_hears_what_its_children_are(name: str) -> None:
    """A subscription is to a type and to all below it."""
    for subscribed in TYPES:
        assert events.is_a(name, subscribed) == issubclass(TYPES[name], TYPES[subscribed])


@given(*[st.sampled_from(STATES)] * 2, NAMES, NAMES, st.integers(0), st.integers(0), st.booleans())
def test_process_states(
    new: str, old: str, name: str, group: str, pid: int, tries: int, expected: bool
) -> None:
    """Each state tells what it tells there: tries, pid, whether the exit was expected, or
    nothing."""
    one = process(name, group, pid=pid, backoff=tries)
    theirs = TYPES[f"PROCESS_STATE_{new}"](one, CODES[old], expected)
    ours = events.process_state(new, name, group, old, pid=pid, tries=tries, expected=expected)
    assert ours == as_ours(theirs)
    assert getProcessStateDescription(CODES[old]) == old


@given(st.sampled_from(["stdout", "stderr"]), NAMES, NAMES, st.integers(0), st.binary())
def test_what_processes_write(
    channel: Channel, name: str, group: str, pid: int, data: bytes
) -> None:
    """Logged and captured text, also such that is no UTF-8."""
    one = process(name, group)
    log = TYPES[f"PROCESS_LOG_{channel.upper()}"](one, pid, data)
    communication = TYPES[f"PROCESS_COMMUNICATION_{channel.upper()}"](one, pid, data)
    assert events.process_log(channel, name, group, pid, data) == as_ours(log)
    assert events.process_communication(channel, name, group, pid, data) == as_ours(communication)


@given(st.text(), st.text())
def test_the_rest(one: str, two: str) -> None:
    """Remote communication, groups, and the daemon's own states."""
    assert events.remote_communication(one, two) == as_ours(real.RemoteCommunicationEvent(one, two))
    assert events.group_added(one) == as_ours(real.ProcessGroupAddedEvent(one))
    assert events.group_removed(one) == as_ours(real.ProcessGroupRemovedEvent(one))
    assert events.supervisor_running() == as_ours(real.SupervisorRunningEvent())
    assert events.supervisor_stopping() == as_ours(real.SupervisorStoppingEvent())


@given(st.lists(st.floats(0, 2**31), min_size=1))
def test_ticks(times: list[float]) -> None:
    """The same ticks at the same times, wherever the clock goes."""
    told: list[Event] = []
    real.clear()
    real.subscribe(real.Event, lambda event: told.append(as_ours(event)))
    try:
        daemon = RealDaemon(SimpleNamespace())
        daemon.tick(times[0])
        ours = Ticks(times[0])
        for now in times[1:]:
            told.clear()
            daemon.tick(now)
            assert ours.due(now) == told
    finally:
        real.clear()


@given(st.floats(0, 2**31), st.sets(st.sampled_from(events.PERIODS), min_size=1))
def test_the_next_tick_is_not_slept_through(now: float, periods: set[int]) -> None:
    """Whoever waits until the next tick of some periods finds one of them due, and no sooner."""
    wait = events.seconds_to_next(now, periods)
    assert wait is not None
    assert 0 < wait <= min(periods)
    names = {f"TICK_{period}" for period in periods}
    assert names & {event.name for event in Ticks(now).due(now + wait + 0.001)}
    assert not names & {event.name for event in Ticks(now).due(now + wait * 0.99 - 0.001)}


def test_without_subscribers_nothing_wakes_up() -> None:
    """No period, no next tick."""
    assert events.seconds_to_next(7.0, []) is None

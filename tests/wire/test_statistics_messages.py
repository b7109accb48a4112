"""Statistics as JSON: there and back they are the same, and nothing else becomes any."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup.errors import ProtocolError
from otpsup.statistics import (
    CheckResult,
    ChildStatistics,
    HostStatistics,
    Sample,
    Statistics,
    SupervisorStatistics,
)
from otpsup.wire import requests, statistics

STATES = ("down", "starting", "running", "stopping", "restarting")
count = st.integers(0, 2**63)
seconds = st.floats(0, 1e12)
texts = st.text(max_size=8)
states: Any = st.sampled_from(STATES)
paths = st.text(max_size=6)

checks = st.builds(CheckResult, texts, texts, st.none() | st.booleans(), count, count, texts)
samples = st.builds(Sample, seconds, seconds, count)
children = st.builds(
    ChildStatistics,
    path=paths,
    state=states,
    ready=st.booleans(),
    starts=count,
    exits=st.dictionaries(texts, count, max_size=3),
    restarts=count,
    started_at=st.none() | seconds,
    start_seconds=st.none() | seconds,
    cpu_seconds=seconds,
    memory=count,
    processes=count,
    threads=count,
    descriptors=count,
    log_bytes=count,
    log_dropped=count,
    checks=st.lists(checks, max_size=2).map(tuple),
    history=st.lists(samples, max_size=2).map(tuple),
)
made_up = st.builds(
    Statistics,
    at=seconds,
    loop_lag=seconds,
    supervisors=st.dictionaries(
        paths, st.builds(SupervisorStatistics, states, count, count, seconds, count), max_size=2
    ),
    children=st.dictionaries(paths, children, max_size=2),
    host=st.builds(HostStatistics, seconds, count, count, count),
)


def told(value: Statistics) -> Any:
    """What a client reads in the answer."""
    return json.loads(requests.encode_ok(1, value))["ok"]


@given(made_up)
def test_there_and_back_they_are_the_same(value: Statistics) -> None:
    """Whatever is in them."""
    assert statistics.decode(told(value)) == value


FULL = Statistics(
    at=1.0,
    supervisors={"": SupervisorStatistics()},
    children={
        "a": ChildStatistics(
            "a",
            exits={"exited": 1},
            checks=(CheckResult("liveness", "memory", True, 1, 0, ""),),
            history=(Sample(1.0, 0.5, 4096),),
        )
    },
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all values within a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, item in items:
        found.append((*way, key))
        if isinstance(item, dict | list):
            found += places(item, (*way, key))
    return found


@pytest.mark.parametrize("bad", [None, "x", -1.5, [], {}, [[]], True, {"x": 1}])
def test_what_is_none_is_refused_or_read_as_what_it_is(bad: Any) -> None:
    """A value of another kind at any place is a ProtocolError, or one that is as legal there."""
    for way in places(told(FULL)):
        whole = told(FULL)
        at = whole
        for key in way[:-1]:
            at = at[key]
        at[way[-1]] = bad
        try:
            read = statistics.decode(whole)
        except ProtocolError:
            continue
        assert statistics.decode(told(read)) == read


@pytest.mark.parametrize(
    ("way", "bad"),
    [
        (("at",), "now"),
        (("at",), float("inf")),
        (("children",), []),
        (("children", "a", "starts"), 1.5),
        (("children", "a", "starts"), True),
        (("children", "a", "state"), "odd"),
        (("children", "a", "exits"), {"exited": "1"}),
        (("children", "a", "history"), [[1, 2]]),
        (("supervisors", ""), None),
        (("host",), None),
    ],
)
def test_errors_of_the_other_end(way: tuple[str, ...], bad: Any) -> None:
    """A client that is told nonsense says so."""
    whole = told(FULL)
    at = whole
    for key in way[:-1]:
        at = at[key]
    at[way[-1]] = bad
    with pytest.raises(ProtocolError, match="no statistics"):
        statistics.decode(whole)


def test_what_another_version_tells_besides_is_left_out() -> None:
    """A newer tree may know more; an older one less."""
    whole = told(FULL)
    whole["weather"] = whole["children"]["a"]["shoe_size"] = 1
    del whole["children"]["a"]["threads"]
    assert statistics.decode(whole) == FULL

"""What Prometheus reads: right by its own parsers, whatever is in the statistics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client import parser as classic
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics import parser as openmetrics

from otpsup import InvalidSpec, Metrics
from otpsup.metrics.families import families
from otpsup.statistics import (
    CheckResult,
    ChildStatistics,
    HostStatistics,
    Statistics,
    SupervisorStatistics,
)
from otpsup.views import State

ASKED = {
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "classic": "text/plain;version=0.0.4",
}
READ = {
    "openmetrics": openmetrics.text_string_to_metric_families,
    "classic": classic.text_string_to_metric_families,
}


class _Fixed:
    def __init__(self, told: Statistics, labels: Mapping[str, str]) -> None:
        self._told, self._labels = told, labels

    def collect(self) -> Iterator[Metric]:
        yield from families(self._told, {"tree": 't\n"\\'}, self._labels)


def text_of(told: Statistics, form: str, labels: Mapping[str, str] = {}) -> str:
    """What is answered to who accepts this form."""
    registry = CollectorRegistry()
    registry.register(_Fixed(told, labels))
    encode, _ = choose_encoder(ASKED[form])
    return encode(registry).decode()


def samples(text: str, form: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All of it by name and labels, as the form's own parser reads it; nothing comes twice."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in READ[form](text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found
            found[key] = sample.value
    return found


odd = st.text(st.sampled_from(["a", "/", '"', "\\", "\n", "{", "}", ",", "=", " ", "é", "𝄞", "#"]))
names = odd | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
count = st.integers(0, 2**53)
seconds = st.floats(0, 1e12)
checks = st.builds(
    CheckResult,
    st.sampled_from(["startup", "readiness", "liveness"]),
    names,
    st.none() | st.booleans(),
    count,
    count,
    names,
)
supervisors: Any = st.dictionaries(
    names,
    st.builds(SupervisorStatistics, st.sampled_from(get_args(State)), count, count, seconds, count),
    max_size=2,
)


def child(path: str) -> Any:
    """Statistics of a child at this path."""
    return st.builds(
        ChildStatistics,
        path=st.just(path),
        state=st.sampled_from(get_args(State)),
        ready=st.booleans(),
        starts=count,
        exits=st.dictionaries(names, count, max_size=2),
        restarts=count,
        started_at=st.none() | seconds,
        start_seconds=st.none() | seconds,
        cpu_seconds=seconds,
        memory=count,
        log_bytes=count,
        checks=st.lists(checks, max_size=2, unique_by=lambda c: (c.purpose, c.what)).map(tuple),
    )


@st.composite
def made_up(draw: st.DrawFn) -> Statistics:
    """Any statistics."""
    paths = draw(st.lists(names, max_size=2, unique=True))
    return Statistics(
        at=draw(seconds),
        loop_lag=draw(seconds),
        supervisors=draw(supervisors),
        children={path: draw(child(path)) for path in paths},
        host=HostStatistics(draw(seconds), draw(count), draw(count), draw(count)),
    )


@pytest.mark.parametrize("form", ASKED)
@settings(max_examples=40)
@given(told=made_up(), label=names)
def test_what_is_told_is_what_is_read(form: str, told: Statistics, label: str) -> None:
    """Names with quotes, line breaks, backslashes and any character come through as they are, and
    numbers with them; there is nothing else."""
    found = samples(text_of(told, form, {"env": label}), form)

    def value(name: str, **labels: str) -> float | None:
        return found.pop((name, frozenset({"env": label, **labels}.items())), None)

    for path, each in told.children.items():
        assert value("otpsup_child_memory_bytes", path=path) == each.memory
        assert value("otpsup_child_ready", path=path) == each.ready
        assert value("otpsup_child_restarts_total", path=path) == each.restarts
        assert value("otpsup_child_cpu_seconds_total", path=path) == each.cpu_seconds
        assert value("otpsup_child_start_time_seconds", path=path) == each.started_at
        for kind, ends in each.exits.items():
            assert value("otpsup_child_exits_total", path=path, reason=kind) == ends
        for check in each.checks:
            labels = {"path": path, "purpose": check.purpose, "check": check.what}
            assert value("otpsup_check_up", **labels) == check.is_well
            assert value("otpsup_check_failures_total", **labels) == check.failures
        states = {
            state: value("otpsup_child_state", path=path, otpsup_child_state=state)
            for state in get_args(State)
        }
        assert states == {state: state == each.state for state in get_args(State)}
    for path, supervisor in told.supervisors.items():
        assert value("otpsup_supervisor_intensity_used", path=path) == supervisor.used
        assert value("otpsup_supervisor_intensity_limit", path=path) == supervisor.intensity
    assert value("otpsup_loop_lag_seconds") == told.loop_lag
    assert value("otpsup_host_memory_bytes") == told.host.memory
    assert not [
        key for key in found if key[0].startswith(("otpsup_child_exits", "otpsup_check_up"))
    ]


def test_names_that_are_no_utf8() -> None:
    """Linux allows them; what is read is still UTF-8."""
    told = Statistics(1.0, children={"a\udc80": ChildStatistics("a\udc80")})
    assert ("otpsup_child_ready", frozenset({("path", "a\\udc80")})) in samples(
        text_of(told, "openmetrics"), "openmetrics"
    )


@pytest.mark.parametrize(
    "labels",
    [
        {"path": "x"},
        {"le": "1"},
        {"": "x"},
        {"a-b": "x"},
        {"__name__": "x"},
        {"otpsup_child_state": "x"},
        {"env": 3},
        {3: "x"},
        "env",
        None,
        [1],
    ],
)
def test_labels_that_cannot_be(labels: Any) -> None:
    """A label that metrics have already, or that Prometheus does not take, is refused."""
    with pytest.raises(InvalidSpec, match="labels"):
        Metrics(labels)


def test_infinity_is_told_as_such() -> None:
    """A period may be anything."""
    told = Statistics(1.0, supervisors={"": SupervisorStatistics(period=math.inf)})
    found = samples(text_of(told, "openmetrics"), "openmetrics")
    assert (
        found["otpsup_supervisor_intensity_period_seconds", frozenset({("path", "")})] == math.inf
    )

"""What a tree's statistics are as metrics of Prometheus. Knows no tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, get_args

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)

from ..statistics import Statistics
from ..views import State
from .rows import PARTS, Items, Row, items, text

_STATES: Final = get_args(State)


def families(
    told: Statistics, about: Mapping[str, str], labels: Mapping[str, str] = {}
) -> Iterator[Metric]:
    """All metrics of a tree.

    Args:
        about: name, version and so on of the tree: the labels of `otpsup_info`.
        labels: that all get.
    """
    own, values = tuple(labels), tuple(map(text, labels.values()))
    yield _info(about, own, values)
    for (rows, names), part in zip(PARTS, items(told), strict=True):
        labelled = [((*values, *of), item) for of, item in part]
        for row in rows:
            yield _family(row, (*own, *names), labelled)
    supervisors = [((*values, text(path)), each) for path, each in told.supervisors.items()]
    yield _states("supervisor_state", "The supervisor's state.", own, supervisors)
    children = [((*values, text(path)), each) for path, each in told.children.items()]
    yield _states("child_state", "The child's state.", own, children)


def _family(row: Row, names: Sequence[str], part: Items) -> Metric:
    kind = CounterMetricFamily if row.is_counter else GaugeMetricFamily
    family = kind(f"otpsup_{row.name}", row.help, labels=names)
    for values, item in part:
        number = row.value(item)
        if number is not None:
            family.add_metric(values, float(number))
    return family


def _states(name: str, help: str, own: Sequence[str], part: Items) -> Metric:
    """One metric for each state, of which one is 1."""
    family = StateSetMetricFamily(f"otpsup_{name}", help, labels=(*own, "path"))
    for values, item in part:
        family.add_metric(values, {state: state == item.state for state in _STATES})
    return family


def _info(about: Mapping[str, str], own: Sequence[str], values: Sequence[str]) -> Metric:
    """What does not change."""
    family = InfoMetricFamily("otpsup", "The tree, and what runs it.", labels=own)
    family.add_metric(values, {key: text(value) for key, value in about.items()})
    return family

"""What is told of a tree, as a table: for Prometheus and OpenTelemetry alike. Knows neither.

Names follow Prometheus' conventions (https://prometheus.io/docs/practices/naming/): base units in
the plural; what only grows is a counter, to which Prometheus adds `_total`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from attrs import frozen

from ..statistics import Statistics

Labels = dict[str, str]


@frozen
class Row:
    """One metric.

    Attributes:
        name: without `otpsup_` and `_total`.
        is_counter: it only grows; else it is a gauge.
        value: of what has it; None where there is none.
    """

    name: str
    help: str
    is_counter: bool
    value: Callable[[Any], float | None]


def _counter(name: str, help: str, value: Callable[[Any], float | None]) -> Row:
    return Row(name, help, True, value)


def _gauge(name: str, help: str, value: Callable[[Any], float | None]) -> Row:
    return Row(name, help, False, value)


TREE: Final = (
    _gauge(
        "loop_lag_seconds",
        "How late the tree's loop was at worst, in the last half minute.",
        lambda told: told.loop_lag,
    ),
    _counter(
        "host_cpu_seconds",
        "Processor time of the process that hosts the tree, alone.",
        lambda told: told.host.cpu_seconds,
    ),
    _gauge("host_memory_bytes", "Resident memory of the host.", lambda told: told.host.memory),
    _gauge("host_threads", "Threads of the host.", lambda told: told.host.threads),
    _gauge("host_descriptors", "Open descriptors of the host.", lambda told: told.host.descriptors),
)
"""Of the statistics as a whole."""

SUPERVISOR: Final = (
    _counter("supervisor_restarts", "Restarts of the supervisor itself.", lambda s: s.restarts),
    _gauge("supervisor_intensity_used", "Restarts in its window now.", lambda s: s.used),
    _gauge(
        "supervisor_intensity_limit",
        "Restarts in its window beyond which it gives up.",
        lambda s: s.intensity,
    ),
    _gauge("supervisor_intensity_period_seconds", "The length of its window.", lambda s: s.period),
)
"""Of each supervisor."""

CHILD: Final = (
    _gauge("child_ready", "Whether the child can serve.", lambda c: c.ready),
    _counter("child_starts", "Starts that were begun.", lambda c: c.starts),
    _counter(
        "child_restarts", "Starts that came by themselves, after an end.", lambda c: c.restarts
    ),
    _gauge(
        "child_start_time_seconds",
        "When the child's process was made, since the epoch.",
        lambda c: c.started_at,
    ),
    _gauge(
        "child_start_seconds",
        "What its last start took, until it was ready.",
        lambda c: c.start_seconds,
    ),
    _counter(
        "child_cpu_seconds",
        "Processor time of the child and all below it, in all incarnations.",
        lambda c: c.cpu_seconds,
    ),
    _gauge(
        "child_memory_bytes", "Resident memory of the child and all below it.", lambda c: c.memory
    ),
    _gauge("child_processes", "Processes of the child and all below it.", lambda c: c.processes),
    _gauge("child_threads", "Threads of the child and all below it.", lambda c: c.threads),
    _gauge(
        "child_descriptors",
        "Open descriptors of the child and all below it.",
        lambda c: c.descriptors,
    ),
    _counter(
        "child_log_bytes", "Bytes of output that came through its pipes.", lambda c: c.log_bytes
    ),
    _counter(
        "child_log_dropped",
        "Lines of output that could not be written where they belong.",
        lambda c: c.log_dropped,
    ),
)
"""Of each child that is a process."""

CHECK: Final = (
    _gauge("check_up", "Whether the check is well.", lambda c: c.is_well),
    _counter("check_looks", "How often it was looked at.", lambda c: c.looks),
    _counter("check_failures", "How often in vain.", lambda c: c.failures),
)
"""Of each check of a child that runs."""

EXITS: Final = _counter(
    "child_exits", "Ends of the child, by the kind of reason.", lambda count: count
)

PARTS: Final = (
    (TREE, ()),
    (SUPERVISOR, ("path",)),
    (CHILD, ("path",)),
    ((EXITS,), ("path", "reason")),
    (CHECK, ("path", "purpose", "check")),
)
"""All of them, with the names of their labels."""

Items = list[tuple[tuple[str, ...], Any]]
"""Values of labels, and whose metrics they are."""


def items(told: Statistics) -> Iterator[Items]:
    """What each of `PARTS` is about, in that order."""
    yield [((), told)]
    yield [((text(path),), each) for path, each in told.supervisors.items()]
    yield [((text(path),), each) for path, each in told.children.items()]
    yield [
        ((text(path), text(kind)), count)
        for path, child in told.children.items()
        for kind, count in child.exits.items()
    ]
    yield [
        ((text(path), check.purpose, text(check.what)), check)
        for path, child in told.children.items()
        for check in child.checks
    ]


def text(value: str) -> str:
    """A label is UTF-8; names that are none, as they came from a command line, are made some."""
    return value.encode("utf-8", "backslashreplace").decode()

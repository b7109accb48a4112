"""What a tree has counted and measured of itself, as frozen values. Nothing is decided here.

Apart from `views`, for it takes as long to load as these, and few ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from .views import State


@frozen
class CheckResult:
    """How one check of a child that runs stands.

    Attributes:
        purpose: `startup`, `readiness` or `liveness`.
        what: what is looked at, in words: `port 8080`.
        is_well: what the looks came to; None as long as they came to nothing.
        looks, failures: how often it was looked at, and how often in vain, in all incarnations.
        said: what the last look said; "" if all was well. No secrets.
    """

    purpose: str
    what: str
    is_well: bool | None
    looks: int
    failures: int
    said: str


@frozen
class Sample:
    """What a child used at one moment.

    Attributes:
        at: seconds since the epoch.
        cpu: processors used since the sample before, on average: 0.5 is half of one.
        memory: bytes.
    """

    at: float
    cpu: float
    memory: int


@frozen
class ChildStatistics:
    """What is counted and measured of one process child, as long as there is such a child.

    Attributes:
        path: of the child.
        state, ready: as in its status.
        starts: how often a start was begun.
        exits: how often it ended, by the kind of reason: `normal`, `shutdown`, `killed`, `exited`,
            `signaled`, `exception`, `error` (it did not start), `unhealthy`.
        restarts: how often it was started again automatically.
        started_at: when its process was made, in seconds since the epoch; None if it has none.
        start_seconds: what its last start took, until it was ready; None if it never was.
        cpu_seconds: processor time, of all its incarnations; what one used after it was measured
            last is missing.
        memory, processes, threads, descriptors: of it and all below it, now; memory in bytes, the
            sum of the resident sets.
        log_bytes: what came through the pipes of its output.
        log_dropped: lines of it that could not be written where they belong.
        checks: of a child that runs.
        history: samples, the oldest first.
    """

    path: str
    state: State = "down"
    ready: bool = False
    starts: int = 0
    exits: Mapping[str, int] = field(factory=dict)
    restarts: int = 0
    started_at: float | None = None
    start_seconds: float | None = None
    cpu_seconds: float = 0.0
    memory: int = 0
    processes: int = 0
    threads: int = 0
    descriptors: int = 0
    log_bytes: int = 0
    log_dropped: int = 0
    checks: tuple[CheckResult, ...] = ()
    history: tuple[Sample, ...] = ()


@frozen
class SupervisorStatistics:
    """One supervisor.

    Attributes:
        state: as in its status.
        intensity, period: it gives up at more than `intensity` restarts within `period` seconds.
        used: how many of them its window holds now.
        restarts: how often it was started again itself.
    """

    state: State = "down"
    intensity: int = 0
    used: int = 0
    period: float = 0.0
    restarts: int = 0


@frozen
class HostStatistics:
    """The process that hosts the tree, alone: what it used up to now in seconds, and has now."""

    cpu_seconds: float = 0.0
    memory: int = 0
    threads: int = 0
    descriptors: int = 0


@frozen
class Statistics:
    """What a tree has counted and measured of itself.

    Attributes:
        at: when, in seconds since the epoch.
        loop_lag: by how many seconds the tree's loop was late at worst, in the last half minute.
        supervisors, children: by their paths; `""` is the root.
        host: the process in which the tree lives.
    """

    at: float
    loop_lag: float = 0.0
    supervisors: Mapping[str, SupervisorStatistics] = field(factory=dict)
    children: Mapping[str, ChildStatistics] = field(factory=dict)
    host: HostStatistics = HostStatistics()

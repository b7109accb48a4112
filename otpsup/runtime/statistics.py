"""What a tree has counted and measured, put together for who asks (`otpsup.Statistics`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..engine import Engine
from ..engine.node import Node
from ..engine.process import ProcessChild
from ..statistics import (
    ChildStatistics,
    HostStatistics,
    Sample,
    Statistics,
    SupervisorStatistics,
)
from .checkup import Checkups
from .ledger import Ledger, Use
from .sampler import MOST, Sampler
from .usage import own

_SAMPLES = 20_000
"""That are told at most, unless somebody says how many he wants: the loop makes them."""


class Statistician:
    """Of one tree; on its loop.

    Args:
        epoch: what turns a time of the engine into seconds since the epoch.
        now: the engine's time.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        sampler: Sampler,
        checkups: Checkups,
        epoch: float,
        now: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._sampler = sampler
        self._checkups = checkups
        self._epoch = epoch
        self._now = now

    async def statistics(self, samples: int | None) -> Statistics:
        """All of it, as of now; the newest `samples` of each child, or as many as is wise."""
        await self._sampler.look()
        records = self._engine.children
        processes = [each for each in records.values() if isinstance(each, ProcessChild)]
        most = min(MOST, _SAMPLES // max(len(processes), 1)) if samples is None else samples
        return Statistics(
            at=self._now() + self._epoch,
            loop_lag=self._sampler.lag,
            supervisors=self._supervisors(),
            children={each.path: self._child(each, most) for each in processes},
            host=_host(),
        )

    def _supervisors(self) -> Mapping[str, SupervisorStatistics]:
        now = self._now()
        nodes = [each for each in self._engine.children.values() if isinstance(each, Node)]
        return {
            node.path: SupervisorStatistics(
                node.state,
                node.spec.intensity,
                len(node.restarter.attempts(now)),
                node.spec.period,
                self._ledger.of(node.path).restarts,
            )
            for node in nodes
        }

    def _child(self, child: ProcessChild, most: int) -> ChildStatistics:
        path = child.path
        account = self._ledger.of(path)
        use, log = account.use, account.log
        usage = use.usage
        return ChildStatistics(
            path=path,
            state=child.state,
            ready=child.state == "running" and not child.unready,
            starts=account.starts,
            exits=dict(account.exits or {}),
            restarts=account.restarts,
            started_at=account.begun + self._epoch if child.pid else None,
            start_seconds=account.start_seconds,
            cpu_seconds=use.cpu,
            memory=usage.memory,
            processes=usage.processes,
            threads=usage.threads,
            descriptors=usage.descriptors,
            log_bytes=log.bytes if log else 0,
            log_dropped=log.dropped if log else 0,
            checks=self._checkups.results(path),
            history=tuple(self._history(use, most)) if most else (),
        )

    def _history(self, use: Use, most: int) -> list[Sample]:
        told = []
        for number, rate, memory in use.samples(most):
            at = self._sampler.at(number)
            if at is not None:
                told.append(Sample(at + self._epoch, rate, memory))
        return told


def _host() -> HostStatistics:
    usage = own()
    return HostStatistics(usage.cpu, usage.memory, usage.threads, usage.descriptors)

"""Random trees, with every kind of child, readiness, restart, strategy and dependency."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

from otpsup import Backoff, Command, DynamicSupervisor, Hook, Supervisor, Worker
from otpsup.runtime.hooks import POINTS
from otpsup.specs import After, LogLine, Notify, Port, StaysUp
from otpsup.specs.ready import Probe
from tests.support import targets

ARGV = ["/bin/true"]
BACKOFF = Backoff(initial=0.1, factor=2, max=5, reset_after=10)


class Grove:
    """Grows one tree.

    Args:
        probe: tells whether the child at this path is as its probe wants.
    """

    def __init__(self, random: Random, probe: Any) -> None:
        self._random = random
        self._probe = probe
        self._ports = iter(range(1, 60_000))
        self._is_plain = random.random() < 0.4
        """Most of its children are such as are started again without a question."""

    def tree(self) -> Supervisor:
        """A root with some patience, for a tree that ends early shows little."""
        return self._supervisor("top", "", 0, intensity=1000, period=5)

    def _pick(self, *things: Any) -> Any:
        return self._random.choice(things)

    def _supervisor(self, name: str, path: str, depth: int, **limits: Any) -> Supervisor:
        names = "abcde"[: self._random.randint(1, 4 if depth else 5)]
        children: list[Any] = []
        for each in names:
            after = self._after([child.name for child in children])
            below = f"{path}/{each}".lstrip("/")
            children.append(self._child(each, below, depth, after))
        group = "one_for_one" if self._is_plain else "one_for_all"
        strategy = self._pick("one_for_one", group, "rest_for_one")
        return Supervisor(name, strategy=strategy, children=children, **limits)

    def _after(self, earlier: list[str]) -> list[After]:
        if not earlier or self._random.random() < 0.75:
            return []
        return [After(self._random.choice(earlier), self._pick("started", "ready", "healthy"))]

    def _child(self, name: str, path: str, depth: int, after: list[After]) -> Any:
        known: dict[str, Any] = {"after": after} if after else {}
        known["restart"] = self._pick("permanent", "permanent", "transient", "temporary")
        known |= self._pick({}, {"backoff": BACKOFF})
        kind = self._random.random()
        if self._is_plain and kind > 0.4:
            return self._plain(name)
        if kind < 0.2 and depth < 2:
            limits = {"intensity": self._pick(0, 5, 50, 50), "period": 5}
            return self._supervisor(name, path, depth + 1, **limits, **known)
        if kind < 0.3:
            limits = {"intensity": self._pick(1, 50), "period": 5}
            return DynamicSupervisor(name, self._leaf("one", "", {}), **limits, **known)
        if self._random.random() < 0.1:
            known["autostart"] = False
        return self._leaf(name, path, known)

    def _plain(self, name: str) -> Worker | Command:
        shutdown = self._pick("brutal_kill", 0.5, 5)
        if self._random.random() < 0.4:
            return Worker(name, targets.wait, shutdown=shutdown)
        return Command(name, ARGV, stdout="null", stderr="null", shutdown=shutdown)

    def _leaf(self, name: str, path: str, known: dict[str, Any]) -> Worker | Command:
        known = {
            **known,
            "shutdown": self._pick("brutal_kill", 0.5, 5, 5),
            "start_timeout": self._pick(2, 30),
        }
        for point in POINTS:
            if self._random.random() < 0.15:
                known[point] = Hook(self._pick(ARGV, targets.done), timeout=self._pick(0.5, 2, 10))
        if self._random.random() < 0.4:
            known["ready"] = self._pick("spawned", "notify", StaysUp(0.5), *self._tried(path))
            return Worker(name, targets.wait, **known)
        kinds = ("spawned", "notify", Notify(fd=3), StaysUp(0.5), LogLine("listening"))
        known["ready"] = self._pick(*kinds, *self._tried(path))
        return Command(name, ARGV, stdout="null", stderr="null", **known)

    def _tried(self, path: str) -> tuple[Port | Probe, ...]:
        """What has to be tried; not in a template, whose instances would share it."""
        if not path:
            return ()
        return Port(next(self._ports), interval=0.05), Probe(partial(self._probe, path))

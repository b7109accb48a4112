"""Somebody who does not mean well: kills, stops, asks for things, takes pids and ports."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from otpsup import Supervisor, Tree
from otpsup.errors import OtpsupError
from tests.simulation.kernel import INIT, Process
from tests.simulation.system import System

REQUESTS = ("start_child", "terminate_child", "restart_child", "restart", "delete_child",
            "which_children", "count_children", "monitor", "unmonitor")  # fmt: skip


class Adversary:
    """Acts at random moments until it is told not to.

    Args:
        is_over: asked before each deed; it acts no more once that says so.
        another: makes a tree for it to be reloaded with; None where nobody reloads.

    Attributes:
        futures: of what it has asked for.
    """

    def __init__(
        self,
        system: System,
        tree: Tree,
        is_over: Callable[[], bool],
        another: Callable[[], Supervisor] | None = None,
    ) -> None:
        self.futures: list[Future[Any]] = []
        self._system = system
        self._kernel = system.kernel
        self._random = system.kernel.random
        self._tree = tree
        self._is_over = is_over
        self._another = another

    def begin(self) -> None:
        """The next deed comes some time."""
        rate = self._random.choice((0.3, 3, 30))
        self._kernel.at(self._random.expovariate(rate), self._act)

    def _act(self) -> None:
        if self._is_over():
            return
        deeds: list[Callable[[], None]] = [
            self._kill_one, self._kill_one, self._request, self._request, self._request,
            self._stop_one, self._strangers,
        ]  # fmt: skip
        if self._another is not None:
            deeds.append(self._reload)
        if self._random.random() < 0.02:
            deeds = [self._kill_helper]
        deed = self._random.choice(deeds)
        self._system.faults[deed.__name__.strip("_").replace("_", " ")] += 1
        for _ in range(self._random.choice((1, 1, 1, 5))):
            deed()
        self.begin()

    def _somebody(self) -> Process | None:
        alive = list(self._kernel.living())
        return self._random.choice(alive) if alive else None

    def _signal(self, process: Process, signum: int) -> None:
        self._kernel.signal(process, signum, "the world")

    def _kill_one(self) -> None:
        if process := self._somebody():
            how = self._random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
            self._signal(process, how)

    def _stop_one(self) -> None:
        """Perhaps for good."""
        if process := self._somebody():
            self._signal(process, signal.SIGSTOP)
            if self._random.random() < 0.5:
                later = self._random.uniform(0, 10)
                self._kernel.at(later, lambda: self._signal(process, signal.SIGCONT))

    def _kill_helper(self) -> None:
        """The launcher, or the zygote."""
        if agents := self._system.scheduler.agents:
            self._kernel.exit(self._random.choice(agents).process, -signal.SIGKILL)

    def _strangers(self) -> None:
        """Others use pids, too, and ports."""
        self._system.squatted = {self._random.randrange(1, 10)}
        process = self._kernel.make(INIT, "stranger")
        self._kernel.at(self._random.uniform(0, 60), lambda: self._kernel.exit(process, 0))

    def _request(self) -> None:
        """From another thread of the host, by the tree's own handle."""
        if self._tree._session is not None:
            paths = [node.path for node in self._tree._session.status().walk()]
            op, path = self._random.choice(REQUESTS), self._random.choice([*paths, "no/body"])
            self.ask(op, path=path)

    def _reload(self) -> None:
        """With a tree that has little to do with this one, or with the same once more."""
        assert self._another is not None
        if self._tree._session is not None:
            now = self._tree._session.engine.root.spec
            spec = self._random.choice((now, self._another()))
            with contextlib.suppress(OtpsupError):
                self.futures.append(self._tree.call_reload(spec, preview=False))

    def ask(self, op: str, **fields: Any) -> None:
        """Make a request, and keep its future."""
        with contextlib.suppress(OtpsupError):
            self.futures.append(self._tree.call(op, **fields))

    def reconcile(self) -> None:
        """Whoever was stopped goes on, whoever was stubborn listens, and all get ready."""
        self._system.is_kind = True
        for program in self._system.programs.values():
            program.become_kind()
        for process in list(self._kernel.living()):
            self._signal(process, signal.SIGCONT)

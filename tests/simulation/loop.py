"""An asyncio loop whose clock and whose turn the simulation decides.

Its selector is the scheduler: whenever the host would wait, it lets the host, the launcher, the
zygote or the kernel do one thing, whichever the seed says; and when nobody can do anything, time
passes.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Sequence

from tests.simulation.agents import Agent
from tests.simulation.kernel import Kernel


class HostDied(BaseException):
    """The host does nothing any more."""


class Scheduler(selectors.BaseSelector):
    """A selector that lets the others of this world run, too.

    Args:
        check: called after whatever anybody has done.
        idle: called before time passes.

    Attributes:
        agents: those that run beside the host.
        steps: what has been done so far.
        host_dies: set to end the host at its next turn.
    """

    def __init__(self, kernel: Kernel, check: Callable[[], None], idle: Callable[[], None]) -> None:
        self.agents: list[Agent] = []
        self.steps = 0
        self.host_dies = False
        self._kernel = kernel
        self._check = check
        self._idle = idle
        self._real = selectors.PollSelector()
        self._seen: dict[int, int] = {}

    def register(self, fileobj, events, data=None):  # type: ignore[no-untyped-def]
        """As usual; who came first is remembered, for descriptors' numbers say nothing."""
        key = self._real.register(fileobj, events, data)
        self._seen[key.fd] = len(self._seen)
        return key

    def unregister(self, fileobj):  # type: ignore[no-untyped-def]
        """As usual."""
        key = self._real.unregister(fileobj)
        self._seen.pop(key.fd, None)
        return key

    def modify(self, fileobj, events, data=None):  # type: ignore[no-untyped-def]
        """As usual."""
        return self._real.modify(fileobj, events, data)

    def get_map(self):  # type: ignore[no-untyped-def]
        """As usual."""
        return self._real.get_map()

    def close(self) -> None:
        """As usual."""
        self._real.close()

    def select(self, timeout: float | None = None):  # type: ignore[no-untyped-def]
        """Wait: others do what they do, until there is something for the host to do."""
        due = self._kernel.now + timeout if timeout is not None else float("inf")
        while True:
            self._check()
            if self.host_dies:
                raise HostDied
            self.steps += 1
            ready = self._real.select(0)
            if self._lets_host(ready, due):
                chosen = min(ready, key=lambda item: self._rank(item[0].fd), default=None)
                return [chosen] if chosen else []
            self._let_others(due)

    def _rank(self, fd: int) -> tuple[float, int]:
        return self._kernel.random.random(), self._seen[fd]

    def _lets_host(self, ready: Sequence[object], due: float) -> bool:
        if not ready and due > self._kernel.now:
            return False
        return not self.others() or self._kernel.random.random() < 0.5

    def others(self) -> list[Callable[[], None]]:
        """What can be done now by anybody but the host."""
        able = [agent.go for agent in self.agents if agent.can_go()]
        return [*able, self._kernel.happen] if self._kernel.next_at <= self._kernel.now else able

    def _let_others(self, due: float) -> None:
        if others := self.others():
            self._kernel.random.choice(others)()
            self.agents = [agent for agent in self.agents if not agent.is_over]
            return
        self._idle()
        wakes = [agent.until for agent in self.agents]
        self._kernel.now = min(due, self._kernel.next_at, *wakes)
        assert self._kernel.now < float("inf"), "nobody will ever do anything again"

    def go_on_without_host(self, until: float) -> None:
        """The host is gone: let all others do what they do until then."""
        while self._kernel.now < until:
            self._check()
            self.steps += 1
            self._let_others(until)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, on the clock of a made-up kernel."""

    def __init__(self, scheduler: Scheduler, kernel: Kernel) -> None:
        self._kernel = kernel
        super().__init__(scheduler)

    def time(self) -> float:
        """Seconds, as the kernel says."""
        return self._kernel.now

"""What the cases of OTP's supervisor_SUITE share: its words, on the engine tests' fake system.

No case is in this file. `Suite` is a `World` that also writes down for which reason each child
ended, and in which a process can end with `shutdown` by itself, as an Erlang process can.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from otpsup.engine.child import Child
from otpsup.engine.effects import Effect, Report, StateChange
from otpsup.engine.events import (
    CountChildren,
    Exited,
    Request,
    StartChild,
    StartDeclared,
    WhichChildren,
)
from otpsup.engine.reasons import Crash, Exit, Reason
from otpsup.errors import OtpsupError
from otpsup.specs import ChildSpec, DynamicSupervisor, Supervisor, Worker
from tests.engine.world import World


@frozen
class Way:
    """A way to end: what the system says of it, and the child's own word if it has one."""

    exit: Exit
    word: Reason | None = None


WAYS = {
    "normal": Way(Exit(code=0)),
    "shutdown": Way(Exit(code=0), Reason("shutdown", "shutdown")),
    "{shutdown,_}": Way(Exit(code=0), Reason("shutdown", "the moon is full")),
    "crash": Way(Exit(code=1)),
    "kill": Way(Exit(signal=9)),
}


class Suite(World):
    """A world for one case.

    Attributes:
        ends: path and kind of reason of every child, and of the root, as it went down.
        reports: what was reported, in order.
    """

    def __init__(self, spec: Supervisor | DynamicSupervisor) -> None:
        super().__init__(spec)
        self.ends: list[tuple[str, str]] = []
        self.reports: list[Report] = []

    def perform(self, effect: Effect) -> None:
        """Do what the engine wants, and remember what it tells."""
        if isinstance(effect, StateChange) and effect.run and effect.reason:
            self.ends.append((effect.path, effect.reason.kind))
        if isinstance(effect, Report):
            self.reports.append(effect)
        super().perform(effect)

    def stop(self) -> Suite:
        """Stop the tree, and let it settle."""
        self.shut_down()
        return self

    def leave(self, path: str, how: str) -> Suite:
        """Let a live process end by itself in one of the `WAYS`, and let the tree settle."""
        self.begin_to_leave(path, how)
        self.settle()
        return self

    def begin_to_leave(self, path: str, how: str) -> None:
        """The same, but the supervisor has not heard of it yet."""
        self._go(path, WAYS[how])

    def fail_start(self, path: str, crash: Crash) -> None:
        """Let a process that starts slowly end with an exception before it is ready."""
        self._go(path, Way(Exit(code=1, crash=crash)))

    def _go(self, path: str, way: Way) -> None:
        process = self.live(path)
        process.is_alive = False
        self.history.append(("exit", path))
        self.queue.append(Exited(path, process.run, way.exit, way.word))

    def ok(self, request: Request) -> Any:
        """Make a request; returns its value, or raises what is said against it."""
        reply = self.answer(request)
        if reply.error is not None:
            raise reply.error
        return reply.value

    def refused(self, request: Request) -> type[OtpsupError]:
        """Make a request that must be refused; returns the class of the error."""
        reply = self.answer(request)
        assert reply.error is not None, f"{request} was granted"
        return type(reply.error)

    def add(self, spec: ChildSpec, parent: str = "") -> Child:
        """Add a child."""
        child = self.ok(StartChild(parent, spec))
        assert isinstance(child, Child)
        return child

    def start_instance(self, *args: Any, pool: str = "") -> Child:
        """Start an instance of a template."""
        child = self.ok(StartDeclared(pool, args))
        assert isinstance(child, Child)
        return child

    def run_of(self, path: str) -> int:
        """Which incarnation of a child, or of a supervisor, it is now."""
        child = self.engine.find(path)
        assert child, f"there is no {path!r}"
        return child.run

    def contexts(self, path: str) -> list[str]:
        """The reports about a child, in order."""
        return [report.context for report in self.reports if report.path == path]

    def take_history(self) -> list[str]:
        """Starts and ends of processes since the last call, as `start a`, `exit a`."""
        lines = [f"{what} {path}" for what, path in self.history]
        self.history.clear()
        return lines


def counts(suite: Suite, path: str = "") -> list[int]:
    """Specs, active children, supervisors and workers: the order of OTP's suite."""
    value = suite.ok(CountChildren(path))
    return [value["specs"], value["active"], value["supervisors"], value["workers"]]


def which(suite: Suite, path: str = "") -> list[tuple[str, str]]:
    """Name and state of each child, in start order."""
    return [(name, state) for name, state, _ in suite.ok(WhichChildren(path))]


def worker(name: str, **fields: Any) -> Worker:
    """A permanent worker that says when it is ready, so that it can also decline."""
    return Worker(name, "app:run", **{"ready": "notify", **fields})


def supervising(*children: ChildSpec, **options: Any) -> Suite:
    """A running supervisor; 2 restarts an hour, as in OTP's suite, so that only counts matter."""
    options = {"intensity": 2, "period": 3600, **options}
    return _booted(Supervisor("sup_test", children=list(children), **options))


def pooling(template: ChildSpec, instances: int = 0, **options: Any) -> Suite:
    """A running dynamic supervisor with so many instances, likewise."""
    options = {"intensity": 2, "period": 3600, **options}
    suite = _booted(DynamicSupervisor("sup_test", template, **options))
    for _ in range(instances):
        suite.start_instance()
    suite.history.clear()
    return suite


def _booted(spec: Supervisor | DynamicSupervisor) -> Suite:
    suite = Suite(spec)
    suite.boot()
    assert suite.halt is None, suite.halt
    suite.history.clear()
    return suite


def halted(suite: Suite) -> tuple[str, str] | None:
    """How the supervisor ended and with which reason, or None if it has not."""
    return (suite.halt.kind, suite.halt.reason.kind) if suite.halt else None

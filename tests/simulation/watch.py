"""What must hold after every step, by what the made-up kernel knows to be true.

The decisions are watched by the engine's own oracle; here it is what they have become.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from otpsup.engine import Engine
from otpsup.engine.effects import Effect, Kill, Reply, Spawn, Terminate
from otpsup.engine.events import Event, Exited, Ignored, Ready, Request, Unstartable
from otpsup.engine.node import Node
from tests.engine.oracle import Oracle
from tests.simulation.kernel import Kernel
from tests.simulation.programs import Program

UP = ("starting", "running", "stopping")


class Watched:
    """Stands in the place of `engine.handle`, and shows everything to the oracle."""

    def __init__(
        self, kernel: Kernel, engine: Engine, program: Callable[[str, int], Program]
    ) -> None:
        self._kernel = kernel
        self.engine = engine
        self.now = 0.0
        self.queue: deque[Event] = deque()
        self.processes: dict[tuple[str, int], Any] = {}
        self.open_requests: dict[int, Request] = {}
        self.errors: list[Exception] = []
        self._program = program
        self._declined: set[tuple[str, int]] = set()
        self._handle = engine.handle
        self._oracle = Oracle(self)  # type: ignore[arg-type]
        self.knows_the_tree = True
        """The oracle keeps its books by one tree; of one that is reloaded it knows nothing."""

    def handle(self, event: Event, now: float) -> list[Effect]:
        """As the engine's; what is wrong is kept, for the runtime takes it for a fault of ours."""
        try:
            return self._watch(event, now)
        except Exception as error:
            self.errors.append(error)
            raise

    def _watch(self, event: Event, now: float) -> list[Effect]:
        self.now = now
        if isinstance(event, Request):
            assert event.ref not in self.open_requests, f"{event} is put in twice"
            self.open_requests[event.ref] = event
        if isinstance(event, Exited | Unstartable):
            assert self.processes.pop((event.path, event.run), None), f"{event} a second time"
        if isinstance(event, Ready):
            program = self._program(event.path, event.run)
            assert program.is_ready, f"{event.path} is no more ready than it was before"
        if isinstance(event, Ignored):
            self._declined.add((event.path, event.run))
        if isinstance(event, Exited):
            key = event.path, event.run
            is_heard = key in self._declined or not self._program(*key).has_declined
            assert is_heard, f"nobody heard that {event.path} declined to run"
        self._kernel.note(f"-> {_brief(event)}")
        if self.knows_the_tree:
            self._oracle.heard(event)
        effects = self._handle(event, now)
        for effect in effects:
            self._kernel.note(f"   <- {_brief(effect)}")
            if self.knows_the_tree:
                self._oracle.told(effect)
            self._note(effect)
        if self.knows_the_tree:
            self._oracle.done(event, effects)
        return effects

    def _note(self, effect: Effect) -> None:
        match effect:
            case Spawn():
                twins = [run for path, run in self.processes if path == effect.path]
                assert not twins, f"{effect.path} is started while {twins} is not known to be gone"
                key = (effect.path, effect.run)
                self.processes[key] = SimpleNamespace(path=effect.path)
            case Terminate() | Kill():
                assert (effect.path, effect.run) in self.processes, f"{effect} is for nobody"
            case Reply():
                assert self.open_requests.pop(effect.ref, None), f"{effect} answers nobody"


def _brief(thing: Event | Effect) -> str:
    """One line about it."""
    names = ("path", "run", "state", "pid", "ref", "context", "error")
    known = {name: getattr(thing, name, None) for name in names}
    parts = [f"{name}={value}" for name, value in known.items() if value not in (None, "")]
    return f"{type(thing).__name__} {' '.join(parts)}"


class Invariants:
    """Compares what the state says with what is true."""

    def __init__(
        self, kernel: Kernel, watched: Watched, is_of: Callable[[int, str, int], bool]
    ) -> None:
        self._kernel = kernel
        self._is_of = is_of
        self._watched = watched

    def check(self) -> None:
        """After every step.

        Raises:
            AssertionError: something does not hold; says what.
        """
        for error in self._watched.errors:
            raise AssertionError(str(error) or repr(error)) from error
        assert not self._kernel.harmed, self._kernel.harmed
        leaders: Counter[str] = Counter()
        for process in self._kernel.living():
            leaders[process.name] += process.is_leader
            if not (process.is_dying and not process.is_leader):
                self._is_accounted_for(process.name, process.run)
        for path, count in leaders.items():
            assert count <= 1, f"{count} live processes for {path}"

    def _is_accounted_for(self, path: str, number: int) -> None:
        """Whoever is alive belongs to a child that is up, and to this incarnation of it."""
        child = self._watched.engine.find(path)
        state = child.state if child else "forgotten"
        assert child is not None, f"a process of {path} is alive, which is forgotten"
        assert state in UP or child.pending is not None, (
            f"a process of {path} is alive, which is {state}"
        )
        now = child.run if not isinstance(child, Node) else 0
        assert self._is_of(number, path, now), f"process {number} of {path} is alive at run {now}"

    def nothing_is_late(self) -> None:
        """Before time passes because nobody has anything to do.

        Raises:
            AssertionError: the engine would have.
        """
        deadline, now = self._watched.engine.deadline, self._kernel.now
        assert deadline is None or deadline >= now - 1e-6 or self._watched.engine.is_halted, (
            f"the deadline at {deadline} has been missed"
        )

    def at_rest(self) -> None:
        """Once all is quiet: what runs is what the state says, and every question is answered.

        Raises:
            AssertionError: it is not.
        """
        nodes = list(self._watched.engine.snapshot().walk())
        state = {
            node.path
            for node in nodes
            if node.state == "running"
            and not isinstance(self._watched.engine.find(node.path), Node)
        }
        alive = {process.name for process in self._kernel.living() if process.is_leader}
        assert alive == state, f"{alive} are alive, {state} are said to be"
        assert not self._watched.open_requests, f"no answer to {self._watched.open_requests}"
        moving = [node.path for node in nodes if node.state in ("starting", "stopping")]
        assert not moving, f"{moving} do not come to rest"

"""A made-up system around one engine, in which every start and every stop is done at once.

Decides how processes behave, as their plans say, and writes down what happens to them. A process
that the engine signals is gone before the next thing happens, so the work of one supervisor is not
mixed with another's: that is how OTP's supervisors, which block until a start or a stop is done,
look from outside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from ..engine import Engine
from ..engine.checkpoint import Checkpoint
from ..engine.child import Child
from ..engine.effects import Effect, Halt, Kill, Reply, Spawn, StateChange, Terminate
from ..engine.events import (
    Event,
    Exited,
    Healthy,
    Ignored,
    Ready,
    Request,
    Spawned,
    Tick,
    Unstartable,
)
from ..engine.node import Node
from ..engine.reasons import NORMAL, Reason
from ..errors import OtpsupError, StartFailed
from ..specs import DynamicSupervisor, Supervisor, Worker
from ..specs import Spawned as ReadyWhenSpawned
from ..specs.after import completed
from . import terms
from .scenario import WORKER, BadScenario
from .terms import Term

_TICKS = 100_000
"""A tree that is not at rest after so many deadlines never will be."""


_BROKEN = Reason("error", "broken")
"""Why a start fails, in words; why it does as a term is a matter of its outcome."""


class _Always:
    """A plan that has the same outcome for every start."""

    def __init__(self, outcome: str) -> None:
        self._outcome = outcome

    def popleft(self) -> str:
        """The next outcome."""
        return self._outcome


_Outcomes = deque[str] | _Always


@frozen
class Answer:
    """The answer to a request, with processes as their paths, and failures as OTP's terms."""

    value: Any = None
    error: OtpsupError | None = None


class System:
    """An engine, its processes and its clock.

    Every process does well: it gets ready and is healthy; one whose completion a sibling waits for
    ends normally.

    Args:
        spec: the tree.
        plan: outcomes of the next starts, by path; after these, and for all others, `ok`.

    Paths are the engine's, in which the root is `""`; in what is written down they begin with the
    root's name.

    Attributes:
        now: seconds.
        trace: the starts and ends so far, as scenarios show them.
        up: the paths of what is up: processes with their run, supervisors with 0.
        ends: how each path ended last.
        root_exit: how the root ended by itself.
        last_failure: why the latest start that failed did so.
        is_holding: a supervisor is suspended.
    """

    def __init__(
        self, spec: Supervisor | DynamicSupervisor, plan: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.engine = Engine(spec)
        self.now = 0.0
        self.trace: list[dict[str, Any]] = []
        self.up: dict[str, int] = {}
        self.ends: dict[str, Term] = {}
        self.root_exit: Term = None
        self._name = spec.name
        self._outcomes: dict[str, _Outcomes] = {
            self.own(path): deque(todo) for path, todo in (plan or {}).items()
        }
        self._news: deque[Event] = deque()
        self._supervisors: set[str] = set()
        self._failures: dict[str, tuple[str, Term]] = {}
        """The latest child that did not start, and why, by its supervisor."""
        self.last_failure: Term = None
        self.is_holding = False
        self._with_info: set[str] = set()
        self._stubborn: set[str] = set()
        self._stopping: set[str] = set()
        self._answers: dict[int, Answer] = {}
        self._performers: dict[type[Effect], Callable[[Any], None]] = {
            StateChange: self._changed,
            Spawn: self._spawn,
            Terminate: self._terminate,
            Kill: self._killed,
            Reply: self._replied,
            Halt: self._halted,
        }
        self._refs = 0

    # Paths.

    def own(self, path: str) -> str:
        """A scenario's path as the engine has it; one that is not below the root finds nobody."""
        if path == self._name:
            return ""
        head, _, rest = path.partition("/")
        return rest if head == self._name and rest else f"?{path}"

    def shown(self, path: str) -> str:
        """The engine's path as a scenario has it."""
        return f"{self._name}/{path}" if path else self._name

    # What can happen.

    def plan(self, path: str, outcomes: list[str]) -> None:
        """Say how the next starts of this path go."""
        self._outcomes[path] = deque(outcomes)

    def break_down(self, path: str) -> None:
        """From now on no start of this path works."""
        self._outcomes[path] = _Always("error")

    def resume(self, checkpoint: Checkpoint) -> None:
        """Instead of a boot: begin where another engine of this tree is.

        Raises:
            ValueError: it is of another tree.
        """
        self.engine.resume(checkpoint)
        nodes: list[Child] = [self.engine.root]
        while nodes:
            child = nodes.pop()
            is_node = isinstance(child, Node)
            if child.state == "running" and child.pending is None:
                self.up[child.path] = 0 if is_node else child.run
                if is_node:
                    self._supervisors.add(child.path)
                elif child.pending is None:
                    self._does_well(child.path, child.run)
            nodes += child.children.values() if isinstance(child, Node) else ()
        self._perform(self.engine.go_on())
        self.hear()

    def next_ref(self) -> int:
        """A number for a request that no other has."""
        self._refs += 1
        return self._refs

    def ask(self, request: Request) -> int:
        """Put a request in; its answer will be found under its number, which is returned."""
        self._news.append(request)
        self.hear()
        return request.ref

    def answer(self, ref: int) -> Answer:
        """The answer to a request."""
        return self._answers.pop(ref)

    def exits(self, path: str, reason: Reason) -> None:
        """A process that is up ends."""
        run = self.up.pop(path)
        self._stubborn.discard(path)
        self._write("exit", path, reason=terms.of_reason(reason))
        self._news.append(Exited(path, run, reason=reason))

    # How the engine hears of it.

    def hear(self) -> None:
        """Hand over all news, in order, and what comes of them."""
        while self._news:
            self._hand_over(self._news.popleft(), self.now)

    def settle(self) -> None:
        """Let all come to rest: nothing left to hear, and no deadline that will come.

        Raises:
            BadScenario: it never would.
        """
        if not self.rests(_TICKS):
            raise BadScenario("the tree does not come to rest: a child is restarted for ever")
        if self._stubborn:
            path = self.shown(min(self._stubborn))
            raise BadScenario(
                f"{path} ignores its stop request and its shutdown is 'infinity': that stop never "
                "ends; expected milliseconds or 'brutal_kill'"
            )

    def rests(self, ticks: int, until: str | None = None) -> bool:
        """Whether all comes to rest before so many deadlines have come.

        Args:
            until: a path; when that is up it is far enough.
        """
        self.hear()
        for _ in range(ticks):
            deadline = self.engine.deadline
            if deadline is None or until in self.up:
                return True
            self.now = max(deadline, self.now)
            self._hand_over(Tick(), self.now)
            self.hear()
        return self.engine.deadline is None

    def _hand_over(self, event: Event, now: float) -> None:
        self._perform(self.engine.handle(event, now))
        if self.is_holding and self._stopping:
            self._note_ends()

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            perform = self._performers.get(type(effect))
            if perform is not None:
                perform(effect)

    def _note_ends(self) -> None:
        """A supervisor that has ended is gone; if its own is suspended, nothing else says so."""
        for path in list(self._stopping):
            node = self.engine.find(path)
            if node is not None and node.pending is not None:
                self._ended(path, node.pending)

    def _replied(self, reply: Reply) -> None:
        self._answers[reply.ref] = self._answer(reply)

    def _killed(self, kill: Kill) -> None:
        self.exits(kill.path, terms.KILLED)

    def _halted(self, halt: Halt) -> None:
        if halt.kind != "start_failed":
            self.root_exit = terms.of_reason(halt.reason)

    def _answer(self, reply: Reply) -> Answer:
        """What is meant now: a child that was started may be gone by the time that one looks."""
        if isinstance(reply.error, StartFailed):
            return Answer(self.last_failure, reply.error)
        if not isinstance(reply.value, Child):
            return Answer(reply.value, reply.error)
        path = reply.value.path
        if path not in self.up:
            return Answer("undefined")
        return Answer([self.shown(path), "info"] if path in self._with_info else self.shown(path))

    # Processes.

    def _spawn(self, spawn: Spawn) -> None:
        path, run = spawn.path, spawn.run
        queue = self._outcomes.get(path)
        outcome = queue.popleft() if queue else "ok"
        if outcome in ("ok", "extra"):
            self.up[path] = run
            (self._with_info.add if outcome == "extra" else self._with_info.discard)(path)
            self._write("start", path)
            self._news.append(Spawned(path, run, run))
            self._goes_well(spawn)
        elif outcome == "ignore":
            self._news += (Ignored(path, run), Exited(path, run, reason=NORMAL))
        else:
            self._failed(path, outcome, terms.START_ERRORS[outcome])
            self._news.append(Unstartable(path, run, _BROKEN))

    def _goes_well(self, spawn: Spawn) -> None:
        """Whatever others may wait for comes about at once."""
        path, run = spawn.path, spawn.run
        if not isinstance(spawn.spec.ready, ReadyWhenSpawned):
            self._news.append(Ready(path, run))
        self._does_well(path, run)

    def _does_well(self, path: str, run: int) -> None:
        child = self.engine.find(path)
        node = child.parent if child else None
        if isinstance(node, Node) and node.order.is_graph:
            self._news.append(Healthy(path, run))
            wanted = [a for c in node.children.values() for a in c.spec.after]
            if completed(path.rpartition("/")[2]) in wanted:
                self.exits(path, NORMAL)

    def _terminate(self, stop: Terminate) -> None:
        path = stop.path
        answer = self._on_shutdown(path)
        if answer == "ignore":
            self._stubborn.add(path)
        else:
            self.exits(path, terms.ENDINGS[answer])

    def _on_shutdown(self, path: str) -> str:
        """How it answers the stop signal; a limit of 0 leaves no time for an answer of its own."""
        child: Any = self.engine.find(path)
        spec = child.spec
        if not isinstance(spec, Worker) or spec.target != WORKER:
            return "shutdown"
        answer: str = spec.kwargs["on_shutdown"]
        return "ignore" if spec.shutdown == 0 and answer != "shutdown" else answer

    # Supervisors.

    def _changed(self, change: StateChange) -> None:
        path = change.path
        if change.state == "starting":
            if isinstance(self.engine.find(path), Node):
                self._supervisors.add(path)
        elif path not in self._supervisors:
            return
        elif change.state == "running":
            self.up[path] = 0
            self._write("start", path)
        elif change.state == "stopping":
            self._stopping.add(path)
        elif change.state in ("down", "restarting"):
            self._ended(path, change.reason)

    def _ended(self, path: str, reason: Reason | None) -> None:
        self._supervisors.discard(path)
        self._stopping.discard(path)
        if path in self.up:
            del self.up[path]
            self._write("exit", path, reason=terms.of_reason(reason))
        elif path in self._failures:  # its start was not cut short by a stop
            name, term = self._failures.pop(path)
            self._failed(path, "error", ["shutdown", ["failed_to_start_child", name, term]])

    # The trace.

    def _failed(self, path: str, mode: str, reason: Term) -> None:
        self.last_failure = reason
        if path:
            parent, _, name = path.rpartition("/")
            self._failures[parent] = (name, reason)
        self._write("start_failed", path, mode=mode, reason=reason)

    def _write(self, ev: str, path: str, **more: Any) -> None:
        if ev == "exit":
            self.ends[path] = more["reason"]
        self.trace.append({"ev": ev, "path": self.shown(path), **more})

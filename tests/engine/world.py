"""A fake operating system and a clock that is moved by hand, around one engine.

`World` does in memory what the engine's effects say: it makes processes that behave as the test
wants, and queues what happens to them. Events reach the engine one at a time, in the order in
which they happened; a `Tick` comes only when none is left, as `Engine` asks of its driver. What
goes in and out is written to `World.log`, one short line each.

It is a strict system: an engine that starts a child twice, signals a process that it knows to be
gone, answers a request twice, or does anything after `Halt`, fails the test on the spot.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from signal import SIGKILL
from typing import Any, Literal

from attrs import define, evolve

from otpsup.engine import Engine
from otpsup.engine.effects import Effect, Halt, Kill, Reply, Spawn, Terminate
from otpsup.engine.events import (
    Boot,
    Event,
    Exited,
    Healthy,
    Ignored,
    Marked,
    Ready,
    Request,
    Shutdown,
    Spawned,
    Tick,
    Unhealthy,
    Unstartable,
)
from otpsup.engine.reasons import Exit, Reason
from otpsup.specs import Command, DynamicSupervisor, Supervisor, Worker
from otpsup.specs import Spawned as ReadyWhenSpawned
from tests.engine.trace import Scribe

Outcome = Literal["ok", "slow", "fail", "hopeless", "crash", "decline"]
"""How a start goes. ok: up and ready; slow: not before `World.ready`; fail: no process can be made;
hopeless: it is up and will never be ready; crash: exit code 1 as soon as it is up; decline: it does
not want to run."""

StopAnswer = Literal["dies", "exits", "fails", "slow", "stubborn", "unkillable"]
"""How a process takes its stop signal. dies: of it; exits: with code 0; fails: with code 1; slow:
dies of it when `World.finish` says so; stubborn: only SIGKILL ends it; unkillable: and that only
when `World.finish` says so."""


@define(eq=False)
class Process:
    """One incarnation of one child."""

    path: str
    run: int
    spec: Worker | Command
    args: tuple[Any, ...]
    pid: int
    is_announced: bool = False
    is_ready: bool = False
    is_alive: bool = True
    is_asked_to_stop: bool = False
    is_killed: bool = False
    dies_of: Exit | None = None


class World:
    """One engine, its processes and its clock.

    Attributes:
        starts: how the next starts of a path go; when the list is used up they go `ok`.
        stops: how processes of a path take the stop signal; `dies` if not said.
        replies: answers by the `ref` of the request.
        log: what happened, in words.
        history: every start and end of a process, in the order in which they really happened.
    """

    def __init__(
        self, spec: Supervisor | DynamicSupervisor, random: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.engine = Engine(spec, random)
        self.now = 0.0
        self.starts: defaultdict[str, deque[Outcome]] = defaultdict(deque)
        self.stops: dict[str, StopAnswer] = {}
        self.processes: dict[tuple[str, int], Process] = {}
        self.replies: dict[int, Reply] = {}
        self.open_requests: dict[int, Request] = {}
        self.halt: Halt | None = None
        self.queue: deque[Event] = deque()
        self.log: list[str] = []
        self.history: list[tuple[str, str]] = []
        self._scribe = Scribe(self.engine)
        self._refs = 0

    # What a test does.

    def boot(self) -> World:
        """Ask for the start of the tree, and let it settle."""
        self.ask(Boot())
        return self.settle()

    def shut_down(self, *, hurry: bool = False) -> World:
        """Ask for the end of the tree, and let it settle."""
        self.ask(Shutdown(hurry=hurry))
        return self.settle()

    def ask(self, request: Request, label: str = "") -> int:
        """Queue a request; its answer will be in `replies` under the number returned."""
        self._refs += 1
        request = evolve(request, ref=self._refs)
        self._scribe.labels[request.ref] = label or type(request).__name__
        self.open_requests[request.ref] = request
        self.queue.append(request)
        return request.ref

    def answer(self, request: Request) -> Reply:
        """Ask, let everything settle, and return the answer."""
        ref = self.ask(request)
        self.settle()
        return self.replies[ref]

    def exit(self, path: str, code: int | None = 1, signal: int | None = None) -> None:
        """Let a live process end by itself."""
        self._die(self.live(path), Exit(code=None if signal else code, signal=signal))

    def ready(self, path: str, info: object = None) -> None:
        """Let a process that starts slowly get ready."""
        process = self.live(path)
        assert not process.is_ready, f"{path} is ready already"
        process.is_ready = True
        self._announce(process)
        if not _is_ready_when_spawned(process.spec):
            self.queue.append(Ready(path, process.run, info))

    def heal(self, path: str) -> None:
        """Let a process say that all is well."""
        self.queue.append(Healthy(path, self.live(path).run))

    def fall_ill(self, path: str) -> None:
        """Let a check of a process fail that means its end."""
        why = Reason("unhealthy", "unhealthy: it does nothing")
        self.queue.append(Unhealthy(path, self.live(path).run, why))

    def mark(self, path: str, why: str) -> None:
        """Let a process be unable to serve, or able again."""
        self.queue.append(Marked(path, self.live(path).run, why))

    def finish(self, path: str) -> None:
        """Let a process that stops slowly come to its end."""
        process = self.live(path)
        assert process.dies_of, f"{path} is not about to end"
        self._die(process, process.dies_of)

    def end_the_stubborn(self) -> None:
        """Kill, as an administrator would, what does not take its stop signal."""
        for process in list(self.processes.values()):
            if process.is_asked_to_stop:
                self._die(process, Exit(signal=SIGKILL))

    def step(self, choose: Callable[[list[Event]], Event] | None = None) -> bool:
        """Hand one event to the engine, or a tick that is due; False if there is nothing to do.

        `choose` picks among the events that may come next: the first of each process, and the
        first request.
        """
        if self.queue:
            event = choose(self._heads()) if choose else self.queue[0]
            self.queue.remove(event)
            self.deliver(event)
            return True
        if self.engine.deadline is not None and self.engine.deadline <= self.now:
            self.deliver(Tick())
            return True
        return False

    def settle(self) -> World:
        """Hand over events until there are none and no deadline has come."""
        for _ in range(100_000):
            if not self.step():
                return self
        raise AssertionError("the tree does not come to rest")

    def advance(self, seconds: float) -> World:
        """Let time pass, stopping at each deadline on the way."""
        end = self.now + seconds
        self.settle()
        while self.engine.deadline is not None and self.engine.deadline <= end:
            self.now = self.engine.deadline
            self.log.append(f"at {self.now:g} s")
            self.settle()
        self.now = end
        return self

    # What a test looks at.

    def live(self, path: str) -> Process:
        """The live process of this path."""
        for process in self.processes.values():
            if process.path == path and process.is_alive:
                return process
        raise AssertionError(f"no live process {path!r}")

    def live_paths(self) -> list[str]:
        """The paths of all live processes, oldest first."""
        return [process.path for process in self.processes.values() if process.is_alive]

    def slow_ones(self) -> list[Process]:
        """The live processes that `finish` or `ready` would move on."""
        return [p for p in self.processes.values() if p.is_alive and (p.dies_of or not p.is_ready)]

    def state(self, path: str) -> str | None:
        """The state of a child's record; None if there is no such record."""
        child = self.engine.find(path)
        return child.state if child else None

    def take_log(self) -> list[str]:
        """The lines since the last call."""
        lines, self.log = self.log, []
        return lines

    # The system.

    def deliver(self, event: Event) -> list[Effect]:
        """Hand this event to the engine and do what it wants."""
        if isinstance(event, Exited | Unstartable):
            process = self.processes[event.path, event.run]
            if isinstance(event, Exited) or not process.is_announced:
                del self.processes[event.path, event.run]
        self.log += self._scribe.heard(event)
        was_halted = self.halt is not None
        effects = self.engine.handle(event, self.now)
        for effect in effects:
            assert not was_halted or isinstance(effect, Reply), f"{effect} after the end"
            self.log += self._scribe.told(effect)
            self.perform(effect)
        return effects

    def perform(self, effect: Effect) -> None:
        """Do what the engine wants."""
        match effect:
            case Spawn():
                self._spawn(effect)
            case Terminate():
                self._terminate(self._target(effect))
            case Kill():
                self._kill(self._target(effect))
            case Reply():
                assert self.open_requests.pop(effect.ref, None), f"{effect} answers nobody"
                self.replies[effect.ref] = effect
            case Halt():
                assert self.halt is None, "a second end"
                assert not self.processes, f"{self.live_paths()} outlive the tree"
                self.halt = effect

    def _spawn(self, effect: Spawn) -> None:
        twins = [run for path, run in self.processes if path == effect.path]
        assert not twins, f"{effect.path} is started while run {twins} is not known to be gone"
        process = Process(effect.path, effect.run, effect.spec, effect.args, 100 + effect.run)
        self.processes[effect.path, effect.run] = process
        self.history.append(("start", effect.path))
        outcomes = self.starts[effect.path]
        self._behave(process, outcomes.popleft() if outcomes else "ok")

    def _behave(self, process: Process, outcome: Outcome) -> None:
        match outcome:
            case "ok":
                self.ready(process.path)
            case "slow":
                if not _is_ready_when_spawned(process.spec):
                    self._announce(process)
            case "fail":
                process.is_alive = False
                reason = Reason("error", "no such program")
                self.queue.append(Unstartable(process.path, process.run, reason))
            case "hopeless":
                self._announce(process)
                reason = Reason("error", "no socket")
                self.queue.append(Unstartable(process.path, process.run, reason))
            case "crash":
                self._announce(process)
                self._die(process, Exit(code=1))
            case "decline":
                process.is_announced = _is_ready_when_spawned(process.spec)
                self._announce(process)
                self.queue.append(Ignored(process.path, process.run))
                self._die(process, Exit(code=0))

    def _announce(self, process: Process) -> None:
        """Tell that the process exists, once."""
        if not process.is_announced and process.is_alive:
            process.is_announced = True
            self.queue.append(Spawned(process.path, process.run, process.pid))

    def _target(self, effect: Terminate | Kill) -> Process:
        process = self.processes.get((effect.path, effect.run))
        assert process, f"{effect} goes to a process that is known to be gone"
        return process

    def _terminate(self, process: Process) -> None:
        assert not process.is_asked_to_stop, f"{process.path} is asked to stop twice"
        assert not process.is_killed, f"{process.path} is asked to stop after it was killed"
        process.is_asked_to_stop = True
        self._announce(process)
        match self.stops.get(process.path, "dies"):
            case "dies":
                self._die(process, Exit(signal=process.spec.stop_signal))
            case "exits":
                self._die(process, Exit(code=0))
            case "fails":
                self._die(process, Exit(code=1))
            case "slow":
                process.dies_of = Exit(signal=process.spec.stop_signal)

    def _kill(self, process: Process) -> None:
        assert not process.is_killed, f"{process.path} is killed twice"
        process.is_killed = True
        self._announce(process)
        if self.stops.get(process.path) == "unkillable":
            process.dies_of = Exit(signal=SIGKILL)
        else:
            self._die(process, Exit(signal=SIGKILL))

    def _die(self, process: Process, exit: Exit) -> None:
        if process.is_alive:
            process.is_alive = False
            self.history.append(("exit", process.path))
            self.queue.append(Exited(process.path, process.run, exit))

    def _heads(self) -> list[Event]:
        """The first queued event of each sender."""
        heads: dict[object, Event] = {}
        for event in self.queue:
            heads.setdefault(None if isinstance(event, Request) else _path(event), event)
        return list(heads.values())


def _path(event: Event) -> str:
    return getattr(event, "path", "")


def _is_ready_when_spawned(spec: Worker | Command) -> bool:
    return isinstance(spec.ready, ReadyWhenSpawned)

"""One life of one tree in a made-up world, from its start to its end, as a seed has it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from attrs import frozen

from otpsup import Tree
from otpsup.engine import Engine
from otpsup.engine.cause import Cause
from otpsup.engine.effects import Halt
from otpsup.engine.reasons import NORMAL
from tests.simulation.adversary import Adversary
from tests.simulation.forest import Grove
from tests.simulation.incarnations import Numbers
from tests.simulation.install import installed
from tests.simulation.kernel import Kernel
from tests.simulation.loop import HostDied, Scheduler, SimulatedLoop
from tests.simulation.programs import Program
from tests.simulation.system import System
from tests.simulation.watch import Invariants, Watched

REST = 300.0
"""Seconds in which a kind world lets any tree come to rest."""
GONE = 2.5
"""Seconds after which nothing may be left of a dead host: two, and a moment."""

Started = Future[BaseException | None]


@frozen
class Told:
    """What a life has come to."""

    steps: int
    requests: int
    faults: Counter[str]
    end: str


class World:
    """A kernel, a tree, and somebody who does not mean well.

    Args:
        seed: decides everything.
        steps: after so many it becomes a kind world, or ends.
    """

    def __init__(self, seed: str, steps: int) -> None:
        self._random = Random(seed)
        self.kernel = Kernel(self._random, os.getpid())
        self._steps = steps
        self._numbers = Numbers()
        self._system = System(self.kernel, self._numbers)
        self._scheduler = Scheduler(self.kernel, self._check, self._idle)
        self._system.scheduler = self._scheduler
        self._system.is_kind = self._boots_well = self._random.random() < 0.85
        self._loop = SimulatedLoop(self._scheduler, self.kernel)
        self._errors: list[str] = []
        self._loop.set_exception_handler(lambda _, context: self._errors.append(repr(context)))
        grove = Grove(self._random, self._system.probe)
        self._tree = Tree(grove.tree(), name="simulated")
        self._is_reloaded = self._random.random() < 0.3
        another = grove.tree if self._is_reloaded else None
        self._adversary = Adversary(self._system, self._tree, self._is_over, another)
        self._watched: Watched
        self._invariants: Invariants | None = None
        self._end = "gave up"

    # The life.

    def live(self) -> Told:
        """From the start to the end.

        Raises:
            AssertionError: something did not hold.
        """
        before = _descriptors()
        with installed(self.kernel, self._system, self._engine, self._numbers):
            try:
                self._live()
            finally:
                self._clean_up()
        gc.collect()
        left = _descriptors() - before
        told = {number: str(Path(f"/proc/self/fd/{number}").readlink()) for number in left}
        assert not left, f"descriptors {told} are left open"
        asked = len(self._adversary.futures)
        faults = self._system.faults + self._numbers.counted
        return Told(self._scheduler.steps, asked, faults, self._end)

    def _live(self) -> None:
        self._tree._begin()
        started: Started = Future()
        started.add_done_callback(self._has_started)
        if not self._boots_well:
            self._adversary.begin()
        life = self._loop.create_task(self._tree._live(_resolver(started)))
        try:
            halt = self._loop.run_until_complete(life)
        except HostDied:
            self._outlive_host(life)
        else:
            self._has_ended(halt, started)

    def _has_started(self, started: Started) -> None:
        if self._boots_well:
            if started.result() is not None:
                self._errors.append(f"in a kind world: {started.result()}")
            self._system.is_kind = False
            self._adversary.begin()

    def _has_ended(self, halt: Halt, started: Started) -> None:
        self._tree._over(halt)
        self._check()
        assert not list(self.kernel.living()), "processes outlive their tree"
        assert started.done(), "nobody was told whether it started"
        left = [future for future in self._adversary.futures if not future.done()]
        assert not left, f"{len(left)} requests are not answered"

    # Without a host.

    def _outlive_host(self, life: asyncio.Task[Halt]) -> None:
        self._end = "the host died"
        runner = self._tree._session._runner  # type: ignore[union-attr]
        self._invariants = None
        self.kernel.exit(self.kernel.host, -signal.SIGKILL)
        for spawner in runner._launchers.spawners():
            spawner._sock.shutdown(socket.SHUT_RDWR)
        self._scheduler.go_on_without_host(self.kernel.now + GONE)
        left = [f"{p.name} (pid {p.pid})" for p in self.kernel.living()]
        assert not left, f"{left} outlive their host"
        assert not self._scheduler.agents, "the launcher outlives its host"
        self._let_go(runner, life)

    def _let_go(self, runner: Any, life: asyncio.Task[Halt]) -> None:
        """What a real host takes with it; this one has to put it down."""
        runner._fault = SimpleNamespace(heard=lambda _: None)
        self._scheduler.host_dies = False
        for process in list(runner._processes.values()):
            process.let_go()
        if not runner.halted.done():
            runner.halted.set_result(Halt("failed", NORMAL, Cause("fault", "", NORMAL)))
        self._loop.run_until_complete(life)
        self._loop.run_until_complete(asyncio.sleep(1))

    def _clean_up(self) -> None:
        for agent in self._scheduler.agents:
            agent.kill()
        self._close_door()
        self._loop.close()
        self.kernel.close()

    def _close_door(self) -> None:
        """Of a life that failed: nobody would let in who knocks there later."""
        session = self._tree._session
        listener = session._server._listener if session is not None else None
        if listener is not None and listener._sock.fileno() >= 0:
            listener.close()

    # What is watched.

    def _engine(self, spec: Any, random: Callable[[], float]) -> Engine:
        engine = Engine(spec, random)
        self._watched = Watched(self.kernel, engine, self._program)
        self._watched.knows_the_tree = not self._is_reloaded
        self._invariants = Invariants(self.kernel, self._watched, self._is_of)
        engine.handle = self._watched.handle  # type: ignore[method-assign]
        return engine

    def _incarnation(self, path: str, run: int) -> Any:
        session = self._tree._session
        return session._runner._processes.get((path, run)) if session is not None else None

    def _program(self, path: str, run: int) -> Program:
        """What runs as this incarnation."""
        return self._system.programs[path, self._numbers.of(self._incarnation(path, run))]

    def _is_of(self, number: int, path: str, run: int) -> bool:
        """Whether a process of this number may be alive while its child is at this run."""
        incarnation = self._incarnation(path, run)
        return incarnation is not None and self._numbers.may_be(number, incarnation)

    def _check(self) -> None:
        if self._errors:
            raise AssertionError(self._errors[0])
        if self._invariants is not None:
            self._invariants.check()
            session = self._tree._session
            fault = session._runner._fault if session is not None else None
            assert fault is None, fault._reason.traceback

    def _idle(self) -> None:
        if self._invariants is not None:
            self._invariants.nothing_is_late()

    # The end.

    def _is_over(self) -> bool:
        if self._scheduler.steps < self._steps:
            return False
        self._random.choice((self._become_kind, self._become_kind, self._finish))()
        return True

    def _become_kind(self) -> None:
        self._adversary.reconcile()
        self.kernel.at(REST, self._judge)

    def _judge(self) -> None:
        session = self._tree._session
        if self._invariants and session and not session._runner.halted.done():
            self._invariants.at_rest()
        self._finish()

    def _finish(self) -> None:
        self._random.choice((self._stop, self._hurry, self._die))()

    def _stop(self) -> None:
        self._end = "stopped"
        self._adversary.ask("shutdown", hurry=False)

    def _hurry(self) -> None:
        self._end = "stopped in a hurry"
        self._adversary.ask("shutdown", hurry=True)

    def _die(self) -> None:
        self._scheduler.host_dies = self._tree._session is not None


def _descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208


def _resolver(started: Started) -> Callable[[BaseException | None], None]:
    def resolve(error: BaseException | None) -> None:
        if not started.done():
            started.set_result(error)

    return resolve

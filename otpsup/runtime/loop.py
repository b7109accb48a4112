"""The loop: inbox -> engine.handle(event, now) -> effects; one timer for the engine's deadline.

The only place where the engine meets the world. Everything here runs on one asyncio loop; other
threads come in through `loop.call_soon_threadsafe`. Decides nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import resource
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ..engine import Engine
from ..engine.child import Child
from ..engine.effects import (
    Effect,
    Halt,
    Kill,
    LastOutput,
    Readiness,
    Reply,
    Report,
    Spawn,
    StateChange,
    Terminate,
    Told,
)
from ..engine.events import (
    Event,
    LastLines,
    Reload,
    ReplaceChild,
    Request,
    StartDeclared,
    Tick,
    Unstartable,
)
from ..engine.process import ProcessChild
from ..engine.reasons import Exit, Reason
from ..engine.snapshot import ChildStatus, snapshot
from ..errors import NotRunning, OtpsupError, in_words
from ..logger import logger
from ..specs import DynamicSupervisor, Supervisor
from ..specs.health import Checks
from . import beforehand, hooks, launchers, marks
from .checkup import Checkups
from .environment import current_umask
from .fault import Fault
from .hanging import Whereabouts
from .launch import Spawner
from .launcher.server import SPARE
from .launcher.strays import above
from .ledger import Ledger
from .logs import LogPump
from .process import ChildProcess
from .readers import Readers
from .sampler import Sampler
from .sockets import Sockets
from .succession import Heir
from .usage import Meter

if TYPE_CHECKING:
    from ..statistics import Statistics

_CLOSE = 5.0
"""Seconds that the launcher and the log thread get to finish once nothing of the tree is left."""

Listener = Callable[[Told], None]
Answer = Callable[[Any, OtpsupError | None], None]


class Runner:
    """Runs one engine on one asyncio loop.

    Args:
        spec: the root supervisor.
        adopt: serves requests on a stream that a child handed over, see `control.server`.
        spare: descriptors beyond what the tree needs, see `capacity`.
    """

    def __init__(
        self,
        spec: Supervisor | DynamicSupervisor,
        adopt: Callable[[socket.socket, str], None] = lambda stream, _: stream.close(),
        spare: int = SPARE,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.environ: Mapping[str, str] = dict(os.environ)
        self.tree = marks.new_tree()
        self._launchers = self._begin_launchers(spec, spare)  # first: it takes a while to begin
        self.engine = Engine(spec, random.random)
        self.readers = Readers(self.loop)
        self.pump = LogPump()
        self.meter = Meter(lambda: self._pids().values())
        self._ledger = Ledger(self.engine.children)
        self.pump.count = self._ledger.log
        self.checkups = Checkups(self, self._ledger)
        self._whereabouts = Whereabouts(self.loop)
        self.sockets = Sockets()
        self.umask = current_umask()
        self.adopt = adopt
        self.halted: asyncio.Future[Halt] = self.loop.create_future()
        self.loop.set_exception_handler(self._callback_failed)
        self.listeners: list[Listener] = []
        self.hearers: list[Callable[[Event], None]] = []
        self._epoch = time.time() - self.loop.time()
        self.listeners.append(self._ledger.heard)
        self._sampler = Sampler(self.loop, self.meter, self._ledger, self._pids)
        self._inbox: deque[Event] = deque()
        self._later: deque[Callable[[], None]] = deque()
        """Who is to be told what, once all that was to be done to processes is done."""
        self._is_handling = False
        self._fault: Fault | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._refs = itertools.count(1)
        self._answers: dict[int, Answer] = {}
        self._processes: dict[tuple[str, int], hooks.Incarnation] = {}
        self._heir: Heir | None = None
        self._groups: dict[str, int] = {}
        """Numbers of supervisors."""
        self._quoted: set[int] = set()
        """Incarnations whose last lines are not known yet."""
        self._end: Halt | None = None

    def _begin_launchers(
        self, spec: Supervisor | DynamicSupervisor, spare: int
    ) -> launchers.Launchers:
        beforehand.load_for(spec)
        found = list(launchers.zygote_workers(spec))
        told = launchers.modules_of(found), launchers.main_for(found)
        begun = launchers.Launchers(self.loop, self.tree, *told, self.environ, spare)
        _raise_descriptor_limit(begun.launcher)
        if found:
            begun.zygote()
        return begun

    # For those who ask.

    def ask(self, make: Callable[[int], Request], answer: Answer) -> None:
        """Put a request in; `make` is given its reference, `answer` the value or the error."""
        if self._end is not None or self.halted.done() or self._fault is not None:
            answer(None, NotRunning("the tree is not running any more"))
            return
        ref = next(self._refs)
        self._answers[ref] = answer
        request = make(ref)
        self._refresh(request)
        self.post(request)

    def _refresh(self, request: Request) -> None:
        """What an operator starts is to run the code of now; a crash changes nothing."""
        if isinstance(request, Reload) and not request.preview:
            self._launchers.refresh(request.spec)
        elif isinstance(request, ReplaceChild | StartDeclared):
            self._launchers.refresh(self.engine.root.spec)

    def status(self) -> ChildStatus:
        """The whole tree now."""
        return self.engine.snapshot(self._epoch, self.loop.time())

    def signal(self, path: str, run: int, number: int) -> bool:
        """Send a signal to an incarnation of a child; False if it is gone."""
        process = self._processes.get((path, run))
        if process is not None:
            process.signal(number)
        return process is not None

    def write_stdin(self, path: str, run: int, data: bytes) -> bool:
        """Write to the standard input of an incarnation of a child; False if it is gone.

        Raises:
            BrokenPipeError: it reads no more, or has no pipe there.
            BlockingIOError: it does not read what was written before.
        """
        process = self._processes.get((path, run))
        if process is not None:
            process.write_stdin(data)
        return process is not None

    async def stacks(self, path: str, run: int) -> str | None:
        """Where an incarnation of a Python worker is, all its stacks; None if it is gone.

        Raises:
            NoStacks: it cannot tell.
        """
        process = self._processes.get((path, run))
        if process is None:
            return None
        own = process.child if isinstance(process, hooks.HookedProcess) else process
        return await self._whereabouts.of(own)

    def _pids(self) -> dict[str, int]:
        """The process of each child that has one, by the child's path."""
        found: dict[str, int] = {}
        for path, _ in self._processes:
            child = self.engine.find(path)
            if child is not None and child.pid is not None:
                found[path] = child.pid
        return found

    async def statistics(self, samples: int | None) -> Statistics:
        """What was counted and measured of the tree; see `Statistician`."""
        from .statistics import Statistician  # few ask for it

        statistician = Statistician(
            self.engine,
            self._ledger,
            self._sampler,
            self.checkups,
            self._epoch,
            self.loop.time,
        )
        return await statistician.statistics(samples)

    @property
    def epoch(self) -> float:
        """What turns a time of the engine into seconds since the epoch."""
        return self._epoch

    def look_anew(self, of_tree: Checks) -> None:
        """Look at every process by these liveness checks, too, from here on."""
        self.checkups.of_tree = of_tree
        for path in {path for path, _ in self._processes}:
            self.checkups.end(path)
            self._look_after(path)

    # For processes (process.Host).

    def snapshot(self, path: str) -> ChildStatus | None:
        """How a child is, in the engine's words; None if there is none."""
        child = self.engine.find(path)
        return snapshot(child, self._epoch) if child else None

    def post(self, event: Event) -> None:
        """Give an event to the engine, and do what it says."""
        if self._fault is not None:
            self._fault.heard(event)
            return
        for hear in self.hearers:
            _contained(hear, event)
        self._inbox.append(event)
        self._handle_inbox()

    def launcher(self) -> Spawner:
        """The launcher, started if need be."""
        return self._launchers.launcher()

    def zygote(self) -> Spawner:
        """The zygote, started if need be."""
        return self._launchers.zygote()

    def is_ours(self, pid: int) -> bool:
        """Whether a process is below the launcher or the host, as all of the tree are."""
        return not {self._launchers.pid, os.getpid()}.isdisjoint((pid, *above(pid)))

    # The loop itself.

    def _handle_inbox(self) -> None:
        if self._is_handling:
            return
        self._is_handling = True
        news: list[Event] = []
        try:
            while self._inbox or self._later:
                if not self._inbox:
                    self._later.popleft()()
                    continue
                news = [self._inbox.popleft()]
                for effect in self.engine.handle(news[0], self.loop.time()):
                    self._perform(effect)
        except BaseException as error:
            self._fail(error, (*news, *self._inbox))
            if not isinstance(error, Exception):
                raise
        finally:
            self._is_handling = False
            self._set_timer()

    def _fail(self, error: BaseException, news: Sequence[Event] = ()) -> None:
        """Nobody can trust what we know of the tree any more: end it."""
        self._fault = self._fault or Fault(error, self._processes.values(), self.halted)
        for event in news:
            self._fault.heard(event)

    def _callback_failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """asyncio would log it and go on, with whoever waits for that callback's work waiting for
        ever. What the machine refuses (OSError) and what became of a connection is no such bug."""
        error = context.get("exception")
        is_bug = "handle" in context and not isinstance(error, OSError)
        if error is None or not is_bug or self.halted.done():
            logger.error("on the loop of the tree: {}", context["message"], error=error)
        else:
            self._fail(error)

    def _set_timer(self) -> None:
        """Keep exactly one timer, at the engine's deadline.

        One that is due already fires in the loop's next round, after what has arrived meanwhile:
        so a start that fails for ever cannot keep the loop from anything else.
        """
        deadline = self.engine.deadline if self._fault is None else None
        if self._timer and self._timer.when() != deadline:
            self._timer.cancel()
            self._timer = None
        if deadline is not None and self._timer is None:
            self._timer = self.loop.call_at(deadline, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        self.post(Tick())

    def _perform(self, effect: Effect) -> None:
        """Do at once what is to be done to processes; nobody is down for longer because of who
        else has to hear of it."""
        match effect:
            case StateChange():
                self._later.append(partial(self._tell, effect))
                self._forget(effect)
                self.checkups.end(effect.path)
                if effect.state == "running":
                    self._later.append(partial(self._arm_all, effect.path))
                    self._later.append(partial(self._look_after, effect.path))
            case Report() | LastOutput() | Readiness():
                self._later.append(partial(self._tell, effect))
            case Spawn():
                self._spawn(effect)
            case Terminate():
                self._terminate(effect)
            case Kill():
                self._processes[effect.path, effect.run].kill(late=effect.late)
            case Reply():
                self._later.append(partial(self._reply, effect))
            case Halt():
                self._later.append(partial(self._halt, effect))

    def _terminate(self, effect: Terminate) -> None:
        """As the spec has it now; it may have changed since the process was made."""
        child = self.engine.find(effect.path)
        assert isinstance(child, ProcessChild)
        process = self._processes[effect.path, effect.run]
        process.terminate(child.spec.stop_signal, group=child.spec.stop_group)

    def _spawn(self, effect: Spawn) -> None:
        if self._heir is not None and self._heir.before.path == effect.path:
            self._take_over(effect, self._heir)
            return
        process = hooks.incarnation(self, effect.path, effect.run, effect.spec)
        self._processes[effect.path, effect.run] = process
        try:
            process.start(effect.args)
        except Exception as error:
            logger.error("cannot start {}", effect.path, error=error)
            reason = Reason("error", in_words(error))
            self.post(Unstartable(effect.path, effect.run, reason))

    def succeed(self, before: ChildProcess, successor: int, exit: Exit) -> ChildProcess | None:
        """A child has ended, and has been started again: tell the engine, if it would start it."""
        if not self._allowed(before):
            return None
        heir = self._heir = Heir(before, successor)
        before.on_exit(exit)
        self._heir = None
        return heir.process

    def _take_over(self, effect: Spawn, heir: Heir) -> None:
        """The process that is to be started is there already."""
        self._heir = None
        process = ChildProcess(self, effect.path, effect.run, effect.spec, heir.number)
        process.succeed(heir.before)
        self._processes[effect.path, effect.run] = heir.process = process

    def _allowed(self, process: ChildProcess) -> int:
        """How many ends of this child, by itself, would each lead to its start and nothing else."""
        if self._fault is not None or self._inbox:
            return 0
        now = self.loop.time()
        return self.engine.restarts_at_once(process.path, process.run, process.spec, now)

    def _look_after(self, path: str) -> None:
        """A child runs: begin with its checks."""
        child = self.engine.find(path)
        if not isinstance(child, ProcessChild) or child.state != "running":
            return
        if process := self._processes.get((path, child.run)):
            self.checkups.begin(process)

    def _arm_all(self, path: str) -> None:
        """Who runs at this path or below it may be started again without a question."""
        child = self.engine.find(path)
        if isinstance(child, ProcessChild):
            self._arm(self._processes.get((path, child.run)))
            return
        below = f"{path}/" if path else ""
        for process in list(self._processes.values()):
            if process.path.startswith(below):
                self._arm(process)

    def _arm(self, process: hooks.Incarnation | None) -> None:
        """Let its spawner do by itself what the engine would order at the end of this child."""
        if isinstance(process, ChildProcess) and process.is_repeatable:
            process.arm(self._group(process.path), self._allowed(process))

    def _group(self, path: str) -> int:
        """The number of the supervisor of a child, for the launcher."""
        above = path.rpartition("/")[0]
        return self._groups.setdefault(above, len(self._groups))

    def _forget(self, change: StateChange) -> None:
        """A child that is gone needs its process object no more; of one that crashed, its last
        lines are told when they have come."""
        if change.state == "down":
            self.sockets.let_go(change.path)
        process = self._processes.pop((change.path, change.run), None)
        if process is not None and change.reason is not None and change.reason.is_own:
            self._quoted.add(change.run)
            tell = partial(self._tell_lines, change.path, change.run)
            self._later.append(partial(process.quote, tell))

    def _tell_lines(self, path: str, run: int, lines: tuple[str, ...]) -> None:
        self._quoted.discard(run)
        if lines:
            self.post(LastLines(path, run, lines))
        self._halt_when_all_is_told()

    def _halt(self, end: Halt) -> None:
        self._end = end
        self._halt_when_all_is_told()

    def _halt_when_all_is_told(self) -> None:
        if self._end is not None and not self._quoted and not self.halted.done():
            self._tell(self._end)
            self.halted.set_result(self._end)

    def _reply(self, reply: Reply) -> None:
        answer = self._answers.pop(reply.ref, None)
        if answer:
            value = reply.value
            is_record = isinstance(value, Child)
            answer(snapshot(value, self._epoch) if is_record else value, reply.error)

    def _tell(self, effect: Told) -> None:
        for listener in tuple(self.listeners):
            try:
                listener(effect)
            except BaseException as error:
                text = "an event listener failed; it is not called any more"
                logger.error(text, error=error)
                self.listeners.remove(listener)

    async def close(self) -> None:
        """Let go of everything, once the tree has halted."""
        for answer in self._answers.values():
            answer(None, NotRunning("the tree is not running any more"))
        self._answers.clear()
        self._sampler.close()
        self.checkups.end_all()
        for process in self._processes.values():  # only a bug of ours leaves any
            process.let_go()
        self.sockets.close()
        self.readers.close()
        await self._launchers.close(_CLOSE)
        self.pump.close(_CLOSE)  # nothing runs any more that waiting here could hold up
        if self._timer:
            self._timer.cancel()


def _contained(hear: Callable[[Event], None], event: Event) -> None:
    try:
        hear(event)
    except Exception as error:
        logger.error("who hears of processes failed", error=error)


def _raise_descriptor_limit(start_launcher: Callable[[], Spawner]) -> None:
    """Allow the host as many descriptors as it may have; a child costs a few (getrlimit(2)).

    The launcher is started first, so that children keep the limit that the host was given.
    """
    start_launcher()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

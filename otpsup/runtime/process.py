"""One child's process in the host: made, watched, signalled, and cleaned up after.

Turns what happens to it into the engine's events; decides nothing. Its life: `start`, then
`on_up` or `on_failed`, then `on_exit`; signals asked for before it is up are sent when it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from attrs import evolve

from ..engine.events import (
    Event,
    Exited,
    Spawned,
    Unstartable,
)
from ..engine.reasons import Exit, Reason
from ..errors import OtpsupError, in_words, text_of
from ..mask import Secrets
from ..plain import plain_lines
from ..specs import Command, LogLine, Notify, Worker, stdin
from ..views import ChildStatus
from . import environment, marks, orders, ports, readiness, succession
from .channel import Channel
from .environment import Given, Unusable
from .hanging import Hanging
from .hearing import Hearing
from .launch import Owner, Signaller, Spawner, next_number
from .launcher.ends import Ends, Supply
from .launcher.strays import MARK
from .limits import hint
from .logs import LogPump, Watcher
from .output import ChildOutput, quoted, without_traceback
from .readers import Readers
from .sockets import Sockets
from .stdin import StdinPipe
from .trial import Trial
from .usage import Meter

_NEVER = 3.0
"""Seconds after which a process that was killed before it existed will not come any more."""
_NOTHING: tuple[Sequence[Any], Given] = ((), Given({}))
_NOT_HANDED = "be handed the descriptors of a new process"
_NUDGE = 0.05
"""Seconds after which a stopping worker is woken again, doubled each time."""


class Host(Protocol):
    """What a process needs of the loop that runs it."""

    loop: asyncio.AbstractEventLoop
    readers: Readers
    pump: LogPump
    meter: Meter
    sockets: Sockets
    umask: int
    tree: str
    environ: Mapping[str, str]

    def post(self, event: Event) -> None:
        """Give an event to the engine."""

    def launcher(self) -> Spawner:
        """The launcher, started if need be."""

    def zygote(self) -> Spawner:
        """The zygote, started if need be."""

    def snapshot(self, path: str) -> ChildStatus | None:
        """How a child is, in the engine's words; None if there is none."""

    def is_ours(self, pid: int) -> bool:
        """Whether this process, or one above it, belongs to the tree."""

    def succeed(self, before: ChildProcess, successor: int, exit: Exit) -> ChildProcess | None:
        """A child has ended, and has been started again under this number: tell the engine, and
        return its next incarnation; None, and nothing is told, if the engine wants none now."""

    def adopt(self, stream: socket.socket, caller: str) -> None:
        """Serve requests on this stream for the child `caller`."""


class ChildProcess:
    """One incarnation of one child."""

    __slots__ = (
        *("is_repeatable", "listen", "mark", "number", "path", "run", "spec"),
        *("_channel", "_given", "_hanging", "_hearing", "_hidden", "_host", "_is_over", "_look"),
        *("_nudge", "_ours", "_output", "_signaller", "_spawner", "_stdin"),
        *("_successor", "_trial", "_unheard", "_unsent", "_wanted"),
    )

    def __init__(
        self, host: Host, path: str, run: int, spec: Worker | Command, number: int | None = None
    ) -> None:
        self.path = path
        self.run = run
        self.number = next_number() if number is None else number
        self.mark = marks.mark(host.tree, self.number)
        self.spec = spec
        self._host = host
        self._spawner: Spawner | None = None
        self._successor = 0
        self._wanted: tuple[tuple[int, ...], ...] = ()
        self._signaller: Signaller | None = None
        self._unsent: tuple[tuple[int, bool], ...] = ()
        self._channel: Channel | None = None
        self._hearing = Hearing(host, path, run, spec, self._find_secrets)
        self._trial = Trial(host.loop, spec, self._hearing)
        self._output = ChildOutput(host.pump, path, run, spec, self._trial.matched)
        self.listen: Watcher | None = None
        """Is given all that it writes, which goes nowhere else; to be set before it is started."""
        self._stdin: StdinPipe | None = None
        self._hidden: Secrets | None = None
        self._given: tuple[Sequence[Any], Given] = _NOTHING
        self._nudge: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        self._ours: tuple[int, ...] = ()
        self._is_over = False
        self.is_repeatable = False
        """The same order would start it again."""
        self._unheard = 0
        self._hanging: Hanging | None = None

    # Making it.

    def start(self, args: Sequence[Any]) -> None:
        """Make the process; what goes wrong becomes an event."""
        try:
            given = environment.given(self.spec)
            if args or given.variables:
                self._given = (args, given)
            self._refuse_taken_port()
            self._spawn(args, given.variables)
        except OtpsupError as error:
            self._fail(text_of(error))
        except OSError as error:
            self._fail(f"{text_of(error)}{hint(error.errno)}")
        except BaseException as error:  # pickling runs code of the arguments' own
            self._fail(f"cannot hand over target or arguments: {in_words(error)}")
        finally:
            self._close_ours()

    def _find_secrets(self) -> Secrets:
        """Found when something is to be shown first: most children say nothing of themselves."""
        if self._hidden is None:
            self._hidden = environment.secrets(self.spec, *self._given, self._host.environ)
        return self._hidden

    def _refuse_taken_port(self) -> None:
        port = readiness.taken_port(self.spec.ready)
        if port is None:
            return
        holder = ports.holder(port)
        if holder is None or not self._host.is_ours(holder.pid):
            who = ports.describe(holder)
            raise Unusable(f"port {port} is in use by {who}; stop that, or choose another port")

    def _spawn(self, args: Sequence[Any], variables: dict[str, str]) -> None:
        self._wanted = self._output.plan(self.listen)
        env = {**variables, **self._trial.environment()}
        if isinstance(self.spec, Command):
            self._spawn_command(self.spec, args, env)
        elif self.spec.start_method == "zygote":
            self._spawn_worker(self.spec, args, env)
        else:
            self._start_stock(self.spec, args, env)

    def _spawn_command(self, spec: Command, args: Sequence[Any], env: dict[str, str]) -> None:
        host = self._host
        order = orders.command(spec, self.path, args, host.umask, env, host.environ)
        given = {}
        if spec.stdin != stdin.NULL:
            given[0] = self._input(spec.stdin)
        if isinstance(spec.ready, Notify) and spec.ready.fd is not None:
            given[spec.ready.fd] = self._newline_end()
        outputs = [number for numbers in self._wanted for number in numbers]
        order["targets"] = [order["channel"], *outputs, *given]
        is_end_awaited = isinstance(spec.ready, LogLine)  # it may come with the end of its output
        order["held"] = 1 if is_end_awaited else 1 + len(self._wanted)
        self._order_from(self._host.launcher(), order, list(given.values()))

    def _input(self, wanted: stdin.Stdin) -> int:
        """The descriptor that becomes its standard input."""
        if isinstance(wanted, stdin.Socket):
            return self._host.sockets.hold(self.path, wanted)
        self._stdin = StdinPipe(self._host.loop)
        return self._stdin.reader

    def _newline_end(self) -> int:
        """The descriptor on which a newline means ready."""
        end = self._trial.descriptor(self._host.pump)
        self._ours += (end,)
        return end

    def write_stdin(self, data: bytes) -> None:
        """Write to its standard input.

        Raises:
            BrokenPipeError: it has closed that, or has none from us.
            BlockingIOError: it does not read what was written before.
        """
        if self._stdin is None:
            raise BrokenPipeError("its stdin is no pipe")
        self._stdin.write(data)

    def _spawn_worker(self, spec: Worker, args: Sequence[Any], env: dict[str, str]) -> None:
        order, fds = orders.worker(spec, self.path, args, self._host.umask, env)
        order["targets"] = [number for numbers in self._wanted for number in numbers]
        self._order_from(self._host.zygote(), order, fds)

    def _order_from(self, spawner: Spawner, order: dict[str, Any], fds: Sequence[int]) -> None:
        self._spawner = spawner
        order["mark"] = os.fsencode(self.mark)
        order["pipes"] = self._wanted
        has_fds = len(fds) > order.get("tracker", False)
        order["repeats"] = self.is_repeatable = not has_fds and succession.is_repeatable(self.spec)
        spawner.spawn(self.number, order, fds, self)

    def _start_stock(self, spec: Worker, args: Sequence[Any], env: dict[str, str]) -> None:
        from .stock import StockWorker  # multiprocessing with it, as for every worker

        order = orders.stock(spec, self.path, self._host.umask, env, self._host.environ)
        order["env"][MARK] = os.fsencode(self.mark)
        order["targets"] = [number for numbers in self._wanted for number in numbers]
        ends = Ends({"pipes": self._wanted}, Supply())
        worker = StockWorker(self._host.loop, spec, self.mark, self.on_exit)
        try:
            pid, pidfd = worker.start(self.path, args, order, ends.for_child())
            if pidfd is not None:
                with contextlib.suppress(OSError):  # there is no launcher now; it has a parent
                    self._host.launcher().end_with_host(pidfd)
            ours, ends.ours = ends.ours, []
        finally:
            ends.close()
        self.on_up(pid, pidfd, ours)

    # What becomes of it.

    def on_up(self, pid: int, pidfd: int | None, ends: Sequence[int] | None) -> None:
        """It exists. What it said before we knew is told after that."""
        self._signaller = Signaller(pid, pidfd)
        if self._is_over:
            self._signaller.kill_group()
            self._signaller.close()
            for fd in ends or ():
                os.close(fd)
            return
        if ends is None:
            self._unheard = errno.EMFILE
            self._kill()
            return
        channel, *readers = ends
        host = self._host
        self._channel = Channel(host.readers, channel, self._hearing)
        self._output.attach(pid, readers)
        self._host.post(Spawned(self.path, self.run, pid))
        self._trial.begin(pid)
        self._hearing.begin()
        for signum, group in self._unsent:
            self._send(self._signaller, signum, group=group)
        self._unsent = ()

    def on_failed(self, error: OSError) -> None:
        """It could not be made."""
        self._fail(f"cannot {error.filename}: {error.strerror}{hint(error.errno)}")

    def on_exit(self, exit: Exit) -> None:
        """It is gone, its group with it; what it said last still counts."""
        if self._is_over:
            return
        if self._unheard:
            self.on_failed(OSError(self._unheard, os.strerror(self._unheard), _NOT_HANDED))
            return
        if self._channel:
            self._channel.drain()
        self._is_over = True
        if self._hearing.crash or self._hanging:
            exit = self._as_told(exit)
        try:
            self._host.post(Exited(self.path, self.run, exit))
        finally:  # its successor, if there is to be one, does not wait for this
            self._clean_up()

    def _as_told(self, exit: Exit) -> Exit:
        """With what it has told of its end itself."""
        why, where = (self._hanging.why, self._hanging.where) if self._hanging else ("", "")
        stacks = plain_lines(self._find_secrets().hide(where))
        return evolve(exit, crash=self._hearing.crash, hung=why, stacks=stacks)

    # What comes after it.

    def arm(self, group: int, allowed: int) -> None:
        """Should it end by itself, it may be started again without a question.

        Args:
            group: by whose restart limit; any number.
            allowed: how many restarts that limit allows now.
        """
        if self._is_over or self._spawner is None:
            return
        if allowed and self._spawner.is_serving:
            self._successor = self._successor or next_number()
            self._spawner.arm(self.number, self._successor, group, allowed)
        else:
            self._spawner.limit(group, allowed)

    @property
    def successors_mark(self) -> str:
        """That of who may have been started in its place."""
        return marks.mark(self._host.tree, self._successor) if self._successor else ""

    def on_replaced(self, successor: int, exit: Exit) -> Owner:
        """It is gone, and its successor is being made: the engine's next incarnation of it, or, if
        the engine does not want one now, nobody's, and then its end is told when that has ended."""
        if self._signaller:
            self._signaller.close()
        is_as_before = self._spawner is not None and self._spawner.is_serving
        if is_as_before and not self._is_over and self._output.plan() == self._wanted:
            heir = self._host.succeed(self, successor, exit)
            if heir is not None:
                return heir
        return succession.Unwanted(marks.mark(self._host.tree, successor), self, exit)

    def succeed(self, before: ChildProcess) -> None:
        """Be the process that was started in the place of another."""
        self._spawner, self._given = before._spawner, before._given
        self.is_repeatable = True
        self._wanted = self._output.plan()

    def on_lost(self) -> None:
        """Whoever would report its exit is gone: end it."""
        if self._signaller is not None:
            self._signaller.lose()

    def has_ended(self) -> bool:
        """After `on_lost`: whether it is gone."""
        return self._signaller is None or self._signaller.has_ended()

    def on_swept(self) -> None:
        """After `on_lost`: it is gone, and so is whatever it had started."""
        if self._signaller is None:
            self._fail("its launcher ended before it was started")
        else:
            self.on_exit(Exit(signal=signal.SIGKILL))

    def _fail(self, text: str) -> None:
        if not self._is_over:
            self._clean_up()
            reason = Reason("error", self._hearing.fit(text))
            self._host.post(Unstartable(self.path, self.run, reason))

    def let_go(self) -> None:
        """The tree is over: hold nothing of it any more, whatever has become of the process."""
        if not self._is_over:
            self._clean_up()

    def _clean_up(self) -> None:
        self._is_over = True
        self._hearing.end()
        self._trial.close()
        for pending in (self._nudge, self._look):
            if pending:
                pending.cancel()
        if self._hanging:
            self._hanging.close()
        if self._channel:
            self._channel.close()
        if self._stdin:
            self._stdin.close()
        if self._signaller:
            self._signaller.close()

    def _close_ours(self) -> None:
        ours, self._ours = self._ours, ()
        for fd in ours:
            os.close(fd)
        if self._stdin:
            self._stdin.hand_over()

    # What its checks ask.

    @property
    def pid(self) -> int:
        """Of its process; 0 if there is none."""
        return self._signaller.pid if self._signaller else 0

    @property
    def signaller(self) -> Signaller | None:
        """What signals it; None if there is no process."""
        return None if self._is_over else self._signaller

    @property
    def heartbeat_at(self) -> float:
        """When it last said that all is well, in the loop's time; 0 if never."""
        return self._hearing.heartbeat_at

    @property
    def output_at(self) -> float:
        """When it last wrote something, in the loop's time (time.monotonic); 0 if never."""
        return self._output.last_at

    def fit(self, text: str) -> str:
        """A text about it, fit to be shown to anybody who may see the tree."""
        return self._hearing.fit(text)

    def hide(self, text: str) -> str:
        """A text without its secrets, in all else as it is."""
        return self._find_secrets().hide(text)

    # What it said last.

    def quote(self, told: Callable[[tuple[str, ...]], None]) -> None:
        """Tell its last lines, once they are known; nothing if there are none.

        Args:
            told: called once, on the loop.
        """

        def tell(output: bytes) -> None:
            said = without_traceback(output) if self._hearing.crash else output
            told(quoted(said, self._find_secrets().hide))

        self._output.quote(self._host.loop, tell)

    # Signals.

    def terminate(self, signum: int, *, group: bool = False) -> None:
        """Send the stop signal, to it or to its whole group, and see to it that it is heard."""

        def tell() -> None:
            self.signal(signum, group=group)
            self._wake(_NUDGE)

        if self._spawner:
            self._spawner.stopping(self.number, tell)
        else:
            tell()

    def _wake(self, wait: float) -> None:
        """SIGCONT wakes a child that job control has stopped. It also makes a worker look at a
        signal that came just before its Python went to sleep in a call; hence again, and again."""
        self.signal(signal.SIGCONT)
        if isinstance(self.spec, Worker) and not self._is_over:
            self._nudge = self._host.loop.call_later(wait, self._wake, 2 * wait)

    def kill(self, *, late: bool = False) -> None:
        """Send SIGKILL, now or as soon as the process exists; what does not come is given up.

        Args:
            late: it was asked to end and did not; a Python worker is asked where it hangs.
        """
        if not (late and self._may_tell_where()):
            self._kill()

    def _may_tell_where(self) -> bool:
        """Whether a worker may tell where it hangs; the kill comes then, or when time is up."""
        if not isinstance(self.spec, Worker) or self._signaller is None or self._is_over:
            return False
        self._hanging = Hanging(self._host.loop, self._kill)
        return self._hanging.ask(self._signaller)

    def _kill(self) -> None:
        if self._spawner:
            self._spawner.kill(self.number)
        self.signal(signal.SIGKILL)
        if self._signaller is None:
            self._look = self._host.loop.call_later(_NEVER, self._give_up)

    def _give_up(self) -> None:
        if self._signaller is None:
            self._fail("it was killed, and had not been started")

    def signal(self, signum: int, *, group: bool = False) -> None:
        """Send a signal now, or as soon as there is a process to get it."""
        if self._is_over:
            return
        if self._signaller:
            self._send(self._signaller, signum, group=group)
        else:
            self._unsent += ((signum, group),)

    def _send(self, to: Signaller, signum: int, *, group: bool) -> None:
        if group:
            to.send_to_group(signum)
        else:
            to.send(signum)

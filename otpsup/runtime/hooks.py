"""Hooks: what runs around a child's life, each in a process of its own.

Decides their order, what their end means, and what becomes of them when the child is stopped. To
the loop an incarnation with hooks is one like any other, and the engine knows of none: it hears
that a start has failed, or that the child has ended, when the hook in between has ended, too.

A hook is a `ChildProcess` of a spec made from its child's. So it is made, watched, stopped, swept
and reported on as the child is; but it has a mark of its own, for what it leaves behind is ended
with it, and not with the child.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs

from ..engine.events import (
    Event,
    Exited,
    Ignored,
    NotYet,
    Ready,
    Spawned,
    StatusText,
    Unstartable,
)
from ..engine.reasons import Exit, Reason, classify
from ..logger import logger
from ..mask import Secrets
from ..specs import Command, Process, Worker
from ..specs import Spawned as AtOnce
from ..specs.health import PURPOSES
from .environment import Given, secrets
from .process import ChildProcess, Host

Point = Literal["before_start", "after_ready", "after_exit"]
POINTS: tuple[Point, ...] = ("before_start", "after_ready", "after_exit")
_NO_CHECKS: dict[str, Any] = dict.fromkeys(PURPOSES, ())

_STOPPED = Reason("shutdown", "stopped before it was started")


def incarnation(host: Host, path: str, run: int, spec: Worker | Command) -> Incarnation:
    """One incarnation of a child, with its hooks if it has any."""
    has_hooks = spec.before_start or spec.after_ready or spec.after_exit
    return (HookedProcess if has_hooks else ChildProcess)(host, path, run, spec)


def hook_spec(
    spec: Worker | Command, point: Point, told: Mapping[str, str] = {}
) -> Worker | Command:
    """What a hook is, as a child: its own program, in all else as the child that has it.

    Args:
        told: variables for this run of it.
    """
    run = getattr(spec, point).run
    return as_child(spec, run, environment={**spec.environment, **told})


def as_child(spec: Worker | Command, run: Any, **changes: Any) -> Worker | Command:
    """A program of its own, in all else but these changes as a child is; it has no hooks and no
    checks, and is ready when it is there."""
    known = {field.name: getattr(spec, field.name) for field in attrs.fields(Process)}
    known |= dict.fromkeys(POINTS)
    known |= _NO_CHECKS
    known |= {"ready": AtOnce(), **changes}
    return (Command if isinstance(run, tuple) else Worker)(spec.name, run, **known)


def workers(spec: Worker | Command) -> Iterator[Worker]:
    """The hooks of a child that are Python."""
    for point in POINTS:
        if getattr(spec, point) is not None:
            hook = hook_spec(spec, point)
            if isinstance(hook, Worker):
                yield hook


class Side:
    """The loop as one process of an incarnation has it: what it tells comes to us."""

    def __init__(self, host: Host, post: Callable[[Event], None]) -> None:
        self.loop, self.readers = host.loop, host.readers
        self.pump, self.sockets = host.pump, host.sockets
        self.umask, self.tree, self.environ = host.umask, host.tree, host.environ
        self.launcher, self.zygote = host.launcher, host.zygote
        self.is_ours, self.adopt = host.is_ours, host.adopt
        self.succeed, self.meter = host.succeed, host.meter
        self.snapshot = host.snapshot
        self.post = post


class _Hook:
    """One run of one hook.

    Args:
        told: variables for it.
        ended: called once, with how it ended; that is normal if all went well.
    """

    def __init__(
        self,
        host: Host,
        child: ChildProcess,
        point: Point,
        told: Mapping[str, str],
        ended: Callable[[Reason], None],
    ) -> None:
        told = {**told, "OTPSUP_HOOK": point, "OTPSUP_CHILD": child.path}
        self._spec = hook_spec(child.spec, point, told)
        self._process = ChildProcess(Side(host, self._heard), child.path, child.run, self._spec)
        self._process.mark = f"{child.mark}-{point}"
        self._timeout: float = getattr(child.spec, point).timeout
        self._loop = host.loop
        self._timer: asyncio.TimerHandle | None = None
        self._ended = ended
        self._is_late = self._asked = self._killed = False

    def start(self) -> None:
        """Run it. It may end at once, if it cannot be started."""
        self._timer = self._loop.call_later(self._timeout, self._time_is_up)
        self._process.start(())

    def _time_is_up(self) -> None:
        self._is_late = True
        self.kill(late=True)

    def terminate(self, signum: int) -> None:
        """Send it the child's stop signal."""
        self._asked = True
        self._process.terminate(signum)

    def kill(self, *, late: bool = False) -> None:
        """Send it SIGKILL, once; `late` as for a child."""
        if not self._killed:
            self._killed = True
            self._process.kill(late=late)

    def quote(self, told: Callable[[tuple[str, ...]], None]) -> None:
        """As for a child."""
        self._process.quote(told)

    def let_go(self) -> None:
        """Hold nothing of it any more."""
        if self._timer:
            self._timer.cancel()
        self._process.let_go()

    def _heard(self, event: Event) -> None:
        match event:
            case Unstartable():
                self._is_over(event.reason)
            case Exited():
                self._is_over(self._reason(event.exit))

    def _reason(self, exit: Exit) -> Reason:
        return classify(
            exit,
            exitcodes={0},
            stop_signal=self._spec.stop_signal,
            stopping=self._asked,
            killed=self._killed,
        )

    def _is_over(self, reason: Reason) -> None:
        if self._timer:
            self._timer.cancel()
        if self._is_late:
            text = f"it did not end within {self._timeout:g} s"
            reason = Reason("error", text, traceback=reason.traceback)
        self._ended(reason)


class HookedProcess:
    """One incarnation of a child that has hooks; to the loop the same as a `ChildProcess`."""

    def __init__(self, host: Host, path: str, run: int, spec: Worker | Command) -> None:
        self.path = path
        self.run = run
        self.spec = spec
        self._host = host
        self.child = ChildProcess(Side(host, self._heard), path, run, spec)
        """Its own process."""
        self._hook: _Hook | None = None
        """The one that the life of the child waits for."""
        self._failed: _Hook | None = None
        """A `before_start` that has failed."""
        self._beside: _Hook | None = None
        """`after_ready`, for which nobody waits while the child runs."""
        self._secrets = Secrets({})
        self._args: Sequence[Any] = ()
        self._pid = 0
        self._exited: Exited | None = None
        self._is_stopping = self._is_hurried = self._had_its_chance = False

    # What the engine asks.

    def start(self, args: Sequence[Any]) -> None:
        """Run `before_start`, then make the process; what goes wrong becomes an event."""
        self._secrets = secrets(self.spec, args, Given({}), {})
        if self.spec.before_start is None:
            self.child.start(args)
            return
        self._args = args
        self._host.post(NotYet(self.path, self.run, "before_start is running"))
        self._hook = self._run("before_start", {}, self._prepared)
        self._hook.start()

    def terminate(self, signum: int, *, group: bool = False) -> None:
        """Send the stop signal to whoever runs; but what tidies up after the child may go on."""
        self._is_stopping = True
        if self._beside:
            self._beside.kill()
        if self._exited is not None:
            return
        if self._hook:
            self._hook.terminate(signum)
        else:
            self.child.terminate(signum, group=group)

    def kill(self, *, late: bool = False) -> None:
        """Send SIGKILL to whoever runs; `late` as for a child."""
        self._is_stopping = True
        self._is_hurried = self._exited is not None
        if self._beside:
            self._beside.kill()
        (self._hook or self.child).kill(late=late)

    def signal(self, signum: int) -> None:
        """Send a signal to the child, if it has been started."""
        if self._hook is None:
            self.child.signal(signum)

    def write_stdin(self, data: bytes) -> None:
        """Write to the child's standard input, as `ChildProcess.write_stdin`."""
        self.child.write_stdin(data)

    def quote(self, told: Callable[[tuple[str, ...]], None]) -> None:
        """As for a child; of one that was not started, what its `before_start` said last."""
        (self._failed or self.child).quote(told)

    def let_go(self) -> None:
        """The tree is over: hold nothing of it any more."""
        for part in (self._hook, self._beside, self.child):
            if part:
                part.let_go()

    # What becomes of it.

    def _run(self, point: Point, told: Mapping[str, str], ended: Callable[[Reason], None]) -> _Hook:
        return _Hook(self._host, self.child, point, told, ended)

    def _prepared(self, reason: Reason) -> None:
        """`before_start` has ended."""
        hook, self._hook = self._hook, None
        is_good = reason.kind == "normal"
        if self._is_stopping:
            self._cannot_start(_STOPPED if is_good else reason)
        elif not is_good:
            self._failed = hook
            text, where = self._words("before_start", reason), self._secrets.hide(reason.traceback)
            self._cannot_start(Reason("error", text, traceback=where))
        else:
            self._host.post(NotYet(self.path, self.run, ""))
            self.child.start(self._args)

    def _cannot_start(self, reason: Reason) -> None:
        self._host.post(Unstartable(self.path, self.run, reason))

    def _heard(self, event: Event) -> None:
        """What the child's own process tells."""
        if isinstance(event, Exited):
            self._exited = event
            self._after_exit()
            return
        self._host.post(event)
        if isinstance(event, Spawned):
            self._pid = event.pid
        self._had_its_chance |= isinstance(event, Ignored)
        is_ready = isinstance(event, Spawned) and isinstance(self.spec.ready, AtOnce)
        if is_ready or isinstance(event, Ready):
            self._after_ready()

    def _after_ready(self) -> None:
        """It says that it is ready, perhaps not for the first time, perhaps too late."""
        if self.spec.after_ready is None or self._had_its_chance or self._is_stopping:
            return
        self._had_its_chance = True
        told = {"OTPSUP_PID": str(self._pid)}
        self._beside = self._run("after_ready", told, self._is_alone_again)
        self._beside.start()

    def _is_alone_again(self, reason: Reason) -> None:
        """`after_ready` has ended; that it was killed with the child is no failure of it."""
        self._beside = None
        if self._exited is not None:
            self._after_exit()
        elif not self._is_stopping:
            self._complain("after_ready", reason)

    def _after_exit(self) -> None:
        """The child has ended; the engine hears of it when nothing of it runs any more."""
        assert self._exited
        if self._beside:
            self._beside.kill()
        elif self.spec.after_exit is None or self._is_hurried:
            self._host.post(self._exited)
        else:
            self._host.post(NotYet(self.path, self.run, "it has ended, and after_exit is running"))
            self._host.post(StatusText(self.path, self.run, "has ended; after_exit is running"))
            self._hook = self._run("after_exit", _how(self._exited.exit), self._tidied_up)
            self._hook.start()

    def _tidied_up(self, reason: Reason) -> None:
        """`after_exit` has ended."""
        assert self._exited
        self._complain("after_exit", reason)
        self._host.post(self._exited)

    def _complain(self, point: Point, reason: Reason) -> None:
        if reason.kind != "normal":
            logger.warning("{}: {}", self.path, self._words(point, reason))

    def _words(self, point: Point, reason: Reason) -> str:
        return f"{point} failed: {self._secrets.hide(str(reason))}"


Incarnation = ChildProcess | HookedProcess


def _how(exit: Exit) -> dict[str, str]:
    """How a child has ended, for its `after_exit`."""
    if exit.signal is not None:
        return {"OTPSUP_EXIT_SIGNAL": str(exit.signal)}
    return {"OTPSUP_EXIT_CODE": str(exit.code or 0)}

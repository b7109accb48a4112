"""The checks of all children that run: begun when a child runs, ended when it does not any more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from ..engine.events import Event, Exited, Marked, Unhealthy, Unstartable
from ..engine.reasons import Reason, classify
from ..specs import Command
from ..specs.health import Checks, Plugged, described
from ..specs.output import NULL, STDOUT
from . import plugged
from .checks import Busy, Look
from .hanging import Hanging
from .health import Health
from .hooks import HookedProcess, Incarnation, Side, as_child
from .ledger import Ledger
from .output import quoted
from .process import ChildProcess, Host

if TYPE_CHECKING:
    from ..statistics import CheckResult

_LAST_WORDS = 0.5
"""Seconds that a program's last words have to come in when it has ended."""
_MOST = 4096
"""Bytes of the output of a program that looks, of which the last line is told."""


class Checkups:
    """Of one tree.

    Args:
        ledger: keeps what was counted, when an incarnation is over.
    """

    def __init__(self, host: Host, ledger: Ledger) -> None:
        self._host = host
        self._ledger = ledger
        self._running: dict[str, _Patient] = {}
        self.looking: set[ChildProcess] = set()
        """Programs that look just now."""
        self.busy: Busy = {}
        """Looks in threads that have not ended."""
        self._turns: dict[int, asyncio.Semaphore] = {}
        self.of_tree: Checks = ()
        """Liveness checks of every process, beside its own."""

    def begin(self, process: Incarnation) -> None:
        """It runs."""
        spec = process.spec
        if not (spec.startup or spec.readiness or spec.liveness or self.of_tree):
            return
        own = process.child if isinstance(process, HookedProcess) else process
        patient = self._running[own.path] = _Patient(self._host, own, self)
        patient.health.begin()

    def end(self, path: str) -> None:
        """It runs no more."""
        if found := self._running.pop(path, None):
            if results := self._results(path, found):
                self._ledger.of(path).checked(results)
            found.let_go()

    def end_all(self) -> None:
        """The tree is over."""
        for path in tuple(self._running):
            self.end(path)
        for process in self.looking:
            process.let_go()
        self.looking.clear()

    def turns(self, what: Plugged) -> asyncio.Semaphore:
        """Of what looks at every child: it is asked about a few at a time."""
        return self._turns.setdefault(id(what), asyncio.Semaphore(plugged.AT_ONCE))

    def of(self, path: str) -> Health | None:
        """The checks of a child that runs."""
        found = self._running.get(path)
        return found.health if found else None

    def results(self, path: str) -> tuple[CheckResult, ...]:
        """How the checks of a child that runs stand; nothing of another."""
        found = self._running.get(path)
        return self._results(path, found) if found else ()

    def _results(self, path: str, patient: _Patient) -> tuple[CheckResult, ...]:
        """With what was counted in the incarnations before."""
        before = self._ledger.of(path).checks or {}
        told: dict[tuple[str, str], CheckResult] = {}
        for result in patient.results():
            what, number = result.what, 1
            while (result.purpose, what) in told:  # two of them look at the same
                number += 1
                what = f"{result.what} ({number})"
            key = result.purpose, what
            looks, failures = before.get(key, (0, 0))
            told[key] = evolve(
                result, what=what, looks=result.looks + looks, failures=result.failures + failures
            )
        return tuple(told.values())


class _Patient:
    """One incarnation, as its checks see it, and they."""

    def __init__(self, host: Host, process: ChildProcess, ward: Checkups) -> None:
        self.loop = host.loop
        self.meter = host.meter
        self.pid = process.pid
        self.path = process.path
        self.busy = ward.busy
        self._host = host
        self._process = process
        self._ward = ward
        self._hanging: Hanging | None = None
        self.health = Health(self, process.spec, self.unhealthy, self.marked, ward.of_tree)

    def let_go(self) -> None:
        """It runs no more: neither look at it nor ask it where it is."""
        self.health.end()
        if self._hanging:
            self._hanging.close()

    def results(self) -> tuple[CheckResult, ...]:
        """How its checks stand, fit to be shown."""
        from ..statistics import CheckResult  # takes a while to load, and is wanted by few

        return tuple(
            CheckResult(
                watch.purpose,
                described(watch.check.what),
                watch.is_well,
                watch.looks,
                watch.failures,
                watch.said and self._process.fit(watch.said),
            )
            for watch in self.health.results
        )

    @property
    def heartbeat_at(self) -> float:
        """When it last said that all is well, in the loop's time; 0 if never."""
        return self._process.heartbeat_at

    @property
    def output_at(self) -> float:
        """When it last wrote something (time.monotonic); 0 if never."""
        return self._process.output_at

    def exec(self, argv: Sequence[str]) -> Look:
        """What looks by running a program as the child is run."""
        return _Exec(self._host, self._process, argv, self._ward.looking)

    def plugged(self, what: Plugged, patience: float, key: Hashable) -> Look:
        """What looks by a plug-in."""
        turns = self._ward.turns(what)
        return plugged.Look(self._host, self._process, what, patience, self.busy, key, turns)

    def marked(self, why: str) -> None:
        """It cannot serve just now, or can again."""
        why = self._process.fit(why)
        self._host.post(Marked(self._process.path, self._process.run, why))

    def unhealthy(self, why: str) -> None:
        """It is to be ended; where a worker hangs it tells first."""
        process, text = self._process, f"unhealthy: {self._process.fit(why)}"

        def tell() -> None:
            where = hanging.where
            hanging.close()
            self._host.post(Unhealthy(process.path, process.run, _reason(text, where)))

        self._hanging = hanging = Hanging(self.loop, tell)
        signaller = process.signaller
        if signaller is None or isinstance(process.spec, Command) or not hanging.ask(signaller):
            tell()


def _reason(text: str, where: str) -> Reason:
    return Reason("unhealthy", text, traceback=where)


class _Exec:
    """Looks by running a program: as the child's user, in its folder and environment. One that
    hangs is killed, and no second one is begun before it is gone."""

    def __init__(
        self, host: Host, child: ChildProcess, argv: Sequence[str], looking: set[ChildProcess]
    ) -> None:
        self._host = host
        self._child = child
        self._spec = as_child(child.spec, tuple(argv), stdout=NULL, stderr=STDOUT)
        self._looking = looking
        self._process: ChildProcess | None = None
        self._said = b""
        self._has_said_all = asyncio.Event()

    async def __call__(self) -> str | None:
        """Look once."""
        if self._process is not None:
            return "the program that looked before this is not gone yet"
        ended: asyncio.Future[Reason] = self._host.loop.create_future()

        def heard(event: Event) -> None:
            if isinstance(event, Unstartable | Exited):
                self._process = None
                self._looking.discard(process)
                if not ended.done():
                    ended.set_result(_reason_of(event))

        side = Side(self._host, heard)
        self._said = b""
        self._has_said_all.clear()
        self._process = process = ChildProcess(side, self._child.path, self._child.run, self._spec)
        self._looking.add(process)
        process.listen = self._hear
        process.start(())
        try:
            reason = await ended
        except asyncio.CancelledError:
            process.kill()
            raise
        if reason.kind == "normal":
            return None
        await self._all_said()
        return self._words(reason)

    async def _all_said(self) -> None:
        """Another thread reads what it says, and may not have read its last words."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                await self._has_said_all.wait()

    def _hear(self, data: bytes) -> bool:
        """In the pump's thread: what it says last is why not; nothing is the end of it."""
        self._said = (self._said + data)[-_MOST:]
        if not data:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                self._host.loop.call_soon_threadsafe(self._has_said_all.set)
        return False

    def _words(self, reason: Reason) -> str:
        lines = quoted(self._said, self._child.hide)
        return f"{reason}: {lines[-1].strip()}" if lines else str(reason)


def _reason_of(event: Unstartable | Exited) -> Reason:
    if isinstance(event, Unstartable):
        return event.reason
    return classify(event.exit, exitcodes={0}, stop_signal=0, stopping=False, killed=False)

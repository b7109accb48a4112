"""What if a child died? Told step by step, in words, from the engine's own decisions.

Decides only how it is told. Every process is taken to do well otherwise: see `system`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from attrs import frozen

from ..engine.cause import BOOT, Cause
from ..engine.child import Child
from ..engine.effects import Effect, Halt, Report, StateChange
from ..engine.events import Boot, Event, StartChild, StartDeclared, TerminateChild
from ..engine.node import Node
from ..engine.reasons import NORMAL, Reason
from ..engine.requests import not_found
from ..engine.words import named, sentence
from ..errors import NotFound, StartFailed
from ..specs import DynamicSupervisor, Supervisor
from .system import System

SIGKILL = Reason("signaled", "SIGKILL", signal=9)
_ATTEMPTS = 250
"""What has not come to rest after so many attempts is taken to go on for ever."""

_MOST_INSTANCES = 10_000

What = Literal["ends", "stops", "starts", "fails", "waits", "gives up", "is gone"]


@frozen
class Step:
    """One thing that would happen.

    Attributes:
        at: seconds after the beginning.
        path: the child; `""` is the root.
        what: what happens to it.
        why: in words.
    """

    at: float
    path: str
    what: What
    why: str


@frozen
class Consequence:
    """What would come of the end of one child.

    Attributes:
        path: the child that ends.
        steps: what happens, in order, from its end on.
        states: the state of every child afterwards, by path.
        summary: what it comes to, in one sentence.
    """

    path: str
    steps: tuple[Step, ...]
    states: Mapping[str, str]
    summary: str


def what_if(
    tree: Supervisor | DynamicSupervisor,
    kill: Sequence[str],
    broken: Sequence[str] = (),
    states: Mapping[str, str] | None = None,
) -> list[Consequence]:
    """What would stop, start and escalate, and why, if these children were killed in turn.

    Args:
        tree: the root; nothing of it is started.
        kill: paths, one after the other; each time the tree comes to rest first.
        broken: paths of processes that do not start any more once they have been killed.
        states: how things are to begin with, by path: what is `down` there is down, what is not is
            up. Without, it is as after the start of the tree.

    Raises:
        NotFound: no process of this path is up at that moment.
        StartFailed: the tree does not come up.
    """
    system = _Watched(tree)
    ref = system.ask(Boot(ref=system.next_ref()))
    system.settle()
    error = system.answer(ref).error
    if error is not None:
        raise StartFailed(str(error))
    if states is not None:
        _take_up(system, states)
    for path in broken:
        _process(system, path, "break")
        system.plan(path, ["error"] * (2 * _ATTEMPTS))
    return [_kill(system, path) for path in kill]


class _Watched(System):
    """A system that remembers what the engine decided."""

    def __init__(self, spec: Supervisor | DynamicSupervisor) -> None:
        super().__init__(spec)
        self._at = 0.0
        self.seen: list[tuple[float, StateChange | Report | Halt]] = []

    def _hand_over(self, event: Event, now: float) -> None:
        self._at = now
        super()._hand_over(event, now)

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, StateChange | Report | Halt):
            self.seen.append((self._at, effect))
        super()._perform(effect)


def _take_up(system: System, states: Mapping[str, str]) -> None:
    """Begin where a running tree is: with its instances, and without what is down there."""
    for path in states:
        pool, _, name = path.rpartition("/")
        number = name.rpartition("#")[2]
        if "#" in name and number.isdigit() and int(number) <= _MOST_INSTANCES:
            _start_instances(system, pool, path, int(number))
    for path, child in _all(system.engine.root):
        if path and (path in system.up) != (states.get(path, "down") != "down"):
            _turn(system, path, child)
    system.settle()


def _start_instances(system: System, pool: str, path: str, count: int) -> None:
    """Start instances until there is the one of this path, which has this number."""
    for _ in range(count):
        if system.engine.find(path) is not None:
            return
        system.ask(StartChild(path=pool, ref=system.next_ref()))


def _turn(system: System, path: str, child: Child) -> None:
    """Start what is down; let end what is up: by itself, if that is how it may end for good."""
    ref = system.next_ref()
    if path not in system.up:
        system.ask(StartDeclared(path=path, ref=ref))
    elif child.spec.restart == "transient" and not isinstance(child, Node):
        system.exits(path, NORMAL)
        system.hear()
    else:
        system.ask(TerminateChild(path=path, ref=ref))


def _process(system: System, path: str, verb: str) -> Child:
    child = system.engine.find(path)
    if child is None or path == "":
        known = {p: c for p, c in _all(system.engine.root) if p}
        raise not_found(verb, path, known)
    if isinstance(child, Node):
        raise NotFound(
            f"cannot {verb} {path!r}: a supervisor is no process; name one of the children below it"
        )
    return child


def _kill(system: _Watched, path: str) -> Consequence:
    child = _process(system, path, "kill")
    if path not in system.up:
        raise NotFound(
            f"cannot kill {path!r}: it is {child.state} at that moment"
            + ("; the tree has ended" if system.engine.is_halted else "")
        )
    begin = system.now
    system.seen.clear()
    system.exits(path, SIGKILL)
    is_at_rest = system.rests(_ATTEMPTS)
    name = system.engine.root.name
    steps = [s for at, effect in system.seen if (s := _step(effect, at - begin, name))]
    if steps and (steps[0].path, steps[0].what) == (path, "ends"):
        first, steps = steps[0], steps[1:]  # it is not restarted
    else:
        first = Step(0.0, path, "ends", str(SIGKILL))
    states = {p: c.state for p, c in _all(system.engine.root)}
    return Consequence(path, (first, *steps), states, _summary(system, path, steps, is_at_rest))


def _all(child: Child) -> list[tuple[str, Child]]:
    below = child.children.values() if isinstance(child, Node) else ()
    return [(child.path, child), *(pair for c in below for pair in _all(c))]


def _step(effect: StateChange | Report | Halt, at: float, root: str) -> Step | None:
    why = _because(effect.cause, root)
    match effect:
        case StateChange(state="starting"):
            return Step(at, effect.path, "starts", why)
        case StateChange(state="stopping") if not _is_told(effect):
            return Step(at, effect.path, "stops", why)
        case StateChange(state="restarting") if effect.cause.kind == "waits":
            return Step(at, effect.path, "waits", why)
        case Report(context="restart") if effect.delay:
            return Step(at, effect.path, "waits", f"{effect.delay:.3g} s of backoff")
        case Report(context="start_error"):
            return Step(at, effect.path, "fails", str(effect.reason))
        case Report(context="shutdown"):
            return Step(at, effect.supervisor, "gives up", sentence(effect.cause.parent or BOOT))
        case StateChange(state="down") if effect.cause.kind == "exit" and (
            effect.cause.path == effect.path
        ):
            return Step(at, effect.path, "ends", f"{effect.reason}; it is not restarted")
        case Halt():
            return Step(at, "", "is gone", why)
    return None


def _is_told(change: StateChange) -> bool:
    """A failed start, and the stop of a supervisor that gives up, have a step of their own."""
    cause = change.cause
    return cause.kind == "start_failed" or (cause.kind == "gave_up" and cause.path == change.path)


def _because(cause: Cause, root: str) -> str:
    """Why; that a supervisor gave up is told with all that led to it only once."""
    return f"{named(cause.path or root)} gave up" if cause.kind == "gave_up" else sentence(cause)


def _summary(system: _Watched, path: str, steps: Sequence[Step], is_at_rest: bool) -> str:
    """What an operator wants to know first."""
    if not is_at_rest:
        return f"So it goes on for ever: {_ATTEMPTS} attempts are not too many for the window."
    gave_up = [step.path for step in steps if step.what == "gives up"]
    if system.engine.is_halted:
        return "The tree ends: nothing of it is left."
    started = [step.path for step in steps if step.what == "starts"]
    if not started and not gave_up:
        return f"Nothing else happens: {named(path)} stays down."
    again = sorted({p for p in started if p in system.up}, key=started.index)
    verb = "is" if len(again) == 1 else "are"
    first = f"{_list(again)} {verb} up again" if again else "Nothing is up again"
    if gave_up:
        return f"{first}; it escalates: {_list(gave_up)} gave up."
    return f"{first}; nothing escalates."


def _list(paths: Sequence[str]) -> str:
    return ", ".join(map(named, paths))

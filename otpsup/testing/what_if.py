"""What if a child died? Told step by step, in words, from the engine's own decisions.

Decides only how it is told. Every process is taken to do well otherwise: see `system`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from attrs import frozen

from ..engine.cause import BOOT, Cause
from ..engine.checkpoint import Checkpoint
from ..engine.child import Child
from ..engine.effects import Halt, Report, StateChange
from ..engine.events import Boot, Event
from ..engine.node import Node
from ..engine.reasons import Reason
from ..engine.requests import not_found
from ..engine.words import how, named, sentence, span
from ..errors import InvalidSpec, NotFound, StartFailed
from ..specs import DynamicSupervisor, Supervisor
from .system import System

SIGKILL = Reason("signaled", "SIGKILL", signal=9)
_MOST = 20_000
"""Attempts; what has not come to rest after these may or may not go on for ever."""
_SOME = 250
"""Attempts that have nothing to do with any window, as those that wait for a backoff."""

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
    kill: str | Sequence[str],
    broken: str | Sequence[str] = (),
    checkpoint: Checkpoint | None = None,
) -> list[Consequence]:
    """What would stop, start and escalate, and why, if these children were killed in turn.

    Args:
        tree: the root; nothing of it is started.
        kill: paths, one after the other, each as soon as it is up: nothing else is waited for, for
            what comes in quick succession is what a restart window is about. After the last the
            tree comes to rest. Once it has ended, the rest of them are left out.
        broken: paths of processes that do not start any more once they have been killed.
        checkpoint: where the tree is to begin with, from `Engine.checkpoint` or a running tree's
            outline. Without, all is as after its start.

    Raises:
        NotFound: there is no process of this path, or the first one is not up.
        InvalidSpec: that is no tree.
        StartFailed: the tree does not come up.
        ValueError: the checkpoint is of another tree.
    """
    if not isinstance(tree, Supervisor | DynamicSupervisor):
        text = f"what_if needs the root of a tree, a Supervisor, not {type(tree).__name__}"
        raise InvalidSpec(text, "invalid_child_spec")
    system = _Watched(tree)
    if checkpoint is None:
        _boot(system)
    else:
        system.resume(checkpoint)
    for path in _paths(broken):
        _process(system, path, "break")
        system.break_down(path)
    return list(_kill_all(system, _paths(kill)))


def _paths(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def _kill_all(system: _Watched, paths: Sequence[str]) -> Iterator[Consequence]:
    known = {path for path, _ in _all(system.engine.root)}
    for number, (path, then) in enumerate(zip(paths, [*paths[1:], None], strict=False)):
        if number and system.engine.is_halted:
            return
        if number and path in known and path not in system.up:
            yield _impossible(system, path)
        else:
            yield _kill(system, path, then)


def _impossible(system: _Watched, path: str) -> Consequence:
    child = system.engine.find(path)
    state = child.state if child else "gone"
    states = {p: c.state for p, c in _all(system.engine.root)}
    return Consequence(path, (), states, f"{named(path)} cannot be killed again: it is {state}.")


def _boot(system: System) -> None:
    ref = system.ask(Boot(ref=system.next_ref()))
    system.settle()
    error = system.answer(ref).error
    if error is not None:
        raise StartFailed(str(error))


class _Watched(System):
    """A system that remembers what the engine decided."""

    def __init__(self, spec: Supervisor | DynamicSupervisor) -> None:
        super().__init__(spec)
        self._at = 0.0
        self.seen: list[tuple[float, StateChange | Report | Halt]] = []
        self.waits: dict[int, float] = {}
        """Seconds until another attempt, by the place in `seen` of the change that says so."""
        self._unseen = dict(self._performers)
        self._performers |= dict.fromkeys((StateChange, Report, Halt), self._see)

    def _hand_over(self, event: Event, now: float) -> None:
        self._at = now
        super()._hand_over(event, now)

    def _see(self, effect: Any) -> None:
        self.seen.append((self._at, effect))
        if isinstance(effect, StateChange) and effect.cause.kind == "start_failed":
            self._see_wait(effect)
        if perform := self._unseen.get(type(effect)):
            perform(effect)

    def _see_wait(self, change: StateChange) -> None:
        """After a failed start: how long until the next attempt."""
        child = self.engine.find(change.path)
        if change.state == "restarting" and child is not None and child.retry_due is not None:
            self.waits[len(self.seen) - 1] = child.retry_due - self._at


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


def _kill(system: _Watched, path: str, then: str | None) -> Consequence:
    """What comes of the end of this path until the next to be killed is up, or all is at rest."""
    child = _process(system, path, "kill")
    if path not in system.up:
        raise NotFound(
            f"cannot kill {path!r}: it is {child.state} at that moment"
            + ("; the tree has ended" if system.engine.is_halted else "")
        )
    begin, were_up = system.now, list(system.up)
    system.seen.clear()
    system.waits.clear()
    system.exits(path, SIGKILL)
    most = _enough(system.engine.root)
    not_after = None if system.rests(most, until=then) else most
    name = system.engine.root.name
    steps = list(_steps(system, begin, name))
    if steps and (steps[0].path, steps[0].what) == (path, "ends"):
        first, steps = steps[0], steps[1:]  # it is not restarted
    else:
        first = Step(0.0, path, "ends", str(SIGKILL))
    states = {p: c.state for p, c in _all(system.engine.root)}
    summary = _summary(system, path, steps, not_after) + _lost(were_up, states, path)
    return Consequence(path, (first, *steps), states, summary)


def _lost(were_up: Sequence[str], states: Mapping[str, str], killed: str) -> str:
    """Instances and other children whose records ended with somebody else."""
    gone = [path for path in were_up if path not in states and path != killed]
    if not gone:
        return ""
    return f" {_list(gone)} {'is' if len(gone) == 1 else 'are'} gone for good."


def _all(child: Child) -> list[tuple[str, Child]]:
    below = child.children.values() if isinstance(child, Node) else ()
    return [(child.path, child), *(pair for c in below for pair in _all(c))]


def _steps(system: _Watched, begin: float, name: str) -> Iterator[Step]:
    for number, (at, effect) in enumerate(system.seen):
        if step := _step(effect, at - begin, name):
            yield step
        if (wait := system.waits.get(number, 0.0)) > 0:
            assert isinstance(effect, StateChange)
            yield Step(at - begin, effect.path, "waits", f"{span(wait)} of backoff")


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
            return Step(at, effect.path, "waits", f"{span(effect.delay)} of backoff")
        case Report(context="start_error"):
            return Step(at, effect.path, "fails", str(effect.reason))
        case Report(context="shutdown"):
            return Step(at, effect.supervisor, "gives up", sentence(effect.cause.parent or BOOT))
        case StateChange(state="down", reason=Reason() as reason) if _is_its_own_end(effect):
            return Step(at, effect.path, "ends", f"{_end(reason)}; it is not restarted")
        case Halt():
            return Step(at, "", "is gone", why)
    return None


def _is_its_own_end(change: StateChange) -> bool:
    return change.cause.kind == "exit" and change.cause.path == change.path


def _end(reason: Reason) -> str:
    """How something ends, after a colon."""
    if reason.kind in ("normal", "shutdown"):
        return {"ended normally": "normally"}.get(how(reason), f"it {how(reason)}")
    return str(reason)


def _is_told(change: StateChange) -> bool:
    """A failed start, and the stop of a supervisor that gives up, have a step of their own."""
    cause = change.cause
    return cause.kind == "start_failed" or (cause.kind == "gave_up" and cause.path == change.path)


def _because(cause: Cause, root: str) -> str:
    """Why; that a supervisor gave up is told with all that led to it only once."""
    return f"{named(cause.path or root)} gave up" if cause.kind == "gave_up" else sentence(cause)


def _enough(root: Node) -> int:
    """Attempts after which a tree that is not at rest never will be.

    The time between two attempts grows or stays, so a window that did not overflow while it was
    filled for the first time never does; each supervisor in turn may need that many.
    """
    nodes = [child for _, child in _all(root) if isinstance(child, Node)]
    return min(sum(node.spec.intensity + 2 for node in nodes) + _SOME, _MOST)


def _summary(system: _Watched, path: str, steps: Sequence[Step], not_after: int | None) -> str:
    """What an operator wants to know first; `not_after` so many attempts is the tree at rest."""
    if not_after == _MOST:
        return f"It has not come to rest after {_MOST} attempts; what comes then was not looked at."
    if not_after is not None:
        return f"So it goes on for ever: {not_after} attempts are not too many for the window."
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

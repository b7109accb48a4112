"""Reload: a running tree becomes what another spec says, by steps that an operator could take.

First every supervisor adopts the new spec, at one instant. Then children are stopped and started,
each by an ordinary request to its supervisor, which goes on to supervise meanwhile. A start that
fails leaves that child down and counts as no restart: a bad update must not end a tree. What was
not done is owed, and the next reload does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import evolve

from ..errors import AlreadyStarted, InvalidSpec, NotFound, OtpsupError
from ..specs import ChildSpec, DynamicSupervisor, Supervisor
from .changes import Action, Change, Survey, is_up, survey
from .difference import is_other_kind
from .effects import Reply
from .events import DeleteChild, Reload, StartDeclared, TerminateChild, ToChild
from .node import Node

Ask = Callable[["Reloading", ToChild], None]
"""Puts a request to the engine; its answer comes to `Reloading.answered`."""

_NOT_DONE = "not done: a later update was made meanwhile"

Batch = list[ToChild]
"""Requests that are made at once; all are answered before the next batch is made."""


_LAST: dict[Action, type[ToChild]] = {
    "start": StartDeclared, "restart": StartDeclared, "stop": DeleteChild,
}  # fmt: skip
"""The request with which a change is done; one that was only stopped is not restarted."""


def check_root(root: Node, spec: Supervisor | DynamicSupervisor) -> None:
    """Refuse what a running tree cannot become.

    Raises:
        InvalidSpec: another name, or another kind of root.
    """
    if spec.name != root.spec.name or is_other_kind(root.spec, spec):
        raise InvalidSpec(
            f"cannot reload tree {root.spec.name!r}: the new root is {type(spec).__name__} "
            f"{spec.name!r}, and name and kind of a root stay; stop the tree and run the new one",
            "bad_combination",
        )


class Reloading:
    """One reload, from its first step to its answer."""

    def __init__(self, root: Node, request: Reload, ask: Ask) -> None:
        self._root = root
        self._ref = request.ref
        self._ask = ask
        self._survey = survey(root, request.spec)
        self._changes = list(self._survey.changes())
        self._actions = {change.path: change.action for change in self._changes}
        self._specs = {path: spec for each in self._survey.walk() for path, spec in _specs(each)}
        self._errors: dict[str, str] = {}
        self._open: dict[int, ToChild] = {}
        self._steps = self._batches()
        self._asked: set[tuple[type[ToChild], str]] = set()
        self._is_superseded = False
        self.is_over = False

    def begin(self) -> None:
        """Adopt the new spec, and take the first step."""
        self._root.adopt(self._survey.spec)
        self._owe()
        for each in self._survey.walk():  # some may have to wait no longer
            each.node.executor.release_all()
            each.node.mailbox.drain()
        self._go_on()

    def _owe(self) -> None:
        """Whoever is to be started is owed from here on, however far this reload comes."""
        for change in self._changes:
            child = self._root.core.children.get(change.path)
            if child is None:
                continue
            if change.action == "start":
                child.owed = True
            elif change.action in ("stay", "change") and is_up(child):  # others have started it
                child.owed = False

    def supersede(self) -> list[int]:
        """Take no further step: a later reload does what is left to do. Returns the numbers of the
        requests that waited for their turn, which were taken back."""
        self._is_superseded = True
        taken = [ref for ref, request in self._open.items() if self._take_back(ref, request)]
        for ref in taken:
            self._errors.setdefault(self._open.pop(ref).path, _NOT_DONE)
        self._go_on()
        return taken

    def _take_back(self, ref: int, request: ToChild) -> bool:
        """Who is stopping already, perhaps for this very request, goes on to be stopped."""
        children = self._root.core.children
        child, parent = children.get(request.path), children.get(request.path.rpartition("/")[0])
        if not isinstance(parent, Node):
            return False
        if child is None or not isinstance(request, TerminateChild):
            return parent.mailbox.take_back(ref)
        if child.state == "stopping" or not parent.mailbox.take_back(ref):
            return False
        child.owed = child.owed and child.state == "down"
        return True

    def answered(self, ref: int, error: OtpsupError | None) -> None:
        """One of its requests was answered."""
        request = self._open.pop(ref)
        path = request.path
        child = self._root.core.children.get(path)
        if error is not None and not _is_done_already(request, error):
            self._errors.setdefault(path, str(error))
            if child is not None:
                child.owed = child.state == "down"
        elif child is not None and child.state != "down":
            child.owed = False
        if not self._open:
            self._go_on()

    def _go_on(self) -> None:
        while not self._open:
            batch = None if self._is_superseded else next(self._steps, None)
            if batch is None:
                self._finish()
                return
            asked = [(self._root.core.next_step(), request) for request in batch]
            self._open |= dict(asked)
            self._asked |= {(type(request), request.path) for request in batch}
            for ref, request in asked:
                self._ask(self, evolve(request, ref=ref))

    def _finish(self) -> None:
        if self.is_over:
            return
        self.is_over = True
        self._root.core.emit(Reply(self._ref, tuple(map(self._told, self._changes))))

    def _told(self, change: Change) -> Change:
        error = self._error(change)
        return change if error is None else evolve(change, error=error)

    def _error(self, change: Change) -> str | None:
        last = _LAST.get(change.action)
        is_left = last is not None and (last, change.path) not in self._asked
        left = _NOT_DONE if self._is_superseded and is_left else None
        return self._errors.get(change.path) or left

    # The steps.

    def _batches(self) -> Iterator[Batch]:
        yield from self._stops()
        yield from self._of(self._survey)

    def _of(self, each: Survey) -> Iterator[Batch]:
        """Under a group strategy all of the group stop before the first of them starts; else each
        is gone for no longer than it takes itself, and one after the other."""
        below = {survey.node.path: survey for survey in each.below}
        waves = each.waves()
        if _is_group(each):
            for wave in reversed(waves):
                yield from self._stop(each, list(reversed(wave)))
        for wave in waves:
            for path in filter(below.__contains__, wave):
                yield from self._of(below[path])
            up = [] if _is_group(each) else list(filter(self._is_up, wave))
            for path in up:
                yield from self._stop(each, [path])
                yield self._starts(each, [path])
            others = [path for path in wave if path not in up]
            yield from self._stop(each, others)
            yield self._starts(each, others)

    def _is_up(self, path: str) -> bool:
        child = self._root.core.children.get(path)
        return child is not None and is_up(child)

    def _stops(self) -> Iterator[Batch]:
        """All that go, the last one first."""
        going = [change.path for each in self._survey.walk() for change in each.stops]
        for path in reversed(going):
            yield from self._remove(path)

    def _remove(self, path: str) -> Iterator[Batch]:
        """Until it is gone it is owed: a later reload may want it back."""
        child = self._root.core.children.get(path)
        if child is not None:
            child.owed = child.owed or is_up(child)
            yield [TerminateChild(path=path, for_update=True)]
        if self._has(path):
            yield [DeleteChild(path=path, for_update=True)]

    def _has(self, path: str) -> bool:
        return path in self._root.core.children

    def _stop(self, each: Survey, paths: Sequence[str]) -> Iterator[Batch]:
        """Stop those of these that run as something else than what they will be."""
        up = [path for path in paths if self._is_to_stop(each, path)]
        for path in up:
            self._root.core.children[path].owed = True
        yield [TerminateChild(path=path, for_update=True) for path in up]
        for path in paths:
            if self._is_other(path):
                yield [DeleteChild(path=path, for_update=True)]

    def _is_to_stop(self, each: Survey, path: str) -> bool:
        child = self._root.core.children.get(path)
        if child is None or child.state == "down":
            return False
        is_restarted = self._actions.get(path) == "restart"  # of a supervisor that stays: None
        return is_restarted and (_is_group(each) or not self._is_spared(each, path))

    def _is_spared(self, each: Survey, path: str) -> bool:
        """Another copy of the same program has not started as what this one would become."""
        culprit = self._failed_copy(path)
        if culprit is not None:
            goes_on = f"not restarted, because {culprit!r} did not start; it goes on as it was"
            self._errors.setdefault(path, goes_on)
        return culprit is not None

    def _failed_copy(self, path: str) -> str | None:
        program = self._program(path)
        if program is None:
            return None
        failed = (other for other in self._errors if self._program(other) == program)
        return next((other for other in failed if not self._is_up(other)), None)

    def _program(self, path: str) -> tuple[str, str] | None:
        """Of what a child is a copy, and below which supervisor."""
        copy = getattr(self._specs.get(path), "copy", None)
        return None if copy is None else (path.rpartition("/")[0], str(copy.of))

    def _is_other(self, path: str) -> bool:
        """Whether the record is of another kind than it will be."""
        child, spec = self._root.core.children.get(path), self._specs.get(path)
        return child is not None and spec is not None and is_other_kind(child.spec, spec)

    def _starts(self, each: Survey, paths: Sequence[str]) -> Batch:
        return [request for path in paths if (request := self._start(each, path))]

    def _start(self, each: Survey, path: str) -> ToChild | None:
        if culprit := self._in_the_way(each, path):
            self._errors[path] = f"not started, because {culprit!r} did not start"
            return None
        child, spec = self._root.core.children.get(path), self._specs.get(path)
        if spec is None or (child is not None and is_up(child)):
            return None  # somebody was quicker
        if child is None:
            child = each.node.add_later(spec)
            each.node.arrange()
        return StartDeclared(path=path, for_update=True)

    def _in_the_way(self, each: Survey, path: str) -> str | None:
        """One that did not start, and whose end would have taken this one along."""
        children = self._root.core.children
        child = children.get(path)
        if not _is_group(each) or child is None:
            return None
        failed = (children[p] for p in self._errors if p in children and p != path)
        for other in failed:
            if other.parent is each.node and each.node.order.is_in_rest(child, other):
                return other.path
        return None


def _is_done_already(request: ToChild, error: OtpsupError) -> bool:
    """Whether somebody was quicker, perhaps an earlier reload."""
    if isinstance(request, DeleteChild):
        return isinstance(error, NotFound)
    return isinstance(error, AlreadyStarted)


def _is_group(each: Survey) -> bool:
    return isinstance(each.spec, Supervisor) and each.spec.strategy != "one_for_one"


def _specs(each: Survey) -> Iterator[tuple[str, ChildSpec]]:
    """What the new spec says of the children of one supervisor, by path."""
    children = each.spec.children if isinstance(each.spec, Supervisor) else ()
    return ((each.node.path_of(child.name), child) for child in children)

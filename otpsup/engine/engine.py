"""The engine: events in, effects out. The only door to the decisions.

    engine = Engine(spec, random)
    effects = engine.handle(event, now)
    engine.deadline        # when to call handle(Tick(), now) if nothing else happens

Routes each event to the child or supervisor it is about. Not thread-safe: one caller.
A driver must serve the events it has before it ticks for a deadline that has come; that puts the
retry of a failed start behind everything that is queued already (OTP.md 11.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import errors
from ..specs import Command, DynamicSupervisor, Supervisor, Worker
from ..specs.check import shown
from . import checkpoint, forecast
from .cause import BOOT, Cause
from .changes import survey
from .checkpoint import Checkpoint
from .child import UP, Child
from .core import Core
from .effects import Effect, Halt, LastOutput, Reply
from .events import (
    Boot,
    Event,
    Exited,
    Healthy,
    Ignored,
    LastLines,
    Marked,
    NotYet,
    Ready,
    Reload,
    Request,
    Resume,
    Shutdown,
    Spawned,
    StartChild,
    StartDeclared,
    StatusText,
    StopSupervisor,
    Suspend,
    ToChild,
    ToSupervisor,
    Unhealthy,
    Unstartable,
)
from .node import How, Node
from .process import ProcessChild
from .reasons import SHUTDOWN, Reason
from .reload import Reloading, check_root
from .requests import not_found
from .snapshot import ChildStatus, current_spec, snapshot


class Engine:
    """The decisions of one tree.

    Args:
        spec: the root supervisor.
        random: numbers from 0 to 1, for jitter; `random.random` or a seeded one.
    """

    def __init__(
        self, spec: Supervisor | DynamicSupervisor, random: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._core = Core(random)
        self._top = _Top(self._core)
        self.root = Node(self._core, spec, "", self._top)
        self._reloads: list[Reloading] = []
        self._steps: dict[int, Reloading] = {}

    @property
    def deadline(self) -> float | None:
        """When `Tick` is due, in the clock of `now`; None if nothing is waited for."""
        return self._core.timers.deadline

    @property
    def children(self) -> Mapping[str, Child]:
        """The records of all children and supervisors, by their paths; to be looked at."""
        return self._core.children

    @property
    def is_halted(self) -> bool:
        """True once the root has ended; only a new engine can start again."""
        return self._top.halted

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in one event at the time `now` (seconds, monotonic); return what to do, in order."""
        core = self._core
        if now > core.now:
            core.now = now
        on_news = _ON_NEWS.get(type(event))
        if on_news is not None:
            news: Any = event
            child = core.children.get(news.path)
            if isinstance(child, ProcessChild) and child.run == news.run:
                on_news(child, news)  # else it is of an incarnation that is over
        elif isinstance(event, Request):
            self._request(event)
        elif isinstance(event, LastLines):
            self._last_lines(event)
        else:
            self._tick()
        effects = core.take_effects()
        return self._without_own_replies(effects) if self._reloads else effects

    def _without_own_replies(self, effects: list[Effect]) -> list[Effect]:
        """Give the answers to the steps of reloads to these; they lead to further effects."""
        outside: list[Effect] = []
        for effect in effects:  # which grows meanwhile
            reload = self._steps.pop(effect.ref, None) if isinstance(effect, Reply) else None
            if reload is None:
                outside.append(effect)
                continue
            assert isinstance(effect, Reply)
            reload.answered(effect.ref, effect.error)
            effects += self._core.take_effects()
        self._reloads = [reload for reload in self._reloads if not reload.is_over]
        return outside

    def snapshot(self, epoch: float = 0.0, now: float | None = None) -> ChildStatus:
        """The whole tree as a value.

        Args:
            epoch: turns the engine's clock into the caller's.
            now: the time, in the engine's clock; that of the last event if not given.
        """
        self._clock(now)
        return snapshot(self.root, epoch)

    def spec(self) -> Supervisor | DynamicSupervisor:
        """The root's spec as it is now: with the children that were added, without the deleted."""
        return current_spec(self.root)

    def _clock(self, now: float | None) -> None:
        """The clock goes on, never back."""
        if now is not None and now > self._core.now:
            self._core.now = now

    def checkpoint(self, now: float | None = None) -> Checkpoint:
        """What is remembered of the tree at this time; that of the last event if not given."""
        self._clock(now)
        return checkpoint.take(self.root)

    def resume(self, begin: Checkpoint) -> None:
        """Instead of `Boot`: be, at the time 0, where another engine of this tree was; see `go_on`.

        Raises:
            ValueError: it is of another tree.
        """
        checkpoint.resume(self.root, begin)

    def go_on(self) -> list[Effect]:
        """What has to be done at once after `resume`, once all that is up is known to be."""
        checkpoint.go_on(self.root)
        return self._core.take_effects()

    def find(self, path: str) -> Child | None:
        """The record of this path."""
        return self._core.children.get(path)

    def restarts_at_once(self, path: str, run: int, spec: Worker | Command, now: float) -> int:
        """How many ends in a row of this child, by itself and as of now, may be answered before
        they are told: each would lead to the start of the same spec with the same arguments at
        once, and to nothing else that is to be done to a process.

        Whatever else happens to the tree may change that, and siblings use up the same window:
        ask again then.

        Args:
            path, run, spec: an incarnation and what it was made of; 0 if another is there by now.
            now: the time, in the engine's clock.
        """
        self._clock(now)
        child = self._core.children.get(path)
        if not isinstance(child, ProcessChild) or child.run != run or self._reloads:
            return 0
        return forecast.restarts_at_once(child, spec)

    def nobody(self, verb: str, path: str) -> errors.NotFound:
        """The error for who asks for a path of which there is no record."""
        return not_found(verb, path, self._core.children)

    def _last_lines(self, event: LastLines) -> None:
        """Tell them, whatever has become of the child; they belong to its end only if it has had
        no other since."""
        child = self._core.children.get(event.path)
        if child is not None and child.last_run == event.run:
            child.last_output = event.lines
        self._core.emit(LastOutput(self._core.now, event.path, event.lines))

    def _tick(self) -> None:
        for child in self._core.timers.due(self._core.now):
            child.timeout()

    def _request(self, request: Request) -> None:
        match request:
            case Boot():
                self._top.boot(self.root, request.ref)
            case Shutdown():
                self._top.shutdown(self.root, request)
            case ToSupervisor():
                self._to_supervisor(request)
            case ToChild():
                self._to_child(request)
            case Reload():
                self._reload(request)

    def _reload(self, request: Reload) -> None:
        try:
            if self.root.state not in ("starting", "running"):
                raise self.root.not_running()
            check_root(self.root, request.spec)
        except errors.OtpsupError as error:
            self._refuse(request, error)
            return
        if request.preview:
            told = tuple(survey(self.root, request.spec).changes())
            self._core.emit(Reply(request.ref, told))
            return
        for earlier in self._reloads:
            for ref in earlier.supersede():
                del self._steps[ref]
        reload = Reloading(self.root, request, self._step)
        self._reloads.append(reload)
        reload.begin()

    def _step(self, reload: Reloading, request: ToChild) -> None:
        """A reload asks; the answer is for it alone."""
        self._steps[request.ref] = reload
        self._to_child(request)

    def _to_supervisor(self, request: ToSupervisor) -> None:
        node = self._core.children.get(request.path)
        if isinstance(node, Node):
            self._to_node(node, request)
        elif node is None:
            self._refuse(request, not_found("use", request.path, self._core.children))
        else:
            text = f"{request.path!r} is a {node.type}; only supervisors have children"
            self._refuse(request, errors.NotASupervisor(text))

    def _to_node(self, node: Node, request: ToSupervisor) -> None:
        """What suspends and resumes a mailbox does not go through it; nor does a kill."""
        match request:
            case Suspend() if node.state not in UP:  # there is no process (OTP: `noproc`)
                self._refuse(request, node.not_running())
                return
            case Suspend():
                node.mailbox.hold()
            case Resume(one=True):
                node.mailbox.step()
            case Resume():
                node.mailbox.release()
            case StopSupervisor(hurry=True):
                node.killed(request)
            case _:
                node.post(request)
                return
        self._core.emit(Reply(request.ref))

    def _to_child(self, request: ToChild) -> None:
        if isinstance(request, StartDeclared) and self._is_for_pool(request):
            self._request(_instance(request))
            return
        try:
            self._parent_for(request).post(request)
        except errors.OtpsupError as error:
            self._refuse(request, error)

    def _is_for_pool(self, request: StartDeclared) -> bool:
        node = self._core.children.get(request.path)
        is_pool = isinstance(node, Node) and node.is_dynamic and node.state == "running"
        return is_pool and not request.restart_only

    def _parent_for(self, request: ToChild) -> Node:
        """The supervisor whose child the request is about."""
        if request.path == "":
            text = "the root is not a child; start, stop or shut down the tree instead"
            raise errors.NotFound(text)
        if isinstance(request, StartDeclared) and request.args:
            raise errors.NotASupervisor(
                f"cannot start {shown(request.path)} with arguments: only a running dynamic "
                "supervisor takes them, for a new instance of its template"
            )
        parent = self._core.children.get(request.path.rpartition("/")[0])
        if not isinstance(parent, Node):
            raise not_found("find", request.path, self._core.children)
        return parent

    def _refuse(self, request: Request, error: errors.OtpsupError) -> None:
        self._core.emit(Reply(request.ref, error=error))


def _not_yet(child: ProcessChild, event: NotYet) -> None:
    child.why_not = event.why


def _status(child: ProcessChild, event: StatusText) -> None:
    child.status = event.text


_ON_NEWS: dict[type[Any], Callable[[ProcessChild, Any], None]] = {
    Spawned: lambda child, event: child.spawned(event.pid),
    Ready: lambda child, event: child.ready(event.info),
    Healthy: lambda child, _: child.healthy(),
    Unhealthy: lambda child, event: child.unhealthy(event.reason),
    Marked: lambda child, event: child.mark(event.why),
    Ignored: lambda child, _: child.ignored(),
    Unstartable: lambda child, event: child.unstartable(event.reason),
    Exited: lambda child, event: child.exited(event.exit, event.reason),
    NotYet: _not_yet,
    StatusText: _status,
}


def _instance(request: StartDeclared) -> StartChild:
    return StartChild(ref=request.ref, caller=request.caller, path=request.path, args=request.args)


class _Top:
    """Stands above the root: answers for the tree as a whole."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._boot_ref: int | None = None
        self._stop_refs: list[int] = []
        self.halted = False

    def boot(self, root: Node, ref: int) -> None:
        """Start the root, once."""
        if root.state != "down" or self.halted:
            text = f"cannot start tree {root.name!r}: it was started already"
            self._core.emit(Reply(ref, error=errors.AlreadyStarted(text)))
            return
        self._boot_ref = ref
        root.start(BOOT)

    def shutdown(self, root: Node, request: Shutdown) -> None:
        """Stop the root; everybody who asks is answered when nothing is left."""
        if root.state == "down":
            self._core.emit(Reply(request.ref))
            return
        self._stop_refs.append(request.ref)
        root.stop(Cause("shutdown", by=request.caller))
        if request.hurry:
            root.kill(root.cause)

    def child_spawned(self, child: Child) -> None:
        """A supervisor is no process."""

    def child_ready(self, child: Child) -> None:
        """The tree is up."""
        self._answer_boot(None)

    def child_healthy(self, child: Child) -> None:
        """Nobody waits for that."""

    def child_ignored(self, child: Child) -> None:
        """A supervisor does not decline."""

    def child_start_failed(self, child: Child, reason: Reason) -> None:
        """The tree did not come up; all that was up is down again."""
        cause = child.cause
        child.move("gone", cause, reason)
        self._answer_boot(errors.StartFailed(f"cannot start tree {child.name!r}: {reason}"))
        self._halt("start_failed", reason, cause)

    def child_stopped(self, child: Child, reason: Reason | None) -> None:
        """The tree was stopped, perhaps while it was ending anyway."""
        assert isinstance(child, Node)
        self._halt(child.how or "stopped", reason or SHUTDOWN, child.cause)

    def child_exited(self, child: Child) -> None:
        """The tree gave up, or significant children ended it."""
        assert isinstance(child, Node)
        reason, cause = child.pending or SHUTDOWN, child.cause
        child.move("gone", cause, reason)
        self._halt(child.how or "gave_up", reason, cause)

    def child_retry_due(self, child: Child) -> None:
        """Nobody restarts the root."""

    def _answer_boot(self, error: errors.OtpsupError | None) -> None:
        if self._boot_ref is not None:
            self._core.emit(Reply(self._boot_ref, error=error))
            self._boot_ref = None

    def _halt(self, how: How, reason: Reason, cause: Cause) -> None:
        self.halted = True
        self._answer_boot(errors.StartFailed(f"stopped before it was up: {reason}"))
        for ref in self._stop_refs:
            self._core.emit(Reply(ref))
        self._stop_refs.clear()
        self._core.emit(Halt(how, reason, cause))

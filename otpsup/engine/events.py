"""What can happen to a tree: news of its processes, the passing of time, and requests.

Frozen values. `path` names a child from the root down (`"backend/db"`, the root is `""`); `run`
counts a child's incarnations, so that late news of an old one is recognised and dropped.
"""

from __future__ import annotations

from typing import Any

from attrs import field

from ..specs import ChildSpec, DynamicSupervisor, Supervisor
from .reasons import EXIT_0, Exit, Reason
from .value import value


@value
class Spawned:
    """The process exists; it is up, not yet ready."""

    path: str
    run: int
    pid: int


@value
class Ready:
    """The child is ready; `info` goes to whoever asked for the start."""

    path: str
    run: int
    info: Any = None


@value
class Healthy:
    """The child says that all is well."""

    path: str
    run: int


@value
class Unhealthy:
    """A check of its liveness, or of its startup, has failed: it is to be ended, which counts as an
    end by itself."""

    path: str
    run: int
    reason: Reason


@value
class Marked:
    """Whether it can serve just now, by the checks of its readiness; `why` not, or ""."""

    path: str
    run: int
    why: str


@value
class Ignored:
    """The child declined to run (OTP: its start function returned `ignore`)."""

    path: str
    run: int


@value
class Unstartable:
    """No process could be made, or it can never get ready."""

    path: str
    run: int
    reason: Reason


@value
class NotYet:
    """It was tried, and the child is not ready yet; `why` is told if its start times out."""

    path: str
    run: int
    why: str


@value
class Exited:
    """The process is gone. `reason` overrides what `exit` says (a simulated child's own word)."""

    path: str
    run: int
    exit: Exit = EXIT_0
    reason: Reason | None = None


@value
class LastLines:
    """What an incarnation that is over wrote last. It may come when another one is up already.

    `lines` are fit to be shown: without secrets, and without what steers a terminal.
    """

    path: str
    run: int
    lines: tuple[str, ...]


@value
class StatusText:
    """The child says what it is doing, for people."""

    path: str
    run: int
    text: str


@value
class Tick:
    """Time has passed; nothing else happened."""


@value(kw_only=True)
class Request:
    """The base of all requests.

    Attributes:
        ref: chosen by who asks, given back in the `Reply`.
        caller: path of the child that asks; None from outside the tree.
        for_update: it is a step of a reload.
    """

    ref: int = 0
    caller: str | None = None
    for_update: bool = False


@value
class Boot(Request):
    """Start the tree. Answered when all of it is up, or with `StartFailed`."""


@value
class Shutdown(Request):
    """Stop the tree in reverse order; answered when nothing of it is left.

    `hurry` kills instead of asking; a second Shutdown with `hurry` hastens a running one.
    """

    hurry: bool = False


@value
class ToSupervisor(Request):
    """The base of requests about one supervisor; `path` is the supervisor's."""

    path: str


@value
class StartChild(ToSupervisor):
    """Add a child and start it; on a dynamic supervisor, start an instance with `args`."""

    spec: ChildSpec | None = None
    args: tuple[Any, ...] = ()


@value
class StopSupervisor(ToSupervisor):
    """Let a supervisor end by itself, with this reason (OTP: `supervisor:stop/3`).

    Its own supervisor then does as after any end: it may start it again. `hurry` kills all below
    it instead of asking, and at once, whatever else it has to do.
    """

    reason: Reason
    hurry: bool = False


@value
class Suspend(ToSupervisor):
    """Let a supervisor handle nothing until it is resumed (OTP: `sys:suspend/1`)."""


@value
class Resume(ToSupervisor):
    """Let it handle what has arrived meanwhile, in the order of arrival (OTP: `sys:resume/1`).

    With `one`, only the first message that can be handled now; it stays suspended.
    """

    one: bool = False


@value
class WhichChildren(ToSupervisor):
    """Tell name, state and kind of each child, in start order."""


@value
class CountChildren(ToSupervisor):
    """Count specs, active children, supervisors and workers."""


@value
class ToChild(Request):
    """The base of requests about one child; `path` is the child's."""

    path: str


@value
class StartDeclared(ToChild):
    """Start a declared child that is down (OTP: `restart_child`).

    If the path is a running dynamic supervisor's, start an instance of its template with `args`.
    """

    args: tuple[Any, ...] = ()
    restart_only: bool = field(default=False, kw_only=True)


@value
class TerminateChild(ToChild):
    """Stop a child; it stays down until somebody starts it."""


@value
class ReplaceChild(ToChild):
    """Stop a child if it is up, and start it, as one step that nothing can come between."""


@value
class MonitorChild(ToChild):
    """Restart the child when it ends by itself (`on`), or leave it down then (monit: unmonitor)."""

    on: bool = True


@value
class DeleteChild(ToChild):
    """Forget a child that is down."""


@value
class Reload(Request):
    """Become what this spec of the root says, with as little done as that takes.

    Answered with a tuple of `engine.changes.Change`. With `preview` nothing is done, and it tells
    what would be.
    """

    spec: Supervisor | DynamicSupervisor
    preview: bool = False


News = (
    Spawned | Ready | Healthy | Unhealthy | Marked | NotYet | Ignored | Unstartable | Exited
    | StatusText
)  # fmt: skip
Event = News | LastLines | Tick | Request

"""What a tree shows of itself: statuses, changes and events, as frozen values.

A client reads these; it must not need the engine, which takes longer to load than most commands to
run. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from attrs import field, frozen

State = Literal["down", "starting", "running", "stopping", "restarting"]


@frozen
class ChildStatus:
    """One node of the tree.

    Attributes:
        name, path: its own name, and the path from the root down (`""` is the root).
        type: `worker`, `command`, `supervisor` or `dynamic_supervisor`.
        state: `down`, `starting`, `running`, `stopping` or `restarting`.
        ready: True if it can serve; up is not ready, see the checks of its `readiness`.
        pid: its process, or None.
        since: when it entered this state, in seconds since the epoch.
        restarts: how often it was restarted automatically.
        last_exit: how it ended last, in words, or None.
        status: what it says of itself, or None.
        info: what it gave to `ready(info)`, or None.
        children: the nodes below it, in start order.
        why: why it is in this state, and what led to that, in sentences, the latest first.
        next_attempt: when it is tried again, in seconds since the epoch, or None.
        waits: what it waits for, in words, or None.
        last_output: what it wrote last before it ended as `last_exit` says, if it crashed.
        wanted: whether it is to run: False if nobody has started it, somebody has stopped it, or it
            has ended and is not to be restarted.
    """

    name: str
    path: str
    type: str
    state: State
    ready: bool
    pid: int | None
    since: float
    restarts: int
    last_exit: str | None
    status: str | None = None
    info: Any = None
    children: tuple[ChildStatus, ...] = ()
    why: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    next_attempt: float | None = None
    waits: str | None = None
    last_output: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    wanted: bool = True

    def walk(self) -> Iterator[ChildStatus]:
        """This node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def gave_up(self) -> bool:
        """It is a supervisor that has ended, because one was restarted too often."""
        return self.why[:1] == (f"{self.path} is down because it gave up",)

    def find(self, path: str) -> ChildStatus | None:
        """The node of this path, or None."""
        return next((node for node in self.walk() if node.path == path), None)


Action = Literal["start", "stop", "restart", "change", "stay"]

ACTIONS: tuple[Action, ...] = ("start", "stop", "restart", "change", "stay")


@frozen
class Change:
    """What a reload does to one child.

    Attributes:
        path: of the child.
        action: `start`, `stop` (for good: it is forgotten), `restart`; `change` in place, its
            process keeps its pid; `stay`.
        why: in words.
        error: why it could not be done, once it was tried; else None.
    """

    path: str
    action: Action
    why: str = ""
    error: str | None = None


@frozen
class Event:
    """Something that happened in a tree.

    Attributes:
        at: seconds since the epoch.
        kind: `state` for a change of state; `progress`, `restart`, `child_terminated`,
            `start_error`, `shutdown_error`, `shutdown` as in OTP's supervisor reports;
            `last_output` when it is known what a child that crashed wrote last; `readiness` when a
            child that runs cannot serve just now, for `reason`, or can again, or is being ended
            for its health; `halt` when the tree has ended.
        path: the child; `""` is the root.
        state: the new state, for `state`.
        pid: the process concerned, if any.
        reason: how the child ended, in words, or None.
        cause: why, in words.
        cause_kind: what was decided upon, in one word: `boot`, `request`, `exit`, `retry`, `waits`,
            `satisfied`, `unawaited`, `start_failed`, `retries_used`, `gave_up`, `auto_shutdown`,
            `shutdown`, `fault`; `""` where nothing was.
        chain: the same, and what led to that, the latest first; for `halt` of a tree that gave up,
            how it came to that, from the first crash to the last.
        lines: for `last_output`: up to ten lines, without secrets.
        text: the whole event as one line.
        traceback: of the exception that ended a Python child, or "".
    """

    at: float
    kind: str
    path: str
    state: str | None
    pid: int | None
    reason: str | None
    cause: str
    text: str
    traceback: str = ""
    chain: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    lines: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    cause_kind: str = ""

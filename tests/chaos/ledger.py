"""The books about a tree, kept from its events alone: who ended and began, and whether that had a
reason. Written out here, not taken from the engine."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from otpsup import Event
from otpsup.engine.snapshot import ChildStatus
from otpsup.stream import EventStream

_NEXT = {
    "down": {"starting", "restarting"},
    "starting": {"running", "stopping", "down", "restarting"},
    "running": {"stopping", "down", "restarting"},
    "stopping": {"down", "restarting"},
    "restarting": {"starting", "down"},
}
Incarnation = tuple[str, int]
"""A child's path and its pid."""


class Ledger:
    """What a tree has said.

    Args:
        stream: all of its events since it came up.
        status: how it was then.

    Attributes:
        began, ended, attempts: so many times each child was running, was not any more, and was
            being started, since it came up.
        steps: who was started and stopped lately, in order, as `starts x` and `stops x`.
        alone: children whose latest start was an operator's doing.
    """

    def __init__(self, stream: EventStream, status: ChildStatus) -> None:
        self._stream = stream
        self._states = {node.path: str(node.state) for node in status.walk()}
        self._restarts = {node.path: node.restarts for node in status.walk()}
        self.began: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter()
        self.steps: list[str] = []
        self.alone: set[str] = set()
        self._asked: Counter[str] = Counter()
        self._killed: set[Incarnation] = set()
        self._touched: set[Incarnation] = set()
        self._gone: set[Incarnation] = set()
        self._said: list[str] = []
        self._wrong: list[str] = []
        self._unharmed: list[Incarnation] = []
        self._excused: set[str] = set()
        self._all_excused = False
        self._doubtful_until = 0.0

    # What is done to the tree.

    def killed(self, path: str, pid: int) -> None:
        """SIGKILL was sent to it: it has to end, and to be replaced."""
        self._killed.add((path, pid))
        self._touched.add((path, pid))

    def touched(self, path: str, pid: int) -> None:
        """It was sent another signal, and may end of it."""
        self._touched.add((path, pid))

    def asked(self, path: str) -> None:
        """An operator asked for its restart."""
        self._asked[path] += 1
        self.alone.add(path)

    def excuse(self, *paths: str) -> None:
        """These may end for other reasons, until the next rest; all of them if none is named."""
        self._excused.update(paths)
        self._all_excused |= not paths

    @contextmanager
    def doubting(self) -> Iterator[None]:
        """Whoever is born meanwhile, or just after, may have inherited what it dies of."""
        self._doubtful_until = math.inf
        yield
        self._doubtful_until = time.monotonic() + 1.0

    # What it says.

    def hear(self) -> None:
        """Take in all that was said since."""
        while self._take(0.0):
            pass

    def is_said(self, text: str, within: float) -> bool:
        """Listen until a start has failed with this text; False if that does not come in time."""
        until = time.monotonic() + within
        while not any(text in said for said in self._said):
            if not self._take(max(until - time.monotonic(), 0.0)):
                return False
        return True

    def forget_said(self) -> None:
        """What was said up to now counts no more."""
        self.hear()
        self._said.clear()
        self.steps.clear()

    def is_gone(self, path: str, pid: int) -> bool:
        """Whether the tree has said that this incarnation ended."""
        self.hear()
        return (path, pid) in self._gone

    def _take(self, timeout: float) -> bool:
        try:
            event = self._stream.next(timeout)
        except TimeoutError:
            return False
        if event.kind == "state":
            self._changed(event)
        elif event.kind == "start_error":
            self._said.append(event.reason or "")
        elif event.kind == "child_terminated":
            self._ended_by_itself(event)
        return True

    def _changed(self, event: Event) -> None:
        path, before, now = event.path, self._states[event.path], event.state or ""
        if now not in _NEXT[before]:
            self._wrong.append(f"{path} was {before} and then {now}")
        self._states[path] = now
        if now == "running":
            self.began[path] += 1
            if event.pid and time.monotonic() < self._doubtful_until:
                self._touched.add((path, event.pid))
        elif before == "running":
            self.ended[path] += 1
        if event.pid and now in ("down", "restarting"):
            self._gone.add((path, event.pid))
        self._step(path, now)

    def _step(self, path: str, now: str) -> None:
        if now == "starting":
            self.attempts[path] += 1
            self.steps.append(f"starts {path}")
        elif now == "stopping":
            self.steps.append(f"stops {path}")

    def _ended_by_itself(self, event: Event) -> None:
        self.alone.discard(event.path)
        if (event.path, event.pid) not in self._touched:
            self._unharmed.append((event.path, event.pid or 0))

    # At rest.

    def contradictions(self, status: ChildStatus) -> Iterator[str]:
        """What does not fit together, now that the tree is at rest."""
        self.hear()
        yield from self._wrong
        for path, pid in self._unharmed:
            if not (self._all_excused or path in self._excused):
                yield f"{path} ({pid}) ended, and nobody had done it any harm"
        for path, pid in self._killed - self._gone:
            yield f"{path} ({pid}) was killed, and the tree has not noticed"
        for node in status.walk():
            if node.state != self._states[node.path]:
                yield f"{node.path} is {node.state}, and the last that was said is otherwise"
            if self.began[node.path] != self.ended[node.path] and node.state == "running":
                began, ended = self.began[node.path], self.ended[node.path]
                yield f"{node.path} ended {ended} times, and came up {began} times"
            if (node.path, node.pid) in self._killed:
                yield f"{node.path} ({node.pid}) was killed, and is said to run"
            yield from self._miscounted(node)

    def _miscounted(self, node: ChildStatus) -> Iterator[str]:
        """Outside of groups every start is one restart that the tree counts, or was asked for."""
        if "/" in node.path or node.children or not node.pid:
            return
        counted = node.restarts - self._restarts[node.path]
        if self.attempts[node.path] != counted + self._asked[node.path]:
            yield (
                f"{node.path} was started {self.attempts[node.path]} times, of which "
                f"{counted} count as restarts and {self._asked[node.path]} were asked for"
            )

    def close_account(self) -> None:
        """The tree is at rest and all is well: what was before concerns no later rest."""
        for known in (self._killed, self._touched, self._gone, self._excused):
            known.clear()
        self._all_excused = False
        self.forget_said()
        self._unharmed.clear()

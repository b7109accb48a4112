"""A plan: stop and start steps in a partial order; every stop comes before the first start.

OTP's "one after the other" is the special case of a chain. A plan knows which steps may be done
now; it does not know what a step does or what the plan is for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, Generic, Literal, TypeVar

E = TypeVar("E")

Action = Literal["stop", "start"]

STARTED: Final = 1
READY: Final = 2
HEALTHY: Final = 3
COMPLETED: Final = 4
"""How far a step has come. A start is done at READY, unless another step waits for more; a stop
has only its end."""


class Step(Generic[E]):
    """One thing to do to one child, and the steps that wait for it."""

    __slots__ = ("action", "child", "goal", "unblocks", "waits")

    def __init__(self, action: Action, child: E) -> None:
        self.action: Action = action
        self.child = child
        self.waits = 0
        self.goal = READY
        """How far it has to come to be done."""
        self.unblocks: list[tuple[int, Step[E]]] = []

    def before(self, other: Step[E], level: int = READY) -> None:
        """Make `other` wait until this step has come so far."""
        self.unblocks.append((level, other))
        self.goal = max(self.goal, level)
        other.waits += 1


class Plan(Generic[E]):
    """Steps that are not done yet; `next()` hands out those that wait for nothing."""

    def __init__(
        self,
        stops: Sequence[Step[E]],
        starts: Sequence[Step[E]] = (),
        others: Iterable[E] = (),
    ) -> None:
        self.members: tuple[E, ...] = (
            *(step.child for step in stops),
            *(step.child for step in starts),
            *others,
        )
        """Every child that the plan concerns, whether or not a step is about it."""
        self._runnable = deque(step for step in stops if step.waits == 0)
        self._doing: dict[E, Step[E]] = {}
        self._starts = self._all_starts = starts
        self._stops_left = len(stops)
        self._left = len(stops) + len(starts)
        self.is_advancing = False
        """Somebody is handing out its steps."""

    @property
    def is_done(self) -> bool:
        """True when no step is left."""
        return self._left == 0

    def next(self) -> Step[E] | None:
        """A step that can be done now, or None; it counts as being done from here on."""
        if self._stops_left == 0 and self._starts:
            self._runnable.extend(step for step in self._starts if step.waits == 0)
            self._starts = ()
        if not self._runnable:
            return None
        step = self._runnable.popleft()
        self._doing[step.child] = step
        return step

    def doing(self, child: E) -> Action | None:
        """What is being done to this child right now."""
        step = self._doing.get(child)
        return step.action if step else None

    def will_start(self, child: E) -> bool:
        """Whether a start of this child is among its steps."""
        return any(step.child is child for step in self._all_starts)

    def goal(self, child: E) -> int:
        """How far the step in progress for `child` has to come."""
        return self._doing[child].goal

    def reach(self, child: E, level: int) -> bool:
        """The step in progress for `child` has come so far: what waited for that is runnable.

        Returns:
            whether the step is done.
        """
        step = self._doing[child]
        waiting, step.unblocks = step.unblocks, []
        for needed, other in waiting:
            if needed > level:
                step.unblocks.append((needed, other))
                continue
            other.waits -= 1
            if other.waits == 0:
                self._runnable.append(other)
        if level < step.goal:
            return False
        self._finish(step)
        return True

    def _finish(self, step: Step[E]) -> None:
        del self._doing[step.child]
        self._left -= 1
        if step.action == "stop":
            self._stops_left -= 1

    def complete(self, child: E) -> None:
        """The step in progress for `child` is done, however far others wanted it to come."""
        self.reach(child, COMPLETED)


def chain(action: Action, children: Sequence[E]) -> list[Step[E]]:
    """One after the other (OTP's order)."""
    steps: list[Step[E]] = [Step(action, child) for child in children]
    for earlier, later in pairwise(steps):
        earlier.before(later)
    return steps


def all_at_once(action: Action, children: Sequence[E]) -> list[Step[E]]:
    """Without any order (OTP: the end of a simple_one_for_one supervisor)."""
    return [Step(action, child) for child in children]

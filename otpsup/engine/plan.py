"""A plan: stop and start steps in a partial order.

OTP's "one after the other" is the special case of a chain. A plan knows which steps may be done
now; it does not know what a step does or what the plan is for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Generic, Literal, TypeVar

E = TypeVar("E")

Action = Literal["stop", "start"]


class Step(Generic[E]):
    """One thing to do to one child, and the steps that wait for it."""

    __slots__ = ("action", "child", "unblocks", "waits")

    def __init__(self, action: Action, child: E) -> None:
        self.action: Action = action
        self.child = child
        self.waits = 0
        self.unblocks: list[Step[E]] = []

    def before(self, other: Step[E]) -> None:
        """Make `other` wait for this step."""
        self.unblocks.append(other)
        other.waits += 1


class Plan(Generic[E]):
    """Steps that are not done yet; `next()` hands out those that wait for nothing."""

    def __init__(self, steps: Iterable[Step[E]], others: Iterable[E] = ()) -> None:
        steps = list(steps)
        self.members: tuple[E, ...] = (*(step.child for step in steps), *others)
        """Every child that the plan concerns, whether or not a step is about it."""
        self._runnable = deque(step for step in steps if step.waits == 0)
        self._doing: dict[E, Step[E]] = {}
        self._left = len(steps)

    @property
    def is_done(self) -> bool:
        """True when no step is left."""
        return self._left == 0

    def next(self) -> Step[E] | None:
        """A step that can be done now, or None; it counts as being done from here on."""
        if not self._runnable:
            return None
        step = self._runnable.popleft()
        self._doing[step.child] = step
        return step

    def doing(self, child: E) -> Action | None:
        """What is being done to this child right now."""
        step = self._doing.get(child)
        return step.action if step else None

    def complete(self, child: E) -> None:
        """The step in progress for `child` is done; what waited only for it becomes runnable."""
        step = self._doing.pop(child)
        self._left -= 1
        for other in step.unblocks:
            other.waits -= 1
            if other.waits == 0:
                self._runnable.append(other)


def chain(stops: Sequence[E], starts: Sequence[E]) -> list[Step[E]]:
    """Stop these, then start those, one after the other (OTP's order)."""
    steps: list[Step[E]] = [Step("stop", child) for child in stops]
    steps += [Step("start", child) for child in starts]
    for earlier, later in pairwise(steps):
        earlier.before(later)
    return steps


def all_at_once(stops: Sequence[E]) -> list[Step[E]]:
    """Stop these without any order (OTP: the end of a simple_one_for_one supervisor)."""
    return [Step("stop", child) for child in stops]

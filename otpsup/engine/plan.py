"""A plan: stop and start steps; every stop comes before the first start.

OTP's "one after the other" is `ChainPlan`; `GraphPlan` knows any partial order. A plan knows which
steps may be done now; it does not know what a step does or what the plan is for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, Generic, Literal, TypeVar

E = TypeVar("E")

Action = Literal["stop", "start"]

STARTED: Final = 1
READY: Final = 2
HEALTHY: Final = 3
COMPLETED: Final = 4
"""How far a step has come. A start is done at READY, unless another step waits for more; a stop
has only its end."""


class Plan(Generic[E]):
    """Steps that are not done yet; `next()` hands out those that wait for nothing.

    Attributes:
        members: every child that the plan concerns, whether or not a step is about it.
        is_advancing: somebody is handing out its steps.
    """

    __slots__ = ("is_advancing", "members")

    def __init__(self, members: tuple[E, ...]) -> None:
        self.members = members
        self.is_advancing = False

    @property
    def is_done(self) -> bool:
        """True when no step is left."""
        raise NotImplementedError

    def next(self) -> tuple[Action, E] | None:
        """A step that can be done now, or None; it counts as being done from here on."""
        raise NotImplementedError

    def doing(self, child: E) -> Action | None:
        """What is being done to this child right now."""
        raise NotImplementedError

    def in_progress(self) -> Iterable[E]:
        """Those to whom something is being done right now."""
        raise NotImplementedError

    def goal(self, child: E) -> int:
        """How far the step in progress for `child` has to come."""
        raise NotImplementedError

    def reach(self, child: E, level: int) -> bool:
        """The step in progress for `child` has come so far: what waited for that is runnable.

        Returns:
            whether the step is done.
        """
        raise NotImplementedError

    def will_stop(self, child: E) -> bool:
        """Whether a stop of this child is among its steps, and is not done."""
        raise NotImplementedError

    def will_start(self, child: E) -> bool:
        """Whether a start of this child has not been handed out."""
        raise NotImplementedError

    def left(self) -> Sequence[E]:
        """Those whose start has not been handed out."""
        raise NotImplementedError

    def complete(self, child: E) -> None:
        """The step in progress for `child` is done, however far others wanted it to come."""
        self.reach(child, COMPLETED)


class ChainPlan(Plan[E]):
    """One step after the other.

    Args:
        stops, starts: who is stopped and who is started, each in its order.
        others: whom the plan concerns besides.
    """

    __slots__ = ("_at", "_is_doing", "_places", "_steps", "_stops")

    def __init__(
        self, stops: Sequence[E], starts: Sequence[E] = (), others: Iterable[E] = ()
    ) -> None:
        self._steps = (*stops, *starts)
        self._stops = len(stops)
        self._at = 0
        self._is_doing = False
        self._places: dict[tuple[Action, E], int] | None = None
        super().__init__((*self._steps, *others))

    @property
    def is_done(self) -> bool:
        """True when no step is left."""
        return self._at == len(self._steps)

    def next(self) -> tuple[Action, E] | None:
        """The next step, when the one before it is done."""
        at = self._at
        if self._is_doing or at == len(self._steps):
            return None
        self._is_doing = True
        return "stop" if at < self._stops else "start", self._steps[at]

    def doing(self, child: E) -> Action | None:
        """What is being done to this child right now."""
        if self._is_doing and self._steps[self._at] == child:
            return "stop" if self._at < self._stops else "start"
        return None

    def in_progress(self) -> Iterable[E]:
        """The one whose turn it is."""
        return self._steps[self._at : self._at + self._is_doing]

    def goal(self, child: E) -> int:
        """Nobody waits for more than a start."""
        return READY

    def reach(self, child: E, level: int) -> bool:
        """The step in progress has come so far."""
        if level < READY:
            return False
        self._at += 1
        self._is_doing = False
        return True

    def will_stop(self, child: E) -> bool:
        """Whether a stop of this child is among its steps, and is not done."""
        return self._place("stop", child) >= self._at

    def will_start(self, child: E) -> bool:
        """Whether a start of this child has not been handed out."""
        return self._place("start", child) >= self._at + self._is_doing

    def _place(self, action: Action, child: E) -> int:
        """Where this step stands, or -1. Many may be asked about; most plans end before."""
        if self._places is None:
            stops, starts = self._steps[: self._stops], self._steps[self._stops :]
            steps: list[tuple[Action, E]] = [("stop", each) for each in stops]
            steps += [("start", each) for each in starts]
            self._places = {step: place for place, step in enumerate(steps)}
        return self._places.get((action, child), -1)

    def left(self) -> Sequence[E]:
        """Those whose start has not been handed out."""
        return self._steps[max(self._at + self._is_doing, self._stops) :]


class Step(Generic[E]):
    """One thing to do to one child, and the steps that wait for it."""

    __slots__ = ("action", "child", "goal", "is_given", "unblocks", "waits")

    def __init__(self, action: Action, child: E) -> None:
        self.action: Action = action
        self.child = child
        self.waits = 0
        self.is_given = False
        self.goal = READY
        """How far it has to come to be done."""
        self.unblocks: list[tuple[int, Step[E]]] = []

    def before(self, other: Step[E], level: int = READY) -> None:
        """Make `other` wait until this step has come so far."""
        self.unblocks.append((level, other))
        self.goal = max(self.goal, level)
        other.waits += 1


def _children(steps: Sequence[Step[E]]) -> list[E]:
    return [step.child for step in steps]


class GraphPlan(Plan[E]):
    """Steps in a partial order: each waits for those that were put `before` it.

    Args:
        stops, starts: the steps of either kind.
        others: whom the plan concerns besides.
    """

    __slots__ = (
        *("_doing", "_left", "_runnable", "_starts", "_starts_left"),
        *("_steps", "_stops", "_stops_left"),
    )

    def __init__(
        self,
        stops: Sequence[Step[E]],
        starts: Sequence[Step[E]] = (),
        others: Iterable[E] = (),
    ) -> None:
        self._runnable = deque(step for step in stops if step.waits == 0)
        self._doing: dict[E, Step[E]] = {}
        self._starts = self._starts_left = starts
        self._stops = stops
        self._stops_left = len(stops)
        self._left = len(stops) + len(starts)
        self._steps: dict[tuple[Action, E], Step[E]] | None = None
        super().__init__((*_children(stops), *_children(starts), *others))

    @property
    def is_done(self) -> bool:
        """True when no step is left."""
        return self._left == 0

    def next(self) -> tuple[Action, E] | None:
        """A step that can be done now, or None; it counts as being done from here on."""
        if self._stops_left == 0 and self._starts_left:
            self._runnable.extend(step for step in self._starts if step.waits == 0)
            self._starts_left = ()
        if not self._runnable:
            return None
        step = self._runnable.popleft()
        step.is_given = True
        self._doing[step.child] = step
        return step.action, step.child

    def doing(self, child: E) -> Action | None:
        """What is being done to this child right now."""
        step = self._doing.get(child)
        return step.action if step else None

    def in_progress(self) -> Iterable[E]:
        """Those to whom something is being done right now."""
        return tuple(self._doing)

    def goal(self, child: E) -> int:
        """How far the step in progress for `child` has to come."""
        return self._doing[child].goal

    def reach(self, child: E, level: int) -> bool:
        """The step in progress for `child` has come so far: what waited for that is runnable."""
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

    def will_stop(self, child: E) -> bool:
        """Whether a stop of this child is among its steps, and is not done."""
        if child in self._doing:
            return self._doing[child].action == "stop"
        return self._is_left("stop", child)

    def will_start(self, child: E) -> bool:
        """Whether a start of this child has not been handed out."""
        return self._is_left("start", child)

    def _is_left(self, action: Action, child: E) -> bool:
        """Whether there is such a step that has not been handed out."""
        if self._steps is None:
            self._steps = {(s.action, s.child): s for s in (*self._stops, *self._starts)}
        step = self._steps.get((action, child))
        return step is not None and not step.is_given

    def left(self) -> Sequence[E]:
        """Those whose start has not been handed out."""
        return [step.child for step in self._starts if not step.is_given]

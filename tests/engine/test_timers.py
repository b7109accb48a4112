"""Deadlines, against a plain dictionary."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from otpsup.engine.timers import Timers

owners = st.sampled_from("abcde")


class DeadlinesOfMany(RuleBasedStateMachine):
    """Set, cancel and serve in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.timers: Timers[str] = Timers()
        self.expected: dict[str, tuple[float, int]] = {}
        self.now = 0.0
        self.count = 0

    @rule(owner=owners, wait=st.integers(0, 5))
    def set(self, owner: str, wait: int) -> None:
        self.count += 1
        self.timers.set(owner, self.now + wait)
        self.expected[owner] = (self.now + wait, self.count)

    @rule(owner=owners)
    def cancel(self, owner: str) -> None:
        self.timers.cancel(owner)
        self.expected.pop(owner, None)

    @rule(wait=st.integers(0, 4))
    def serve(self, wait: int) -> None:
        self.now += wait
        due = [owner for owner, (at, _) in self.expected.items() if at <= self.now]

        assert sorted(due, key=self.expected.__getitem__) == list(self.timers.due(self.now))

        for owner in due:
            del self.expected[owner]

    @invariant()
    def deadline_is_the_earliest(self) -> None:
        times = [at for at, _ in self.expected.values()]
        assert min(times, default=None) == self.timers.deadline


TestDeadlinesOfMany = DeadlinesOfMany.TestCase
TestDeadlinesOfMany.settings = settings(stateful_step_count=30)


def test_set_while_serving() -> None:
    """What is set while deadlines are served waits for the next time, even if it is due."""
    timers: Timers[str] = Timers()
    timers.set("a", 1.0)
    timers.set("b", 1.0)
    served = []
    for owner in timers.due(2.0):
        served.append(owner)
        timers.set(owner, 2.0)

    assert served == ["a", "b"]
    assert timers.deadline == 2.0
    assert list(timers.due(2.0)) == ["a", "b"]


def test_cancelled_while_serving() -> None:
    """What is cancelled while deadlines are served is not served any more."""
    timers: Timers[str] = Timers()
    timers.set("a", 1.0)
    timers.set("b", 1.0)
    served = []
    for owner in timers.due(1.0):
        served.append(owner)
        timers.cancel("b")

    assert served == ["a"]
    assert timers.deadline is None


def test_cancelled_deadlines_do_not_pile_up() -> None:
    """Setting and cancelling for ever takes no memory, even behind a deadline that stays."""
    timers: Timers[str] = Timers()
    timers.set("patient", 1.0)
    for number in range(10_000):
        timers.set("busy", 10.0 + number)
        timers.cancel("busy")

    assert timers.deadline == 1.0
    assert len(timers.__dict__["_heap"]) < 20

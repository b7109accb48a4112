"""Plans: steps in a partial order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup.engine.plan import STARTED, Action, ChainPlan, GraphPlan, Plan, Step

Edges = set[tuple[int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Edges]:
    """A number of steps, and pairs of which the first is before the second."""
    size = draw(st.integers(0, 12))
    pairs = [(a, b) for b in range(size) for a in range(b)]
    return size, set(draw(st.lists(st.sampled_from(pairs), unique=True))) if pairs else set()


@given(graph=graphs(), data=st.data())
def test_partial_order(graph: tuple[int, Edges], data: st.DataObject) -> None:
    """A step is handed out once, exactly when all before it are complete, whatever the order."""
    size, edges = graph
    steps = [Step[int]("start", number) for number in range(size)]
    for before, after in edges:
        steps[before].before(steps[after])
    plan = GraphPlan([], data.draw(st.permutations(steps)))
    handed_out: list[int] = []
    doing: set[int] = set()
    complete: set[int] = set()
    while not plan.is_done:
        while step := plan.next():
            handed_out.append(step[1])
            doing.add(step[1])
        ready = {n for n in range(size) if all(a in complete for a, b in edges if b == n)}

        assert ready == doing | complete
        assert all(plan.doing(n) == ("start" if n in doing else None) for n in range(size))

        done = data.draw(st.sampled_from(sorted(doing)))
        doing.remove(done)
        complete.add(done)
        plan.complete(done)

    assert sorted(handed_out) == list(range(size))
    assert plan.next() is None


def linked(action: Action, children: list[int]) -> list[Step[int]]:
    """Steps, each of which waits for the one before it."""
    steps = [Step(action, child) for child in children]
    for before, after in pairwise(steps):
        before.before(after)
    return steps


LISTS = st.lists(st.integers(), unique=True)


@given(LISTS, LISTS)
def test_chain(stops: list[int], starts: list[int]) -> None:
    """A chain is OTP's order, one after the other, all stops before all starts; and it is what a
    graph of such links is."""
    for plan in (
        ChainPlan(stops, starts),
        GraphPlan(linked("stop", stops), linked("start", starts)),
    ):
        done: list[tuple[Action, int]] = []
        while step := plan.next():
            action, child = step
            assert plan.next() is None
            assert plan.doing(child) == action
            assert plan.will_stop(child) == (action == "stop")
            assert plan.doing(object()) is None  # type: ignore[arg-type]
            assert plan.will_start(child) == (action == "stop" and child in starts)
            assert not plan.reach(child, STARTED)
            done.append(step)
            plan.complete(child)
            assert not plan.will_stop(child)

        assert [("stop", n) for n in stops] + [("start", n) for n in starts] == done
        assert plan.is_done
        assert set(plan.members) == {*stops, *starts}


def test_no_order() -> None:
    """Steps that wait for nothing are handed out together, and the plan is done with the last."""
    plan = GraphPlan([Step("stop", child) for child in "cba"])
    given_out = [child for _, child in iter(plan.next, None)]
    plan.complete("b")
    plan.complete("c")

    assert given_out == ["c", "b", "a"]
    assert not plan.is_done

    plan.complete("a")

    assert plan.is_done


def test_members() -> None:
    """A plan concerns the children of its steps, and others that it was told of."""
    chain = ChainPlan("b", "a", "x")
    graph = GraphPlan([Step("stop", "b")], [Step("start", "a")], "x")

    assert chain.members == graph.members == ("b", "a", "x")


@pytest.mark.parametrize("plan", [ChainPlan[str]([]), GraphPlan[str]([])])
def test_empty(plan: Plan[str]) -> None:
    """A plan without steps is done from the start."""
    assert plan.is_done
    assert plan.next() is None

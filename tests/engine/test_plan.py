"""Plans: steps in a partial order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otpsup.engine.plan import Action, Plan, Step, all_at_once, chain

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
    plan = Plan([], data.draw(st.permutations(steps)))
    handed_out: list[int] = []
    doing: set[int] = set()
    complete: set[int] = set()
    while not plan.is_done:
        while step := plan.next():
            handed_out.append(step.child)
            doing.add(step.child)
        ready = {n for n in range(size) if all(a in complete for a, b in edges if b == n)}

        assert ready == doing | complete
        assert all(plan.doing(n) == ("start" if n in doing else None) for n in range(size))

        done = data.draw(st.sampled_from(sorted(doing)))
        doing.remove(done)
        complete.add(done)
        plan.complete(done)

    assert sorted(handed_out) == list(range(size))
    assert plan.next() is None


@given(st.lists(st.integers(), unique=True), st.lists(st.integers(), unique=True))
def test_chain(stops: list[int], starts: list[int]) -> None:
    """A chain is OTP's order: one after the other, all stops before all starts."""
    plan = Plan(chain("stop", stops), chain("start", starts))
    done: list[tuple[Action, int]] = []
    while step := plan.next():
        assert plan.next() is None
        done.append((step.action, step.child))
        plan.complete(step.child)

    assert [("stop", n) for n in stops] + [("start", n) for n in starts] == done
    assert plan.is_done


def test_all_at_once() -> None:
    """All stops are handed out together, and the plan is done when the last one is complete."""
    plan = Plan(all_at_once("stop", "cba"))
    given_out = [step.child for step in iter(plan.next, None)]
    plan.complete("b")
    plan.complete("c")

    assert given_out == ["c", "b", "a"]
    assert not plan.is_done

    plan.complete("a")

    assert plan.is_done


def test_members() -> None:
    """A plan concerns the children of its steps, and others that it was told of."""
    plan = Plan(chain("stop", "b"), chain("start", "a"), "x")

    assert set(plan.members) == {"a", "b", "x"}


def test_empty() -> None:
    """A plan without steps is done from the start."""
    plan: Plan[str] = Plan([])

    assert plan.is_done
    assert plan.next() is None

"""`after`: what is a legal dependency, and what the refusals say."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import (
    DynamicSupervisor,
    Supervisor,
    Worker,
    completed,
    healthy,
    ready,
    started,
)
from otpsup.errors import InvalidSpec
from otpsup.specs import After


def worker(name: str, *after: Any, **fields: Any) -> Worker:
    return Worker(name, "app:run", after=after, **fields)


def refusal(*children: Any) -> InvalidSpec:
    """Why these cannot be the children of a supervisor."""
    with pytest.raises(InvalidSpec) as caught:
        Supervisor("top", children=list(children))
    return caught.value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("db", (After("db", "ready"),)),
        (["db"], (After("db", "ready"),)),
        ([ready("db")], (After("db", "ready"),)),
        ([started("db"), healthy("web")], (After("db", "started"), After("web", "healthy"))),
        (completed("job"), (After("job", "completed"),)),
        ((), ()),
    ],
)
def test_ways_of_writing(written: Any, meant: tuple[After, ...]) -> None:
    """A name means ready; one dependency needs no list."""
    assert Worker("a", "app:run", after=written).after == meant


@pytest.mark.parametrize(
    "bad", [3, [3], ["db", "db"], ["db", started("db")], {"db": 1}, [""], None]
)
def test_bad_values(bad: Any) -> None:
    """What is no list of siblings is refused where it is written, with an example."""
    with pytest.raises(InvalidSpec) as caught:
        Worker("a", "app:run", after=bad)

    assert caught.value.reason in ("invalid_after", "invalid_name")
    assert "for example" in str(caught.value)


def test_unknown_name() -> None:
    """A name that no sibling has is refused, with the nearest, or with all that there are."""
    near = refusal(worker("database"), worker("web", "databse"))
    far = refusal(worker("db"), worker("log"), worker("web", "cache"))
    alone = refusal(worker("web", "cache"))

    assert near.reason == "unknown_dependency"
    assert "did you mean 'database'?" in str(near)
    assert "its siblings are 'db', 'log'" in str(far)
    assert "it has no siblings" in str(alone)


def test_cycle() -> None:
    """A cycle is printed, from a child back to itself."""
    error = refusal(worker("a", "c"), worker("b", "a"), worker("c", "b"), worker("d", "a"))

    assert error.reason == "dependency_cycle"
    assert re.search(r"'a' is after 'c' is after 'b' is after 'a'|"
                     r"'b' is after 'a' is after 'c' is after 'b'|"
                     r"'c' is after 'b' is after 'a' is after 'c'", str(error))  # fmt: skip
    assert "'a' is after 'a'" in str(refusal(worker("a", "a")))


def test_what_never_completes() -> None:
    """Nobody may wait for the end of what does not end by itself."""
    permanent = refusal(worker("job"), worker("web", completed("job")))
    below = Supervisor("sub", restart="transient")
    pool = DynamicSupervisor("pool", worker("w"), restart="transient")

    assert "give 'job' restart='transient'" in str(permanent)
    assert "does not end by itself" in str(refusal(below, worker("web", completed("sub"))))
    assert "does not end by itself" in str(refusal(pool, worker("web", completed("pool"))))


def test_what_may_complete() -> None:
    """A task may be waited for, and so may a supervisor that ends with its significant children."""
    task = worker("job", restart="temporary")
    leader = worker("w", restart="transient", significant=True)
    sub = Supervisor("sub", restart="transient", auto_shutdown="any_significant", children=[leader])

    Supervisor("top", children=[task, sub, worker("web", completed("job"), completed("sub"))])


def test_template() -> None:
    """An instance of a template has no siblings to be after."""
    with pytest.raises(InvalidSpec, match="after nobody"):
        DynamicSupervisor("pool", worker("w", "db"))


@given(st.permutations(range(6)), st.data())
def test_every_order_of_a_graph_is_legal(order: list[int], data: st.DataObject) -> None:
    """Children may stand in any order: a graph without a cycle is legal however it is listed."""
    above = st.lists(st.sampled_from(range(6)), unique=True)
    after = {n: [f"w{m}" for m in data.draw(above) if m < n] for n in range(6)}

    Supervisor("top", children=[worker(f"w{n}", *after[n]) for n in order])


@given(st.integers(1, 6), st.data())
def test_every_cycle_is_found(length: int, data: st.DataObject) -> None:
    """A cycle of any length, among any other dependencies, is refused."""
    ring = {f"w{n}": [f"w{(n + 1) % length}"] for n in range(length)}
    of_the_ring = st.lists(st.sampled_from(sorted(ring)), unique=True)
    others = {f"x{n}": data.draw(of_the_ring) for n in range(3)}
    children = [worker(name, *after) for name, after in {**ring, **others}.items()]
    error = refusal(*data.draw(st.permutations(children)))

    assert error.reason == "dependency_cycle"
    assert all(repr(name) in str(error) for name in ring)

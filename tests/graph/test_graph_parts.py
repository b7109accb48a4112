"""What drawings are made with: widths of texts, broken lines, and places in a column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup.graph.layers import columns_of, spread, waves
from otpsup.graph.marks import width, wrap

PRINTABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], include_characters=" ")
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("db", 2), ("樹木", 4), ("e\u0301", 1), ("\uff46", 2), ("🙂", 2), ("é", 1)],
)
def test_width(text: str, expected: int) -> None:
    """Wide letters take two columns, those that are put on others take none."""
    assert width(text) == expected


def test_wrap() -> None:
    """Lines end at blanks, or at what is said to join words; in a word only if it is too long."""
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("one_two_three", 8, "_") == ["one_two_", "three"]
    assert wrap("a, b c, d", 6, ", ") == ["a,", "b c, d"]
    assert wrap("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrap("ab abcdefghij", 4) == ["ab", "abcd", "efgh", "ij"]
    assert wrap("", 4) == [""]


@given(PRINTABLE, st.integers(2, 20))
def test_wrap_any(text: str, columns: int) -> None:
    """No line is too wide, and nothing but blanks is lost."""
    lines = wrap(text, columns)

    assert all(width(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@st.composite
def sources(draw: st.DrawFn) -> dict[str, list[str]]:
    """A graph without cycles."""
    names = [str(number) for number in range(draw(st.integers(1, 30)))]
    graph = {
        name: draw(st.lists(st.sampled_from(names[:number]), max_size=3, unique=True))
        if number
        else []
        for number, name in enumerate(names)
    }
    return {name: graph[name] for name in draw(st.permutations(names))}


@given(sources())
def test_columns(graph: dict[str, list[str]]) -> None:
    """Each stands right of what it depends on; no column is empty, none has more than eight."""
    columns = columns_of(graph)
    places = sorted(columns.values())

    assert all(columns[one] > columns[other] for one, others in graph.items() for other in others)
    assert set(places) == set(range(places[-1] + 1))
    assert max(places.count(column) for column in places) <= 8


@given(sources())
def test_waves(graph: dict[str, list[str]]) -> None:
    """Each is in the first wave after all that it depends on."""
    found = list(waves(graph))
    number = {name: n for n, wave in enumerate(found) for name in wave}

    assert number == {
        name: max((number[other] + 1 for other in others), default=0)
        for name, others in graph.items()
    }


PLACES = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=6)


@given(PLACES, st.data())
def test_spread(wanted: list[float], data: st.DataObject) -> None:
    """Nothing overlaps, order is kept, and no other places are nearer to what is wanted."""
    count = len(wanted)
    steps = data.draw(st.lists(st.integers(1, 30).map(float), min_size=count, max_size=count))
    weights = data.draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))
    found = list(spread(wanted, steps, weights))
    assert len(found) == count
    assert has_room(found, steps)

    moved = [place + data.draw(st.integers(-20, 20)) / 4 for place in found]
    if has_room(moved, steps):
        assert cost(found, wanted, weights) <= cost(moved, wanted, weights) + 1e-6


def has_room(places: list[float], steps: list[float]) -> bool:
    pairs = zip(places, places[1:], steps, strict=False)
    return all(below - above >= step - 1e-9 for above, below, step in pairs)


def cost(places: list[float], wanted: list[float], weights: list[int]) -> float:
    triples = zip(places, wanted, weights, strict=True)
    return sum(weight * (place - want) ** 2 for place, want, weight in triples)

"""Which sibling stands in which column and how high, so that arrows run from left to right.

The layered drawing of Sugiyama, Tagawa and Toda (1981): columns by dependency; an arrow over
several columns has a passage of its own in each; rows are sorted by the mean place of their
neighbours, and heights come as near to theirs as there is room. Decides places; must not know what
stands there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import accumulate, pairwise
from math import isqrt
from operator import add

from attrs import Factory, define, frozen

GAP, LANE = 20.0, 9.0
"""Between two slots of a column; between two passages."""
PASSAGE = 6.0
"""The height of a passage."""
STRAIGHT = 4
"""It matters so many times more where a passage is than where a child is."""
ROWS = 8
"""A column has no more children than that, unless there are very many."""
ROUNDS = 4
"""So often columns are gone through, to and fro, until places are good enough."""

Sources = Mapping[str, Sequence[str]]
"""What each child depends on, in the order of the list."""


def waves(sources: Sources) -> Iterator[tuple[str, ...]]:
    """The children that have nothing to wait for at first, then those that wait for these alone,
    and so on; each time in the order of the list.
    """
    sorter = TopologicalSorter(sources)
    sorter.prepare()
    while sorter.is_active():
        ready = set(sorter.get_ready())
        yield tuple(name for name in sources if name in ready)
        sorter.done(*ready)


def columns_of(sources: Sources) -> dict[str, int]:
    """The column of each child: right of all that it depends on, where there still is room."""
    room = max(ROWS, isqrt(2 * len(sources)))
    wanted = {source for each in sources.values() for source in each}
    columns: dict[str, int] = {}
    taken: dict[int, int] = {}
    for wave in waves(sources):
        for name in sorted(wave, key=lambda name: name not in wanted):
            column = max((columns[source] + 1 for source in sources[name]), default=0)
            while taken.get(column, 0) >= room:
                column += 1
            columns[name] = column
            taken[column] = taken.get(column, 0) + 1
    return columns


@define(eq=False)
class Slot:
    """A place in a column: of a child, or of an arrow that passes.

    Attributes:
        height: how much room it takes.
        port: where arrows arrive, below its upper edge.
        before, after: what joins it to the columns on its left and right.
        y: its upper edge.
    """

    height: float
    port: float
    is_passage: bool = False
    before: list[Link] = Factory(list)
    after: list[Link] = Factory(list)
    y: float = 0.0


@frozen(eq=False)
class Link:
    """A piece of an arrow, from one column to the next; it leaves `exit` below the upper edge."""

    source: Slot
    target: Slot
    exit: float

    @property
    def start(self) -> float:
        """How high it begins."""
        return self.source.y + self.exit

    @property
    def stop(self) -> float:
        """How high it ends."""
        return self.target.y + self.target.port

    @property
    def fall(self) -> float:
        """How much lower it ends than it begins."""
        return self.stop - self.start


class Grid:
    """The columns of some siblings, and the links of their arrows."""

    def __init__(self, heights: Mapping[str, float], sources: Sources, port: float) -> None:
        self.column = columns_of(sources)
        self.slots = {name: Slot(height, port) for name, height in heights.items()}
        self.columns: list[list[Slot]] = [[] for _ in range(max(self.column.values()) + 1)]
        for name, slot in self.slots.items():
            self.columns[self.column[name]].append(slot)
        self._links: dict[tuple[int, int], Link] = {}
        self._passages: dict[tuple[str, float, int], Slot] = {}

    def route(self, source: str, target: str, exit: float) -> list[Link]:
        """The links of an arrow. Arrows that leave at the same point share them while they can."""
        columns = range(self.column[source] + 1, self.column[target])
        passages = (self._passage(source, exit, column) for column in columns)
        slots = [self.slots[source], *passages, self.slots[target]]
        exits = [exit, *[PASSAGE / 2] * len(columns)]
        return [self._link(*pair, exit) for pair, exit in zip(pairwise(slots), exits, strict=True)]

    def _passage(self, source: str, exit: float, column: int) -> Slot:
        key = source, exit, column
        if key not in self._passages:
            self._passages[key] = Slot(PASSAGE, PASSAGE / 2, is_passage=True)
            self.columns[column].append(self._passages[key])
        return self._passages[key]

    def _link(self, source: Slot, target: Slot, exit: float) -> Link:
        key = id(source), id(target)
        if key not in self._links:
            link = self._links[key] = Link(source, target, exit)
            source.after.append(link)
            target.before.append(link)
        return self._links[key]

    def settle(self) -> None:
        """Find the order in each column, then the heights; the highest is at 0."""
        for columns, is_forward in self._rounds():
            for column in columns:
                _sort(column, self._index(), is_forward=is_forward)
        for columns, is_forward in self._rounds():
            for column in columns:
                _level(column, is_forward=is_forward)
        top = min((slot.y for column in self.columns for slot in column), default=0.0)
        for column in self.columns:
            for slot in column:
                slot.y -= top

    @property
    def height(self) -> float:
        """From the highest slot to the lowest; that may be a passage."""
        return max(slot.y + slot.height for column in self.columns for slot in column)

    def _rounds(self) -> Iterator[tuple[Sequence[list[Slot]], bool]]:
        for number in range(ROUNDS):
            is_forward = number % 2 == 0
            yield (self.columns if is_forward else self.columns[::-1]), is_forward

    def _index(self) -> dict[int, int]:
        return {id(slot): n for column in self.columns for n, slot in enumerate(column)}


def _sort(column: list[Slot], index: Mapping[int, int], *, is_forward: bool) -> None:
    """Sort a column by the mean place of the neighbours on one side."""

    def place(slot: Slot) -> float:
        links = slot.before if is_forward else slot.after
        others = [link.source if is_forward else link.target for link in links]
        return _mean([index[id(other)] for other in others] or [index[id(slot)]])

    column.sort(key=place)


def _level(column: Sequence[Slot], *, is_forward: bool) -> None:
    """Move the slots of a column so that links on one side are as level as there is room."""
    if is_forward:
        wanted = [slot.y - _mean([link.fall for link in slot.before]) for slot in column]
    else:
        wanted = [slot.y + _mean([link.fall for link in slot.after]) for slot in column]
    for slot, y in zip(column, spread(wanted, *_needs(column)), strict=True):
        slot.y = y


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _needs(column: Sequence[Slot]) -> tuple[list[float], list[int]]:
    """How far below each slot the next may begin, and how much it matters where it is."""
    gaps = [
        LANE if slot.is_passage and below.is_passage else GAP for slot, below in pairwise(column)
    ]
    steps = [slot.height + gap for slot, gap in zip(column, [*gaps, 0.0], strict=True)]
    return steps, [STRAIGHT if slot.is_passage else 1 for slot in column]


def spread(
    wanted: Sequence[float], steps: Sequence[float], weights: Sequence[int]
) -> Iterator[float]:
    """The places nearest to what is wanted (weighted least squares) at which nothing overlaps.

    Without the room that each takes this is isotonic regression: neighbours that would pass each
    other are pooled at their mean.
    """
    offsets = [0.0, *accumulate(steps)]
    pools: list[tuple[float, int, int]] = []
    for place, offset, weight in zip(wanted, offsets, weights, strict=False):
        pools.append((place - offset, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (later, m, more), (earlier, n, some) = pools.pop(), pools.pop()
            pools.append(((later * m + earlier * n) / (m + n), m + n, more + some))
    places = (place for place, _, count in pools for _ in range(count))
    return map(add, places, offsets)

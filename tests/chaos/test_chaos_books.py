"""The books of a chaos run notice what grows, and nothing else."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from tests.chaos.books import Books, growth, table

FIRST = Books(100, 86, 4, 37.0, 22, 12.0, 9, 24.0)


def series(**last: Any) -> list[Books]:
    """A flat run of 4,000 faults, but for its end."""
    flat = [evolve(FIRST, faults=faults) for faults in range(100, 4000, 100)]
    return [*flat, evolve(FIRST, faults=4000, **last)]


def test_what_is_flat_has_not_grown() -> None:
    """Memory within the margin, and fewer descriptors, are no growth."""
    assert list(growth(series(), since=1000)) == []
    assert list(growth(series(memory=38.9, descriptors=80), since=1000)) == []


def test_one_descriptor_or_thread_more_is_growth() -> None:
    """Even one: over 10,000 faults a leak of any kind shows."""
    for name in ("descriptors", "threads", "launcher_descriptors", "zygote_descriptors"):
        value = getattr(FIRST, name)
        expected = [f"{name} has grown from {value} to {value + 1}"]
        assert list(growth(series(**{name: value + 1}), since=1000)) == expected


def test_memory_beyond_the_margin_is_growth() -> None:
    """5 %, or 2 MiB if that is more."""
    assert list(growth(series(memory=39.1), since=1000)) == ["memory has grown from 37 to 39.1"]
    assert list(growth(series(zygote_memory=26.1), since=1000)) != []


def test_the_table_has_a_line_for_each_figure() -> None:
    """From the least to the most, and how it went."""
    lines = table(series()).splitlines()
    assert len(lines) == 7
    assert lines[0].split()[:4] == ["descriptors", "86", "to", "86"]
    assert lines[0].endswith("█" * 40)

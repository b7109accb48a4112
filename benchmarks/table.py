"""Rows as text: what each module of `rows` prints when it is run alone."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from .report import Row


def show(rows: Iterable[Row]) -> None:
    """Print medians, quartiles, and multiples of the base."""
    for row in rows:
        medians = {each.rival: statistics.median(each.values) for each in row.figures}
        base = medians.get(row.base, 0.0)
        print(f"\n{row.title}, {row.unit}")
        for each in row.figures:
            low, high = quartiles(each.values)
            times = f"{medians[each.rival] / base:8.2f} x" if base else ""
            print(
                f"  {each.rival:26}{medians[each.rival]:10.4g}  ({low:.4g} to {high:.4g})"
                f"{times}  {each.note}",
                flush=True,
            )


def quartiles(values: Iterable[float]) -> tuple[float, float]:
    """The lower and the upper one; of one value, that."""
    found = list(values)
    if len(found) < 2:
        return found[0], found[0]
    low, _, high = statistics.quantiles(found, n=4, method="inclusive")
    return low, high

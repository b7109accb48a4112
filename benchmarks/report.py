"""What a row of the table is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from attrs import frozen

from .rivals.rival import Kind


@frozen
class Figure:
    """One rival's values in one row.

    Attributes:
        values: repetitions or samples; the median is shown, the spread is that of the quartiles.
    """

    rival: str
    kind: Kind
    values: Sequence[float]
    note: str = ""


@frozen
class Row:
    """One kind of work, and what it cost each.

    Attributes:
        base: whose median is 1.0 x.
        target: what otpsup must reach, as a multiple of that of `base`.
    """

    key: str
    title: str
    unit: str
    figures: Sequence[Figure]
    better: Literal["lower", "higher"] = "lower"
    base: str = "limit in C"
    target: float | None = None
    target_is_absolute: bool = False

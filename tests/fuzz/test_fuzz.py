"""Hostile input, a little of it: `python -m tests.fuzz` has more."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import TARGETS, share_of, table
from tests.fuzz.target import Target, Totals, made, run

INPUTS = 4000
"""Of all targets together."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", TARGETS, ids=lambda kind: kind.name)
def test_nothing_breaks(kind: type[Target]) -> None:
    """Whatever comes is accepted or refused: nothing crashes, leaks or forgets the others."""
    target = kind()
    totals = run(target, made(target, 1, max(60, share_of(target, INPUTS))))
    if totals.error is not None:
        totals.error.add_note(f"input: {(totals.input or b'').hex()}")
        raise totals.error
    assert totals.accepted > 0, "nothing was accepted: the inputs are too wild to get far"
    assert totals.accepted < totals.tried


class Fragile(Target):
    """Breaks at the letter x."""

    name = "fragile"

    def feed(self, data: bytes) -> bool:
        return bool(1 // (data != b"x"))


def test_a_crash_is_told() -> None:
    """The run ends at the input that broke something, which can be given again."""
    totals = run(Fragile(), iter([b"a", b"x", b"b"]))
    assert (totals.tried, totals.crashes, totals.input) == (1, 1, b"x")
    assert isinstance(totals.error, ZeroDivisionError)
    assert table([totals]).split("\n")[1].split()[:5] == ["fragile", "1", "1", "0", "1"]
    assert table([Totals("a", tried=1_000)]).split("\n")[-1].split()[1] == "1,000"

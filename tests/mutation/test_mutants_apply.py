"""Every mutant still fits the code: what it changes is there, once, and what comes of it is Python.

Whether the tests notice them is another, longer story: `python -m tests.mutation`.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.mutation.mutants import EQUIVALENT, MUTANTS
from tests.mutation.trial import ROOT, mutated

ALL = (*MUTANTS, *EQUIVALENT)


@pytest.mark.parametrize("file", sorted({mutant.file for mutant in ALL}))
def test_applies(file: str) -> None:
    """The text is found exactly once, and the file with the change in it compiles."""
    text = (ROOT / "otpsup" / file).read_text()
    for mutant in (each for each in ALL if each.file == file):
        changed = mutated(mutant, text)

        assert changed != text, mutant.name
        compile(changed, f"{file}: {mutant.name}", "exec")


def test_the_table() -> None:
    """There are enough of them, and every name stands for one."""
    names = Counter(mutant.name for mutant in ALL)

    assert len(MUTANTS) >= 30
    assert [name for name, count in names.items() if count > 1] == []
    assert all(mutant.rule and mutant.source for mutant in MUTANTS)

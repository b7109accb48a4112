"""Chaos in short: `python -m tests.chaos --faults 150`, with every fault in it at least once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.run import WEIGHTS
from tests.support import ROOT
from tests.support.strays import adopting

_COMMAND = [sys.executable, "-m", "tests.chaos", "--faults", "150", "--seed", "2026"]
_HUNG = 45
"""Seconds from rest to rest, of which there are three; then it tells where it hangs, and ends."""
_LIMIT = 100
"""Seconds for all of it; then it is killed, and its launcher ends what is left."""


@pytest.mark.timeout(_LIMIT + 20)
def test_a_tree_to_which_everything_happens_comes_to_what_the_engine_predicts(
    tmp_path: Path,
) -> None:
    """Kills, shortages, floods, a fork bomb and the death of its helpers: afterwards all is as
    predicted, and nobody is left. It is a process of its own, so that nothing of it stays here
    whatever becomes of it."""
    output = tmp_path / "output"
    with adopting(), output.open("wb") as file:
        process = subprocess.Popen(
            [*_COMMAND, "--hung", str(_HUNG)], cwd=ROOT, stdout=file, stderr=file
        )
        try:
            process.wait(_LIMIT)
        finally:
            process.kill()
            process.wait()
    told = output.read_text()
    assert process.returncode == 0, told
    assert [fault.__name__ for fault in WEIGHTS if f"{fault.__name__} " not in told] == []

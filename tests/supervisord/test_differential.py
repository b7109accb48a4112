"""otpsup answers as the real supervisord does: `python -m tests.supervisord.differential`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.supervisord import differential
from tests.supervisord.scenario import steps


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_same_answers(tmp_path: Path) -> None:
    """All of them, with starts, stops, groups, rereads, and the end."""
    outcome = differential.run_twice(tmp_path, steps)
    assert not outcome.different, "\n".join(map(differential.shown, outcome.different))
    assert outcome.total > 900

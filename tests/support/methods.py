"""How a worker's process may be made, for tests of what must hold for each of these ways."""

from __future__ import annotations

import pytest

METHODS = ("zygote", "spawn", "forkserver", "fork")

SLOW_METHODS = ("spawn", "forkserver")
"""These begin with an interpreter of their own for each test: it is a third of a second."""

every_method = pytest.mark.parametrize("method", METHODS)
"""All of them, each time."""

each_method = pytest.mark.parametrize(
    "method",
    [pytest.param(m, marks=pytest.mark.slow) if m in SLOW_METHODS else m for m in METHODS],
)
"""All of them, but multiprocessing's two slow ones only in the run of those that take their time:
the code of ours that is tested runs in the worker, whichever way it was made."""

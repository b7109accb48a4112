"""A pytest plugin for the run of one mutant: nothing random, stored, or endless.

It also refuses to run at all if the package that is imported is not the one in the current folder.
"""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

import otpsup

PROFILE = "mutants"
MEMORY = 3 << 30
"""Bytes. A mutant that never comes to rest is not to take all there is."""

# The first counterexample is enough; a smaller one need not be looked for.
settings.register_profile(
    PROFILE,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=100,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)


def pytest_configure(config: pytest.Config) -> None:
    """Look where the package comes from, and set the limit."""
    found, here = Path(otpsup.__file__).resolve(), Path.cwd().resolve()
    if not found.is_relative_to(here):
        raise pytest.UsageError(f"tests in {here} would import {found}")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

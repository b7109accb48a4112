"""Options of the test suite."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("thorough", max_examples=3000)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rewrite` regenerates the transcripts."""
    parser.addoption("--rewrite", action="store_true", help="write down what transcripts give now")

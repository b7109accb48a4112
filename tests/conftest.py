"""Options of the test suite.

`--rewrite` regenerates the transcripts. `--hypothesis-profile=thorough --timeout=0` looks for an
hour where the ordinary run looks for seconds.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("thorough", max_examples=10_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rewrite` writes down what the transcripts give now."""
    parser.addoption("--rewrite", action="store_true", help="write down what transcripts give now")

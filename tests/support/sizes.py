"""Properties in two sizes: a few examples each time, many where tests may take their time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy


def sized(
    few: int, many: int, *strategies: SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[[int], None]]:
    """Try so few examples of the strategies, and many in a test of its own that is marked slow."""

    def decorate(property: Callable[..., None]) -> Callable[[int], None]:
        at_length = pytest.param(many, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])

        @pytest.mark.parametrize("examples", [few, at_length])
        def test(examples: int) -> None:
            settings(max_examples=examples)(given(*strategies)(property))()

        test.__name__, test.__doc__ = property.__name__, property.__doc__
        return test

    return decorate

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loguru import logger


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The lines of otpsup's log."""
    lines: list[str] = []
    handler = logger.add(lines.append, format="{message}")
    logger.enable("otpsup")
    yield lines
    logger.disable("otpsup")
    logger.remove(handler)

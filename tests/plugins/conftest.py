from __future__ import annotations

from collections.abc import Iterator

import pytest
from loguru import logger

from otpsup.logger import logger as our_log
from tests.support.waiting import LONG


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The lines of otpsup's log, without those of before that wait to be written still."""
    lines: list[str] = []
    our_log.close(LONG)
    handler = logger.add(lines.append, format="{message}")
    logger.enable("otpsup")
    yield lines
    logger.disable("otpsup")
    logger.remove(handler)

"""What otpsup's log says meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger as loguru_logger

from otpsup.logger import logger


class Lines(list[str]):
    """The lines so far, whole at the end of the `with` block."""


@contextmanager
def logged(level: str = "DEBUG") -> Iterator[Lines]:
    """All lines of this level and above, of those that are said from here on."""
    logger.close(10)
    lines = Lines()
    loguru_logger.enable("otpsup")
    sink = loguru_logger.add(lambda text: lines.append(str(text)), level=level)
    try:
        yield lines
    finally:
        logger.close(10)
        loguru_logger.remove(sink)
        loguru_logger.disable("otpsup")

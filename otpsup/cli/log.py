"""The log of a command that is a program of its own: on standard error."""

from __future__ import annotations

import sys

from . import table

_TEXT = (
    "<green>{time:YYYY-MM-DD HH:mm:ss.SSS}</green> <level>{level: <7}</level> "
    "<level>{message}</level>"
)


def to_stderr(level: str = "INFO", *, is_json: bool = False) -> None:
    """This program is ours, and so is its log."""
    from loguru import logger  # takes more than most commands need

    logger.remove()
    logger.enable("otpsup")
    logger.add(
        sys.stderr, level=level, format="{message}" if is_json else _TEXT, serialize=is_json,
        colorize=not is_json and table.wants_colour(sys.stderr),
    )  # fmt: skip

"""`run`: a program whose whole job is a tree, from a file or a module."""

from __future__ import annotations

import sys

from . import table, target
from .parameters import Options

_TEXT = (
    "<green>{time:YYYY-MM-DD HH:mm:ss.SSS}</green> <level>{level: <7}</level> "
    "<level>{message}</level>"
)


def command(options: Options) -> str:
    """Runs until the tree has ended; exits as `otpsup.run` does."""
    spec = target.declared(options.target)
    from ..program import run  # asyncio, loguru: more than most commands need
    from ..tree import Tree

    _log_to_stderr(options.log_level, is_json=options.log_format == "json")
    file = options.target if target.is_tree_file(options.target) else None
    run(Tree(spec, name=options.name, file=file))


def _log_to_stderr(level: str, *, is_json: bool) -> None:
    """This program is ours, and so is its log."""
    from loguru import logger

    logger.remove()
    logger.add(
        sys.stderr, level=level, format="{message}" if is_json else _TEXT, serialize=is_json,
        colorize=not is_json and table.wants_colour(sys.stderr),
    )  # fmt: skip

"""`run`: a program whose whole job is a tree, from a file or a module; or a supervisord."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

from . import table, target
from .parameters import BadUsage, Options

_CONF = ".conf"
"""What the name of a supervisord.conf ends with."""

_TEXT = (
    "<green>{time:YYYY-MM-DD HH:mm:ss.SSS}</green> <level>{level: <7}</level> "
    "<level>{message}</level>"
)


def command(options: Options) -> NoReturn:
    """Runs until the tree has ended; exits as `otpsup.run` does."""
    if options.conf is not None or str(options.target).endswith(_CONF):
        _supervisord(options)
    if options.target is None:
        raise BadUsage("which tree? name a tree file, MODULE:NAME, or with -c a supervisord.conf")
    found = target.declared_with_plugins(options.target)
    from ..program import run  # asyncio, loguru: more than most commands need
    from ..tree import Tree

    _log_to_stderr(options.log_level, is_json=options.log_format == "json")
    file = options.target if target.is_tree_file(options.target) else None
    run(Tree(found.spec, name=options.name, file=file, plugins=found.plugins))


def _supervisord(options: Options) -> NoReturn:
    """The log, and its levels, are the file's."""
    from loguru import logger

    from ..supervisord.run import run

    if options.conf is not None and options.target is not None:
        raise BadUsage("a tree and -c: two things cannot be run at once")
    logger.remove()
    run(Path(options.conf or options.target), options.name)


def _log_to_stderr(level: str, *, is_json: bool) -> None:
    """This program is ours, and so is its log."""
    from loguru import logger

    logger.remove()
    logger.add(
        sys.stderr, level=level, format="{message}" if is_json else _TEXT, serialize=is_json,
        colorize=not is_json and table.wants_colour(sys.stderr),
    )  # fmt: skip

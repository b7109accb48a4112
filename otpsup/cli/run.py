"""`run`: a program whose whole job is a tree, from a file or a module; or a supervisord."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from . import log, target
from .parameters import BadUsage, Options

_CONF = ".conf"
"""What the name of a supervisord.conf ends with."""


def command(options: Options) -> NoReturn:
    """Runs until the tree has ended; exits as `otpsup.run` does."""
    if options.conf is not None or str(options.target).endswith(_CONF):
        _supervisord(options)
    if options.target is None:
        raise BadUsage("which tree? name a tree file, MODULE:NAME, or with -c a supervisord.conf")
    found = target.declared_with_plugins(options.target)
    from ..program import run  # asyncio, loguru: more than most commands need
    from ..tree import Tree

    log.to_stderr(options.log_level, is_json=options.log_format == "json")
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

"""`wait`: until a tree is there, or its children are, or are ready."""

from __future__ import annotations

import time

from ..control.client import TreeClient
from ..errors import NotFound, NotRunning
from ..views import ChildStatus
from ..waiting import looked, too_late
from . import progress, show
from .parameters import Options

_AGAIN = 0.1
"""Seconds between two looks: a tree that is not there yet can tell nobody that it comes."""


def command(options: Options) -> str:
    """Wait, and say the states."""
    deadline = None if options.timeout is None else time.monotonic() + options.timeout
    with progress.shown(options, "waiting for the tree"):
        nodes = _wait(options, deadline)
    return show.pairs({node.path or node.name: node.state for node in nodes}, options)


def _wait(options: Options, deadline: float | None) -> list[ChildStatus]:
    while True:
        nodes, lacking = _look(options)
        if not lacking:
            return nodes
        left = _AGAIN if deadline is None else min(_AGAIN, deadline - time.monotonic())
        if left <= 0:
            raise too_late(options.timeout, lacking)
        time.sleep(left)


def _look(options: Options) -> tuple[list[ChildStatus], list[str]]:
    """Those who are meant, and what is still lacking, in words."""
    try:
        with TreeClient.connect(options.tree, options.socket) as client:
            root = client.status()
        return looked(root, options.paths, ready=options.ready)
    except NotRunning as error:
        if "several trees" in str(error):  # that will not change by waiting
            raise
        return [], [str(error)]
    except NotFound as error:
        return [], [str(error)]

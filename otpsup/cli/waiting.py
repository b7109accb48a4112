"""`wait`: until a tree is there, or its children are, or are ready."""

from __future__ import annotations

import time

from ..control.client import TreeClient
from ..errors import NotFound, NotRunning, OtpsupError
from ..views import ChildStatus
from . import progress, show
from .parameters import Options
from .selection import chosen

_AGAIN = 0.1
"""Seconds between two looks: a tree that is not there yet can tell nobody that it comes."""


class NotReady(OtpsupError):
    """It took longer than it may; says who is not ready, and why."""

    code = "timeout"


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
            raise NotReady(f"waited for {options.timeout:g} s: {'; '.join(lacking)}")
        time.sleep(left)


def _look(options: Options) -> tuple[list[ChildStatus], list[str]]:
    """Those who are meant, and what is still lacking, in words."""
    try:
        with TreeClient.connect(options.tree, options.socket) as client:
            root = client.status()
        paths = chosen(root, options.paths) or [""]
    except NotRunning as error:
        if "several trees" in str(error):  # that will not change by waiting
            raise
        return [], [str(error)]
    except NotFound as error:
        return [], [str(error)]
    nodes = [node for path in paths if (node := root.find(path))]
    lacking = [f"there is no child {path!r}" for path in paths if not root.find(path)]
    return nodes, [*lacking, *(why for node in nodes if options.ready for why in _why(node))]


def _why(node: ChildStatus) -> list[str]:
    """Who is not ready, and why: of a supervisor, those below it."""
    if node.ready:
        return []
    below = [child for child in node.walk() if not child.ready and not child.children]
    blamed = [child for child in below if child.waits or child.state != "down"]
    return [_told(child) for child in blamed or [node]]


def _told(child: ChildStatus) -> str:
    """Of one that runs, what its readiness says; of others, why they do not run."""
    if child.state == "running":
        marks = tuple(f"{name} is not ready: " for name in (child.path, repr(child.path)))
        return next((line for line in child.why if line.startswith(marks)), progress.told(child))
    return child.why[0] if child.why else progress.told(child)

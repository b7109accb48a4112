"""What is still lacking of what somebody waits for, in words. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from .durations import duration
from .errors import OtpsupError
from .selection import chosen, is_process
from .views import ChildStatus


class NotReady(OtpsupError):
    """It took longer than it may; says who is not ready, and why."""

    code = "timeout"


def too_late(seconds: float, lacking: Sequence[str]) -> NotReady:
    """The error for who has waited for so long."""
    return NotReady(f"waited for {seconds:g} s: {'; '.join(lacking)}")


def looked(
    root: ChildStatus, texts: Sequence[str], *, ready: bool
) -> tuple[list[ChildStatus], list[str]]:
    """Those who are meant, and what is lacking of them, in words.

    Args:
        texts: as for `selection.chosen`; none of them means the root.
        ready: it is not enough that they are there: they have to serve.

    Raises:
        NotFound: a pattern that matches nothing.
    """
    paths = chosen(root, texts) or [""]
    nodes = [node for path in paths if (node := root.find(path))]
    lacking = [f"there is no child {path!r}" for path in paths if not root.find(path)]
    return nodes, [*lacking, *(why for node in nodes if ready for why in _why(node))]


def _why(node: ChildStatus) -> list[str]:
    """Who is not ready, and why: of a supervisor, those below it that are to run."""
    if is_process(node):
        return [] if node.ready else [_told(node)]
    blamed = [_told(each) for each in _below(node)]
    return blamed if blamed or node.ready else [_told(node)]


def _below(node: ChildStatus) -> Iterator[ChildStatus]:
    for child in node.children:
        if child.wanted and not child.ready and (is_process(child) or child.gave_up):
            yield child
        elif child.wanted:
            yield from _below(child)


def _told(child: ChildStatus) -> str:
    """Of one that runs, what its readiness says; of others, why they do not run."""
    if child.state == "running":
        marks = tuple(f"{name} is not ready: " for name in (child.path, repr(child.path)))
        return next((line for line in child.why if line.startswith(marks)), told(child))
    return child.why[0] if child.why else told(child)


def told(node: ChildStatus) -> str:
    """A node's state, for how long it has been in it, and what it waits for."""
    since = duration(time.time() - node.since)
    waits = f": {node.waits}" if node.waits else ""
    return f"{node.path or node.name} is {node.state}, {since}{waits}"

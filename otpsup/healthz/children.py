"""The collector `children`: each process of the tree, its state and whether it can serve.

Decides what is well: what is to run does, and is ready. One that nobody has started, that somebody
has stopped or that has done its work is to be down, and that is well. A supervisor that gave up is
not, whether its own supervisor starts it again or not.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..verbs import Verbs
from ..views import ChildStatus
from .model import Metric

_PROCESSES = ("worker", "command")


def collect(tree: Verbs) -> Iterator[Metric]:
    """Look once."""
    return found(tree.status())


def found(root: ChildStatus) -> Iterator[Metric]:
    """The metrics of a tree that is so."""
    yield from _below(root, is_to_run=True)
    if not any(node.type in _PROCESSES for node in root.walk()):
        yield Metric("count", 0)  # none is no failure, but nothing at all would be


def _below(node: ChildStatus, *, is_to_run: bool) -> Iterator[Metric]:
    """Of this node and all below it; whose supervisor is to be down is to be down."""
    is_to_run = is_to_run and node.wanted
    if node.type in _PROCESSES:
        yield from _metrics(node, is_to_run=is_to_run)
    elif node.gave_up:
        yield Metric("state", node.state, False, {"path": node.path}, " ".join(node.why[:2]),
                     _what_to_do(node))  # fmt: skip
    for child in node.children:
        yield from _below(child, is_to_run=is_to_run)


def _metrics(child: ChildStatus, *, is_to_run: bool) -> Iterator[Metric]:
    is_up = child.state == "running"
    yield _metric(child, "state", child.state, is_up or not is_to_run)
    if is_up:
        is_well = child.ready or not is_to_run
        yield _metric(child, "ready", "yes" if child.ready else "no", is_well)


def _metric(child: ChildStatus, name: str, value: str, is_well: bool) -> Metric:
    which = {"path": child.path}
    if is_well:
        return Metric(name, value, True, which)
    return Metric(name, value, False, which, _why(child), _what_to_do(child))


def _why(child: ChildStatus) -> str:
    """Why it is as it is; of one that runs, why it cannot serve."""
    unready = f"{child.path} is not ready: "
    said = [line for line in child.why if line.startswith(unready)]
    return next(filter(None, (*said, *child.why)), f"{child.path} is {child.state}")


def _what_to_do(child: ChildStatus) -> str:
    if child.state in ("starting", "stopping"):
        return f"wait; `otpsup status {child.path}` tells how far it is"
    if child.state == "running":
        return f"`otpsup info {child.path}` has its readiness checks, and its log says more"
    return f"`otpsup why {child.path}` and `otpsup tail {child.path}` tell what led to this"

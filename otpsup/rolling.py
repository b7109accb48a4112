"""Restarting copies so that no more than one is away; those that are not ready come first.

Each is stopped and started by two requests: a start that fails is not tried again then, and counts
as no restart, so that bad code takes one copy and not the tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .errors import OtpsupError, StartFailed
from .selection import chosen, found
from .verbs import Verbs
from .views import ChildStatus


class Halted(OtpsupError):
    """One did not become ready, or another was not ready any more; says who was left alone.

    Attributes:
        why: it was halted.
        done: those that were restarted, in their order.
    """

    code = "rolling_halted"

    def __init__(self, why: OtpsupError, done: Sequence[ChildStatus], left: Sequence[str]) -> None:
        self.why = why
        self.done = tuple(done)
        super().__init__(f"{why}; left as they are: {', '.join(left)}" if left else str(why))


def copies(root: ChildStatus, texts: Sequence[str]) -> list[str]:
    """The paths of the copies that are meant, in the order in which they are to be restarted; of a
    supervisor, its children.

    Raises:
        NotFound: there is no such child.
    """
    nodes = [found(root, path) for path in chosen(root, texts)]
    paths = [each for node in nodes for each in (node.children or (node,))]
    return [each.path for each in sorted(paths, key=lambda each: each.ready)]


def restart(tree: Verbs, paths: Sequence[str]) -> Iterator[ChildStatus]:
    """Restart these, one after the other; yields the status of each once it is ready.

    Raises:
        Halted: those after one that failed were left alone.
    """
    done: list[ChildStatus] = []
    for number, path in enumerate(paths):
        try:
            _require_ready(tree.status(), done)
            tree.terminate_child(path)
            done.append(tree.start_child(path))
        except OtpsupError as error:
            raise Halted(error, done, paths[number + 1 :]) from None
        yield done[-1]


def _require_ready(root: ChildStatus, done: Sequence[ChildStatus]) -> None:
    for before in done:
        node = root.find(before.path)
        if node is None or not node.ready:
            why = node.why[0] if node and node.why else f"{before.path} is gone"
            raise StartFailed(f"{before.path} did not stay ready: {why}")

"""The collector `tree`: whether it is up, its version, since when, and how much of its restarts it
has used."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from ..verbs import Verbs
from ..views import ChildStatus
from .model import Metric

_USED = re.compile(r" has used (\d+ of \d+) restarts in (.*)$")
_WHAT_TO_DO = "`otpsup why` tells what led to this"


def collect(tree: Verbs) -> Iterator[Metric]:
    """Look once."""
    root, about = tree.status(), tree.about()
    is_up = root.state == "running"
    why = "" if is_up else next(iter(root.why), f"it is {root.state}")
    yield Metric("state", root.state, is_up, None, why, "" if is_up else _WHAT_TO_DO)
    yield Metric("version", about["version"])
    yield Metric("uptime", f"{max(time.time() - about['since'], 0):.0f}s")
    yield _restarts(root)


def _restarts(root: ChildStatus) -> Metric:
    """How many of its restarts the root has used; one more than it may, and the tree ends.

    As its status tells it: `statistics()` would measure all children for that, at every look.
    """
    found = next(filter(None, map(_USED.search, root.why)), None)
    return Metric("restarts", f"{found[1]} in {found[2]}" if found else "none lately")

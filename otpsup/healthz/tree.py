"""The collector `tree`: whether it is up, its version, since when, and how much of its restarts it
has used."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..verbs import Verbs
from .model import Metric

_WHAT_TO_DO = "`otpsup why` tells what led to this"


def collect(tree: Verbs) -> Iterator[Metric]:
    """Look once."""
    root, about = tree.status(), tree.about()
    is_up = root.state == "running"
    why = "" if is_up else next(iter(root.why), f"it is {root.state}")
    yield Metric("state", root.state, is_up, None, why, "" if is_up else _WHAT_TO_DO)
    yield Metric("version", about["version"])
    yield Metric("uptime", f"{max(time.time() - about['since'], 0):.0f}s")
    yield from _intensity(tree, root.name)


def _intensity(tree: Verbs, root: str) -> Iterator[Metric]:
    """How many of its restarts each supervisor has used."""
    for path, found in tree.statistics(samples=0).supervisors.items():
        if found.intensity:
            used = f"{found.used} of {found.intensity} in {found.period:g}s"
            yield Metric("restarts", used, dimensions={"supervisor": path or root})

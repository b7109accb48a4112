"""From the settings of a collector to what looks. Imports others' code when it is first asked for,
in the collector's own thread: an import may fail, or take for ever, as a look may."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Final

from ..errors import InvalidSpec
from ..runtime import importing
from ..specs.check import nearest
from ..specs.healthz import HealthzCollector
from .model import Metric

GROUP: Final = "otpsup.collectors"
"""The group of entry points in which collectors are found by name."""


class Looking:
    """Looks as the settings say; what a class makes is made once.

    Args:
        given: the settings.
    """

    def __init__(self, given: HealthzCollector) -> None:
        self._given = given
        self._made: Callable[[], Iterable[Metric]] | None = None

    def __call__(self) -> Iterable[Metric]:
        """Look once; raises whatever the collector raises."""
        if self._made is None:
            self._made = self._make()
        return self._made()

    def _make(self) -> Callable[[], Iterable[Metric]]:
        use, kwargs = self._given.use, dict(self._given.kwargs)
        found: Any = resolved(use) if isinstance(use, str) else use
        if inspect.isclass(found):
            return _collect(found(**kwargs))
        if hasattr(found, "collect"):
            return _collect(found)
        return lambda: found(**kwargs)


def _collect(found: Any) -> Callable[[], Iterable[Metric]]:
    collect: Callable[[], Iterable[Metric]] = found.collect
    return collect


def resolved(use: str) -> Any:
    """What an import path, or the name of an entry point, stands for.

    Raises:
        InvalidSpec: there is no such entry point.
        ImportError, AttributeError: there is nothing at this path.
    """
    if ":" in use:
        return importing.resolve(use)
    from importlib import metadata  # takes longer to load than all else here

    points = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if use in points:
        return points[use].load()
    hint = nearest(use, points) or f"there are {', '.join(sorted(points)) or 'none'}"
    raise InvalidSpec(
        f"no package that is installed has a collector {use!r} (entry points {GROUP}); {hint}; any "
        "function can be named as pkg.module:name"
    )

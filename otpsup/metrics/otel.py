"""The plug-in that tells OpenTelemetry: what happens as log records, all metrics as instruments.

Instruments are observed when their reader wants to export; what happens is told at once.
Source: https://opentelemetry.io/docs/specs/otel/logs/data-model/, .../metrics/api/
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from ..errors import NotRunning, OtpsupError
from ..plugins import Plugin, PluginTree
from ..specs.metrics import OpenTelemetry
from ..version import __version__
from ..views import Event
from .rows import PARTS, Items, Row, items

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, MeterProvider

try:
    from opentelemetry import _logs, metrics
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.metrics import Observation
except ImportError as error:
    _missing: ImportError | None = error
    _SEVERITIES: dict[str, Any] = {}
else:
    _missing = None
    _SEVERITIES = {
        "child_terminated": SeverityNumber.ERROR,
        "start_error": SeverityNumber.ERROR,
        "shutdown_error": SeverityNumber.WARN,
        "restart": SeverityNumber.WARN,
        "shutdown": SeverityNumber.ERROR,
        "readiness": SeverityNumber.WARN,
        "halt": SeverityNumber.INFO,
    }
    """What is told, and how grave it is: what is worth a report, and not each change of state."""

_NOTHING: Final[list[Items]] = [[] for _ in PARTS]
_FRESH: Final = 1.0
"""Seconds for which all instruments are told of the same statistics."""


class Teller(Plugin):
    """For one tree.

    Raises:
        OtpsupError: a package that it takes is not installed.
    """

    def __init__(self, settings: OpenTelemetry) -> None:
        if _missing is not None:
            raise OtpsupError(
                f"OpenTelemetry needs a package that is not installed ({_missing.name}): "
                "pip install 'otpsup[otel]'"
            )
        self._tree: PluginTree | None = None
        self._told: tuple[float, list[Items]] = -_FRESH, []
        """When the tree was asked, and what each of `PARTS` was about then."""
        self._ours: list[Any] = []
        """Providers that are ours to end."""
        self._meters, self._logs = self._providers(settings)

    def _providers(self, settings: OpenTelemetry) -> tuple[MeterProvider, Any]:
        if settings.endpoint is None:
            return metrics.get_meter_provider(), _logs.get_logger_provider()
        from .otlp import providers  # takes the SDK and the exporter

        self._ours = list(providers(settings.endpoint, settings.interval))
        meters, logs = self._ours
        return meters, logs

    def start(self, tree: PluginTree) -> None:
        """Make the instruments."""
        self._tree = tree
        meter = self._meters.get_meter("otpsup", __version__)
        for part, (rows, names) in enumerate(PARTS):
            for row in rows:
                make = (
                    meter.create_observable_counter
                    if row.is_counter
                    else meter.create_observable_gauge
                )
                name = f"otpsup.{row.name}"
                make(name, [self._observing(part, row, names)], description=row.help)
        self._logger = self._logs.get_logger("otpsup", __version__)

    def _observing(
        self, part: int, row: Row, names: tuple[str, ...]
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterator[Observation]:
            tree = self._tree.name if self._tree else ""
            for values, item in self._items()[part]:
                number = row.value(item)
                if number is not None:
                    labels = dict(zip(names, values, strict=True))
                    yield Observation(float(number), {"tree": tree, **labels})

        return observe

    def _items(self) -> list[Items]:
        """In the thread of a reader. Of a tree that has just ended, what was told last; nothing
        when that has been exported."""
        tree = self._tree
        if tree is None:
            return _NOTHING
        now = time.monotonic()
        if now - self._told[0] >= _FRESH:
            with contextlib.suppress(NotRunning):
                self._told = now, list(items(tree.statistics(samples=0)))
        return self._told[1] or _NOTHING

    def on_event(self, event: Event) -> None:
        """Tell of it, if it is worth that."""
        if event.kind not in _SEVERITIES or self._tree is None:
            return
        severity = _SEVERITIES[event.kind]
        record = LogRecord(
            timestamp=int(event.at * 1e9),
            severity_number=severity,
            severity_text=severity.name,
            body=event.text,
            attributes=_attributes(self._tree.name, event),
            event_name=f"otpsup.{event.kind}",
        )
        self._logger.emit(record)

    def stop(self) -> None:
        """Export what is left."""
        for provider in self._ours:
            provider.force_flush()
        self._tree = None
        for provider in self._ours:
            provider.shutdown()


def _attributes(tree: str, event: Event) -> dict[str, str | int]:
    """Of what happened; `process.pid` and `exception.stacktrace` are the names of the semantic
    conventions (https://opentelemetry.io/docs/specs/semconv/)."""
    found = {
        "otpsup.tree": tree,
        "otpsup.path": event.path,
        "otpsup.reason": event.reason,
        "otpsup.cause": event.cause,
        "process.pid": event.pid,
        "exception.stacktrace": event.traceback or None,
    }
    return {name: value for name, value in found.items() if value is not None}

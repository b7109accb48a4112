"""Metrics of a tree: for Prometheus, who comes and looks, and for OpenTelemetry, which is told.

These classes only describe; `otpsup.metrics` does it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from attrs import field, frozen

from . import check
from .plugin import PluginSpec

_NAME = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*")
RESERVED = frozenset(
    ("path", "reason", "purpose", "check", "tree", "version", "python", "le", "quantile")
)
"""Labels that metrics have of their own, or that Prometheus means something by."""


def _copied(value: Any) -> Any:
    return check.converted(dict, value)


def _is_label(name: Any) -> bool:
    is_name = isinstance(name, str) and _NAME.fullmatch(name) is not None
    return is_name and name not in RESERVED and not name.startswith("otpsup_")


def _are_labels(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        _is_label(name) and isinstance(text, str) for name, text in value.items()
    )


@frozen
class Metrics(PluginSpec):
    """Answers `/metrics` in Prometheus' text format, or in OpenMetrics where that is asked for.

    Attributes:
        labels: that all metrics get, with their values. Source of what a name may be:
            https://prometheus.io/docs/concepts/data_model/
    """

    name: ClassVar[str] = "metrics"
    runs: ClassVar[str] = "otpsup.metrics.service:Service"

    labels: Mapping[str, str] = field(
        factory=dict,
        converter=_copied,
        validator=check.rule(
            _are_labels,
            "texts by names of letters, digits and _, other than those that metrics have already "
            f"({', '.join(sorted(RESERVED))})",
            "Metrics({'env': 'prod'})",
        ),
    )


def _is_endpoint(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        return False


@frozen
class OpenTelemetry(PluginSpec):
    """Tells OpenTelemetry of ends and restarts of children: as log records, and as counters.

    It uses the providers that the program has set; with an `endpoint`, exporters of its own.

    Attributes:
        endpoint: of a collector that takes OTLP over HTTP: `http://127.0.0.1:4318`. Source:
            https://opentelemetry.io/docs/specs/otel/protocol/exporter/
        interval: seconds between two exports of the counters to it.
    """

    name: ClassVar[str] = "opentelemetry"
    runs: ClassVar[str] = "otpsup.metrics.otel:Teller"

    endpoint: str | None = field(
        default=None,
        validator=check.optional(
            check.rule(_is_endpoint, "an http or https address", "endpoint='http://127.0.0.1:4318'")
        ),
    )
    interval: float = field(
        default=15.0, kw_only=True, validator=check.positive_seconds("interval=15")
    )

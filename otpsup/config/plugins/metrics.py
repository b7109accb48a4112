"""`plugins: {metrics: ..., opentelemetry: ...}`."""

from __future__ import annotations

from ...specs.metrics import Metrics, OpenTelemetry
from ..forms import SECONDS, Table, Text
from ..records import Key, Record

RECORD = Record(
    Metrics,
    {"labels": Key("labels", Table(Text("a text"), "values by names"))},
    "a mapping, or nothing",
)

OPENTELEMETRY = Record(
    OpenTelemetry,
    {
        "endpoint": Key("endpoint", Text("an address")),
        "interval": Key("interval", SECONDS),
    },
    "a mapping, or nothing",
)

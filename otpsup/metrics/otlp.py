"""Providers of OpenTelemetry that export to a collector, by OTLP over HTTP."""

from __future__ import annotations

from typing import Any

from ..errors import OtpsupError

try:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
except ImportError as error:
    _missing: ImportError | None = error
else:
    _missing = None


_PATIENCE = 2.0
"""Seconds that the collector has for an answer: a tree that ends does not wait for long."""


def providers(endpoint: str, interval: float) -> tuple[Any, Any]:
    """Of metrics and of logs; to be shut down by who has asked for them.

    Raises:
        OtpsupError: SDK or exporter is not installed.
    """
    if _missing is not None:
        raise OtpsupError(
            f"an endpoint needs a package that is not installed ({_missing.name}): pip install "
            "opentelemetry-exporter-otlp-proto-http; without an endpoint, the providers that the "
            "program has set are used"
        )
    base = endpoint.rstrip("/")
    measures = OTLPMetricExporter(endpoint=f"{base}/v1/metrics", timeout=_PATIENCE)
    reader = PeriodicExportingMetricReader(measures, export_interval_millis=interval * 1000)
    logs = LoggerProvider()
    exporter = OTLPLogExporter(endpoint=f"{base}/v1/logs", timeout=_PATIENCE)
    logs.add_log_record_processor(BatchLogRecordProcessor(exporter))
    return MeterProvider([reader]), logs

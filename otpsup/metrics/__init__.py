"""Metrics of a tree for Prometheus, and its ends and restarts for OpenTelemetry.

rows        what is told of a tree, as a table
families    that as metrics of Prometheus
service     the plug-in that answers `/metrics`
otel        the plug-in that tells OpenTelemetry
"""

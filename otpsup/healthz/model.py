"""What a health check says: metrics in namespaces, and all of them in a report.

All texts are on one line and without what steers a terminal, and secrets that can be told by a name
are hidden: they come from elsewhere, and no message may forge a line of a report.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from .. import mask
from ..errors import ProtocolError
from ..plain import plain

_LONGEST = 1000
"""Characters of a text; a message that is longer helps nobody."""

_LARGEST = 10**300
"""A whole number beyond this is a text: Python shows none of more than 4,300 digits."""

WELL = "ok"
"""What a namespace says in which all is well."""
SUCCESS = "health check success"
FAILURE = "health check failed, please check these namespace: "


_SIMPLE = re.compile(r"[\w./]*", re.ASCII)
"""Nothing in such a text needs to be hidden or escaped; most are so, and there may be thousands."""


def _text(value: Any) -> str:
    text = str(value)
    if not _SIMPLE.fullmatch(text):
        text = plain(mask.text(text))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _value(value: Any) -> Any:
    """As JSON has it, and on one line."""
    if value is None or (isinstance(value, int) and abs(value) < _LARGEST):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return _text(value)


def _dimensions(value: Mapping[str, Any] | None) -> Mapping[str, str] | None:
    return {_text(key): _text(item) for key, item in value.items()} if value else None


@frozen
class Metric:
    """One thing that was looked at.

    Args:
        name: of what: `ping`, `queue_len`.
        value: a number or a text, as in `"3ms"`.
        status: whether that is well.
        dimensions: which of several: `{"queue_name": "celery"}`.
        message: what is wrong, if it is not well.
        suggestion: what to do about it.
    """

    name: str = field(converter=_text)
    value: Any = field(converter=_value)
    status: bool = field(default=True, converter=bool)
    dimensions: Mapping[str, str] | None = field(default=None, converter=_dimensions)
    message: str = field(default="", converter=_text)
    suggestion: str = field(default="", converter=_text)


@frozen
class Namespace:
    """What one collector has found.

    Attributes:
        status: whether all of it is well.
        data: its metrics; nothing if it could not look.
        message: `ok`, or what is wrong.
    """

    namespace: str = field(converter=_text)
    status: bool
    data: tuple[Metric, ...]
    message: str = field(converter=_text)


@frozen
class Report:
    """What all collectors have found."""

    status: bool
    data: tuple[Namespace, ...]
    message: str = field(converter=_text)


def namespace_of(name: str, metrics: Iterable[Metric]) -> Namespace:
    """What a collector has found; it is well if all metrics are, and there are some."""
    data = tuple(metrics)
    bad = [metric for metric in data if not metric.status]
    if not data:
        return failed(name, "it found nothing to look at, which is no sign of health")
    if not bad:
        return Namespace(name, True, data, WELL)
    more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    return Namespace(name, False, data, (bad[0].message or f"{bad[0].name} is not well") + more)


def failed(name: str, why: str) -> Namespace:
    """That a collector could not look."""
    return Namespace(name, False, (), why)


def report_of(namespaces: Iterable[Namespace]) -> Report:
    """The report; all is well if every namespace is."""
    data = tuple(namespaces)
    bad = [each.namespace for each in data if not each.status]
    return Report(not bad, data, f"{FAILURE}{','.join(bad)}" if bad else SUCCESS)


# JSON values.


def to_json(report: Report) -> dict[str, Any]:
    """The report as JSON has it."""
    data = [_namespace_to_json(each) for each in report.data]
    return {"status": report.status, "data": data, "message": report.message}


def _namespace_to_json(space: Namespace) -> dict[str, Any]:
    return {
        "namespace": space.namespace,
        "status": space.status,
        "data": [_metric_to_json(metric) for metric in space.data],
        "message": space.message,
    }


def _metric_to_json(metric: Metric) -> dict[str, Any]:
    return {
        "status": metric.status,
        "metric_name": metric.name,
        "metric_value": metric.value,
        "dimensions": None if metric.dimensions is None else dict(metric.dimensions),
        "message": metric.message,
        "suggestion": metric.suggestion,
    }


def from_json(value: Any) -> Report:
    """The report that a tree has answered with.

    Raises:
        ProtocolError: it is none.
    """
    try:
        data = tuple(_namespace_from_json(each) for each in value["data"])
        return Report(_boolean(value["status"]), data, value["message"])
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ProtocolError("the other end answered with what is no health report") from None


def _namespace_from_json(value: Mapping[str, Any]) -> Namespace:
    data = tuple(_metric_from_json(each) for each in value["data"])
    return Namespace(value["namespace"], _boolean(value["status"]), data, value["message"])


def _metric_from_json(value: Mapping[str, Any]) -> Metric:
    return Metric(
        value["metric_name"],
        value["metric_value"],
        _boolean(value["status"]),
        value["dimensions"],
        value["message"],
        value["suggestion"],
    )


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value

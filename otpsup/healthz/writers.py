"""A report in three forms, byte for byte as BK-LOG writes them. Pure: values in, texts out.

json     one object
k8s      a line for each namespace and metric, `[+]` or `[-]` before it
console  the same in colours, with what to do about what is not well
"""

from __future__ import annotations

import json as codec
from collections.abc import Iterator
from typing import Final, Literal

from .model import Metric, Namespace, Report, to_json

Form = Literal["json", "console", "k8s"]
FORMS: Final[tuple[Form, ...]] = ("console", "json", "k8s")

_GREEN, _RED, _YELLOW = 32, 31, 33
"""ECMA-48, 8.3.117: SGR."""


def written(report: Report, form: Form) -> str:
    """The report in one of the forms."""
    match form:
        case "json":
            return json(report)
        case "console":
            return console(report)
        case "k8s":
            return k8s(report)


def json(report: Report) -> str:
    """For programs: an object, without a line break at its end."""
    return codec.dumps(to_json(report), allow_nan=False)


def k8s(report: Report) -> str:
    """For probes, and whoever reads what they say."""
    return _page(report, [line for space in report.data for line in (*_lines(space), "")])


def console(report: Report) -> str:
    """For a terminal: green what is well, red what is not, yellow what to do."""
    lines: list[str] = []
    for space in report.data:
        lines.append(_coloured(_green_or_red(space.status), _first(space)))
        for metric in space.data:
            lines += _in_colours(space, metric)
        lines.append("")
    return _page(report, lines)


def _page(report: Report, lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in (report.message, "", *lines))


def _lines(space: Namespace) -> Iterator[str]:
    yield _first(space)
    for metric in space.data:
        yield _line(space, metric)


def _first(space: Namespace) -> str:
    if space.status:
        return f"[+]{space.namespace} {space.message}"
    return f"[-]{space.namespace} failed, message: {space.message}"


def _line(space: Namespace, metric: Metric) -> str:
    pairs = ",".join(f"{key}={value}" for key, value in (metric.dimensions or {}).items())
    what = f"{space.namespace}/{metric.name}{f' {pairs}' if pairs else ''}"
    return f"[+]{what} {metric.value}" if metric.status else f"[-]{what} {metric.message}"


def _in_colours(space: Namespace, metric: Metric) -> Iterator[str]:
    yield _coloured(_green_or_red(metric.status), _line(space, metric))
    if not metric.status and metric.suggestion:
        yield _coloured(_YELLOW, f"[建议]: {metric.suggestion}")


def _green_or_red(is_well: bool) -> int:
    return _GREEN if is_well else _RED


def _coloured(colour: int, line: str) -> str:
    return f"\033[{colour}m{line}\033[0m"

"""What /healthz says: metrics by namespace, in BK-LOG's three formats.

Decides: what is looked at (Redis and its queues), and what counts as healthy.
Must not know: HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from redis import Redis, RedisError

QUEUES = (
    "default", "celery", "async_export", "pipeline", "pipeline_priority", "service_schedule",
    "service_schedule_priority", "pipeline_additional_task", "pipeline_additional_task_priority",
    "tgpa_task",
)  # fmt: skip
TOO_LONG = 10_000
"""Waiting tasks in one queue from which on somebody should look."""

Value = dict[str, Any]
"""A metric, a namespace, or the whole; the keys are BK-LOG's."""


def report(redis: Redis) -> Value:
    """The state of everything: a Value with `status`, `data` (the namespaces) and `message`."""
    namespaces = [_namespace("redis", [_ping(redis), *_lengths(redis)])]
    bad = [entry["namespace"] for entry in namespaces if not entry["status"]]
    message = f"health check failed, please check these namespace: {','.join(bad)}" if bad else "ok"
    return {"status": not bad, "data": namespaces, "message": message}


def console(report: Value) -> str:
    """For a terminal: green what is well, red what is not, yellow what to do."""
    return _text(report, _in_colour)


def k8s(report: Value) -> str:
    """For a probe: as `console`, without colours and advice."""
    return _text(report, lambda _entry, line: [line])


def _namespace(name: str, metrics: Sequence[Value]) -> Value:
    bad = [metric for metric in metrics if not metric["status"]]
    message = f"{bad[0]['metric_name']} is out of limit" if bad else "ok"
    return {"namespace": name, "status": not bad, "data": list(metrics), "message": message}


def _ping(redis: Redis) -> Value:
    began = time.monotonic()
    try:
        redis.ping()
    except RedisError as error:
        return _metric("ping", None, message=str(error))
    return _metric("ping", f"{(time.monotonic() - began) * 1000:.0f}ms")


def _lengths(redis: Redis) -> Iterable[Value]:
    for name in QUEUES:
        try:
            length = int(redis.llen(name))
        except RedisError:
            return  # the ping has said so
        message = f"queue_len is larger than {TOO_LONG}" if length > TOO_LONG else ""
        yield _metric("queue_len", length, {"queue_name": name}, message)


def _metric(
    name: str, value: object, dimensions: dict[str, str] | None = None, message: str = ""
) -> Value:
    return {
        "status": not message, "metric_name": name, "metric_value": value,
        "dimensions": dimensions, "message": message,
        "suggestion": "确认Redis是否可用" if message else "",
    }  # fmt: skip


def _text(report: Value, draw: Callable[[Value, str], list[str]]) -> str:
    lines = [report["message"], ""]
    for space in report["data"]:
        lines += draw(space, _first(space))
        for metric in space["data"]:
            lines += draw(metric, _line(space["namespace"], metric))
        lines.append("")
    return "\n".join(lines) + "\n"


def _first(space: Value) -> str:
    failed = f"[-]{space['namespace']} failed, message: {space['message']}"
    return f"[+]{space['namespace']} ok" if space["status"] else failed


def _line(namespace: str, metric: Value) -> str:
    what = f"{namespace}/{metric['metric_name']}"
    which = [f"{name}={value}" for name, value in (metric["dimensions"] or {}).items()]
    said = metric["metric_value"] if metric["status"] else metric["message"]
    return " ".join([f"[{'+' if metric['status'] else '-'}]{what}", *which, str(said)])


def _in_colour(entry: Value, line: str) -> list[str]:
    advice = entry.get("suggestion")
    more = [f"\033[33m[建议]: {advice}\033[0m"] if advice else []
    return [f"\033[{32 if entry['status'] else 31}m{line}\033[0m", *more]

"""What BK-LOG's health check looks at: Redis with its queues, and the celery workers.

Decides: what is looked at, and what counts as healthy. Two show it: the tree (`plugins: healthz:`
in tree.yaml) and the API itself.
Must not know: how a report is written, and HTTP; that is otpsup's.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from celery import Celery
from redis import Redis, RedisError

from otpsup.healthz import Metric

QUEUES = (
    "default", "celery", "async_export", "pipeline", "pipeline_priority", "service_schedule",
    "service_schedule_priority", "pipeline_additional_task", "pipeline_additional_task_priority",
    "tgpa_task",
)  # fmt: skip
TOO_LONG = 10_000
"""Waiting tasks in one queue from which on somebody should look."""
PATIENCE = 2.0
"""Seconds for one answer."""

INFO = (
    "redis_version", "connected_clients", "instantaneous_ops_per_sec", "latest_fork_usec",
    "mem_fragmentation_ratio", "evicted_keys",
)  # fmt: skip
_CHECK_REDIS = "确认Redis是否可用"
_CHECK_CELERY = "确认Celery worker是否运行"


class RedisHealth:
    """Redis answers, what it says of itself, and how many tasks wait in each queue.

    Args:
        url: `redis://host:port/database`.
    """

    namespace = "redis"

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, decode_responses=True
        )

    def collect(self) -> Iterator[Metric]:
        """Look once; each time anew, unlike BK-LOG's own, which told what it saw first for ever."""
        began = time.monotonic()
        try:
            self._redis.ping()
        except RedisError as error:
            yield Metric("ping", None, False, None, str(error), _CHECK_REDIS)
            return
        yield Metric("ping", _milliseconds(began))
        yield from _facts(self._redis.info())
        for name in QUEUES:
            yield _queue(name, int(self._redis.llen(name)))

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()


def _facts(info: dict[str, Any]) -> Iterator[Metric]:
    for name in INFO:
        yield Metric(name, info.get(name))
    hits, misses = info.get("keyspace_hits", 0), info.get("keyspace_misses", 0)
    yield Metric("hit_rate", round(hits / (hits + misses), 4) if hits + misses else "no reads yet")


def _queue(name: str, length: int) -> Metric:
    which = {"queue_name": name}
    if length < TOO_LONG:
        return Metric("queue_len", length, True, which)
    message = f"queue_len is larger than {TOO_LONG}"
    return Metric("queue_len", length, False, which, message, _CHECK_REDIS)


class CeleryHealth:
    """Each of the workers answers a ping.

    Args:
        url: of the broker.
        workers: their names, as `-n` has them.
    """

    namespace = "celery"

    def __init__(self, url: str, workers: Sequence[str]) -> None:
        timeouts = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        self._app = Celery(broker=url)
        self._app.conf.broker_transport_options = timeouts
        self._workers = [name if "@" in name else f"celery@{name}" for name in workers]

    def collect(self) -> Iterable[Metric]:
        """Ask all at once."""
        began = time.monotonic()
        inspect = self._app.control.inspect(destination=self._workers, timeout=PATIENCE)
        answers = inspect.ping() or {}
        return [_worker(name, name in answers, began) for name in self._workers]

    def close(self) -> None:
        """Let go of the connections."""
        self._app.close()


def _worker(name: str, has_answered: bool, began: float) -> Metric:
    which = {"worker": name}
    if has_answered:
        return Metric("ping", _milliseconds(began), True, which)
    message = f"no answer within {PATIENCE:g}s"
    return Metric("ping", None, False, which, message, _CHECK_CELERY)


def _milliseconds(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.0f}ms"

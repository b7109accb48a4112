"""BK-LOG's health check: the real Redis and real celery workers, well and not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from examples.bklog.fill import HERE
from otpsup.healthz import Metric, Namespace
from otpsup.healthz.collecting import Collector, collect
from tests.support import ROOT
from tests.support.servers import free_port
from tests.support.waiting import LONG, until

with warnings.catch_warnings():  # celery's own
    warnings.simplefilter("ignore")
    from examples.bklog.parts.api.healthz import INFO, QUEUES, CeleryHealth, RedisHealth

PATIENCE = 90.0


@contextmanager
def redis_server(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A real one, that answers."""
    port = free_port()
    process = subprocess.Popen(
        ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder),
         "--save", ""], stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: _answers(port))
        yield process, port
    finally:
        process.kill()
        process.wait(LONG)


def _answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def looked(collector: Any) -> Namespace:
    """What the collector finds now."""
    (found,) = collect([Collector(collector.namespace, collector.collect, PATIENCE)])
    return found


def one(space: Namespace, name: str, **dimensions: str) -> Metric:
    """The metric of this name."""
    (found,) = [
        each for each in space.data if each.name == name and dimensions in ({}, each.dimensions)
    ]
    return found


def test_redis(tmp_path: Path) -> None:
    """Well, with a queue that is too long, and gone; what is told is never what was seen before."""
    with redis_server(tmp_path) as (process, port):
        url = f"redis://127.0.0.1:{port}/0"
        with closing(RedisHealth(url)) as health, closing(Redis(port=port)) as client:
            well = looked(health)
            assert well.status, well
            names = [each.name for each in well.data]
            assert names == ["ping", *INFO, "hit_rate", *["queue_len"] * len(QUEUES)]
            assert one(well, "ping").value.endswith("ms")
            assert one(well, "redis_version").value == client.info()["redis_version"]
            assert one(well, "hit_rate").value == "no reads yet"
            assert one(well, "queue_len", queue_name="async_export").value == 0

            client.set("a", 1)
            client.get("a")
            client.lpush("async_export", *range(10_001))
            full = looked(health)
            assert (full.status, full.message) == (False, "queue_len is larger than 10000")
            queue = one(full, "queue_len", queue_name="async_export")
            assert (queue.value, queue.status) == (10_001, False)
            assert queue.suggestion == "确认Redis是否可用"
            # One that hit, and the first look's at queues that are not there.
            assert one(full, "hit_rate").value == round(1 / (1 + len(QUEUES)), 4)
            assert [each.name for each in full.data if not each.status] == ["queue_len"]

            client.ltrim("async_export", 0, 9_998)
            assert looked(health).status

            process.terminate()
            process.wait(LONG)
            gone = looked(health)
            assert not gone.status
            ping = one(gone, "ping")
            assert (ping.status, ping.suggestion) == (False, "确认Redis是否可用")
            assert "111" in ping.message  # ECONNREFUSED
            assert len(gone.data) == 1


@pytest.mark.slow
def test_a_redis_that_hangs(tmp_path: Path) -> None:
    """It takes connections and says nothing: a failure after two seconds."""
    with (
        redis_server(tmp_path) as (process, port),
        closing(RedisHealth(f"redis://127.0.0.1:{port}/0")) as health,
    ):
        os.kill(process.pid, signal.SIGSTOP)
        found = looked(health)
        os.kill(process.pid, signal.SIGCONT)
    assert not found.status
    assert "Timeout" in found.message


@contextmanager
def worker(port: int, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real celery worker with BK-LOG's tasks."""
    environment = {
        **os.environ, "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-n", name, "-c", "1", "-P",
         "solo", "-l", "ERROR"], cwd=HERE / "parts" / "code", env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait(LONG)


def _whose(health: CeleryHealth, *names: str) -> Namespace | None:
    """What the collector finds when just these workers answer; None if others do, or not all of
    them in time, as on a busy machine."""
    found = looked(health)
    wanted = {f"celery@{name}" for name in names}
    answered = {m.dimensions["worker"] for m in found.data if m.status and m.dimensions}
    return found if answered == wanted else None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_celery(tmp_path: Path) -> None:
    """Workers that answer, one that hangs, and none because Redis is gone."""
    with redis_server(tmp_path) as (redis, port), worker(port, "one"), worker(port, "two") as two:
        url = f"redis://127.0.0.1:{port}/0"
        with closing(CeleryHealth(url, ["one", "celery@two"])) as health:
            well = until(lambda: _whose(health, "one", "two"), PATIENCE)
            assert one(well, "ping", worker="celery@one").value.endswith("ms")

            os.kill(two.pid, signal.SIGSTOP)
            hung = until(lambda: _whose(health, "one"), PATIENCE)
            ping = one(hung, "ping", worker="celery@two")
            assert (ping.status, ping.message) == (False, "no answer within 2s")
            assert hung.message == "no answer within 2s"
            os.kill(two.pid, signal.SIGCONT)
            until(lambda: looked(health).status, PATIENCE)

            redis.terminate()
            redis.wait(LONG)
            gone = looked(health)
            assert not gone.status
            assert "refused" in gone.message

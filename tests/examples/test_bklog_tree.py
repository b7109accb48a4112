"""BK-LOG as one tree: `python -m examples.bklog`, with the real Redis, gunicorn and celery."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest
from redis import Redis

from examples.bklog.fill import Place
from otpsup import ChildStatus, TreeClient
from tests.examples.bklog_parts import (
    PATIENCE,
    Agent,
    a_place,
    do_one_of_each,
    printed,
    running,
    tasks,
    wait_for_text,
)
from tests.support.waiting import gone, until

PORTS = ("redis", "api", "uwsgi", "grafana", "health")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@contextmanager
def the_tree(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """The tree, when it is up."""
    ports = [f"--{name}={getattr(place, name)}" for name in PORTS]
    arguments = ["examples.bklog", str(place.home), *ports, f"--consul={place.consul}"]
    with running(place, *arguments) as process:
        wait_for_text(place.home / "out", "the tree is up")
        yield process


def children(place: Place, process: subprocess.Popen[bytes]) -> dict[str, ChildStatus]:
    """The state of each child, asked for from outside."""
    (path,) = place.home.glob(f"*-{process.pid}.sock")
    with TreeClient.connect(path=path) as tree:
        return {child.name: child for child in tree.status().children}


def kill(child: ChildStatus) -> None:
    """kill -9"""
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)


def get(port: int, path: str, method: str = "GET") -> str:
    """What a page says."""
    request = Request(f"http://127.0.0.1:{port}{path}", method=method)
    with urlopen(request, timeout=PATIENCE) as answer:
        return str(answer.read().decode())


def test_tasks_before_during_and_after_a_kill() -> None:
    """A worker that is killed comes back alone and does what was sent meanwhile; others work on."""
    with a_place() as place, the_tree(place) as process, tasks(place) as client:
        do_one_of_each(client, place)
        before = children(place, process)
        pool = psutil.Process(before["celery"].pid).children(recursive=True)
        assert len(pool) == 4

        kill(before["celery"])
        # While the kernel still tears it down, Redis may give it a task that it never sees.
        assert before["celery"].pid is not None
        gone(before["celery"].pid)
        waiting = client.send("add", 20, 22)
        assert client.do("count", "still at work") == {"still": 1, "at": 1, "work": 1}
        assert waiting.get(timeout=PATIENCE) == 42

        until(lambda: children(place, process)["celery"].state == "running")
        after = children(place, process)
        assert after["celery"].pid != before["celery"].pid
        assert {name: child.restarts for name, child in after.items() if child.restarts} == {
            "celery": 1
        }
        gone(*(each.pid for each in pool))
        do_one_of_each(client, place)


def test_the_api_is_ready_when_it_answers_and_exports_through_celery() -> None:
    """No wait: the tree is up when /healthz is; what the API is asked for, celery does."""
    with a_place() as place, the_tree(place):
        assert get(place.api, "/healthz").startswith("health check success\n\n[+]redis ok\n")
        assert get(place.uwsgi, "/readiness") == "ok\n"
        id = get(place.api, "/export?pattern=ready", "POST")
        until(lambda: get(place.api, f"/export?id={id}") == "SUCCESS", PATIENCE)
        assert (place.home / f"code/exports/{id}.gz").stat().st_size > 0


def test_the_health_of_all() -> None:
    """The tree serves /healthz: Redis, its queues, each celery worker, each child. A queue that is
    too long, and a worker that is stopped, are seen by whoever asks, by HTTP and on the command
    line; and by the API, of Redis."""
    with a_place() as place, the_tree(place) as process, tasks(place):
        assert health(place, 200)["message"] == "health check success"
        spaces = {space["namespace"]: space["data"] for space in health(place, 200)["data"]}
        assert [*spaces] == ["tree", "children", "disk", "redis", "celery"]
        assert len(spaces["celery"]) == 6

        with closing(Redis(port=place.redis)) as redis:
            redis.lpush("nobodys", *range(10_001))
            redis.rename("nobodys", "pipeline_priority.")  # no worker takes from either
            assert health(place, 200)["status"]
            worker = children(place, process)["celery_pipeline"].pid
            assert worker is not None
            os.kill(worker, signal.SIGSTOP)
            redis.rename("pipeline_priority.", "pipeline_priority")
            bad = until(lambda: failing_in(place, *WRONG), PATIENCE)
            assert bad["message"].endswith("please check these namespace: redis,celery")
            with pytest.raises(HTTPError, match="503"):
                get(place.api, "/healthz")
            redis.delete("pipeline_priority")
            os.kill(worker, signal.SIGCONT)
        until(lambda: get(place.api, "/healthz").startswith("health check success"), PATIENCE)

        os.kill(children(place, process)["redis"].pid or 0, signal.SIGSTOP)
        (redis_says,) = health(place, 503, "&include=redis")["data"]
        assert [m["metric_name"] for m in redis_says["data"]] == ["ping"]
        os.kill(children(place, process)["redis"].pid or 0, signal.SIGCONT)


WRONG = (
    ("queue_len", {"queue_name": "pipeline_priority"}),
    ("ping", {"worker": "celery@node1_bklog_pipeline_1"}),
)


def failing_in(place: Place, *wrong: tuple[str, dict[str, str]]) -> dict[str, Any] | None:
    """What the tree says when just these are wrong; None if others are, too, as a worker that does
    not answer in time because the machine is busy."""
    told = health(place, 503)
    failing = [m for space in told["data"] for m in space["data"] if not m["status"]]
    return told if [(m["metric_name"], m["dimensions"]) for m in failing] == [*wrong] else None


def health(place: Place, status: int, more: str = "") -> dict[str, Any]:
    """What the tree says of itself over HTTP, once it has this status."""

    def look() -> dict[str, Any] | None:
        url = f"http://127.0.0.1:{place.health}/healthz?format_type=json{more}"
        try:
            with urlopen(url, timeout=PATIENCE) as answer:
                found, told = answer.status, answer.read()
        except HTTPError as error:
            with error:
                found, told = error.code, error.read()
        return json.loads(told) if found == status else None

    return until(look, PATIENCE)


def test_redis_is_killed() -> None:
    """Everybody waits for it and connects again: nobody else is restarted."""
    with a_place() as place, the_tree(place) as process, tasks(place) as client:
        kill(children(place, process)["redis"])
        until(lambda: children(place, process)["redis"].state == "running")
        do_one_of_each(client, place)
        assert [name for name, child in children(place, process).items() if child.restarts] == [
            "redis"
        ]


def test_a_crash_loop_ends_the_tree() -> None:
    """Consul is gone, so gunicorn ends at each start: after `intensity` restarts it is over."""
    with closing(Agent()) as agent, a_place(agent.address) as place, the_tree(place) as process:
        assert agent.registered["bklog-api"]["Port"] == place.api
        below = psutil.Process(process.pid).children(recursive=True)
        agent.close()
        kill(children(place, process)["bklog-api"])
        assert process.wait(PATIENCE) == 1
        assert "URLError" in (place.home / "logs/bklog/api.log").read_text()
        assert printed(place).count("bklog-api did not start") >= 5
        gone(*(each.pid for each in below))


def test_a_stop_is_graceful() -> None:
    """SIGTERM: tasks are finished, the API is taken out of Consul, Redis is the last to end."""
    with closing(Agent()) as agent, a_place(agent.address) as place, the_tree(place) as process:
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert not agent.registered
        ended = re.findall(r"bklog: (\S+) is down: (.*);", printed(place))
        assert ended[-1][0] == "redis"
        assert {why for name, why in ended if name != "grafana"} == {"ended normally (exit code 0)"}


def test_six_workers_write_whole_lines_into_one_log() -> None:
    """Each says what it does at once with the others; no line is in the middle of another."""
    with a_place() as place, the_tree(place), tasks(place) as client:
        sent = [client.send("digest" if n % 2 else "count", f"text {n}") for n in range(200)]
        for task in sent:
            task.get(timeout=PATIENCE)
        log = wait_for_text(place.home / "logs/bklog/celery.log", " succeeded in ", 200)
        said = [line for line in log.splitlines() if "received" in line or "succeeded" in line]
        whole = re.compile(
            r"\[[-:, \d]+: INFO/\S+\] Task \w+\[[-0-9a-f]{36}\] (received|succeeded .*)"
        )
        assert len(said) == 400
        assert not [line for line in said if not whole.fullmatch(line)]

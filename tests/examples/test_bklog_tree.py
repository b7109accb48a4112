"""BK-LOG as one tree: `python -m examples.bklog`, with the real Redis, gunicorn and celery."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.request import Request, urlopen

import psutil
import pytest

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

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@contextmanager
def the_tree(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """The tree, when it is up."""
    ports = [f"--{name}={getattr(place, name)}" for name in ("redis", "api", "uwsgi", "grafana")]
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
    with urlopen(Request(f"http://127.0.0.1:{port}{path}", method=method), timeout=5) as answer:
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
        assert get(place.api, "/healthz?format=k8s").startswith("ok\n\n[+]redis ok\n")
        assert get(place.uwsgi, "/readiness") == "ok\n"
        id = get(place.api, "/export?pattern=ready", "POST")
        until(lambda: get(place.api, f"/export?id={id}") == "SUCCESS", PATIENCE)
        assert (place.home / f"code/exports/{id}.gz").stat().st_size > 0


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

"""A worker that does not end when asked tells where it hangs before it is killed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from loguru import logger

from otpsup import StartFailed, Worker
from tests.support import targets
from tests.support.methods import each_method
from tests.support.trees import node, pid, running, watching
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture
def log() -> Iterator[list[str]]:
    """All that otpsup logs."""
    lines: list[str] = []
    logger.enable("otpsup")
    number = logger.add(lambda message: lines.append(str(message)), format="{message}")
    yield lines
    logger.remove(number)
    logger.disable("otpsup")


def ended(target: Callable[..., object], method: str = "zygote") -> str:
    """What is told of the end of a worker that was asked to end, and did not."""
    worker = Worker("w", target, ready="notify", shutdown=0.2, start_method=method)  # type: ignore[arg-type]
    with running(worker) as tree:
        tree.terminate_child("w")
        return str(node(tree, "w").last_exit)


@each_method
def test_in_c(log: list[str], method: str) -> None:
    """Stuck in C code that never looks at signals: the Python line that called it is told."""
    assert ended(targets.hang_in_c, method) == "killed (SIGKILL); it did not listen"
    (text,) = [line for line in log if "did not stop as asked" in line]
    assert "in hang_in_c" in text
    assert text.count("targets.py") >= 1


def test_in_a_lock(log: list[str]) -> None:
    """Stuck in a wait: the stacks of all threads are told."""
    ended(targets.hang_in_a_lock)
    text = "".join(log)
    assert "in hang_in_a_lock" in text
    assert "in wait_in_thread" in text


def test_in_tasks(log: list[str]) -> None:
    """A coroutine that takes no cancellation: the stacks of its tasks are told."""
    ended(targets.hang_in_a_task)
    text = "".join(log)
    assert text.count("in never_ending") >= 2


def test_stopped(log: list[str]) -> None:
    """A process that job control has stopped can tell nothing, so that is what is told."""
    last = ended(targets.stop_again)
    assert last == ("killed (SIGKILL); it was stopped by a signal (SIGSTOP) and could not listen")


def test_the_report_has_it_too() -> None:
    """Whoever reads events gets the stacks with the report of the end."""
    worker = Worker("w", targets.hang_in_a_lock, ready="notify", shutdown=0.2)
    with running(worker) as tree, watching(tree) as events:
        tree.terminate_child("w")
        report = events.until("w", kind="shutdown_error")
    assert "it did not listen" in str(report.reason)
    assert "in hang_in_a_lock" in report.traceback
    assert "in wait_in_thread" in report.traceback


@pytest.mark.slow
def test_one_that_never_gets_ready(log: list[str]) -> None:
    """The same for a worker that hangs while it starts, and so never gets ready: in the log when it
    starts with its tree, in the event of its end also when somebody asked for the start."""
    limits: Any = {"ready": "notify", "shutdown": 0.2, "start_timeout": 5}
    stuck = Worker("w", targets.hang_in_c_at_once, **limits)
    with pytest.raises(StartFailed, match="not ready within"), running(stuck):
        pass
    assert "in hang_in_c_at_once" in "".join(log)
    with running() as tree, watching(tree) as events:
        with pytest.raises(StartFailed):
            tree.start_child(stuck)
        assert "in hang_in_c_at_once" in events.until("w", "down").traceback


def test_who_listens_is_not_asked(log: list[str]) -> None:
    """A worker that ends in time is not asked for anything."""
    with running(Worker("w", targets.wait)) as tree:
        until(lambda: node(tree, "w").ready)
        tree.terminate_child("w")
        assert node(tree, "w").last_exit == "stopped by SIGTERM"
    assert "did not stop" not in "".join(log)


def test_it_costs_the_host_nothing() -> None:
    """A worker that offers its stacks takes no descriptor of the host; nor does one that was asked
    and is gone."""
    worker = Worker("w", targets.hang_in_a_lock, ready="notify", shutdown=0.1)
    with running(worker) as tree:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        tree.restart("w")
        until(lambda: pid(tree, "w"))
        until(lambda: len(os.listdir("/proc/self/fd")) <= before)  # noqa: PTH208

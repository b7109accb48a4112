"""Where a worker is, on demand: it tells, and goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from otpsup import Command, NoProcess, NoStacks, NotFound, Tree, TreeClient, Worker
from tests.support import targets
from tests.support.methods import each_method
from tests.support.trees import node, pid, running
from tests.support.waiting import until


@each_method
def test_all_threads_and_who_goes_on(method: str) -> None:
    """The stacks of the main thread and of others, from the worker's own function on; it runs on,
    and tells again what is true then, and no more."""
    worker = Worker("w", targets.hang_in_a_lock, ready="notify", shutdown=0.1, start_method=method)  # type: ignore[arg-type]
    with running(worker) as tree:
        before = pid(tree, "w")
        texts = [tree.stacks("w") for _ in range(3)]
        for text in texts:
            assert text.count("in hang_in_a_lock") == 1
            assert text.count("in wait_in_thread") == 1
            assert "bootstrap.py" not in text
        assert pid(tree, "w") == before


def test_in_c() -> None:
    """Stuck in C code that never looks at signals."""
    with running(Worker("w", targets.hang_in_c, ready="notify", shutdown=0.1)) as tree:
        assert "in hang_in_c" in tree.stacks("w")


def test_tasks() -> None:
    """Those of asyncio come along."""
    with running(Worker("w", targets.hang_in_a_task, ready="notify", shutdown=0.1)) as tree:
        until(lambda: tree.stacks("w").count("in never_ending") >= 2)


def test_many_ask_at_once() -> None:
    """All get the same, each once."""
    worker = Worker("w", targets.hang_in_a_lock, ready="notify", shutdown=0.1)
    with running(worker) as tree, ThreadPoolExecutor(20) as threads:
        texts = list(threads.map(lambda _: tree.stacks("w"), range(100)))
    assert all(text.count("in hang_in_a_lock") == 1 for text in texts)


def test_it_keeps_nothing() -> None:
    """Neither the worker nor the host grows by being asked."""
    worker = Worker("w", targets.hang_in_a_lock, ready="notify", shutdown=0.1)
    with running(worker) as tree:
        for _ in range(50):
            tree.stacks("w")
        sizes = [os.stat(f"/proc/{pid(tree, 'w')}/fd/{fd}").st_size for fd in memfds(tree)]  # noqa: PTH116
        assert sizes == [0]
        assert not [fd for fd in os.listdir("/proc/self/fd") if is_memfd("self", fd)]  # noqa: PTH208


def memfds(tree: Tree) -> list[str]:
    """Descriptors that the worker writes its stacks to."""
    number = pid(tree, "w")
    return [fd for fd in os.listdir(f"/proc/{number}/fd") if is_memfd(str(number), fd)]  # noqa: PTH208


def is_memfd(number: str, fd: str) -> bool:
    """Whether stacks are written to it."""
    try:
        return "otpsup-stacks" in os.readlink(f"/proc/{number}/fd/{fd}")  # noqa: PTH115
    except OSError:
        return False


@pytest.mark.usefixtures("patient")
def test_before_its_end_it_tells_as_ever() -> None:
    """What was told before is not told again when it is killed."""
    worker = Worker("w", targets.hang_in_a_lock, ready="notify", shutdown=0.2)
    with running(worker) as tree:
        tree.stacks("w")
        tree.terminate_child("w")
        (report,) = [e for e in tree.recent_events() if e.kind == "shutdown_error"]
        assert report.traceback.count("in hang_in_a_lock") == 1


def test_who_cannot_tell() -> None:
    """Each in words that say why."""
    sleeper = Command("c", ("sleep", "1000"))
    down = Worker("d", targets.wait, autostart=False)
    with running(sleeper, Worker("w", targets.ready), down) as tree:
        until(lambda: node(tree, "w").ready)
        with pytest.raises(NoStacks, match="'c' is a command.*py-spy dump --pid [0-9]+"):
            tree.stacks("c")
        with pytest.raises(NoProcess, match="no stacks of 'd': it is down, and has no process"):
            tree.stacks("d")
        with pytest.raises(NoProcess, match="it is a supervisor"):
            tree.stacks("")
        with pytest.raises(NotFound):
            tree.stacks("x")
        os.kill(pid(tree, "w"), signal.SIGSTOP)
        until(lambda: is_stopped(pid(tree, "w")))
        with pytest.raises(NoStacks, match="it was stopped by a signal"):
            tree.stacks("w")
        os.kill(pid(tree, "w"), signal.SIGCONT)
        until(lambda: "in wait" in tree.stacks("w"))


def is_stopped(number: int) -> bool:
    """Whether job control has stopped it."""
    with open(f"/proc/{number}/stat") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] == "T"


def test_from_elsewhere_and_from_within() -> None:
    """Over the socket, and on an asyncio loop."""
    with running(Worker("w", targets.ready), name="where") as tree:
        with TreeClient.connect("where") as client:
            until(lambda: "in wait" in client.stacks("w"))  # it may be about to begin

        async def ask() -> str:
            return await tree.aio.stacks("w")

        assert "in wait" in asyncio.run(ask())

"""Noticing the end of a process, with pidfds and without."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otpsup.runtime import watch
from tests.support.hosts import hosting
from tests.support.strays import adopting
from tests.support.waiting import gone

Watch = Callable[[asyncio.AbstractEventLoop, int, Callable[[], None]], None]


def by_pidfd(loop: asyncio.AbstractEventLoop, pid: int, gone: Callable[[], None]) -> None:
    """Through a descriptor."""
    watch.watch_pidfd(loop, os.pidfd_open(pid), gone)


WAYS: list[Watch] = [watch.watch, by_pidfd, watch.watch_in_thread]


@pytest.mark.parametrize("way", WAYS)
def test_the_end_is_told_once_and_the_status_left(way: Watch) -> None:
    """Each way calls back once, on the loop, and reaps nobody."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ends: asyncio.Queue[int] = asyncio.Queue()
        processes = [subprocess.Popen(["sleep", "100"]) for _ in range(5)]
        for process in processes:
            way(loop, process.pid, lambda process=process: ends.put_nowait(process.pid))  # type: ignore[misc]
        for process in reversed(processes):
            process.kill()
            assert await asyncio.wait_for(ends.get(), 10) == process.pid
            assert process.wait(0) == -signal.SIGKILL
        assert ends.empty()

    asyncio.run(main())


@pytest.mark.parametrize("way", WAYS)
def test_who_has_ended_already_is_told_too(way: Watch) -> None:
    """There is no moment at which a death can be missed."""

    async def main() -> None:
        ended = asyncio.Event()
        process = subprocess.Popen(["true"])
        gone(process.pid)
        way(asyncio.get_running_loop(), process.pid, ended.set)
        await asyncio.wait_for(ended.wait(), 10)
        assert process.wait() == 0

    asyncio.run(main())


def test_a_loop_that_is_closed_is_left_alone() -> None:
    """The thread that waits outlives the loop and says nothing then."""
    process = subprocess.Popen(["sleep", "100"])
    loop = asyncio.new_event_loop()
    watch.watch_in_thread(loop, process.pid, lambda: None)
    loop.close()
    process.kill()
    process.wait()


@pytest.mark.slow
def test_a_whole_tree_without_pidfds(tmp_path: Path) -> None:
    """Where the kernel has no pidfds everything works as with them: starts, restarts of crashed,
    killed and stubborn children, workers of every start method, and the end of all."""
    before = """
        del os.pidfd_open
        import otpsup.runtime.launchers as launchers
        launchers.LAUNCHER = "import os; del os.pidfd_open; " + launchers.LAUNCHER
    """
    code = """
        def main():
            children = [
                Command("c", ["sleep", "100"]),
                Command("stubborn", ["sh", "-c", "trap '' TERM; echo; sleep 100 & wait; wait"],
                        shutdown=0.1, ready=otpsup.log_line(".*")),
                *(Worker(m, targets.ready, start_method=m, ready="notify") for m in METHODS),
            ]
            names = ["c", *METHODS]
            with running(*children, intensity=100) as tree, watching(tree) as events:
                for name in names:
                    os.kill(pid(tree, name), 9)
                    events.until(name, "restarting")
                    events.until(name, "running")
                for name in names:
                    tree.restart(name)
                tree.terminate_child("stubborn")
                tell([node(tree, name).last_exit for name in [*names, "stubborn"]])
                tell([child.pid for child in tree.status().children if child.pid])
        METHODS = ("zygote", "spawn", "fork")
    """
    with adopting(), hosting(tmp_path, code, before=before) as host:
        assert host.hear() == ["stopped by SIGTERM"] * 4 + ["killed (SIGKILL)"]
        pids: list[Any] = host.hear()
        assert host.wait() == 0
        gone(*pids, within=0)


@pytest.mark.slow
def test_helpers_die_without_pidfds_too(tmp_path: Path) -> None:
    """kill -9 of the launcher is noticed and mended."""
    before = """
        del os.pidfd_open
        import otpsup.runtime.launchers as launchers
        launchers.LAUNCHER = "import os; del os.pidfd_open; " + launchers.LAUNCHER
    """
    code = """
        import psutil
        def main():
            children = [Command("c", ["sleep", "100"]), Worker("w", targets.wait)]
            with running(*children, intensity=100) as tree, watching(tree) as events:
                before = [pid(tree, "c"), pid(tree, "w")]
                psutil.Process(before[0]).parent().kill()
                events.until_all("c", "w", state="running")
                tell(before)
    """
    with adopting(), hosting(tmp_path, code, before=before, stderr=-3) as host:
        pids = host.hear()
        gone(*pids)
        assert host.wait() == 0

"""A child that forks faster than it can be killed is gone after its stop all the same."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from otpsup import Backoff
from tests.support.bombs import MANY, bomb, marked
from tests.support.hosts import hosting
from tests.support.strays import adopting
from tests.support.trees import pid, running, watching
from tests.support.waiting import until

OURS = f"{os.getpid()}-"


def goes_off() -> None:
    until(lambda: len(marked(OURS)) > MANY)


@pytest.mark.slow
@pytest.mark.slow
def test_a_stop_ends_all_of_it() -> None:
    """What forks from killed to killed has to stand still first; nothing of it is left when the
    stop returns, time after time."""
    with running(bomb("bomb", shutdown=0.1, autostart=False)) as tree:
        for _ in range(3):
            tree.start_child("bomb")
            goes_off()
            tree.terminate_child("bomb")
            assert marked(OURS) == []


@pytest.mark.slow
def test_a_crash_leaves_nothing_of_it_beside_the_next() -> None:
    """A bomb whose first process was killed is gone before it is started again."""
    with running(bomb("bomb", shutdown=0.1)) as tree, watching(tree) as events:
        goes_off()
        first = set(marked(OURS))
        os.kill(pid(tree, "bomb"), signal.SIGKILL)
        events.until("bomb", "running")
        assert first.isdisjoint(marked(OURS))


@pytest.mark.slow
def test_nothing_of_it_survives_the_launcher() -> None:
    """When the launcher dies, the host ends all of it, if need be in more than one go."""
    child = bomb("bomb", shutdown=0.1, backoff=Backoff(initial=0.1))
    with adopting(), running(child, intensity=1000) as tree, watching(tree) as events:
        goes_off()
        launcher = psutil.Process(pid(tree, "bomb")).parent()
        assert launcher
        launcher.kill()
        events.until("bomb", "restarting")
        tree.terminate_child("bomb")
        until(lambda: marked(OURS) == [])


@pytest.mark.slow
def test_nothing_of_it_survives_the_host(tmp_path: Path) -> None:
    """When the host dies, the launcher ends all of it."""
    code = f"""
        from tests.support.bombs import *
        def main():
            with running(bomb("bomb")):
                until(lambda: len(marked(f"{{os.getpid()}}-")) > {MANY})
                tell("goes off")
                signal.pause()
    """
    with adopting() as strays, hosting(tmp_path, code) as host:
        assert host.hear() == "goes off"
        host.kill(signal.SIGKILL)
        strays.vanish()

"""What holds among a few children holds among many, for whom the launcher looks in another way."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import psutil
import pytest

from otpsup import Command
from otpsup.runtime.launcher import deaths
from tests.support.bombs import below
from tests.support.strays import adopting
from tests.support.trees import pid, running, watching
from tests.support.waiting import gone, until

MANY = deaths._FEW + 20


def _many() -> list[Command]:
    sleeps = ["sleep", "1000"]
    return [Command(f"c{n}", sleeps, stdout="null", stderr="null") for n in range(MANY)]


def _left_by(leader: int) -> list[int]:
    return [found for found in below("leaves") if found != leader]


def test_the_first_thread_of_the_launcher_has_only_orphans() -> None:
    """So none is overlooked, and nobody has to look at all children to find them."""
    leaves = Command("leaves", ["sh", "-c", "(setsid sleep 1000 &) ; exec sleep 1000"])
    with running(leaves) as tree:
        launcher = psutil.Process(pid(tree, "leaves")).ppid()
        mine = Path(f"/proc/{launcher}/task/{launcher}/children")
        leader = pid(tree, "leaves")

        def are_the_orphans() -> bool:  # who is just being executed has no mark for a moment
            left = _left_by(leader)
            return left != [] and [int(each) for each in mine.read_text().split()] == left

        until(are_the_orphans)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_of_many_that_die_at_once_is_back_and_what_they_left_is_gone() -> None:
    """Their ends come with fewer signals than there are ends. Whom one of them has left behind in
    another session is gone before it is back; and of one that is killed alone afterwards."""
    leaves = Command("leaves", ["sh", "-c", "setsid sleep 1000 & exec sleep 1000"])
    with adopting(), running(leaves, *_many(), intensity=10**6) as tree, watching(tree) as events:
        for victims in (range(MANY), range(1)):
            leader = pid(tree, "leaves")
            left = until(partial(_left_by, leader))
            for number in victims:
                os.kill(pid(tree, f"c{number}"), signal.SIGKILL)
            os.kill(leader, signal.SIGKILL)
            events.until_all("leaves", *(f"c{n}" for n in victims), state="running")
            gone(*left, within=0)

"""A fork of the zygote waits for the next order: quicker than a fork for it, and no other."""

from __future__ import annotations

import os
import signal
from typing import Any

import psutil
import pytest

from otpsup import Tree, Worker
from tests.support import targets
from tests.support.strays import standby
from tests.support.trees import node, pid, running, watching
from tests.support.waiting import gone

FIRST = Worker("first", targets.be_ready, ready="notify")
"""Once it is ready, no fork that is to become it can be taken for one that waits."""
TELLS = Worker("tells", targets.tell_all, ready="notify")


def zygote(tree: Tree) -> psutil.Process:
    """The parent of the first worker."""
    parent = psutil.Process(pid(tree, "first")).parent()
    assert parent is not None
    return parent


def told(tree: Tree, number: int) -> Any:
    """What is the same of every process of this worker, whoever makes it."""
    process, system, open_ones, mark = node(tree, "tells").info
    assert process["pid"] == process["session"] == process["group"] == number
    assert system["environment"]["OTPSUP_PATH"] == "tells"
    assert mark == system["environment"]["OTPSUP_RUN"]
    for name in ("pid", "session", "group"):
        del process[name]
    for name in ("OTPSUP_RUN", "OTPSUP_CHANNEL", "NOTIFY_SOCKET"):
        assert system["environment"].pop(name)
    return process, system, sorted(open_ones.values()), open_ones["0"]


def test_who_has_waited_is_as_who_was_forked_for_it() -> None:
    """Session, environment, mark, descriptors, signals and all that multiprocessing tells."""
    with running(FIRST) as tree:
        waits = standby(zygote(tree)).pid
        tree.start_child(TELLS)
        assert pid(tree, "tells") == waits
        of_standby = told(tree, waits)
        _kill_standby(tree)
        fork = tree.restart("tells").pid
        assert fork is not None
        assert told(tree, fork) == of_standby


def _kill_standby(tree: Tree, signum: int = signal.SIGKILL) -> None:
    waits = standby(zygote(tree))
    waits.send_signal(signum)
    gone(waits.pid)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_who_is_killed_while_he_waits_is_missed_by_nobody(signum: int) -> None:
    """No failure is told, the next worker wants for nothing, and then one waits again."""
    with running(FIRST, TELLS) as tree, watching(tree) as events:
        _kill_standby(tree, signum)
        tree.restart("tells")
        events.until("tells", "running")
        assert {event.path for event in events.seen} == {"tells"}
        assert standby(zygote(tree)).pid != pid(tree, "tells")


def test_a_crash_is_over_sooner_by_it() -> None:
    """It becomes the worker that was killed."""
    with running(FIRST, TELLS) as tree, watching(tree) as events:
        waits = standby(zygote(tree)).pid
        os.kill(pid(tree, "first"), signal.SIGKILL)
        events.until("first", "running")
        assert pid(tree, "first") == waits


def test_an_order_that_is_too_large_for_it_is_carried_out_all_the_same() -> None:
    """It stays for the next one."""
    long = "x" * 200_000
    with running(FIRST) as tree:
        waits = standby(zygote(tree)).pid
        large = tree.start_child(Worker("large", targets.stay, args=(long,)))
        assert large.pid != waits
        assert tree.start_child(TELLS).pid == waits


def test_it_ends_with_the_zygote() -> None:
    """Whatever ends that."""
    with running(FIRST) as tree, watching(tree) as events:
        waits = standby(zygote(tree)).pid
        zygote(tree).kill()
        gone(waits)
        events.until("first", "running")
        again = standby(zygote(tree)).pid
    gone(again)

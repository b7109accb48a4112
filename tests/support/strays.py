"""Who outlives a tree that should have left nobody."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker

import psutil
import pytest

from otpsup.runtime.launcher.strays import mark_of

from .waiting import LONG, until

_PR_SET_CHILD_SUBREAPER = 36


def _helpers() -> set[int | None]:
    """multiprocessing's own, which stay for the whole session."""
    return {
        resource_tracker._resource_tracker._pid,  # type: ignore[attr-defined]
        forkserver._forkserver._forkserver_pid,  # type: ignore[attr-defined]
    }


def descendants() -> list[psutil.Process]:
    """Everybody below this process who is alive, multiprocessing's helpers and forks of a zygote
    that wait for an order aside."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE and not waits_for_order(process):
                found.append(process)
    return [process for process in found if process.pid not in _helpers()]


def waits_for_order(process: psutil.Process) -> bool:
    """Whether it still has the mark of the zygote that forked it, which lives."""
    mark = mark_of(process.pid)
    try:
        return b"-zygote" in mark and mark_of(process.ppid()) == mark
    except psutil.NoSuchProcess:
        return False


def standby(zygote: psutil.Process) -> psutil.Process:
    """The fork of this zygote that waits for an order, once there is one."""
    return until(lambda: next(filter(waits_for_order, zygote.children()), None))


class Strays:
    """Orphans below this process; they come to it as they would come to process 1."""

    def __init__(self) -> None:
        self._before = {process.pid for process in descendants()}

    def alive(self) -> list[psutil.Process]:
        """Those who run now and did not before."""
        return [process for process in descendants() if process.pid not in self._before]

    def vanish(self, within: float = LONG) -> None:
        """Wait until nobody is left."""
        until(lambda: not self.alive(), within)

    def reap(self) -> None:
        """Take in the dead."""
        for process in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
                if process.pid not in self._before and process.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(process.pid, os.WNOHANG)


@contextmanager
def adopting() -> Iterator[Strays]:
    """Be the one to whom orphans come; kills those who are left at the end, and fails."""
    prctl = ctypes.CDLL(None).prctl
    strays = Strays()
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield strays
        with contextlib.suppress(AssertionError):
            strays.vanish()  # multiprocessing's own helpers, which end after their host
        assert [str(process) for process in strays.alive()] == []
    finally:
        for process in strays.alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        with contextlib.suppress(AssertionError):
            strays.vanish(5)
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        strays.reap()


@pytest.fixture
def no_strays() -> Iterator[Strays]:
    """Nothing that a test starts outlives it."""
    with adopting() as strays:
        yield strays

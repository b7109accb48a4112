"""fork(2) of a process that has one thread, for the zygote.

After os.fork Python's own library puts right, in the child, what other threads may have held or
been. That writes to over a hundred pages, each of which has to be copied for every worker; and in
a process with one thread there is nothing to put right. So where nobody else wants to hear of
forks, the C library's fork(3) is called directly. Random numbers get a new seed all the same.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from typing import Any

Hook = Callable[[], object]

_FOR_THREADS = (__name__, "threading", "logging", "concurrent.futures.thread")
"""Modules whose hooks only set free what another thread may hold; and ours, which do nothing."""
_IN_CHILD = ("random", "asyncio.events")
"""Modules whose hooks every fork needs, in the child."""


class Forking:
    """How this process forks.

    No API tells what is registered with os.register_at_fork; but the lists of it are objects as all
    others, and are found by a hook of our own in each. Only as long as nothing in the process is
    frozen (gc.freeze).
    """

    def __init__(self) -> None:
        self._fork = _c_fork()
        self._hooks = _hooks() if self._fork else []
        self._seen: list[int] = []
        self._is_plain = False
        self._needed: list[Hook] = []

    def fork(self) -> int:
        """As os.fork.

        Raises:
            OSError: there can be no process now.
        """
        if self._fork is None or not self.is_plain():
            return os.fork()
        sys.audit("os.fork")
        pid = self._fork()
        if pid == 0:
            for hook in self._needed:
                hook()
        elif pid < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return pid

    def is_plain(self) -> bool:
        """Whether nobody wants to hear of forks but those parts of Python's library that we know;
        else os.fork is used."""
        seen = [len(hooks) for hooks in self._hooks]
        if seen != self._seen:
            self._seen = seen
            self._look()
        return self._is_plain

    def _look(self) -> None:
        if len(self._hooks) != 3:
            return
        *others, in_child = ([(_owner(hook), hook) for hook in hooks] for hooks in self._hooks)
        self._needed = [hook for owner, hook in in_child if owner in _IN_CHILD]
        unknown = [hook for owner, hook in in_child if owner not in _FOR_THREADS + _IN_CHILD]
        unknown += [hook for each in others for owner, hook in each if owner not in _FOR_THREADS]
        self._is_plain = not unknown


def _c_fork() -> Callable[[], int] | None:
    """fork(3), called as a part of Python, which goes on in both processes; None where that may
    not be all that is needed."""
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    if not has_gil or sys.implementation.name != "cpython":
        return None
    try:
        fork: Callable[[], int] = ctypes.PyDLL(None, use_errno=True).fork
    except (OSError, AttributeError):
        return None
    return fork


def _hooks() -> list[list[Hook]]:
    """The living lists of what is called before a fork, in the parent, and in the child; less, if
    they are not found."""
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
    return [
        found
        for hook in (_before, _in_parent, _in_child)
        for found in gc.get_referrers(hook)
        if type(found) is list
    ]


def _before() -> None:
    pass


def _in_parent() -> None:
    pass


def _in_child() -> None:
    pass


def _owner(hook: Any) -> str:
    """The name of the module whose hook it is; a lock's method has none."""
    futures: Any = sys.modules.get("concurrent.futures.thread")
    lock = getattr(futures, "_global_shutdown_lock", None)
    if lock is not None and getattr(hook, "__self__", None) is lock:
        return "concurrent.futures.thread"
    return getattr(hook, "__module__", None) or ""

"""The end of a launcher whose host is gone: it ends all children, in order, and waits for them."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterator, Sequence

from .bare import signal, socket
from .children import Children
from .leftovers import LINGER, send
from .strays import Offspring, end, kill_marked
from .syscalls import send_signal

_ABANDONED = 1.0
"""Seconds of grace, at most, that children get when the host is gone."""
_GLANCE = 0.005
"""Seconds between looks at those who have to be gone."""


class Farewell:
    """Ends everybody.

    Args:
        wake: a descriptor that is readable once a child has ended.
        bury: takes in a child that has ended.
    """

    def __init__(
        self, children: Children, offspring: Offspring, wake: int, bury: Callable[[int], None]
    ) -> None:
        self._children = children
        self._offspring = offspring
        self._wake = wake
        self._bury = bury
        self._ends = select.poll()
        self._ends.register(wake, select.POLLIN)

    def say(self, sock: socket.socket, hosts_own: Sequence[int], marks: bytes) -> None:
        """Ask everybody to end, then insist; return when nobody is left.

        Args:
            sock: the socket to the host.
            hosts_own: pidfds of children that the host has made itself.
            marks: what the marks of the tree's processes begin with; b"" if others see to them.
        """
        with contextlib.suppress(OSError):  # whoever holds a copy of the other end does not read
            sock.shutdown(socket.SHUT_RDWR)
        for fd in hosts_own:  # as they end with the host by themselves, if nobody forked it
            send_signal(fd, signal.SIGKILL)
        begun = time.monotonic()
        self._ask_in_order(begun + _ABANDONED)
        while self._reap():
            self._kill_the_late(time.monotonic() - begun)
            self._await_death(_GLANCE)
        until = time.monotonic() + LINGER
        while marks and kill_marked(marks) and time.monotonic() < until:
            time.sleep(_GLANCE)

    def _ask_in_order(self, until: float) -> None:
        """The last one first. Each has its own grace to go before the next is asked, but no more
        than its share of the time that is left; it goes on ending while others are asked."""
        asked = [(pid, child) for pid, child in self._children.items() if child.stop_signal]
        for left in range(len(asked), 0, -1):
            pid, child = asked[left - 1]
            if pid not in self._children:
                continue
            now = time.monotonic()
            send(pid, child.stop_signal)
            send(pid, signal.SIGCONT)  # it may be stopped, and must hear of it
            self._wait_for(pid, now + min(child.grace, max(until - now, 0.0) / left))

    def _wait_for(self, pid: int, until: float) -> None:
        if time.monotonic() < until:
            self._reap()
        while pid in self._children and (left := until - time.monotonic()) > 0:
            self._await_death(left)
            self._reap()

    def _await_death(self, seconds: float) -> None:
        """Wait until a child has ended since the last look, for so long at most."""
        if self._ends.poll(seconds * 1000):
            drain(self._wake)

    def _kill_the_late(self, waited: float) -> None:
        """Kill whose grace is over: each child after its own, strays once all children are gone."""
        for pid, child in self._children.items():
            if waited >= min(child.grace, _ABANDONED):
                send(pid, signal.SIGKILL)
        if not self._children:
            end(self._offspring.orphans(()), waited)

    def _reap(self) -> bool:
        """Reap what has ended; True while children are left."""
        try:
            for pid in ended():
                self._bury(pid)
        except ChildProcessError:
            return False
        return True


def ended() -> Iterator[int]:
    """Who has ended, each to be reaped before the next is asked for.

    Raises:
        ChildProcessError: there are no children any more.
    """
    while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        yield found.si_pid


def drain(fd: int) -> None:
    """Read all that is there."""
    with contextlib.suppress(BlockingIOError):
        while os.read(fd, 4096):
            pass

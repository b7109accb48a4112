"""What children that have ended have left behind: their groups, and who was below them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence

from .children import Child
from .strays import can_look, end, group_of, was_below

LINGER = 2.0
"""Seconds that what a dead child left behind gets to vanish after SIGKILL before it is reported."""


class _Lingering:
    """A child that has ended, and has left somebody behind.

    Args:
        tell: tells of its end.
        grace: seconds in which whoever is left may end by himself.
    """

    def __init__(self, child: Child, tell: Callable[[], None], grace: float) -> None:
        self.child = child
        self.tell: Callable[[], None] | None = tell
        self.hurry(grace)
        self.asked: set[int] = set()

    def hurry(self, grace: float) -> None:
        """When whoever is left is killed, and when the end is reported whoever is left."""
        self.kill_at = time.monotonic() + grace
        self.tell_at = self.kill_at + LINGER


class Leftovers:
    """Ends them, each asked once, and tells of their child's end when nobody is left.

    Args:
        orphans: tells who is here whom nobody has ordered.
    """

    def __init__(self, orphans: Callable[[], Sequence[int]]) -> None:
        self._orphans = orphans
        self._lingering: dict[int, _Lingering] = {}

    def __bool__(self) -> bool:
        return bool(self._lingering)

    def see_to(self, pid: int, child: Child, tell: Callable[[], None], grace: float) -> None:
        """This child has ended, and may have left somebody behind."""
        left = _Lingering(child, tell, grace)
        if self._is_swept(pid, left):
            tell()
        else:
            self._lingering[pid] = left

    def look(self) -> None:
        """Look at all of them once more."""
        for pid, left in list(self._lingering.items()):
            is_swept = self._is_swept(pid, left)
            if left.tell and (is_swept or time.monotonic() > left.tell_at):
                left.tell()
                left.tell = None
            if is_swept:
                del self._lingering[pid]

    def hasten(self, id: int) -> None:
        """No grace any more for what the child with this number has left behind."""
        for left in self._lingering.values():
            if left.child.id == id and left.kill_at > time.monotonic():
                left.hurry(0.0)

    def _is_swept(self, pid: int, left: _Lingering) -> bool:
        """End what a dead child has left behind, each asked once; True when nobody is left."""
        if not can_look():  # who cannot be found now is found later, also when this was reported
            left.kill_at = max(left.kill_at, time.monotonic())
        late = time.monotonic() - left.kill_at
        found = self._orphans()
        whose = {orphan: was_below(orphan, pid, left.child.mark) for orphan in found}
        theirs = [orphan for orphan in found if whose[orphan]]
        if late >= 0:
            end(theirs, late)
        for orphan in theirs if late < 0 else ():
            if orphan not in left.asked and group_of(orphan) != pid:  # its group was told
                left.asked.add(orphan)
                send(orphan, left.child.stop_signal)
        is_left = any(known is not False for known in whose.values()) or group_exists(pid)
        return not is_left or late > LINGER


def send(pid: int, signum: int) -> None:
    """Signal a process, if it is there."""
    with contextlib.suppress(OSError):
        os.kill(pid, signum)


def send_to_group(pid: int, signum: int) -> None:
    """Signal a group, if anybody is in it."""
    with contextlib.suppress(OSError):
        os.killpg(pid, signum)


def group_exists(pid: int) -> bool:
    """Whether anybody is left in the group of this leader."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

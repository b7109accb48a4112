"""Children that are started again without a question, and what becomes of those nobody wants.

The engine decides; but where it is clear beforehand what it would decide, the launcher or zygote is
told so, and does it the moment a child ends. The engine hears of the end, decides as ever, and
finds that its new process is there already. Should it decide otherwise, because something has
changed meanwhile, that process is killed, and only when it is gone is the end told: for the engine
it has never been.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..engine.reasons import Exit
from ..specs import Command, Spawned, Worker, health, stdin
from .launch import Owner, Signaller

if TYPE_CHECKING:
    from .process import ChildProcess


def is_repeatable(spec: Worker | Command) -> bool:
    """Whether each start of a child is like the one before. Not where something is read or looked
    at anew each time: files with variables or secrets, a port that may be taken, hooks."""
    if isinstance(spec, Command) and spec.stdin != stdin.NULL:
        return False
    hooks = spec.before_start or spec.after_ready or spec.after_exit
    is_told_where = health.has(spec, health.Heartbeat)  # a new place each time
    is_read = spec.env_file or spec.secrets
    return isinstance(spec.ready, Spawned) and not (is_read or hooks or is_told_where)


class Heir:
    """A process that was started in the place of another.

    Attributes:
        before: whose place that was.
        number: of its order.
        process: the engine's next incarnation of the child, once the engine has decided.
    """

    def __init__(self, before: ChildProcess, number: int) -> None:
        self.before = before
        self.number = number
        self.process: ChildProcess | None = None


class Unwanted:
    """A process that was started in the place of another, and is not to be there.

    Args:
        before: whose successor it is; its end is told when this one is gone.
    """

    successors_mark = ""

    def __init__(self, mark: str, before: ChildProcess, exit: Exit) -> None:
        self.mark = mark
        self._before = before
        self._exit = exit
        self._signaller: Signaller | None = None

    def on_up(self, pid: int, pidfd: int | None, ends: Sequence[int] | None) -> None:
        """It exists: an end to it."""
        for fd in ends or ():
            os.close(fd)
        self._signaller = Signaller(pid, pidfd)
        self._signaller.kill_group()

    def on_failed(self, error: OSError) -> None:
        """It does not exist."""
        self._before.on_exit(self._exit)

    def on_exit(self, exit: Exit) -> None:
        """It is gone."""
        if self._signaller:
            self._signaller.close()
        self._before.on_exit(self._exit)

    def on_replaced(self, successor: int, exit: Exit) -> Owner:
        """Never: it is not armed."""
        raise AssertionError("nobody is started in the place of one that is not wanted")

    def on_lost(self) -> None:
        """Whoever would report its end is gone."""
        if self._signaller is not None:
            self._signaller.lose()

    def has_ended(self) -> bool:
        """After `on_lost`: whether it is gone."""
        return self._signaller is None or self._signaller.has_ended()

    def on_swept(self) -> None:
        """After `on_lost`: it is gone."""
        self.on_exit(self._exit)

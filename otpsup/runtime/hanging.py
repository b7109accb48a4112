"""A worker that did not listen, and where it hangs: it is asked before it is killed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from . import stacks
from .launch import Signaller

_STACKS = 0.5
"""Seconds, at most, in which it may tell where it hangs."""
_GLANCE = 0.02


class Hanging:
    """One worker that is late.

    Args:
        kill: called when it has told, or has not in time.

    Attributes:
        why: why it did not end, as far as that is known.
        where: its stacks, as it wrote them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, kill: Callable[[], None]) -> None:
        self._loop = loop
        self._kill = kill
        self._stacks: int | None = None
        self._look: asyncio.TimerHandle | None = None
        self.why = self.where = ""

    def ask(self, process: Signaller) -> bool:
        """Whether it may answer; False, and `kill` is not called, if not."""
        if not process.pid or process.has_ended():
            return False  # it is lost, or only what it has left behind is waited for
        if stacks.is_stopped(process.pid):
            self.why = "it was stopped by a signal (SIGSTOP) and could not listen"
            return False
        self._stacks = stacks.attach(process.pid)
        if self._stacks is None:
            return False
        process.send(stacks.SIGNAL)
        self._await("", self._loop.time() + _STACKS)
        return True

    def _await(self, before: str, until: float) -> None:
        """Look until there is no more to come."""
        if self._stacks is None:
            return
        text = stacks.read(self._stacks)
        if (text and text == before) or self._loop.time() >= until:
            self.why, self.where = "it did not listen", stacks.own(text)
            self._kill()
            return
        self._look = self._loop.call_later(_GLANCE, self._await, text, until)

    def close(self) -> None:
        """It is gone."""
        if self._look:
            self._look.cancel()
        if self._stacks is not None:
            os.close(self._stacks)
            self._stacks = None

"""A worker is asked where it is, all of its stacks: before it is killed because it did not listen,
or because somebody wants to know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from ..errors import NoStacks
from ..plain import plain_lines
from . import stacks
from .launch import Signaller

_STACKS = 0.5
"""Seconds, at most, in which it may tell where it hangs."""
_PATIENCE = 5.0
"""The same, if it is not to be killed."""
_GLANCE = 0.02
_STOPPED = "it was stopped by a signal (SIGSTOP) and could not listen"


class Hanging:
    """One worker that is asked.

    Args:
        told: called when it has told, or has not in time.
        patience: seconds that it has.

    Attributes:
        why: why it did not end, as far as that is known.
        where: its stacks, as it wrote them.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        told: Callable[[], None],
        patience: float = _STACKS,
    ) -> None:
        self._loop = loop
        self._told = told
        self._patience = patience
        self._pid = 0
        self._stacks: int | None = None
        self._look: asyncio.TimerHandle | None = None
        self.why = self.where = ""

    def ask(self, process: Signaller) -> bool:
        """Whether it may answer; False, and `told` is not called, if not."""
        if not process.pid or process.has_ended():
            return False  # it is lost, or only what it has left behind is waited for
        if stacks.is_stopped(process.pid):
            self.why = _STOPPED
            return False
        self._pid = process.pid
        self._stacks = stacks.attach(process.pid)
        if self._stacks is None:
            return False
        process.send(stacks.SIGNAL)
        self._await("", self._loop.time() + self._patience)
        return True

    def _await(self, before: str, until: float) -> None:
        """Look until there is no more to come."""
        if self._stacks is None:
            return
        text, is_all = stacks.read(self._stacks)
        if is_all or (text and text == before) or self._loop.time() >= until:
            is_stopped = not text and stacks.is_stopped(self._pid)
            self.why = _STOPPED if is_stopped else "it did not listen"
            self.where = stacks.own(text)
            self._told()
            return
        self._look = self._loop.call_later(_GLANCE, self._await, text, until)

    def close(self) -> None:
        """It is gone."""
        if self._look:
            self._look.cancel()
        if self._stacks is not None:
            stacks.close(self._stacks)
            self._stacks = None


class Process(Protocol):
    """One that can be asked, if it is a worker."""

    path: str

    @property
    def signaller(self) -> Signaller | None:
        """What signals it; None if it is gone."""

    def hide(self, text: str) -> str:
        """A text without its secrets."""


class Whereabouts:
    """Of workers that are to go on. Of one that several ask at once, all get the one answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked: dict[Process, asyncio.Future[str]] = {}

    async def of(self, process: Process) -> str:
        """All its stacks, as it writes them, without its secrets.

        Raises:
            NoStacks: it cannot tell; says why.
        """
        asked = self._asked.get(process)
        if asked is None:
            asked = self._asked[process] = asyncio.ensure_future(self._ask(process))
            asked.add_done_callback(lambda _: self._asked.pop(process))
        return await asyncio.shield(asked)

    async def _ask(self, process: Process) -> str:
        told = self._loop.create_future()
        hanging = Hanging(self._loop, lambda: told.set_result(None), _PATIENCE)
        try:
            await self._until_asked(hanging, process)
            await told
        finally:
            hanging.close()
        if not hanging.where:
            late = f"it has told nothing within {_PATIENCE:g} s"
            raise _silent(process, _STOPPED if hanging.why == _STOPPED else late)
        return plain_lines(process.hide(hanging.where))

    async def _until_asked(self, hanging: Hanging, process: Process) -> None:
        """One that has just begun cannot be asked yet."""
        until = self._loop.time() + _PATIENCE
        while (signaller := process.signaller) is not None:
            if hanging.ask(signaller):
                return
            if hanging.why or self._loop.time() >= until:
                raise _silent(process, hanging.why or "it does not offer any")
            await asyncio.sleep(_GLANCE)
        raise _silent(process, "it has just ended")


def _silent(process: Process, why: str) -> NoStacks:
    return NoStacks(f"no stacks of {process.path!r} can be had: {why}")

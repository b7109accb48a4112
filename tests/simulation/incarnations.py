"""Which incarnation of which child a made-up process is, by the number of its order."""

from __future__ import annotations

from collections import Counter
from typing import Any

from otpsup.runtime.process import ChildProcess


class Numbers:
    """All that the host has ever ordered, or has said is to be started in somebody's place."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        """Processes that were started in the place of others, and those that nobody wanted."""
        self._made: dict[int, ChildProcess] = {}

    def made(self, process: ChildProcess) -> None:
        """The host has a new number."""
        self._made[process.number] = process

    def spec(self, number: int) -> Any:
        """What is started under this number."""
        known = self._made.get(number)
        if known is None:
            self.counted["replaced"] += 1
            known = self._before(number)
        return known.spec

    def unwanted(self) -> None:
        """The host ends one that was started in the place of another."""
        self.counted["unwanted"] += 1

    def _before(self, successor: int) -> ChildProcess:
        """In whose place this one may be started."""
        return next(p for p in self._made.values() if p._successor == successor)

    def of(self, incarnation: Any) -> int:
        """The number of what the host holds for one incarnation."""
        return int(getattr(incarnation, "child", incarnation).number)

    def may_be(self, number: int, incarnation: Any) -> bool:
        """Whether a process of this number is that incarnation, or was started in its place, of
        which the host has not heard yet."""
        process = getattr(incarnation, "child", incarnation)
        return number in (process.number, process._successor)

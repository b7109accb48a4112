"""What all children of one engine share: the time, pending effects, deadlines, the index."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .effects import Effect
from .timers import Timers

if TYPE_CHECKING:
    from .child import Child


class Core:
    """The shared state of an engine; holds no decisions."""

    def __init__(self, random: Callable[[], float]) -> None:
        self.random = random
        self.now = 0.0
        self._effects: list[Effect] = []
        self.emit: Callable[[Effect], None] = self._effects.append
        """Adds an effect to what the current event leads to."""
        self.timers: Timers[Child] = Timers()
        self.children: dict[str, Child] = {}
        self._runs = 0
        self._steps = 0
        self._instances: dict[str, int] = {}

    def next_run(self) -> int:
        """A number that no incarnation of any child has had."""
        self._runs += 1
        return self._runs

    def next_step(self) -> int:
        """A reference for a request of the engine's own; those from outside are above zero."""
        self._steps -= 1
        return self._steps

    def next_instance(self, path: str) -> int:
        """A number that no instance under this dynamic supervisor has had; the first is 1."""
        self._instances[path] = self.instances(path) + 1
        return self._instances[path]

    def resume_instances(self, path: str, count: int) -> None:
        """This dynamic supervisor has had so many instances already."""
        self._instances[path] = count

    def instances(self, path: str) -> int:
        """How many instances this dynamic supervisor has had."""
        return self._instances.get(path, 0)

    def take_effects(self) -> list[Effect]:
        """The effects so far; the next event starts with none."""
        effects = self._effects.copy()
        self._effects.clear()
        return effects

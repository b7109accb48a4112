"""The simulation with deviation 1 undone: a group restart wakes what an operator stopped.

OTP keeps no record of why a child is down (OTP.md 10.5); the engine's `wanted` does. A system that
forgets after every message what operators wanted behaves as OTP does, in this and in nothing else.
"""

from __future__ import annotations

from otpsup.engine.child import Child
from otpsup.engine.events import Event
from otpsup.engine.node import Node
from otpsup.testing.simulation import Simulation
from otpsup.testing.system import System


class WakingSystem(System):
    """A system in which every child is wanted."""

    def _hand_over(self, event: Event, now: float) -> None:
        super()._hand_over(event, now)
        _want(self.engine.root)


def _want(child: Child) -> None:
    child.wanted = True
    if isinstance(child, Node):
        for below in child.children.values():
            _want(below)


class WakingSimulation(Simulation):
    """A simulation that decides as OTP does, deviation 1 included."""

    make_system = WakingSystem

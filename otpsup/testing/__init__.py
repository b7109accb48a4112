"""For tests, yours and ours: what a tree would do, without starting a process.

    from otpsup.testing import simulate
    trace = simulate({"tree": {"id": "root", "children": [{"id": "a"}]},
                      "events": [{"op": "kill", "path": "root/a", "reason": "crash"}]})

The real engine decides; processes and time are made up. The format of scenarios and traces is in
docs/reference/scenarios.md.
"""

from __future__ import annotations

from .scenario import BadScenario as BadScenario
from .simulation import simulate as simulate
from .what_if import Consequence as Consequence
from .what_if import Step as Step
from .what_if import what_if as what_if

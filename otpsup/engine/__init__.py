"""The decisions: who starts, who stops, in what order, when to give up. Sans-IO.

Nothing in this package reads a clock, spawns, logs, or knows a thread: events in, effects out.
A test walks the imports and keeps it so.
"""

from __future__ import annotations

from .engine import Engine as Engine

"""supervisord's states of a process and of itself, by their numbers, and which of them are alike.

Source: http://supervisord.org/subprocess.html#process-states and `supervisor.getState`. Clients
index fixed tables with these names: no other may ever be sent.
"""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """What a process is in."""

    STOPPED = 0
    STARTING = 10
    RUNNING = 20
    BACKOFF = 30
    STOPPING = 40
    EXITED = 100
    FATAL = 200
    UNKNOWN = 1000


RUNNING_STATES = frozenset({State.RUNNING, State.BACKOFF, State.STARTING})
"""Those in which it cannot be started, and can be stopped."""
STOPPED_STATES = frozenset({State.STOPPED, State.EXITED, State.FATAL, State.UNKNOWN})
"""Those in which its group can be removed."""
SIGNALLABLE_STATES = frozenset({State.RUNNING, State.STARTING, State.STOPPING})
"""Those in which it can be sent a signal."""


class Mood(IntEnum):
    """What the daemon itself is doing."""

    SHUTDOWN = -1
    RESTARTING = 0
    RUNNING = 1
    FATAL = 2

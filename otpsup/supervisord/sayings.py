"""What the daemon's log says when a process gets into another state. Pure.

The words are supervisord's: people's tools look for them.
"""

from __future__ import annotations

from collections.abc import Iterator

from .processes import Record
from .states import State

Saying = tuple[str, str]
"""A level and a text."""


def sayings(before: Record, after: Record) -> Iterator[Saying]:
    """The lines for one change of state."""
    name = after.name
    match after.state:
        case State.RUNNING:
            stayed = f"process has stayed up for > than {after.process.startsecs} seconds"
            yield "info", f"success: {name} entered RUNNING state, {stayed} (startsecs)"
        case State.BACKOFF if after.ended:
            yield "warn", f"exited: {name} ({after.ended}; not expected)"
        case State.BACKOFF:
            yield "info", f"spawnerr: {after.spawnerr}"
        case State.FATAL:
            yield "info", f"gave up: {name} entered FATAL state, too many start retries too quickly"
        case State.EXITED if after.is_expected:
            yield "info", f"exited: {name} ({after.ended}; expected)"
        case State.EXITED:
            yield "warn", f"exited: {name} ({after.ended}; not expected)"
        case State.STOPPED if before.state is State.STOPPING:
            if after.ended == "terminated by SIGKILL" and after.process.stopsignal != 9:
                yield "warn", f"killing '{name}' ({before.pid}) with SIGKILL"
            yield "info" if after.is_expected else "warn", f"stopped: {name} ({after.ended})"

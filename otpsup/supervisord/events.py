"""supervisord's events: their names, who is whose parent, and their payloads to the byte.

Source: http://supervisord.org/events.html, and supervisor 4.3.0. Pure: decides when a tick is due
from a time that is passed in, reads no clock, and knows nobody who listens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import frozen

Channel = Literal["stdout", "stderr"]

ROOT = "EVENT"
"""What all events are; who subscribes to it hears everything."""

_FAMILIES: dict[str, tuple[str, ...]] = {
    "PROCESS_STATE": (
        *("STARTING", "RUNNING", "BACKOFF", "STOPPING"),
        *("EXITED", "STOPPED", "FATAL", "UNKNOWN"),
    ),
    "PROCESS_LOG": ("STDOUT", "STDERR"),
    "PROCESS_COMMUNICATION": ("STDOUT", "STDERR"),
    "PROCESS_GROUP": ("ADDED", "REMOVED"),
    "SUPERVISOR_STATE_CHANGE": ("RUNNING", "STOPPING"),
    "TICK": ("5", "60", "3600"),
    "REMOTE_COMMUNICATION": (),
}

PARENTS: dict[str, str] = {
    **{f"{parent}_{kind}": parent for parent, kinds in _FAMILIES.items() for kind in kinds},
    **dict.fromkeys(_FAMILIES, ROOT),
}
"""The parent of each event type but `EVENT`, which has none."""

NAMES = frozenset((ROOT, *PARENTS))
"""All that `events=` may name."""


def is_a(name: str, subscribed: str) -> bool:
    """Whether an event of type `name` is one of those that `subscribed` stands for."""
    while name != subscribed:
        if name not in PARENTS:
            return False
        name = PARENTS[name]
    return True


@frozen
class Event:
    """Something that happened.

    Attributes:
        name: its type, as `PROCESS_STATE_EXITED`; never a parent.
        text: its payload.
    """

    name: str
    text: str = ""

    def payload(self) -> str:
        """The payload; a method, because result handlers that are written for supervisord call
        it."""
        return self.text


def process_state(
    state: str,
    process: str,
    group: str,
    from_state: str,
    *,
    pid: int = 0,
    tries: int = 0,
    expected: bool = True,
) -> Event:
    """A process has got into another state.

    Args:
        state: the new one, as `EXITED`; `from_state` is the old one.
        pid: of the process, or of the one that just ended; 0 if there was none.
        tries: failed starts in a row, told with STARTING and BACKOFF.
        expected: whether the exit code was, told with EXITED.
    """
    more = {
        "STARTING": f" tries:{tries}",
        "BACKOFF": f" tries:{tries}",
        "RUNNING": f" pid:{pid}",
        "STOPPING": f" pid:{pid}",
        "STOPPED": f" pid:{pid}",
        "EXITED": f" expected:{int(expected)} pid:{pid}",
    }.get(state, "")
    said = f"processname:{process} groupname:{group} from_state:{from_state}{more}"
    return Event(f"PROCESS_STATE_{state}", said)


def process_log(channel: Channel, process: str, group: str, pid: int, data: bytes) -> Event:
    """A process has written something, and `stdout_events_enabled` or its like is set."""
    head = f"processname:{process} groupname:{group} pid:{pid} channel:{channel}"
    return Event(f"PROCESS_LOG_{channel.upper()}", f"{head}\n{_decoded(data)}")


def process_communication(
    channel: Channel, process: str, group: str, pid: int, data: bytes
) -> Event:
    """A process has written something between the two marks of capture mode."""
    head = f"processname:{process} groupname:{group} pid:{pid}"
    return Event(f"PROCESS_COMMUNICATION_{channel.upper()}", f"{head}\n{_decoded(data)}")


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"Undecodable: {data!r}"


def remote_communication(type: str, data: str) -> Event:
    """What a client has sent with `sendRemoteCommEvent`."""
    return Event("REMOTE_COMMUNICATION", f"type:{type}\n{data}")


def supervisor_running() -> Event:
    """The daemon has started."""
    return Event("SUPERVISOR_STATE_CHANGE_RUNNING")


def supervisor_stopping() -> Event:
    """The daemon has begun to stop, or to restart."""
    return Event("SUPERVISOR_STATE_CHANGE_STOPPING")


def group_added(group: str) -> Event:
    """A process group is there now; this is told at the daemon's start as well."""
    return Event("PROCESS_GROUP_ADDED", f"groupname:{group}\n")


def group_removed(group: str) -> Event:
    """A process group is no longer there."""
    return Event("PROCESS_GROUP_REMOVED", f"groupname:{group}\n")


PERIODS = (5, 60, 3600)
"""Seconds between ticks, in the order in which those that fall together are told."""


def timeslice(period: int, when: float) -> int:
    """The beginning of the period that `when` is in. Both in seconds since 1970."""
    return int(when - (when % period))


class Ticks:
    """Which ticks are due: one whenever the clock has got into another period, however far it
    jumped, back included.

    Args:
        now: seconds since 1970; the periods that it is in get no tick.
    """

    def __init__(self, now: float) -> None:
        self._slices = {period: timeslice(period, now) for period in PERIODS}

    def due(self, now: float) -> list[Event]:
        """The ticks since the last call; `now` in seconds since 1970."""
        found = []
        for period, last in self._slices.items():
            this = timeslice(period, now)
            if this != last:
                self._slices[period] = this
                found.append(Event(f"TICK_{period}", f"when:{this}"))
        return found


def seconds_to_next(now: float, periods: Iterable[int]) -> float | None:
    """How long from `now` (seconds since 1970) to the next tick of these; None if there is none."""
    shortest = min(periods, default=None)
    return None if shortest is None else timeslice(shortest, now) + shortest - now

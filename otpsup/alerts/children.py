"""How each child is, as far as events and looks tell. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ..views import ChildStatus, Event

_UNHEALTHY = "unhealthy"
"""How the reason of one begins that was ended for its checks."""
_ENDS = ("child_terminated", "start_error")


@frozen
class Look:
    """A look at the whole tree.

    Attributes:
        at: seconds since the epoch.
        root: None if the tree could not be asked.
        memory: bytes by path, where that is known.
    """

    at: float
    root: ChildStatus | None
    memory: Mapping[str, int]


@frozen
class Unwell:
    """A child that is not well.

    Attributes:
        since: seconds since the epoch.
        why: in words.
        is_unhealthy: its checks say so; else it waits for its next start.
    """

    since: float
    why: str
    is_unhealthy: bool


class Children:
    """The states of all children, and who is not well."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self.unwell: dict[str, Unwell] = {}
        self.memory: dict[str, int] = {}
        self._was_seen = False

    def event(self, event: Event) -> None:
        """Something happened."""
        if event.kind == "state":
            self._state(event)
        elif event.kind == "readiness":
            self._readiness(event)
        elif event.kind in _ENDS and is_unhealthy(event):
            self._is_unwell(event, is_unhealthy=True)

    def _state(self, event: Event) -> None:
        self._states[event.path] = state = event.state or ""
        if state == "restarting":
            self._is_unwell(event, is_unhealthy=False)
        elif state == "running" or (state == "down" and not is_unhealthy(event)):
            self.unwell.pop(event.path, None)

    def _readiness(self, event: Event) -> None:
        if event.reason:
            self._is_unwell(event, is_unhealthy=True)
        elif self._states.get(event.path, "running") == "running":
            self.unwell.pop(event.path, None)

    def _is_unwell(self, event: Event, *, is_unhealthy: bool) -> None:
        before = self.unwell.get(event.path)
        since = before.since if before else event.at
        kept = is_unhealthy or bool(before and before.is_unhealthy)
        self.unwell[event.path] = Unwell(since, event.reason or event.cause, kept)

    def look(self, look: Look) -> None:
        """All of it was looked at: what is not there any more is forgotten."""
        self.memory = dict(look.memory)
        if look.root is None:
            return
        self._was_seen = True
        nodes = {node.path: node for node in look.root.walk()}
        self._states = {path: node.state for path, node in nodes.items()}
        for path in self.unwell.keys() - nodes.keys():
            del self.unwell[path]
        for node in nodes.values():
            self._seen(node, look.at)

    def _seen(self, node: ChildStatus, at: float) -> None:
        is_process = node.type in ("worker", "command")
        is_unready = is_process and node.state == "running" and not node.ready
        if node.state == "restarting" or is_unready:
            why = node.why[0] if node.why else f"it is {node.state}"
            self.unwell.setdefault(node.path, Unwell(at, why, is_unready))
        elif node.state == "running":
            self.unwell.pop(node.path, None)

    def is_up(self, path: str) -> bool:
        """It runs."""
        return self._states.get(path) == "running"

    def is_failing(self, path: str) -> bool:
        """It is on its way, or waits for its next start, or is not well."""
        return path in self.unwell or self._states.get(path) in ("starting", "restarting")

    def is_gone(self, path: str) -> bool:
        """The tree has no such child any more."""
        return path != "" and self._was_seen and path not in self._states

    def how_well(self, path: str) -> str:
        """What to say of one that is not alerted of any more, as the rest of a sentence."""
        if self.is_gone(path):
            return "is gone: the tree has it no more"
        return "was stopped" if self._states.get(path) == "down" else "is well again"

    def is_known(self, path: str) -> bool:
        """Something was told of it."""
        return path in self._states


def is_unhealthy(event: Event) -> bool:
    """It was ended for its checks."""
    return (event.reason or "").startswith(_UNHEALTHY)

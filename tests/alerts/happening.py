"""Events as a tree tells them, for the decisions, which take nothing else."""

from __future__ import annotations

from typing import Any

from otpsup import ChildStatus, Event

NOON = 1_800_000_000.0


def crash(at: float, path: str, reason: str = "exit code 3", traceback: str = "") -> Event:
    """A child has ended by itself."""
    text = f"{path} ended with {reason}"
    return Event(at, "child_terminated", path, None, 7, reason, "", text, traceback)


def restart(at: float, path: str) -> Event:
    """A restart was decided."""
    why = f"{path} ended with exit code 3; restart 1 of 3 in 5 s"
    return Event(at, "restart", path, None, None, "exit code 3", why, f"{path} restarts", "", [why])


def state(at: float, path: str, state: str, reason: str | None = None) -> Event:
    """A child is in another state."""
    return Event(at, "state", path, state, None, reason, "", f"{path} is {state}")


def gave_up(at: float, path: str) -> Event:
    """The supervisor of this path has too many restarts, its child `worst` at last."""
    child = f"{path}/worst".lstrip("/")
    why = f"{path} gave up: {child} ended with exit code 3"
    return Event(at, "shutdown", child, None, 7, "too many restarts", why, why, "", [why])


def readiness(at: float, path: str, why: str = "") -> Event:
    """A child cannot serve, or can again."""
    return Event(at, "readiness", path, None, 7, why or None, "", f"{path}: {why}")


def said(at: float, path: str, *lines: str) -> Event:
    """What a child that has crashed wrote last."""
    return Event(at, "last_output", path, None, None, None, "", "", lines=lines)


def halt(
    at: float, text: str = "shop gave up: too often", reason: str = "too many restarts"
) -> Event:
    """The tree has ended."""
    return Event(at, "halt", "", None, None, reason, "", text, "", ["1. api ended"])


def status(*children: tuple[str, str, bool], **more: Any) -> ChildStatus:
    """A tree of children of the root: name, state, ready."""
    nodes = tuple(
        ChildStatus(name, name, "command", state, ready, 1, 0.0, 0, None)  # type: ignore[arg-type]
        for name, state, ready in children
    )
    return ChildStatus("shop", "", "supervisor", "running", True, None, 0, 0, None, children=nodes)

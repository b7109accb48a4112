"""The state of a tree as one nested value, for people and machines to read."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from ..specs import DynamicSupervisor, Supervisor
from ..specs.after import among
from ..views import ChildStatus as ChildStatus
from . import words
from .cause import Attempt
from .child import Child
from .node import Node
from .strategy import should_restart


def snapshot(child: Child, epoch: float = 0.0) -> ChildStatus:
    """The state of `child` and all below it; `epoch` is added to the engine's clock."""
    due = _due(child)
    waits = _waits(child, due)
    return ChildStatus(
        name=child.name,
        path=child.path,
        type=child.type,
        state=child.state,
        ready=child.state == "running" and not child.unready,
        pid=child.pid,
        since=child.since + epoch,
        restarts=child.restarts,
        last_exit=str(child.last_exit) if child.last_exit else None,
        status=child.status,
        info=child.info,
        children=_below(child, epoch),
        why=(
            *words.why(child.path, child.state, child.cause, waits),
            *words.unready(child.path, child.unready),
            *words.quote(child.path, child.last_exit, child.last_output),
            *_lately(child),
        ),
        next_attempt=due and due + epoch,
        waits=waits or None,
        last_output=child.last_output,
        wanted=child.owed or (child.wanted and not _is_over(child)),
    )


def _is_over(child: Child) -> bool:
    """It has ended by itself, and is not restarted after such an end."""
    if child.state != "down" or child.is_done:
        return child.is_done
    ended = child.last_exit if child.cause.kind == "exit" else None
    return ended is not None and not should_restart(child.spec.restart, ended)


def _waits(child: Child, due: float | None) -> str:
    """What it waits for, in words; nothing if it does not wait."""
    if child.awaited is not None:
        other = words.named(_beside(child, child.awaited.name))
        return f"it waits until {other} is {child.awaited.condition}"
    if due is not None:
        return f"next attempt in {words.span(max(due - child.core.now, 0.0))}"
    node = child.parent
    if child.state != "down" or not isinstance(node, Node):
        return ""
    is_first = child.wanted and child.cause.kind == "boot"
    if not _is_to_start(child) and not (is_first and node.state == "starting"):
        return f"{words.named(node.path)} is down" if is_first else ""
    if node.order.is_graph and (unmet := node.order.unmet(child)):
        return f"it waits until {words.named(unmet[1].path)} is {unmet[0].condition}"
    return "its turn to start has not come yet"


def _is_to_start(child: Child) -> bool:
    """Its start is part of what is being done just now."""
    return child.plan is not None and child.plan.will_start(child)


def _beside(child: Child, name: str) -> str:
    above = child.path.rpartition("/")[0]
    return f"{above}/{name}" if above else name


_TOLD = 5


def _lately(child: Child) -> tuple[str, ...]:
    """Of a tree that is up: what trouble there was in it, and how many restarts that has used."""
    if not isinstance(child, Node) or child.path or child.state != "running":
        return ()
    now = child.core.now
    troubles = sorted(_troubles(child), key=lambda attempt: -attempt.at)[:_TOLD]
    lines = [words.recent(attempt, now) for attempt in troubles]
    if used := len(child.restarter.attempts(now)):
        spec = child.spec
        lines.append(
            f"{words.named(child.label)} has used {used} of {spec.intensity} restarts in "
            f"{spec.period:g} s"
        )
    return tuple(lines)


def _troubles(node: Node) -> Iterator[Attempt]:
    yield from node.troubles
    for child in node.children.values():
        if isinstance(child, Node):
            yield from _troubles(child)


def _due(child: Child) -> float | None:
    """When its own next attempt comes, or that of the one with which it waits."""
    if child.state == "restarting":
        return child.retry_due
    first = child.core.children.get(child.cause.path)
    is_waiting = child.state == "down" and child.wanted and child.cause.kind in ("exit", "retry")
    return first.retry_due if is_waiting and first is not None else None


def current_spec(node: Node) -> Supervisor | DynamicSupervisor:
    """The spec of a supervisor with the children that it has now."""
    if isinstance(node.spec, DynamicSupervisor):
        return node.spec
    specs = [current_spec(c) if isinstance(c, Node) else c.spec for c in node.children.values()]
    names = {spec.name for spec in specs}
    return evolve(node.spec, children=[among(names, spec) for spec in specs])


def _below(child: Child, epoch: float) -> tuple[ChildStatus, ...]:
    if not isinstance(child, Node):
        return ()
    return tuple(snapshot(c, epoch) for c in child.children.values())

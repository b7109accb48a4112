"""What an engine remembers of its tree, and an engine that goes on from there.

For questions about what a tree that runs would do: another engine begins where it is. What is in
progress at that moment counts as done, and well: a child that is starting as running, one that is
being stopped for good as down. Two moments are told with less than all: a supervisor that is just
giving up, and one of whose children several have ended and nobody has looked at that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, cast

from attrs import evolve, field, frozen
from attrs.validators import deep_iterable, in_, instance_of, optional

from ..specs import After, ChildSpec, DynamicSupervisor, Supervisor
from .cause import Attempt
from .child import Child
from .mailbox import Notice
from .node import Node
from .purpose import StopGroup
from .reasons import Kind, Reason
from .strategy import should_restart

Rest = Literal["down", "running", "restarting"]


_seconds = instance_of((int, float))


def _flag(*, default: bool) -> Any:
    return field(default=default, validator=instance_of(bool))


def _count() -> Any:
    return field(default=0, validator=instance_of(int))


def _pair(kind: type | tuple[type, ...]) -> Callable[[object, Any, Any], None]:
    """Two values, the first of this kind, the second a text."""

    def check(_: object, attribute: Any, value: Any) -> None:
        first, second = value
        if not isinstance(first, kind) or not isinstance(second, str):
            raise TypeError(f"{attribute.name} cannot be {value!r}")

    return check


@frozen(kw_only=True)
class Checkpoint:
    """What is remembered of one child, and of all below it. Times are in seconds.

    Attributes:
        state: `down`, `running` or `restarting`.
        wanted, on_demand, monitored, is_healthy, is_done, alone, owed, dropped, paid, attempts,
            restarts: as the record of the child has them, see `engine.child`.
        ready_for: how long it has been ready, or had been when it ended.
        last_exit: how it ended last, by kind and detail of the reason.
        ended: it is up as far as its supervisor knows, and has just ended so. Of several of one
            supervisor, the first in its list counts as the first that ended.
        retry_in: until its next attempt, if it waits for that.
        awaited: the dependency for which it waits, by name and condition.
        window: the restarts that a supervisor still counts: how long ago, and whose.
        is_fresh: a supervisor that has not been started yet.
        instances: how many instances a dynamic supervisor has had.
        children: of a supervisor, by name, in their order; None if they are as declared.
        spec: of a child that was added, and is not in the spec of its supervisor.
    """

    state: Rest = field(default="down", validator=in_(("down", "running", "restarting")))
    wanted: bool = _flag(default=True)
    on_demand: bool = _flag(default=False)
    monitored: bool = _flag(default=True)
    is_healthy: bool = _flag(default=False)
    is_done: bool = _flag(default=False)
    alone: bool = _flag(default=False)
    owed: bool = _flag(default=False)
    dropped: bool = _flag(default=False)
    paid: bool = _flag(default=False)
    attempts: int = _count()
    restarts: int = _count()
    ready_for: float = field(default=0.0, validator=_seconds)
    last_exit: tuple[str, str] | None = field(default=None, validator=optional(_pair(str)))
    ended: tuple[str, str] | None = field(default=None, validator=optional(_pair(str)))
    retry_in: float | None = field(default=None, validator=optional(_seconds))
    awaited: tuple[str, str] | None = field(default=None, validator=optional(_pair(str)))
    window: tuple[tuple[float, str], ...] = field(
        default=(), validator=deep_iterable(_pair((int, float)))
    )
    is_fresh: bool = _flag(default=True)
    instances: int = _count()
    children: Mapping[str, Checkpoint] | None = None
    spec: ChildSpec | None = None


_KEPT = (
    *("wanted", "on_demand", "monitored", "is_healthy", "is_done"),
    *("alone", "owed", "dropped", "paid", "attempts", "restarts"),
)
"""What stands in the record of a child as it stands in the checkpoint."""


def take(child: Child) -> Checkpoint:
    """What is remembered of this child, and of all below it."""
    kept = {name: getattr(child, name) for name in _KEPT}
    node = _of_node(child) if isinstance(child, Node) else {}
    state = _at_rest(child)
    if state == "running":
        return _running(child, {**kept, **node})
    return Checkpoint(
        state=state,
        ready_for=child.was_ready_for,
        last_exit=_told(child.last_exit),
        **{**kept, **node, **(_wait(child) if state == "restarting" else {})},
    )


def _running(child: Child, known: dict[str, Any]) -> Checkpoint:
    """What is up, will be, or has just ended without being looked at."""
    if not _is_to_stop(child) and (child.pending is not None or child.state == "running"):
        ready_for = child.core.now - child.since if child.state == "running" else 0.0
        ended = _told(child.pending)
        return Checkpoint(state="running", ready_for=ready_for, ended=ended, **known)
    known |= {"wanted": True, "is_done": False}
    if isinstance(child, Node):
        known |= {"is_healthy": True, "is_fresh": False}
        if child.state != "starting":
            known |= {"window": (), "children": {spec.name: _new(spec) for spec in child.declared}}
    return Checkpoint(state="running", **known)


def _wait(child: Child) -> dict[str, Any]:
    """For what, or how long, it waits in `restarting`."""
    awaited = child.awaited
    if awaited is None and child.state != "restarting":
        awaited = _will_wait(child)
    if awaited is not None:
        return {"awaited": (awaited.name, awaited.condition)}
    due, node = child.retry_due, child.parent
    if child.plan is not None and isinstance(node, Node):
        why = node.executor.why(child.plan)
        if isinstance(why, StopGroup):  # it begins to wait when its group is down
            return {"retry_in": max(why.due - child.core.now, 0.0), "paid": True}
    return {"retry_in": max((due or child.core.now) - child.core.now, 0.0)}


def _told(reason: Reason | None) -> tuple[str, str] | None:
    return (reason.kind, reason.detail) if reason is not None else None


def _of_node(node: Node) -> dict[str, Any]:
    always = {"instances": node.core.instances(node.path), "is_fresh": node.is_fresh}
    if _is_to_stop(node):  # when it is started again, its children are as declared
        return always
    now = node.core.now
    return {
        **always,
        "window": tuple((now - each.at, each.path) for each in node.restarter.attempts(now)),
        "children": dict(_below(node)),
    }


def _below(node: Node) -> Iterator[tuple[str, Checkpoint]]:
    """All children in their order; those that were added, which come last, with their specs."""
    declared = iter(node.declared)
    for name, child in node.children.items():
        if _is_to_stop(child) and node.forgets(child) and _at_rest(child) == "down":
            continue  # its record will be gone as well
        is_declared = node.is_dynamic or any(child.spec is spec for spec in declared)
        yield name, evolve(take(child), spec=None if is_declared else child.spec)


def _at_rest(child: Child) -> Rest:
    """Its state once all that its supervisor is doing has been done."""
    if child.plan is not None and child.plan.will_stop(child):
        return _started(child) if child.plan.will_start(child) else "down"
    if child.state in ("running", "starting") or child.pending is not None:
        return "running"
    if child.plan is not None and child.plan.will_start(child):
        return _started(child)
    if child.state == "stopping" and isinstance(child, Node) and child.ends_by_itself:
        comes_back = child.path != "" and should_restart(child.spec.restart, child.reason)
        return "restarting" if comes_back and child.monitored else "down"
    return "restarting" if child.state == "restarting" else "down"


def _started(child: Child) -> Rest:
    """The state of one whose start is still to come: it may find that it has to wait."""
    return "restarting" if _will_wait(child) else "running"


def _will_wait(child: Child) -> After | None:
    """The dependency for which a child will wait that is still to be started."""
    node = child.parent
    unmet = node.order.unmet(child) if isinstance(node, Node) and node.order.is_graph else None
    return unmet[0] if unmet is not None and _at_rest(unmet[1]) != "running" else None


def _is_to_stop(child: Child) -> bool:
    """It is being stopped, or its turn will come."""
    return child.state == "stopping" or (child.plan is not None and child.plan.will_stop(child))


def _new(spec: ChildSpec) -> Checkpoint:
    """Of what will have been started anew: all is as declared, and nothing counted."""
    if not spec.autostart:
        return Checkpoint(wanted=False, on_demand=True)
    if isinstance(spec, DynamicSupervisor):
        return Checkpoint(state="running", is_healthy=True, is_fresh=False, children={})
    if isinstance(spec, Supervisor):
        children = {child.name: _new(child) for child in spec.children}
        return Checkpoint(state="running", is_healthy=True, is_fresh=False, children=children)
    return Checkpoint(state="running")


def resume(child: Child, checkpoint: Checkpoint) -> None:
    """Put a child of an engine that has not begun, and all below it, where a checkpoint is.

    Raises:
        ValueError: it is of another tree.
    """
    for name in _KEPT:
        setattr(child, name, getattr(checkpoint, name))
    child.state = checkpoint.state
    child.was_ready_for = checkpoint.ready_for
    child.last_exit = _reason(checkpoint.last_exit)
    if checkpoint.state == "running":
        child.run = child.core.next_run()
        child.since = child.core.now - checkpoint.ready_for
        child.pending = _reason(checkpoint.ended)
    if isinstance(child, Node):
        _resume_node(child, checkpoint)
    if checkpoint.retry_in is not None:
        child.retry_at(child.core.now + checkpoint.retry_in, paid=checkpoint.paid)


def _reason(told: tuple[str, str] | None) -> Reason | None:
    return Reason(cast("Kind", told[0]), told[1]) if told is not None else None


def _resume_node(node: Node, checkpoint: Checkpoint) -> None:
    if checkpoint.state == "running":
        node.resume()
    node.is_fresh, now = checkpoint.is_fresh, node.core.now
    for ago, path in checkpoint.window:
        node.restarter.remember(Attempt(now - ago, path, None))
    node.core.resume_instances(node.path, checkpoint.instances)
    if checkpoint.children is not None:
        _resume_children(node, checkpoint.children)


def _resume_children(node: Node, children: Mapping[str, Checkpoint]) -> None:
    for child in list(node.children.values()):
        if child.name not in children or children[child.name].spec is not None:
            node.forget(child)
    for name, below in children.items():
        child = node.children.get(name) or _add(node, name, below.spec)
        resume(child, below)
        if below.awaited is not None:
            node.executor.go_on_waiting(child, _dependency(child, below.awaited))


def _add(node: Node, name: str, spec: ChildSpec | None) -> Child:
    if isinstance(node.spec, DynamicSupervisor):
        spec = node.spec.template
    if spec is None:
        raise ValueError(f"{node.path_of(name)!r} is no child of that tree")
    return node.add(spec, name)


def _dependency(child: Child, awaited: tuple[str, str]) -> After:
    for after in child.spec.after:
        if (after.name, after.condition) == awaited:
            return after
    raise ValueError(f"{child.path!r} is not after {awaited[0]!r}")


def go_on(node: Node) -> None:
    """Once all is in its place: look at those that had ended, and at those that wait."""
    for child in list(node.children.values()):
        if isinstance(child, Node):
            go_on(child)
        if child.pending is not None:
            node.post(Notice(child, died=True))
    node.executor.release()

"""From a spec to what is drawn.

Decides what is worth saying of a child (what is not the default), which arrows there are, and who
starts with whom. Must not know how any of it is drawn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from attrs import frozen

from ..plain import plain
from ..specs import ChildSpec, Command, DynamicSupervisor, Supervisor, Worker
from .layers import waves
from .marks import MARKS
from .nodes import Arrow, Node

KINDS = {
    Worker: "worker",
    Command: "command",
    Supervisor: "supervisor",
    DynamicSupervisor: "dynamic_supervisor",
}


@frozen
class Live:
    """What is known of a running tree; all is unknown of one that is only declared."""

    states: Mapping[str, str] | None

    def of(self, path: str) -> str | None:
        """The state of the child of this path."""
        return self.states.get(path) if self.states else None

    def instances(self, path: str) -> tuple[str, ...]:
        """How many instances of a template, or of something in one, are in which state."""
        if self.states is None:
            return ()
        found = Counter(s for p, s in self.states.items() if re.sub(r"#\d+", "", p) == path)
        return tuple(f"{found[s]} {s}" for s in MARKS if s in found) or ("no instance",)


def model(spec: ChildSpec, states: Mapping[str, str] | None = None) -> Node:
    """The nodes and arrows of a tree.

    Raises:
        ValueError: there is no such state.
    """
    for path, state in (states or {}).items():
        if state not in MARKS:
            raise ValueError(f"{path!r} cannot be {state!r}; the states are {', '.join(MARKS)}")
    return _node(spec, "", Live(states))


def _node(
    spec: ChildSpec, path: str, live: Live, *, is_template: bool = False, is_many: bool = False
) -> Node:
    """One node; `is_many` if it is a template or in one, so that any number of it may run."""
    is_pool = isinstance(spec, DynamicSupervisor)
    below = tuple(
        _node(child, under(path, child.name), live, is_template=is_pool, is_many=is_many or is_pool)
        for child in _specs_below(spec)
    )
    return Node(
        path,
        plain(spec.name),
        _kind(spec),
        _rule(spec),
        remarks=(
            *_remarks(spec),
            *(["template"] if is_template else []),
            *(live.instances(path) if is_many else []),
        ),
        after=tuple(plain(str(after)) for after in spec.after),
        state=None if is_many else live.of(path),
        is_template=is_template,
        is_on_demand=not spec.autostart,
        children=below,
        arrows=tuple(_arrows(spec, path)),
        waves=tuple(_waves(spec)),
    )


def under(path: str, name: str) -> str:
    """The path of a child."""
    return f"{path}/{name}" if path else name


def _specs_below(spec: ChildSpec) -> Sequence[ChildSpec]:
    match spec:
        case Supervisor():
            return spec.children
        case DynamicSupervisor():
            return (spec.template,)
        case _:
            return ()


def _kind(spec: ChildSpec) -> str:
    return next(word for kind, word in KINDS.items() if isinstance(spec, kind))


def _rule(spec: ChildSpec) -> str:
    """`rest_for_one, 5 restarts in 60 s`."""
    match spec:
        case Supervisor():
            return f"{spec.strategy}, {_window(spec)}"
        case DynamicSupervisor():
            return f"dynamic, {_window(spec)}"
        case _:
            return ""


def _window(spec: Supervisor | DynamicSupervisor) -> str:
    if spec.intensity == 0:
        return "no restarts"
    return f"{spec.intensity} restart{'s' * (spec.intensity != 1)} in {spec.period:g} s"


def _remarks(spec: ChildSpec) -> Iterator[str]:
    """What is not the default, in the words of the glossary."""
    if isinstance(spec, Supervisor) and spec.auto_shutdown != "never":
        yield f"auto_shutdown {spec.auto_shutdown}"
    if isinstance(spec, Supervisor) and not spec.children:
        yield "no children"
    if isinstance(spec, DynamicSupervisor) and spec.max_children is not None:
        yield f"at most {spec.max_children}"
    if spec.restart != "permanent":
        yield spec.restart
    if spec.significant:
        yield "significant"
    if not spec.autostart:
        yield "on demand"


def _arrows(spec: ChildSpec, path: str) -> Iterator[Arrow]:
    """What leads from a child to another: their dependencies, or the list of rest_for_one."""
    if not isinstance(spec, Supervisor):
        return
    if spec.strategy == "rest_for_one" and not spec.is_graph:
        for one, other in pairwise(spec.children):
            yield Arrow(under(path, one.name), under(path, other.name), is_listed=True)
    for child in spec.children:
        for after in child.after:
            label = "" if after.condition == "ready" else after.condition
            yield Arrow(under(path, after.name), under(path, child.name), label)


def _waves(spec: ChildSpec) -> Iterator[tuple[str, ...]]:
    """Who starts with whom when it starts; what is on demand does not, and is not waited for."""
    if not isinstance(spec, Supervisor) or not spec.is_graph:
        return
    wanted = [child for child in spec.children if child.autostart]
    names = {child.name for child in wanted}
    sources = {child.name: [a.name for a in child.after if a.name in names] for child in wanted}
    for wave in waves(sources):
        yield tuple(map(plain, wave))

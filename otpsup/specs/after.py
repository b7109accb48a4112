"""Dependencies between siblings: what a child comes after, and how far that must be.

Decides what a legal graph is. How it orders starts and stops is `engine.order`'s matter.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal, Protocol, TypeVar

from attrs import evolve, field, frozen

from ..errors import InvalidSpec
from . import check
from .check import shown

Condition = Literal["started", "ready", "healthy", "completed"]

CONDITIONS: tuple[Condition, ...] = ("started", "ready", "healthy", "completed")
"""From the weakest to the strictest."""


@frozen
class After:
    """One dependency. Written `"db"` (which means ready), or `completed("migrate")`.

    Attributes:
        name: a sibling's.
        condition: `started`: its process exists; `ready`: it can serve; `healthy`: it has also
            said that all is well; `completed`: it has ended normally.
    """

    name: str = field(validator=check.name)
    condition: Condition = field(
        default="ready", validator=check.one_of(CONDITIONS, "completed('migrate')")
    )

    def __str__(self) -> str:
        return self.name if self.condition == "ready" else f"{self.condition}({self.name})"


def started(name: str) -> After:
    """After the sibling's process exists, whether or not it can serve yet."""
    return After(name, "started")


def ready(name: str) -> After:
    """After the sibling is ready; the same as its bare name."""
    return After(name, "ready")


def healthy(name: str) -> After:
    """After the sibling is ready and has said that all is well.

    It says so with `current_child().heartbeat()`, or with sd_notify's `WATCHDOG=1`; a supervisor
    is healthy when all its children are up.
    """
    return After(name, "healthy")


def completed(name: str) -> After:
    """After the sibling has ended normally: a one-shot task, `transient` or `temporary`."""
    return After(name, "completed")


def from_value(value: Any) -> Any:
    """Turn names into dependencies; what is neither is left for the validator."""
    if isinstance(value, str | After):
        value = [value]
    if not isinstance(value, list | tuple | set | frozenset):
        return value
    return tuple(After(item) if isinstance(item, str) else item for item in value)


def are_dependencies(value: Any) -> bool:
    """Whether this is a tuple of dependencies in which no sibling stands twice."""
    return (
        isinstance(value, tuple)
        and all(isinstance(item, After) for item in value)
        and len({item.name for item in value}) == len(value)
    )


class Ordered(Protocol):
    """What of a child the order of its siblings depends on."""

    @property
    def name(self) -> str:
        """Unique among its siblings."""

    @property
    def restart(self) -> str:
        """`permanent`, `transient` or `temporary`."""

    @property
    def after(self) -> tuple[After, ...]:
        """What it depends on."""


T = TypeVar("T", bound=Ordered)


def check_graph(owner: str, children: Iterable[Ordered]) -> None:
    """Refuse dependencies that can never be satisfied.

    Args:
        owner: how a message names the supervisor.

    Raises:
        InvalidSpec: an unknown name (`unknown_dependency`), a task that never ends
            (`bad_combination`), or a cycle (`dependency_cycle`), which is printed.
    """
    siblings = {child.name: child for child in children}
    for child in siblings.values():
        for dependency in child.after:
            check_dependency(owner, child.name, dependency, siblings)
    try:
        TopologicalSorter(
            {name: [a.name for a in child.after] for name, child in siblings.items()}
        ).prepare()
    except CycleError as error:
        names = error.args[1]
        problem = _cycle(names)
        text = f"{owner}: {problem}"
        raise InvalidSpec(text, "dependency_cycle", problem=problem, children=names) from None


def among(names: Container[str], child: T) -> T:
    """The same child, not after anybody who is not among these names: he was deleted."""
    kept = tuple(after for after in child.after if after.name in names)
    return child if kept == child.after else evolve(child, after=kept)  # type: ignore[misc]


def check_dependency(
    owner: str, name: str, dependency: After, siblings: Mapping[str, Ordered]
) -> None:
    """Refuse one dependency of the child `name` on somebody unknown, or on what never ends.

    Raises:
        InvalidSpec: as `check_graph`.
    """
    other = siblings.get(dependency.name)
    if other is None:
        problem = _unknown(name, dependency, siblings)
        raise InvalidSpec(f"{owner}: {problem}", "unknown_dependency", problem=problem)
    if dependency.condition == "completed" and (why := _never_ends(other)):
        waits = f"{shown(name)} waits until {shown(other.name)} has completed"
        problem = f"{waits}, and {why}"
        raise InvalidSpec(f"{owner}: {problem}", "bad_combination", problem=problem)


def _never_ends(child: Ordered) -> str:
    """Why this child will not end normally and for good, and what to do; nothing if it may."""
    if hasattr(child, "intensity") and getattr(child, "auto_shutdown", "never") == "never":
        return (
            "a supervisor does not end by itself; give it auto_shutdown and restart='transient', "
            "or wait until it is ready"
        )
    if child.restart == "permanent":
        name = shown(child.name)
        return f"a permanent child never ends for good; give {name} restart='transient'"
    return ""


_FEW = 12
"""Siblings that a message lists."""


def _unknown(name: str, dependency: After, siblings: Mapping[str, Ordered]) -> str:
    others = [other for other in siblings if other != name]
    few = ", ".join(map(shown, others[:_FEW]))
    hint = check.nearest(dependency.name, others) or (
        f"its siblings are {few}" if others else "it has no siblings"
    )
    return (
        f"{shown(name)} is after {shown(dependency.name)}, and there is no such child; "
        f"{hint} (`after` names siblings only)"
    )


def _cycle(names: list[str]) -> str:
    """The cycle as the arrows run: each name is after the next."""
    arrows = " is after ".join(map(shown, reversed(names)))
    return f"no order satisfies this cycle: {arrows}; take one of these `after` out"

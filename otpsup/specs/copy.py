"""Which copy of a program a child is, and what its siblings mean by the name that all share.

Decides how copies are told from others. How they are made is `copies`' matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from attrs import evolve, field, frozen

from . import check
from .after import After

MOST = 10_000
"""Copies that a program may have."""


@frozen
class Copy:
    """Which copy a child is.

    Attributes:
        of: the name that all copies share; the child's own is `<of>-<number>`.
        number: from 1.
        make: makes a child from its number; how more of them are made.
    """

    of: str = field(validator=check.name)
    number: int = field(
        validator=check.rule(check.Whole(1, MOST), f"a number from 1 to {MOST}", "number=1")
    )
    make: Callable[[int], Any] = field(
        eq=False,
        repr=False,
        validator=check.rule(callable, "a callable", "make=lambda n: Worker('web', serve)"),
    )


T = TypeVar("T", bound=Any)


def with_groups(children: Iterable[T]) -> tuple[T, ...]:
    """The same children; one that is after the shared name of copies is after each of them."""
    children = tuple(children)
    groups: dict[str, list[str]] = {}
    for child in children:
        if isinstance(getattr(child, "copy", None), Copy):
            groups.setdefault(child.copy.of, []).append(child.name)
    for child in children:
        groups.pop(getattr(child, "name", ""), None)  # a child of that very name is meant
    return tuple(_spread(child, groups) for child in children) if groups else children


def _spread(child: T, groups: dict[str, list[str]]) -> T:
    after = getattr(child, "after", ())
    if not any(each.name in groups for each in after):
        return child
    spread = [
        After(name, each.condition) for each in after for name in groups.get(each.name, [each.name])
    ]
    return evolve(child, after=tuple(dict.fromkeys(spread)))

"""Copies of one program: siblings `web-1`, `web-2`, ..., made from one description.

Decides how they are named, and what another number of them makes of a tree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import evolve

from ..errors import InvalidSpec
from . import check
from .after import After
from .copy import MOST, Copy
from .supervisors import ChildSpec


def copies(count: int, make: Callable[[int], ChildSpec]) -> list[ChildSpec]:
    """So many copies of a program, to be put among a supervisor's children.

    A sibling that is `after` the shared name is after all of them. Each copy has its number in the
    variable OTPSUP_COPY. `Tree.scale` makes more of them, or fewer.

    Args:
        count: how many, from 0.
        make: makes the child from the number of the copy, from 1; the name that it gives must be
            the same for all, and becomes `<name>-<number>`.

    Raises:
        InvalidSpec: not a count, or the copies do not share one name.
    """
    if not check.is_int(count) or not 0 <= count <= MOST:
        raise InvalidSpec(
            f"copies: expected a count from 0 to {MOST}, not {check.shown(count)}", "bad_start_spec"
        )
    made = [copy(number, make) for number in range(1, count + 1)]
    names = {child.copy.of for child in made if child.copy}
    if len(names) > 1:
        given = ", ".join(sorted(map(check.shown, names)))
        text = f"copies: all must have the same name, not {given}; the number is added to it"
        raise InvalidSpec(text, "bad_start_spec")
    return made


def copy(number: int, make: Callable[[int], ChildSpec]) -> ChildSpec:
    """The copy of this number."""
    spec = make(number)
    name = getattr(spec, "name", None)
    if not isinstance(name, str) or not hasattr(spec, "copy"):
        raise InvalidSpec(
            f"copies: expected a function that makes a child, not {check.shown(spec)}; for example "
            "copies(4, lambda n: Worker('web', serve, args=(8000 + n,)))",
            "bad_start_spec",
        )
    return numbered(spec, number, make)


T = TypeVar("T", bound=Any)


def numbered(spec: T, number: int, make: Callable[[int], ChildSpec]) -> T:
    """What `make` has made, as the copy of this number."""
    return evolve(spec, name=f"{spec.name}-{number}", copy=Copy(spec.name, number, make))


def makers(spec: ChildSpec, path: str = "") -> dict[str, Callable[[int], ChildSpec]]:
    """How copies are made, by the path that all copies of a program share, below a supervisor."""
    found: dict[str, Callable[[int], ChildSpec]] = {}
    for child in getattr(spec, "children", ()):
        found |= makers(child, _below(path, child.name))
        if child.copy is not None:
            found[_below(path, child.copy.of)] = child.copy.make
    return found


def _below(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


S = TypeVar("S", bound=Any)


def scaled(root: S, path: str, count: int, make: Callable[[int], ChildSpec]) -> S:
    """The tree with so many copies of one program; those that are there stay, from the first on.

    Args:
        path: what all copies share, as in `backend/web` for `backend/web-1`.
        make: makes one of them.

    Raises:
        InvalidSpec: no such supervisor, or not a count.
    """
    above, _, rest = path.partition("/")
    if rest:
        children = [
            scaled(child, rest, count, make) if child.name == above else child
            for child in root.children
        ]
        return evolve(root, children=children)
    made = copies(count, make)
    mine = [n for n, child in enumerate(root.children) if child.copy and child.copy.of == path]
    at = mine[0] if mine else len(root.children)
    others = [child for n, child in enumerate(root.children) if n not in mine]
    names = {f"{path}-{n}": After(f"{path}-{n}") for n in range(1, len(mine) + 1)}
    others = [_unspread(child, path, names) for child in others]
    return evolve(root, children=[*others[:at], *made, *others[at:]])


def _unspread(child: T, of: str, names: dict[str, After]) -> T:
    """A sibling that is after all copies is after the name that they share, however many."""
    mine = [each for each in child.after if each.name in names]
    if not mine or len(mine) < len(names):
        return child
    at = child.after.index(mine[0])
    others = [each for each in child.after if each.name not in names]
    shared = After(of, mine[0].condition)
    return evolve(child, after=(*others[:at], shared, *others[at:]))

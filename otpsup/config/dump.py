"""From specs to what a tree file says of them: for trees that move from Python to a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from attrs import evolve

from ..specs import ChildSpec, Supervisor
from .forms import cannot_write
from .records import Key, written
from .vocabulary import KINDS, ROOT, Kind


def dump(spec: ChildSpec) -> dict[str, Any]:
    """What a file says for this spec; defaults are left out. JSON and YAML can write it.

    A function is written as its import path. Copies that differ in more than their numbers are
    written one by one, and are no longer copies of one another.

    Args:
        spec: a tree, or a child; a tree's document is a tree file, if it has only what a tree
            can have there (no `restart`, no `after`, ...).

    Raises:
        InvalidSpec: something in it cannot be written: a lambda, an argument that is no JSON.
    """
    kind = _kind(spec)
    found = written(spec, _written_keys(kind))
    if kind.key == "children":
        assert isinstance(spec, Supervisor)
        return {**found, "children": list(_children(spec.children))}
    if kind.key == "template":
        return {**found, "template": dump(spec.template)}  # type: ignore[union-attr]
    return found


def dump_tree(spec: ChildSpec) -> dict[str, Any]:
    """As `dump`, for what is to be a tree file.

    Raises:
        InvalidSpec: as `dump`, and if the root has what only a child can have in a file.
    """
    found = dump(spec)
    for key in found:
        if key not in ROOT:
            raise cannot_write(f"{key!r} of the root; it has no siblings, and nobody restarts it")
    return found


def _kind(spec: ChildSpec) -> Kind:
    return next(kind for kind in KINDS.values() if kind.cls is type(spec))


def _written_keys(kind: Kind) -> dict[str, Key]:
    """The name and what is run first, as people write it."""
    first = [key for key in ("name", kind.key) if key in kind.keys]
    return {key: kind.keys[key] for key in [*first, *kind.keys]}


def _children(specs: Iterable[ChildSpec]) -> Iterator[dict[str, Any]]:
    for shared, group in groupby(specs, key=lambda spec: spec.copy.of if spec.copy else None):
        children = list(group)
        if shared is not None and _are_alike(children):
            one = evolve(children[0], name=shared, copy=None)
            yield {**dump(one), "copies": len(children)}
        else:
            yield from map(dump, children)


def _are_alike(copies: list[ChildSpec]) -> bool:
    """Whether they are the copies from 1, and the same but for their numbers."""
    numbers = [child.copy.number for child in copies if child.copy]
    first = evolve(copies[0], name="copy", copy=None)
    return numbers == list(range(1, len(copies) + 1)) and all(
        evolve(child, name="copy", copy=None) == first for child in copies
    )

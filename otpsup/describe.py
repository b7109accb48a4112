"""What a child is, in words: its spec as JSON values, for people who look at it. No secrets."""

from __future__ import annotations

from typing import Any

import attrs

from .plain import plain
from .specs import ChildSpec, DynamicSupervisor, Supervisor, words


def describe(spec: ChildSpec) -> dict[str, Any]:
    """All fields of a spec that differ from their defaults, by the names of a tree file.

    Of variables and arguments only the names are told, of arguments without names how many.
    """
    fields = [f for f in attrs.fields(type(spec)) if f.name not in _LEFT_OUT]
    fields.sort(key=lambda field: field.name not in words.LABELS)  # what is run comes first
    given = {f.name: getattr(spec, f.name) for f in fields if _is_given(spec, f)}
    told = {words.LABELS.get(name, name): _told(name, value) for name, value in given.items()}
    match spec:
        case Supervisor():
            return {**told, "children": [child.name for child in spec.children]}
        case DynamicSupervisor():
            return {**told, "template": describe(spec.template)}
        case _:
            return told


_LEFT_OUT = frozenset(("name", "children", "template"))
_ALWAYS = frozenset(
    ("restart", "shutdown", "ready", "stdout", "stderr", "strategy", "intensity", "period")
)


def _is_given(spec: ChildSpec, field: attrs.Attribute[Any]) -> bool:
    """Whether it is worth a line: always what decides about a child's life, else what was said."""
    default: Any = field.default
    if hasattr(default, "factory"):
        default = default.factory()
    return field.name in _ALWAYS or getattr(spec, field.name) != default


def _told(name: str, value: Any) -> Any:
    told = words.value(name, value)
    return plain(told) if isinstance(told, str) else told

"""What a child is, in words: its spec as JSON values, for people who look at it. No secrets."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from . import mask
from .plain import plain
from .specs import ChildSpec, DynamicSupervisor, Hook, Inherit, LogFile, Supervisor
from .specs.check import repr_of_callable
from .specs.ready import as_written


def describe(spec: ChildSpec) -> dict[str, Any]:
    """All fields of a spec that differ from their defaults, by the names of a tree file.

    Of variables and arguments only the names are told, of arguments without names how many.
    """
    fields = [f for f in attrs.fields(type(spec)) if f.name not in _LEFT_OUT]
    fields.sort(key=lambda field: field.name not in _LABELS)  # what is run comes first
    given = {f.name: getattr(spec, f.name) for f in fields if _is_given(spec, f)}
    told = {_LABELS.get(name, name): _told(name, value) for name, value in given.items()}
    match spec:
        case Supervisor():
            return {**told, "children": [child.name for child in spec.children]}
        case DynamicSupervisor():
            return {**told, "template": describe(spec.template)}
        case _:
            return told


_LEFT_OUT = frozenset(("name", "children", "template"))
_LABELS = {"argv": "command", "target": "worker"}
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
    told = _BY_NAME.get(name, _value)(value)
    return plain(told) if isinstance(told, str) else told


def _value(value: Any) -> Any:
    match value:
        case bool() | int() | float() | None:
            return value
        case str() | os.PathLike():
            return mask.text(str(value))
        case LogFile():
            return {"file": str(value.path), **_differing(value, "path")}
        case Inherit():
            return {"inherit": value.stream, "format": value.format}
        case Hook():
            return {**_run(value.run), "timeout": value.timeout}
        case Mapping():
            return {str(key): _value(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_value(item) for item in value]
        case _ if callable(value):
            return _target(value)
        case _:
            return mask.text(str(value))


def _run(run: Any) -> dict[str, Any]:
    if isinstance(run, tuple):
        return {"command": list(mask.command_line(run))}
    return {"worker": _target(run)}


def _differing(value: Any, *without: str) -> dict[str, Any]:
    fields = [f for f in attrs.fields(type(value)) if f.name not in without]
    return {f.name: getattr(value, f.name) for f in fields if getattr(value, f.name) != f.default}


def _target(target: Any) -> str:
    return target if isinstance(target, str) else repr_of_callable(target).strip("<>")


_BY_NAME: dict[str, Callable[[Any], Any]] = {
    "argv": lambda argv: list(mask.command_line(argv)),
    "target": _target,
    "ready": lambda ready: _value(as_written(ready)),
    "args": lambda args: f"{len(args)} (not shown)",
    "kwargs": sorted,
    "environment": sorted,
    "stop_signal": lambda number: signal.Signals(number).name,
    "exitcodes": sorted,
    "umask": lambda mode: f"0{mode:o}",
    "copy": lambda copy: f"{copy.number} of {copy.of}",
    "after": lambda after: [str(each) for each in after],
    "backoff": lambda backoff: _differing(backoff) or "as by default",
    "secrets": lambda secrets: {name: str(path) for name, path in secrets.items()},
}

"""The values of a spec in the words of a tree file, for people who look at them. No secrets."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

import attrs

from .. import mask
from . import check
from .health import PURPOSES, Check, Exec, Plugged, name_of
from .hook import Hook
from .output import Inherit, LogFile
from .ready import Readiness
from .stdin import Socket

LABELS = {"argv": "command", "target": "worker"}
"""Fields that are called otherwise in a tree file."""

_READINESS = get_args(Readiness)


def value(name: str, given: Any) -> Any:
    """The value of a field of this name, made of what JSON has.

    Of variables and arguments by name the names are told, of other arguments how many.
    """
    return _BY_NAME.get(name, _value)(given)


def text(name: str, given: Any) -> str:
    """The same on one line, as in a flow of YAML; a text alone is in quotation marks."""
    found = value(name, given)
    if isinstance(found, str) or not isinstance(found, Iterable):
        return "none" if found is None else check.shown(found)
    told = _flow(found)
    return told if len(told) <= _MOST else f"{told[:_MOST]}..."


_MOST = 200
"""Characters of a text: it is one reason of several in a line."""


def _flow(found: Any) -> str:
    match found:
        case Mapping():
            return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in found.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, found)) + "]"
        case None:
            return "none"
        case bool():
            return str(found).lower()
        case _:
            return str(found)


def _value(given: Any) -> Any:
    match given:
        case bool() | int() | float() | None:
            return given
        case str() | os.PathLike():
            return mask.text(str(given))
        case LogFile():
            return {"file": str(given.path), **_differing(given, "path")}
        case Inherit():
            return {"inherit": given.stream, "format": given.format}
        case Hook():
            return _hook(given)
        case Socket():
            return {"socket": given.url, **_differing(given, "url")}
        case Mapping():
            return {str(key): _value(item) for key, item in given.items()}
        case list() | tuple() | set() | frozenset():
            return [_value(item) for item in given]
        case _:
            return mask.text(str(given))


def _hook(hook: Hook) -> Any:
    run = hook.run
    if isinstance(run, tuple):
        return {"command": list(mask.command_line(run)), "timeout": hook.timeout}
    return {"worker": _target(run), "timeout": hook.timeout}


def _readiness(ready: Any) -> Any:
    """`spawned`, `{port: 8001}`, or `{http: {url: ..., status: 204}}`."""
    if not isinstance(ready, _READINESS):
        return _value(ready)
    kind, given = _condition(ready)
    return {kind: given} if given else kind


def _condition(of: Any) -> tuple[str, Any]:
    """What kind of condition it is, and its value, or its values by name; of one that has none,
    nothing."""
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(of).__name__).lower()
    first = next((f.name for f in attrs.fields(type(of))), "")
    given = {key: _single(item) for key, item in _differing(of).items()}
    return kind, given[first] if [*given] == [first] and kind != "notify" else given


def _check(given: Check) -> dict[str, Any]:
    """`{port: 8001, interval: 5}`."""
    what = given.what
    pace = {key: _value(item) for key, item in _differing(given, "what").items()}
    if isinstance(what, Exec):
        return {"command": list(mask.command_line(what.argv)), **pace}
    if isinstance(what, Plugged):
        return {"plugin": name_of(what.checker), **pace}
    kind, values = _condition(what)
    return {kind: values, **pace}


def _single(given: Any) -> Any:
    return _target(given) if callable(given) else _value(given)


def _differing(given: Any, *without: str) -> dict[str, Any]:
    fields = [f for f in attrs.fields(type(given)) if f.name not in without]
    return {f.name: getattr(given, f.name) for f in fields if getattr(given, f.name) != f.default}


def _target(target: Any) -> str:
    return target if isinstance(target, str) else check.repr_of_callable(target).strip("<>")


def _rlimits(limits: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    short = {name.removeprefix("RLIMIT_").lower(): both for name, both in limits.items()}
    return {name: both[0] if both[0] == both[1] else list(both) for name, both in short.items()}


_SIGNALS = {int(each): each.name for each in signal.Signals}
"""Most real-time signals have no name."""

_BY_NAME: dict[str, Callable[[Any], Any]] = {
    "argv": lambda argv: list(mask.command_line(argv)),
    "target": _target,
    "args": lambda args: f"{len(args)} (not shown)",
    "kwargs": sorted,
    "environment": sorted,
    "stop_signal": lambda number: _SIGNALS.get(number, number),
    "exitcodes": sorted,
    "umask": lambda mode: None if mode is None else f"0{mode:o}",
    "copy": lambda copy: copy and f"{copy.number} of {copy.of}",
    "after": lambda after: [str(each) for each in after],
    "backoff": lambda backoff: backoff and (_differing(backoff) or "as by default"),
    "secrets": lambda secrets: {name: str(path) for name, path in secrets.items()},
    "ready": _readiness,
    **dict.fromkeys(PURPOSES, lambda checks: list(map(_check, checks))),
    "rlimits": _rlimits,
}

"""Statistics as JSON. Samples are lists, for there may be many: `[at, cpu, memory]`.

Sans-IO. The other end is not trusted: every field is checked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeVar, get_args

from attrs import fields

from ..errors import ProtocolError
from ..statistics import (
    CheckResult,
    ChildStatistics,
    HostStatistics,
    Sample,
    Statistics,
    SupervisorStatistics,
)
from ..views import State

T = TypeVar("T")

_NUMBER, _NUMBER_OR_NONE = (int, float), (int, float, NoneType)
_NESTED = {"exits", "checks", "history"}
_KINDS: dict[str, tuple[type, ...]] = {
    "path": (str,), "state": (str,), "ready": (bool,), "starts": (int,), "restarts": (int,),
    "started_at": _NUMBER_OR_NONE, "start_seconds": _NUMBER_OR_NONE, "cpu_seconds": _NUMBER,
    "memory": (int,), "processes": (int,), "threads": (int,), "descriptors": (int,),
    "log_bytes": (int,), "log_dropped": (int,), "purpose": (str,), "what": (str,), "said": (str,),
    "is_well": (bool, NoneType), "looks": (int,), "failures": (int,), "intensity": (int,),
    "used": (int,), "period": _NUMBER, "at": _NUMBER, "loop_lag": _NUMBER, "cpu": _NUMBER,
}  # fmt: skip


def encode(value: Statistics) -> dict[str, Any]:
    """The statistics as a JSON value."""
    return {
        "at": value.at,
        "loop_lag": value.loop_lag,
        "supervisors": {path: _plain(each) for path, each in value.supervisors.items()},
        "children": {path: _child(each) for path, each in value.children.items()},
        "host": _plain(value.host),
    }


def _plain(value: Any) -> dict[str, Any]:
    """The fields of one that has no others in it; several times as fast as `attrs.asdict`."""
    return {name: getattr(value, name) for name in value.__slots__ if name != "__weakref__"}


def _child(value: ChildStatistics) -> dict[str, Any]:
    checks = [_plain(each) for each in value.checks]
    history = [[each.at, each.cpu, each.memory] for each in value.history]
    return {**_plain(value), "exits": dict(value.exits), "checks": checks, "history": history}


def decode(value: Any) -> Statistics:
    """The statistics in a JSON value.

    Raises:
        ProtocolError: there are none.
    """
    try:
        return Statistics(
            **_checked(value, Statistics, but={"supervisors", "children", "host"}),
            supervisors=_all(value["supervisors"], _supervisor_from),
            children=_all(value["children"], _child_from),
            host=HostStatistics(**_checked(value["host"], HostStatistics)),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise ProtocolError("the other end answered with what are no statistics") from None


def _all(value: Mapping[str, Any], decode: Any) -> dict[str, Any]:
    return {path: decode(each) for path, each in value.items()}


def _supervisor_from(value: Any) -> SupervisorStatistics:
    return SupervisorStatistics(**_checked(value, SupervisorStatistics))


def _child_from(value: Any) -> ChildStatistics:
    exits = {str(kind): _count(count) for kind, count in value["exits"].items()}
    checks = tuple(CheckResult(**_checked(each, CheckResult)) for each in value["checks"])
    history = tuple(_sample_from(*each) for each in value["history"])
    plain = _checked(value, ChildStatistics, but=_NESTED)
    return ChildStatistics(**plain, exits=exits, checks=checks, history=history)


def _sample_from(at: Any, cpu: Any, memory: Any) -> Sample:
    return Sample(**_checked({"at": at, "cpu": cpu, "memory": memory}, Sample))


def _count(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _checked(
    value: Mapping[str, Any], kind: type, but: frozenset[str] | set[str] = frozenset()
) -> dict[str, Any]:
    """The fields of one, each of its kind; those that another version has, too, are left out."""
    names = [each.name for each in fields(kind) if each.name not in but]
    found = {name: value[name] for name in names if name in value}
    for name, item in found.items():
        _check(name, item)
    return found


def _check(name: str, item: Any) -> None:
    kinds = _KINDS[name]
    if not isinstance(item, kinds) or (isinstance(item, bool) and bool not in kinds):
        raise TypeError
    if isinstance(item, int | float) and not math.isfinite(item):
        raise ValueError
    if name == "state" and item not in get_args(State):
        raise ValueError

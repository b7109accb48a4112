"""The outline of a tree as JSON values: who is supervised by whom, in which order, and how.

It has all that the engine decides by, and nothing of what the processes are or do: no command line,
no environment, no secret. A tree that is made from it can be drawn and simulated, not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict

from ..errors import InvalidSpec, ProtocolError
from ..specs import After, Backoff, ChildSpec, Command, DynamicSupervisor, Supervisor, Worker

NOTHING = "otpsup.wire.outline:nothing"
"""The target of workers that are made from an outline; it does not exist."""

_COMMON = ("name", "restart", "shutdown", "significant", "autostart")
_SUPERVISING = ("intensity", "period")


def encode(spec: ChildSpec) -> dict[str, Any]:
    """The outline of a spec and of all below it."""
    value: dict[str, Any] = {key: getattr(spec, key) for key in _COMMON}
    value["after"] = [[after.name, after.condition] for after in spec.after]
    value["backoff"] = asdict(spec.backoff) if spec.backoff else None
    match spec:
        case Worker():
            return {"type": "worker", **value}
        case Command():
            return {"type": "command", **value}
    value.update({key: getattr(spec, key) for key in _SUPERVISING})
    if isinstance(spec, DynamicSupervisor):
        value |= {"template": encode(spec.template), "max_children": spec.max_children}
        return {"type": "dynamic_supervisor", **value}
    value |= {"strategy": spec.strategy, "auto_shutdown": spec.auto_shutdown}
    return {"type": "supervisor", **value, "children": [encode(c) for c in spec.children]}


def decode(value: Any) -> ChildSpec:
    """A spec of this outline, in which every process is a stand-in.

    Raises:
        ProtocolError: it is no outline.
    """
    try:
        return _decode(value)
    except (InvalidSpec, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProtocolError(f"this is no outline of a tree: {error}") from None


def _decode(value: Mapping[str, Any]) -> ChildSpec:
    fields: dict[str, Any] = {key: value[key] for key in _COMMON}
    fields["after"] = [After(name, condition) for name, condition in value["after"]]
    fields["backoff"] = Backoff(**value["backoff"]) if value["backoff"] else None
    kind = value["type"]
    if kind == "worker":
        return Worker(target=NOTHING, **fields)
    if kind == "command":
        return Command(argv=[fields["name"]], **fields)
    fields |= {key: value[key] for key in _SUPERVISING}
    if kind == "dynamic_supervisor":
        template = _decode(value["template"])
        return DynamicSupervisor(template=template, max_children=value["max_children"], **fields)
    fields |= {"strategy": value["strategy"], "auto_shutdown": value["auto_shutdown"]}
    return Supervisor(children=[_decode(child) for child in value["children"]], **fields)

"""The outline of a tree as JSON values: who is supervised by whom, in which order, and how; and
where the tree is.

It has all that the engine decides by, and nothing of what the processes are or do: no command line,
no environment, no secret. A tree that is made from it can be drawn and simulated, not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict, fields, frozen

from ..engine import Engine
from ..engine.checkpoint import Checkpoint
from ..errors import ProtocolError, in_words
from ..plain import plain
from ..specs import After, Backoff, ChildSpec, Command, DynamicSupervisor, Supervisor, Worker

NOTHING = "otpsup.wire.outline:nothing"
"""The target of workers that are made from an outline; it does not exist."""


_MOST = 300
"""Characters of an error that a message shows."""


@frozen
class Outline:
    """A tree, and where it is.

    Attributes:
        spec: the root as it was declared; every process is a stand-in.
        checkpoint: what its engine remembers, to go on from there.
    """

    spec: Supervisor | DynamicSupervisor
    checkpoint: Checkpoint

    def now(self) -> Supervisor | DynamicSupervisor:
        """The root as it is now: with the children that were added, without the deleted."""
        engine = Engine(self.spec)
        engine.resume(self.checkpoint)
        return engine.spec()


_COMMON = ("name", "restart", "shutdown", "significant", "autostart")
_SUPERVISING = ("intensity", "period")


def encode(outline: Outline) -> dict[str, Any]:
    """An outline as JSON values."""
    return {
        "tree": encode_spec(outline.spec),
        "checkpoint": _encode_checkpoint(outline.checkpoint),
    }


def _encode_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    value = {f.name: getattr(checkpoint, f.name) for f in fields(Checkpoint)}
    if checkpoint.children is not None:
        below = checkpoint.children.items()
        value["children"] = {name: _encode_checkpoint(child) for name, child in below}
    if checkpoint.spec is not None:
        value["spec"] = encode_spec(checkpoint.spec)
    return value


def decode(value: Any) -> Outline:
    """An outline from its JSON values.

    Raises:
        ProtocolError: it is no outline.
    """
    try:
        spec = _decode(value["tree"])
        checkpoint = _checkpoint(value["checkpoint"])
        if not isinstance(spec, Supervisor | DynamicSupervisor):
            raise TypeError("its root is no supervisor")
        outline = Outline(spec, checkpoint)
        outline.now()
    except Exception as error:  # values of any shape, made use of as if they had the right one
        text = plain(in_words(error))[:_MOST]
        raise ProtocolError(f"this is no outline of a tree: {text}") from None
    return outline


def _checkpoint(value: Mapping[str, Any]) -> Checkpoint:
    """Of these JSON values; `Checkpoint` itself looks whether each is of its kind."""
    given = dict(value)
    given["window"] = tuple((ago, path) for ago, path in value["window"])
    for key in ("awaited", "last_exit", "ended"):
        given[key] = None if value[key] is None else tuple(value[key])
    if value["children"] is not None:
        below = value["children"].items()
        given["children"] = {name: _checkpoint(child) for name, child in below}
    if value["spec"] is not None:
        given["spec"] = _decode(value["spec"])
    return Checkpoint(**given)


def encode_spec(spec: ChildSpec) -> dict[str, Any]:
    """The outline of a spec and of all below it."""
    value: dict[str, Any] = {key: getattr(spec, key) for key in _COMMON}
    value["after"] = [[after.name, after.condition] for after in spec.after]
    value["backoff"] = asdict(spec.backoff) if spec.backoff else None
    match spec:
        case Worker() | Command():
            kind = "worker" if isinstance(spec, Worker) else "command"
            return {"type": kind, **value, "start_retries": spec.start_retries}
    value.update({key: getattr(spec, key) for key in _SUPERVISING})
    if isinstance(spec, DynamicSupervisor):
        value |= {"template": encode_spec(spec.template), "max_children": spec.max_children}
        return {"type": "dynamic_supervisor", **value}
    value |= {"strategy": spec.strategy, "auto_shutdown": spec.auto_shutdown}
    value["parallel"] = spec.parallel
    return {"type": "supervisor", **value, "children": [encode_spec(c) for c in spec.children]}


def _decode(value: Mapping[str, Any]) -> ChildSpec:
    known: dict[str, Any] = {key: value[key] for key in _COMMON}
    known["after"] = [After(name, condition) for name, condition in value["after"]]
    known["backoff"] = Backoff(**value["backoff"]) if value["backoff"] else None
    kind = value["type"]
    if kind in ("worker", "command"):
        known["start_retries"] = value.get("start_retries")
        is_worker = kind == "worker"
        return (
            Worker(target=NOTHING, **known) if is_worker else Command(argv=[known["name"]], **known)
        )
    known |= {key: value[key] for key in _SUPERVISING}
    if kind == "dynamic_supervisor":
        template = _decode(value["template"])
        return DynamicSupervisor(template=template, max_children=value["max_children"], **known)
    known |= {"strategy": value["strategy"], "auto_shutdown": value["auto_shutdown"]}
    known["parallel"] = value.get("parallel", False)
    return Supervisor(children=[_decode(child) for child in value["children"]], **known)

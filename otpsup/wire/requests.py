"""Requests as a tree reads them, and its answers: the other side of `control`.

Sans-IO. The client is not trusted: every field is checked.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from attrs import asdict, evolve, field, frozen, has

from .. import errors, mask
from ..engine.events import (
    CountChildren,
    DeleteChild,
    MonitorChild,
    ReplaceChild,
    Request,
    Shutdown,
    StartDeclared,
    TerminateChild,
    WhichChildren,
)
from ..views import ChildStatus
from . import lines, operations
from .control import NOBODYS, line_of, object_in
from .lines import LogLine
from .operations import PATH_LIMIT

Make = Callable[[int], Request]


@frozen
class Call:
    """A decoded request line.

    Attributes:
        id: the client's own number for it.
        op: what is asked.
        make: makes the engine's request for a reference; None for what the engine is not asked.
        fields: of an operation of the host, see `operations`; of `events`, `recent`.
    """

    id: int
    op: str
    make: Make | None = None
    fields: Mapping[str, Any] = field(factory=dict)

    @property
    def is_operation(self) -> bool:
        """The host does it, and may take its time."""
        return self.op in operations.FIELDS


_ON_A_PATH: dict[str, Callable[..., Request]] = {
    "terminate_child": TerminateChild,
    "restart": ReplaceChild,
    "delete_child": DeleteChild,
    "which_children": WhichChildren,
    "count_children": CountChildren,
}
_AT_ONCE = ("status", "outline", "events")
_ALONE = (*_AT_ONCE, "shutdown")

OPS = ("start_child", "restart_child", "monitor", "unmonitor", *_ON_A_PATH, *_ALONE)
"""What the engine is asked, and what is answered at once."""


def decode_call(line: bytes, caller: str | None) -> Call:
    """The request in a line.

    Args:
        caller: the path of the child that asks; None for a client from outside the tree.

    Raises:
        ProtocolError: it is none; says what was expected.
    """
    value = object_in(line)
    id, op = value.get("id"), value.get("op")
    if type(id) is not int or not isinstance(op, str):
        raise errors.ProtocolError("a request must have a number 'id' and a text 'op'")
    if op == "events":
        return Call(id, op, fields={"recent": _recent(value.get("recent", 0))})
    if op in _AT_ONCE:
        return Call(id, op)
    if op in operations.FIELDS:
        return Call(id, op, fields=operations.fields_of(op, value))
    return Call(id, op, maker(op, value, caller))


def _recent(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise errors.ProtocolError(f"'recent' must be a count from 0, not {_shown(value)}")
    return value


def id_of(line: bytes) -> int:
    """The number of a request that cannot be understood otherwise; NOBODYS if it has none."""
    try:
        id = object_in(line).get("id")
    except errors.ProtocolError:
        return NOBODYS
    return id if type(id) is int else NOBODYS


def maker(op: str, value: Mapping[str, Any], caller: str | None) -> Make:
    """What makes the engine's request for a verb and its fields.

    Raises:
        ProtocolError: no such verb, or a field is wrong.
    """
    if op == "shutdown":
        hurry = value.get("hurry") is True
        return lambda ref: Shutdown(ref=ref, caller=caller, hurry=hurry)
    path = value.get("path")
    if op not in OPS or not isinstance(path, str):
        raise errors.ProtocolError(
            f"cannot understand request {reprlib.repr(op)}: expected one of {', '.join(OPS)}; "
            f"all but the last {len(_ALONE)} need a text 'path'"
        )
    if len(path) > PATH_LIMIT:
        raise errors.ProtocolError(f"a path has {PATH_LIMIT} characters at most, not {len(path)}")
    if op in ("monitor", "unmonitor"):
        on = op == "monitor"
        return lambda ref: MonitorChild(ref=ref, caller=caller, path=path, on=on)
    if op == "restart_child":
        return lambda ref: StartDeclared(ref=ref, caller=caller, path=path, restart_only=True)
    if op == "start_child":
        args = tuple(_list(value.get("args", [])))
        return lambda ref: StartDeclared(ref=ref, caller=caller, path=path, args=args)
    return lambda ref: _ON_A_PATH[op](ref=ref, caller=caller, path=path)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise errors.ProtocolError(f"'args' must be a list, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    """The beginning of a value."""
    try:
        return reprlib.repr(value)
    except ValueError:  # a whole number of thousands of digits
        return f"this {type(value).__name__}"


def encode_ok(id: int, value: Any) -> bytes:
    """The answer to a request that succeeded."""
    return line_of({"id": id, "ok": as_json(value)})


def encode_error(id: int, error: errors.OtpsupError) -> bytes:
    """The answer to a request that failed."""
    return line_of({"id": id, "error": {"code": error.code, "message": str(error), **_more(error)}})


def _more(error: errors.OtpsupError) -> dict[str, Any]:
    if isinstance(error, errors.AlreadyStarted):
        return {"pid": error.pid}
    if isinstance(error, errors.NotRunning) and error.is_of_a_supervisor:
        return {"is_of_a_supervisor": True}
    return {}


def encode_event(event: Any) -> bytes:
    """An event, for a client that asked for them."""
    return line_of({"event": asdict(event)})


def encode_line(line: LogLine) -> bytes:
    """A line of a child's output, for a client that follows it."""
    return line_of({"line": lines.encode(line)})


def masked(status: ChildStatus) -> ChildStatus:
    """A status as it is told to anybody who asks: without what in an `info` has a secret's name.

    Whoever asked for a start gets the `info` as the child gave it.
    """
    children = tuple(map(masked, status.children))
    return evolve(status, info=mask.within(status.info), children=children)


def as_json(value: Any) -> Any:
    """A reply's value as JSON values."""
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if type(value).__name__ in _ENCODERS:
        return _ENCODERS[type(value).__name__](value)
    return asdict(value) if has(type(value)) else value


def _statistics(value: Any) -> Any:
    from . import statistics  # they are loaded where there are any

    return statistics.encode(value)


_ENCODERS: dict[str, Callable[[Any], Any]] = {"Statistics": _statistics}
"""Of what `asdict` is too slow for, by the name of the class."""

"""Requests and answers between a client and a running tree: JSON, one object a line.

    {"id": 1, "op": "start_child", "path": "updater", "args": []}
    {"id": 1, "ok": {...}}
    {"id": 1, "error": {"code": "already_started", "message": "...", "pid": 812}}

After {"id": 2, "op": "events"} and its answer, every event follows as {"event": {...}}.
Sans-IO. The client is not trusted: every field is checked, and a line is bounded by `LIMIT`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import asdict, frozen

from .. import errors
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
from ..engine.snapshot import ChildStatus

LIMIT = 1 << 20
"""The longest line, in bytes."""

Make = Callable[[int], Request]


@frozen
class Call:
    """A decoded request line.

    Attributes:
        id: the client's own number for it.
        op: what is asked.
        make: makes the engine's request for a reference; None for what the engine is not asked.
    """

    id: int
    op: str
    make: Make | None = None


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


def encode_call(id: int, op: str, **fields: Any) -> bytes:
    """A request line.

    Raises:
        ProtocolError: an argument is no JSON value.
    """
    try:
        return _line({"id": id, "op": op, **fields})
    except TypeError as error:
        raise errors.ProtocolError(f"arguments must be JSON values: {error}") from None


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def decode_call(line: bytes, caller: str | None) -> Call:
    """The request in a line.

    Args:
        caller: the path of the child that asks; None for a client from outside the tree.

    Raises:
        ProtocolError: it is none; says what was expected.
    """
    value = _object(line)
    id, op = value.get("id"), value.get("op")
    if not isinstance(id, int) or not isinstance(op, str):
        raise errors.ProtocolError("a request must have a number 'id' and a text 'op'")
    if op in _AT_ONCE:
        return Call(id, op)
    return Call(id, op, maker(op, value, caller))


def id_of(line: bytes) -> int:
    """The number of a request that cannot be understood otherwise; 0 if it has none."""
    try:
        id = _object(line).get("id")
    except errors.ProtocolError:
        return 0
    return id if isinstance(id, int) else 0


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise errors.ProtocolError(f"expected a JSON object a line, not {line[:40]!r}") from None
    if not isinstance(value, dict):
        raise errors.ProtocolError(f"expected a JSON object a line, not {line[:40]!r}")
    return value


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
            f"cannot understand request {op!r}: expected one of {', '.join(OPS)}; "
            f"all but the last {len(_ALONE)} need a text 'path'"
        )
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
        raise errors.ProtocolError(f"'args' must be a list, not {value!r}")
    return value


def encode_ok(id: int, value: Any) -> bytes:
    """The answer to a request that succeeded."""
    return _line({"id": id, "ok": as_json(value)})


def encode_error(id: int, error: errors.OtpsupError) -> bytes:
    """The answer to a request that failed."""
    return _line({"id": id, "error": {"code": error.code, "message": str(error), **_more(error)}})


def _more(error: errors.OtpsupError) -> dict[str, Any]:
    if isinstance(error, errors.AlreadyStarted):
        return {"pid": error.pid}
    if isinstance(error, errors.NotRunning) and error.is_of_a_supervisor:
        return {"is_of_a_supervisor": True}
    return {}


def encode_event(event: Any) -> bytes:
    """An event, for a client that asked for them."""
    return _line({"event": asdict(event)})


def as_json(value: Any) -> Any:
    """A reply's value as JSON values."""
    return asdict(value) if isinstance(value, ChildStatus) else value


def decode_answer(line: bytes) -> dict[str, Any]:
    """An answer or event line as the client reads it.

    Raises:
        ProtocolError: the other end does not speak this protocol.
    """
    return _object(line)


def status_from(value: Mapping[str, Any]) -> ChildStatus:
    """A `ChildStatus` from its JSON form."""
    children = tuple(status_from(child) for child in value["children"])
    return ChildStatus(**{**value, "children": children})


def error_from(value: Mapping[str, Any]) -> errors.OtpsupError:
    """The exception that an error answer stands for."""
    error = errors.by_code(str(value["code"]), str(value["message"]))
    if isinstance(error, errors.NotRunning):
        error.is_of_a_supervisor = value.get("is_of_a_supervisor") is True
    if isinstance(error, errors.AlreadyStarted):
        error.pid = value.get("pid")
    return error

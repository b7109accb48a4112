"""Requests and answers between a client and a running tree: JSON, one object a line.

    {"id": 1, "op": "start_child", "path": "updater", "args": []}
    {"id": 1, "ok": {...}}
    {"id": 1, "error": {"code": "already_started", "message": "...", "pid": 812}}

After {"id": 2, "op": "events", "recent": 20} and its answer, the last 20 events and then every new
one follow as {"event": {...}}; without `recent` the new ones only.
Sans-IO. The client is not trusted: every field is checked, and a line is bounded by `LIMIT`.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, get_args

from attrs import asdict, evolve, field, frozen, has

from .. import errors, mask
from ..engine.changes import Change
from ..engine.effects import State
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
from ..events import Event
from . import lines, operations, strict
from .lines import LogLine
from .operations import PATH_LIMIT

LIMIT = 1 << 20
"""The longest line, in bytes."""
NOBODYS = 0
"""The number in an answer to what has none: a line that is no request, or the coming itself."""

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


def encode_call(id: int, op: str, **fields: Any) -> bytes:
    """A request line.

    Raises:
        ProtocolError: an argument is no JSON value.
    """
    try:
        return _line({"id": id, "op": op, **fields})
    except (TypeError, ValueError) as error:
        raise errors.ProtocolError(f"arguments must be JSON values: {error}") from None


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode_call(line: bytes, caller: str | None) -> Call:
    """The request in a line.

    Args:
        caller: the path of the child that asks; None for a client from outside the tree.

    Raises:
        ProtocolError: it is none; says what was expected.
    """
    value = _object(line)
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
        id = _object(line).get("id")
    except errors.ProtocolError:
        return NOBODYS
    return id if type(id) is int else NOBODYS


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = strict.loads(line)
    except ValueError:
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


def encode_line(line: LogLine) -> bytes:
    """A line of a child's output, for a client that follows it."""
    return _line({"line": lines.encode(line)})


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
    return asdict(value) if has(type(value)) else value


def decode_answer(line: bytes) -> dict[str, Any]:
    """An answer or event line as the client reads it.

    Raises:
        ProtocolError: the other end does not speak this protocol.
    """
    return _object(line)


_TEXT, _TEXT_OR_NONE, _WHOLE_OR_NONE = (str,), (str, NoneType), (int, NoneType)
_STATUS: dict[str, tuple[type, ...]] = {
    "name": _TEXT, "path": _TEXT, "type": _TEXT, "state": _TEXT, "ready": (bool,),
    "pid": _WHOLE_OR_NONE, "since": (int, float), "restarts": (int,), "last_exit": _TEXT_OR_NONE,
    "status": _TEXT_OR_NONE, "next_attempt": (int, float, NoneType), "waits": _TEXT_OR_NONE,
}  # fmt: skip
_EVENT: dict[str, tuple[type, ...]] = {
    "at": (int, float), "kind": _TEXT, "path": _TEXT, "state": _TEXT_OR_NONE,
    "pid": _WHOLE_OR_NONE, "reason": _TEXT_OR_NONE, "cause": _TEXT, "text": _TEXT,
    "traceback": _TEXT,
}  # fmt: skip
_STATES: tuple[str, ...] = get_args(State)


def status_from(value: Any) -> ChildStatus:
    """A `ChildStatus` from its JSON form.

    Raises:
        ProtocolError: it is none.
    """
    try:
        return _status(value)
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError):
        raise errors.ProtocolError("the other end answered with what is no status") from None


def _status(value: Mapping[str, Any]) -> ChildStatus:
    _check_kinds(value, _STATUS)
    if value["state"] not in _STATES:
        raise ValueError
    _check_texts(value.get("why", []))
    _check_texts(value.get("last_output", []))
    children = tuple(_status(child) for child in value["children"])
    return ChildStatus(**{**value, "children": children})


def event_from(value: Any) -> Event:
    """An `Event` from its JSON form.

    Raises:
        ProtocolError: it is none.
    """
    try:
        _check_kinds(value, _EVENT)
        _check_texts(value.get("chain", []))
        _check_texts(value.get("lines", []))
        return Event(**value)
    except (AttributeError, OverflowError, TypeError, ValueError):
        raise errors.ProtocolError("the other end told of what is no event") from None


def _check_kinds(value: Mapping[str, Any], kinds: Mapping[str, tuple[type, ...]]) -> None:
    for key, item in value.items():
        if key in kinds and not isinstance(item, kinds[key]):
            raise TypeError
        if key in kinds and isinstance(item, int | float):
            math.isfinite(item)  # OverflowError: nobody can reckon with it


def _check_texts(value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise TypeError


_CHANGE: dict[str, tuple[type, ...]] = {
    "path": _TEXT, "action": _TEXT, "why": _TEXT, "error": _TEXT_OR_NONE,
}  # fmt: skip


def changes_from(value: Any) -> list[Change]:
    """Changes from their JSON form.

    Raises:
        ProtocolError: they are none.
    """
    try:
        for each in value:
            _check_kinds(each, _CHANGE)
        return [Change(**each) for each in value]
    except (AttributeError, TypeError, ValueError):
        raise errors.ProtocolError("the other end answered with what are no changes") from None


def error_from(value: Any) -> errors.OtpsupError:
    """The exception that an error answer stands for."""
    if not isinstance(value, dict):
        return errors.ProtocolError("the other end answered with what is no error")
    error = errors.by_code(str(value.get("code")), str(value.get("message")))
    if isinstance(error, errors.NotRunning):
        error.is_of_a_supervisor = value.get("is_of_a_supervisor") is True
    if isinstance(error, errors.AlreadyStarted):
        pid = value.get("pid")
        error.pid = pid if isinstance(pid, int) else None
    return error

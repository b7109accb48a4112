"""Requests and answers between a client and a running tree: JSON, one object a line.

    {"id": 1, "op": "start_child", "path": "updater", "args": []}
    {"id": 1, "ok": {...}}
    {"id": 1, "error": {"code": "already_started", "message": "...", "pid": 812}}

After {"id": 2, "op": "events", "recent": 20} and its answer, the last 20 events and then every new
one follow as {"event": {...}}; without `recent` the new ones only.

Here are the lines, and the client's side; the tree's is in `requests`, which needs the engine.
Sans-IO. The other end is not trusted: every field is checked, and a line is bounded by `LIMIT`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from types import NoneType
from typing import Any, get_args

from .. import errors
from ..views import Change, ChildStatus, Event, State
from . import strict

LIMIT = 1 << 20
"""The longest line, in bytes."""
NOBODYS = 0
"""The number in an answer to what has none: a line that is no request, or the coming itself."""


def encode_call(id: int, op: str, **fields: Any) -> bytes:
    """A request line.

    Raises:
        ProtocolError: an argument is no JSON value.
    """
    try:
        return line_of({"id": id, "op": op, **fields})
    except (TypeError, ValueError) as error:
        raise errors.ProtocolError(f"arguments must be JSON values: {error}") from None


def line_of(value: Mapping[str, Any]) -> bytes:
    """The line for one message."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def object_in(line: bytes) -> dict[str, Any]:
    """The message in a line.

    Raises:
        ProtocolError: there is none.
    """
    try:
        value = strict.loads(line)
    except ValueError:
        raise errors.ProtocolError(f"expected a JSON object a line, not {line[:40]!r}") from None
    if not isinstance(value, dict):
        raise errors.ProtocolError(f"expected a JSON object a line, not {line[:40]!r}")
    return value


def decode_answer(line: bytes) -> dict[str, Any]:
    """An answer or event line as the client reads it.

    Raises:
        ProtocolError: the other end does not speak this protocol.
    """
    return object_in(line)


_TEXT, _TEXT_OR_NONE, _WHOLE_OR_NONE = (str,), (str, NoneType), (int, NoneType)
_STATUS: dict[str, tuple[type, ...]] = {
    "name": _TEXT, "path": _TEXT, "type": _TEXT, "state": _TEXT, "ready": (bool,),
    "pid": _WHOLE_OR_NONE, "since": (int, float), "restarts": (int,), "last_exit": _TEXT_OR_NONE,
    "status": _TEXT_OR_NONE, "next_attempt": (int, float, NoneType), "waits": _TEXT_OR_NONE,
    "wanted": (bool,),
}  # fmt: skip
_EVENT: dict[str, tuple[type, ...]] = {
    "at": (int, float), "kind": _TEXT, "path": _TEXT, "state": _TEXT_OR_NONE,
    "pid": _WHOLE_OR_NONE, "reason": _TEXT_OR_NONE, "cause": _TEXT, "text": _TEXT,
    "traceback": _TEXT, "cause_kind": _TEXT,
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

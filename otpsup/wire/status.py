"""What a child tells its supervisor: one JSON object a message, never a pickle.

    {"op": "ready", "info": ...}       {"op": "status", "text": "..."}     {"op": "heartbeat"}
    {"op": "ignore"}
    {"op": "crash", "type": "...", "message": "...", "traceback": "..."}
    {"op": "connect"}                  with one descriptor: a stream for requests to the tree

The child is not trusted: every field is checked, and a message is bounded by `LIMIT`.
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import ProtocolError
from . import strict

LIMIT = 64 * 1024
"""The longest message, in bytes."""

_TEXT_LIMIT = 16 * 1024
_LEVELS = 20
"""How deep `info` may be nested: everybody who looks at the tree has to be able to write it."""


class _Value:
    """What is equal if its fields are. By hand, for every child imports this: attrs takes twice as
    long to load as all else that a child needs of ours."""

    __slots__: tuple[str, ...] = ()

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((type(self), *self._fields().values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._fields().items())
        return f"{type(self).__name__}({fields})"


class ReadyMessage(_Value):
    """The child is ready; `info` is any JSON value."""

    __slots__ = __match_args__ = ("info",)

    def __init__(self, info: Any = None) -> None:
        self.info = info


class StatusMessage(_Value):
    """What the child is doing, for people."""

    __slots__ = __match_args__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class HeartbeatMessage(_Value):
    """The child is alive and well."""

    __slots__ = ()


class IgnoreMessage(_Value):
    """The child declines to run."""

    __slots__ = ()


class CrashMessage(_Value):
    """The exception that ends the child."""

    __slots__ = __match_args__ = ("type", "message", "traceback")

    def __init__(self, type: str, message: str, traceback: str) -> None:
        self.type = type
        self.message = message
        self.traceback = traceback


class ConnectMessage(_Value):
    """The child hands over a descriptor on which it will make requests."""

    __slots__ = ()


Message = (
    ReadyMessage | StatusMessage | HeartbeatMessage | IgnoreMessage | CrashMessage | ConnectMessage
)


def encode(message: Message) -> bytes:
    """The bytes of a message; texts that are too long lose their beginning.

    Raises:
        ProtocolError: the `info` of a ReadyMessage is too large, nested too deep, or has a number
            that JSON does not have.
    """
    if isinstance(message, ReadyMessage):
        _check_depth(message.info)
    try:
        text = json.dumps(_as_object(message), separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise ProtocolError(f"ready(info) takes what JSON has, and no more: {error}") from None
    data = text.encode()
    if len(data) > LIMIT:
        raise ProtocolError(
            f"ready(info) makes a message of {len(data)} bytes, more than {LIMIT}; give less, or a "
            "place where it can be read"
        )
    return data


def _check_depth(info: Any) -> None:
    if _is_deeper(info, _LEVELS):
        raise ProtocolError(
            f"ready(info) is nested more than {_LEVELS} levels deep; make it flatter"
        )


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list | tuple):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in parts)


def _as_object(message: Message) -> dict[str, Any]:
    match message:
        case ReadyMessage(info):
            return {"op": "ready", "info": info}
        case StatusMessage(text):
            return {"op": "status", "text": _tail(text)}
        case HeartbeatMessage():
            return {"op": "heartbeat"}
        case IgnoreMessage():
            return {"op": "ignore"}
        case CrashMessage():
            return {"op": "crash", **_bounded(message)._fields()}
        case ConnectMessage():
            return {"op": "connect"}


def _bounded(crash: CrashMessage) -> CrashMessage:
    """Supervisors remember it: neither end makes it longer."""
    text = _tail(crash.message, 2048)
    return CrashMessage(_tail(crash.type, 256), text, _tail(crash.traceback))


def _tail(text: str, limit: int = _TEXT_LIMIT) -> str:
    """The end of a text of which JSON makes `limit` bytes at most: 6 to a character at worst, and
    12 to one beyond the BMP."""
    if len(json.dumps(text)) <= limit:
        return text
    kept = "…" + text[-(limit // 6 - 2) :]
    return kept if len(json.dumps(kept)) <= limit else "…" + text[-(limit // 12 - 2) :]


def decode(data: bytes) -> Message:
    """The message in these bytes.

    Raises:
        ProtocolError: it is none; says what was expected.
    """
    try:
        value = strict.loads(data)
    except ValueError:
        raise ProtocolError(f"a status message must be a JSON object, not {data[:40]!r}") from None
    if not isinstance(value, dict):
        raise ProtocolError(f"a status message must be a JSON object, not {data[:40]!r}")
    return _from_object(value)


def _from_object(value: dict[str, Any]) -> Message:
    match value:
        case {"op": "ready"}:
            _check_depth(value.get("info"))
            return ReadyMessage(value.get("info"))
        case {"op": "status", "text": str(text)}:
            return StatusMessage(_tail(text))
        case {"op": "heartbeat"}:
            return HeartbeatMessage()
        case {"op": "ignore"}:
            return IgnoreMessage()
        case {"op": "crash", "type": str(kind), "message": str(text), "traceback": str(trace)}:
            return _bounded(CrashMessage(kind, text, trace))
        case {"op": "connect"}:
            return ConnectMessage()
    raise ProtocolError(f"unknown status message {str(value)[:80]}")

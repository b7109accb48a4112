"""The wire format of FastBlog's IPC: a 4-byte big-endian length, then one JSON object.

Decides: where a frame ends, how long it may be, and what a well-formed message is.
Must not know: sockets, clocks, tokens, or which message types exist.

The two steps are separate because their faults differ. After a frame that is too long nothing in
the stream can be found any more; after a frame with nonsense inside, the next one begins as usual.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from typing import Any

from attrs import asdict, frozen

LIMIT = 1024 * 1024
_HEADER = struct.Struct("!I")
_FIELDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "type": ("a string", (str,)),
    "data": ("an object", (dict,)),
    "sender": ("a string", (str,)),
    "timestamp": ("a number", (int, float)),
}


class FrameTooLong(ValueError):
    """A frame is longer than `LIMIT`; the stream cannot go on."""


class BadMessage(ValueError):
    """What is inside a frame is not a message; the stream can go on."""


@frozen
class Message:
    """One message. `timestamp` is in seconds since 1970, `sender` what the sender calls itself."""

    type: str
    data: dict[str, Any]
    sender: str
    timestamp: float


def frame(payload: bytes) -> bytes:
    """The payload with its length before it.

    Raises:
        FrameTooLong: the payload is longer than `LIMIT`.
    """
    _check_length(len(payload))
    return _HEADER.pack(len(payload)) + payload


def encode(message: Message) -> bytes:
    """The whole frame of a message.

    Raises:
        FrameTooLong: the message is longer than `LIMIT`.
        ValueError: the message holds what JSON cannot say, such as NaN.
    """
    return frame(json.dumps(asdict(message), allow_nan=False).encode())


def decode(payload: bytes) -> Message:
    """The message inside a frame.

    Raises:
        BadMessage: with the field, what was expected and what was found.
    """
    value = _parse(payload)
    if not isinstance(value, dict):
        raise BadMessage(f"expected a JSON object, got {type(value).__name__}")
    for name in _FIELDS:
        _check_field(value, name)
    return Message(value["type"], value["data"], value["sender"], _seconds(value["timestamp"]))


class Splitter:
    """Cuts a byte stream into payloads, however the bytes are chopped up on their way."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take in bytes; yield each payload that is now complete.

        Raises:
            FrameTooLong: after the payloads before the fault were yielded.
        """
        self._buffer += chunk
        while (payload := self._next()) is not None:
            yield payload

    def _next(self) -> bytes | None:
        if len(self._buffer) < _HEADER.size:
            return None
        (length,) = _HEADER.unpack_from(self._buffer)
        _check_length(length)
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        payload = bytes(self._buffer[_HEADER.size : end])
        del self._buffer[:end]
        return payload


def _check_length(length: int) -> None:
    if length > LIMIT:
        raise FrameTooLong(f"a frame of {length} bytes; at most {LIMIT} are allowed")


def _parse(payload: bytes) -> Any:
    try:
        return json.loads(payload.decode(), parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise BadMessage("not JSON: nested too deeply") from None
    except ValueError as error:
        raise BadMessage(f"not JSON: {error}") from None


def _finite(text: str) -> float:
    """Python's JSON reader lets NaN, Infinity and 1e999 pass; no other reader could take them."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def _check_field(value: dict[str, Any], name: str) -> None:
    expected, types = _FIELDS[name]
    if name not in value:
        raise BadMessage(f"field {name!r} is missing; expected {expected}")
    if not isinstance(value[name], types) or isinstance(value[name], bool):
        raise BadMessage(f"field {name!r}: expected {expected}, got {type(value[name]).__name__}")


def _seconds(timestamp: int | float) -> float:
    try:
        return float(timestamp)
    except OverflowError:
        raise BadMessage("field 'timestamp': too large for a time") from None

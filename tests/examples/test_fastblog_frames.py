"""The IPC wire format: what comes out of a byte stream, whatever goes in."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from examples.fastblog.frames import (
    LIMIT,
    BadMessage,
    FrameTooLong,
    Message,
    Splitter,
    decode,
    encode,
    frame,
)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.builds(
    Message,
    type=st.text(),
    data=st.dictionaries(st.text(), VALUES, max_size=4),
    sender=st.text(),
    timestamp=st.floats(allow_nan=False, allow_infinity=False),
)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in pieces; a place beyond its end cuts nothing."""
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


@given(st.lists(MESSAGES, max_size=5), st.lists(st.integers(min_value=0)))
def test_what_goes_in_comes_out(messages: list[Message], places: list[int]) -> None:
    """Messages survive the wire in order and unchanged, however the bytes are chopped up."""
    splitter = Splitter()
    pieces = cut(b"".join(map(encode, messages)), places)
    received = [decode(payload) for piece in pieces for payload in splitter.feed(piece)]
    assert received == messages


@given(st.binary(max_size=200))
def test_no_payload_breaks_the_decoder(payload: bytes) -> None:
    """Any bytes are a message or a BadMessage; nothing else ever comes of them."""
    with suppress(BadMessage):
        assert isinstance(decode(payload), Message)


@given(VALUES, st.sampled_from(["type", "data", "sender", "timestamp"]))
def test_wrong_fields_are_named(value: object, field: str) -> None:
    """A field of the wrong type is refused, and the error names that field."""
    fields = {"type": "t", "data": {}, "sender": "s", "timestamp": 1.0}
    assume(type(value) not in {"data": (dict,), "timestamp": (int, float)}.get(field, (str,)))
    payload = json.dumps({**fields, field: value}).encode()
    with pytest.raises(BadMessage, match=f"field '{field}': expected"):
        decode(payload)


@pytest.mark.parametrize("field", ["type", "data", "sender", "timestamp"])
def test_missing_fields_are_named(field: str) -> None:
    """A message with a field left out is refused, and the error says what was expected."""
    fields = {"type": "t", "data": {}, "sender": "s", "timestamp": 1.0}
    del fields[field]
    with pytest.raises(BadMessage, match=f"field '{field}' is missing; expected"):
        decode(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"type":"t","data":{"x":NaN},"sender":"s","timestamp":1}',
        b'{"type":"t","data":{"x":1e999},"sender":"s","timestamp":1}',
        b"9" * 5000,
        b"null",
        b'{"type":"t","data":{},"sender":"s","timestamp":1' + b"0" * 400 + b"}",
    ],
)
def test_hostile_payloads(payload: bytes) -> None:
    """Truncated, undecodable, bottomless, infinite: each is a BadMessage, not a crash."""
    with pytest.raises(BadMessage):
        decode(payload)


def test_the_limit_is_exact() -> None:
    """A payload of LIMIT bytes passes, one byte more does not, on either side of the wire."""
    assert list(Splitter().feed(frame(bytes(LIMIT)))) == [bytes(LIMIT)]
    with pytest.raises(FrameTooLong):
        frame(bytes(LIMIT + 1))
    with pytest.raises(FrameTooLong, match=str(LIMIT)):
        list(Splitter().feed(struct.pack("!I", LIMIT + 1)))


def test_what_came_before_a_fault_is_delivered() -> None:
    """Frames that were complete before one that is too long are not lost with it."""
    payloads = Splitter().feed(frame(b"first") + frame(b"second") + b"\xff\xff\xff\xff")
    assert [next(payloads), next(payloads)] == [b"first", b"second"]
    with pytest.raises(FrameTooLong):
        next(payloads)

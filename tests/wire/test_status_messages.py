"""What children say: every message survives the trip, and no bytes do harm."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup.errors import ProtocolError
from otpsup.wire.status import (
    LIMIT,
    ConnectMessage,
    CrashMessage,
    HeartbeatMessage,
    IgnoreMessage,
    Message,
    ReadyMessage,
    StatusMessage,
    decode,
    encode,
)

CHARACTERS = st.characters() | st.characters(categories=["Cc", "Cs"])
"""All of them: control characters, lone surrogates and what is beyond the BMP too."""
SHORT = st.text(max_size=40)
LONG = st.builds(str.__mul__, st.text(CHARACTERS, min_size=1, max_size=9), st.integers(1, 40_000))

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | SHORT
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(SHORT, inner), max_leaves=12
)
ANYTHING = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"op": st.sampled_from(["ready", "status", "heartbeat", "ignore", "crash", "connect"])},
        optional=dict.fromkeys(("info", "text", "type", "message", "traceback"), JSON),
    ),
)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(ReadyMessage, JSON),
    st.builds(StatusMessage, SHORT),
    st.builds(CrashMessage, SHORT, SHORT, SHORT),
    st.sampled_from([HeartbeatMessage(), IgnoreMessage(), ConnectMessage()]),
)


def nested(levels: int) -> list[Any]:
    """A list in a list in a list ..."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@given(MESSAGES)
def test_round_trip(message: Message) -> None:
    """A message is the same after encode and decode, whatever characters are in it."""
    assert decode(encode(message)) == message


def test_a_lone_surrogate() -> None:
    """Half a character, as in the name of a file that is not UTF-8, arrives as it is."""
    assert decode(encode(StatusMessage("a\udcffb"))) == StatusMessage("a\udcffb")


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()[:-1]))
def test_any_bytes(data: bytes) -> None:
    """Any bytes at all are a message or a ProtocolError, nothing else."""
    with contextlib.suppress(ProtocolError):
        assert isinstance(decode(data), Message)


@given(ANYTHING, st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_any_json(value: Any, encoding: str) -> None:
    """Any JSON value is a message, which can be encoded again, or a ProtocolError."""
    with contextlib.suppress(ProtocolError):
        message = decode(json.dumps(value).encode(encoding))
        assert decode(encode(message)) == message


@pytest.mark.parametrize("levels", [1, 20, 21, 100, *range(900, 1100, 29), 20_000])
@pytest.mark.parametrize("op", ["ready", "status", "heartbeat", "nonsense"])
def test_any_depth(op: str, levels: int) -> None:
    """However deep a message is nested, it is a message or a ProtocolError."""
    data = f'{{"op": "{op}", "info": {"[" * levels + "]" * levels}}}'.encode()
    try:
        decode(data)
    except ProtocolError:
        assert op in ("status", "nonsense") or levels > 20
    else:
        assert op == "heartbeat" or (op == "ready" and levels <= 20)


@given(LONG, LONG, LONG)
def test_texts_always_fit(kind: str, text: str, traceback: str) -> None:
    """Texts of any length and of any characters make messages that are not too long."""
    for message in (StatusMessage(text), CrashMessage(kind, text, traceback)):
        data = encode(message)
        assert len(data) <= LIMIT
        assert type(decode(data)) is type(message)


@given(st.text(min_size=1, max_size=9))
def test_a_long_text_keeps_its_end(end: str) -> None:
    """A text that is too long loses its beginning: the end of a traceback says what happened."""
    message = decode(encode(CrashMessage("E", "", "x" * LIMIT + end)))
    assert isinstance(message, CrashMessage)
    assert message.traceback.startswith("…")
    assert message.traceback.endswith(end)


def test_info_that_is_too_large() -> None:
    """`info` is never cut: too large or too deep is an error that says how much is allowed."""
    with pytest.raises(ProtocolError, match=rf"message of \d+ bytes, more than {LIMIT}"):
        encode(ReadyMessage("x" * LIMIT))
    with pytest.raises(ProtocolError, match="more than 20 levels deep"):
        encode(ReadyMessage(nested(21)))
    assert decode(encode(ReadyMessage(nested(20)))) == ReadyMessage(nested(20))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "must be a JSON object, not b''"),
        (b"hello", "must be a JSON object, not b'hello'"),
        (b"[1]", r"must be a JSON object, not b'\[1\]'"),
        (b"\xff\xfe\xfd", "must be a JSON object"),
        (b"1" * 5000, "must be a JSON object"),
        (b"{}", "unknown status message {}"),
        (b'{"op": "status"}', "unknown status message"),
        (b'{"op": "status", "text": 1}', "unknown status message"),
        (b'{"op": "crash", "type": "E", "message": "m"}', "unknown status message"),
        (b'{"op": ["ready"]}', "unknown status message"),
    ],
)
def test_refusals(data: bytes, expected: str) -> None:
    """A message that is none is refused with what was expected and what came."""
    with pytest.raises(ProtocolError, match=expected) as caught:
        decode(data)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_numbers_that_json_does_not_have(number: str) -> None:
    """What no strict reader of a status could read is refused, at both ends."""
    with pytest.raises(ProtocolError, match="must be a JSON object"):
        decode(f'{{"op": "ready", "info": [{number}]}}'.encode())
    with pytest.raises(ProtocolError, match="takes what JSON has, and no more"):
        encode(ReadyMessage([float(number)]))


@given(LONG, LONG, LONG)
def test_long_texts_are_cut_at_both_ends(kind: str, text: str, traceback: str) -> None:
    """A child that does not keep to `encode` cannot have its supervisor remember more of a crash
    than one that does; what is cut once is not cut again."""
    data = json.dumps({"op": "crash", "type": kind, "message": text, "traceback": traceback})
    message = decode(data.encode())
    assert message == decode(encode(CrashMessage(kind, text, traceback)))
    assert decode(encode(message)) == message
    assert len(encode(message)) <= 20_000

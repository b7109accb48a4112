"""XML-RPC as supervisord reads it, from clients that may be hostile."""

from __future__ import annotations

import xmlrpc.client
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup.supervisord.rpc import codec
from otpsup.supervisord.rpc.codec import BadRequest
from otpsup.supervisord.rpc.faults import Fault, RpcError

VALUES = st.recursive(
    st.integers(-(2**31), 2**31 - 1)
    | st.booleans()
    | st.text(st.characters(min_codepoint=32, blacklist_categories=["Cs", "Cn"]))
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(VALUES, max_size=4))
def test_reads_what_clients_write(params: list[Any]) -> None:
    """Any values that Python's own client can send arrive as they were."""
    body = xmlrpc.client.dumps(tuple(params), "a.b", allow_none=False).encode()
    assert codec.decode(body) == ("a.b", tuple(params))


@given(VALUES)
def test_clients_read_what_is_written(value: Any) -> None:
    """Any value arrives at Python's own client as it was."""
    (found,), _ = xmlrpc.client.loads(codec.encode(value))
    assert found == value


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_that_comes_in_breaks_it(body: bytes) -> None:
    """Whatever bytes come: a method, or BadRequest."""
    try:
        method, _ = codec.decode(body)
    except BadRequest:
        return
    assert method


def request(params: str = "") -> bytes:
    return f"<methodCall><methodName>m</methodName>{params}</methodCall>".encode()


def one(value: str) -> Any:
    params = f"<params><param>{value}</param></params>"
    return codec.decode(request(params))[1][0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<value>bare</value>", "bare"),
        ("<value/>", ""),
        ("<value><string/></value>", ""),
        ("<value><i4> 7 </i4></value>", 7),
        ("<value><boolean>1</boolean></value>", True),
        ("<value><boolean>true</boolean></value>", False),
        ("<value><i8>7</i8></value>", "7"),
        ("<value><nil/></value>", None),
        ("<value><base64>Z3LDvG4=</base64></value>", "grün"),
        (
            "<value><dateTime.iso8601>20260131T10:11:12</dateTime.iso8601></value>",
            datetime(2026, 1, 31, 10, 11, 12),
        ),
        ("<value><array><data><value>a</value></data></array></value>", ["a"]),
    ],
)
def test_is_as_lenient_as_supervisord(value: str, expected: Any) -> None:
    """Values without a type are texts, `i8` is one, and `nil` is nothing."""
    found = one(value)
    assert found == expected
    assert type(found) is type(expected)


BOMB = b"<!DOCTYPE a [<!ENTITY b 'bb'><!ENTITY c '&b;&b;'>]>" + request()
DEEP = request("<params>" + "<param><value><array><data>" * 100_000)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"x", b"<a/>", BOMB, DEEP, request()[:-3], b"\xff\xfe",
        b"<methodCall><methodName/></methodCall>",
        request("<params><param/></params>"),
        request("<params><param><value><i4>x</i4></value></param></params>"),
        request("<params><param><value><struct><member/></struct></value></param></params>"),
        request(f"<params><param><value><int>{'9' * 5000}</int></value></param></params>"),
    ],
)  # fmt: skip
def test_refuses_what_is_no_request(body: bytes) -> None:
    """No XML, no method, wrong values, entities, and nesting without end are a 400."""
    with pytest.raises(BadRequest):
        codec.decode(body)


def test_no_answer_is_unreadable() -> None:
    """Characters that XML cannot hold are shown as U+FFFD, in faults as well."""
    (found,), _ = xmlrpc.client.loads(codec.encode({"a\x00": ["b\x1b[1m\udc80\ufffe"]}))
    assert found == {"a\ufffd": ["b\ufffd[1m\ufffd\ufffd"]}
    with pytest.raises(xmlrpc.client.Fault, match="BAD_NAME: x\ufffd"):
        xmlrpc.client.loads(codec.encode_fault(RpcError(Fault.BAD_NAME, "x\x07")))

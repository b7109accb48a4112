"""Requests to a host: what is legal, and that nothing else gets through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup.engine.changes import ACTIONS, Change
from otpsup.errors import ProtocolError
from otpsup.wire import control, lines, operations, requests
from otpsup.wire.lines import LogLine

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)

GOOD: dict[str, list[Any]] = {
    "path": ["", "a/b"],
    "parent": ["", "s"],
    "signal": ["HUP", 9],
    "file": [None, "/a.yaml"],
    "data": ["a line\n", "", "é"],
    "text": [None, "name: x"],
    "count": [0, 7],
    "lines": [0, 100],
    "paths": [None, [], ["a"]],
    "stream": [None, "stdout", "stderr"],
    "follow": [True, False],
    "name": ["healthz", ""],
    "what": ["report", ""],
    "fields": [{}, {"a": [1, None]}],
    "samples": [None, 0, 240],
}

BAD: dict[str, list[Any]] = {
    "data": [None, 3, []],
    "path": [None, 3, [], "x" * 40_000],
    "parent": [None, 3],
    "signal": [None, 1.5, True, [], 10**12],
    "file": [3, [], True],
    "text": [3, []],
    "count": [-1, 1.5, True, None, "2", 10**12],
    "lines": [-1, None, True, 10**6],
    "paths": ["a", [3], 3],
    "stream": ["stdin", 1, True],
    "follow": [None, 1, "yes"],
    "name": [None, 3, "x" * 40_000],
    "what": [None, []],
    "fields": [None, [], "x"],
    "samples": [-1, 1.5, True, "2"],
}


@pytest.mark.parametrize("op", operations.FIELDS)
def test_what_is_legal_is_decoded_as_it_is(op: str) -> None:
    """Each field with each of its legal values; what a host is not asked for is left out."""
    for number in range(3):
        fields = {name: GOOD[name][number % len(GOOD[name])] for name in operations.FIELDS[op]}
        line = control.encode_call(1, op, **fields, more=1)
        call = requests.decode_call(line, None)
        assert (call.op, call.fields, call.make) == (op, fields, None)
        assert call.is_operation


@pytest.mark.parametrize(
    ("op", "name"), [(op, name) for op, names in operations.FIELDS.items() for name in names]
)
def test_one_bad_field_is_named(op: str, name: str) -> None:
    """Which one, and what it must be."""
    good = {other: GOOD[other][0] for other in operations.FIELDS[op]}
    for bad in BAD[name]:
        with pytest.raises(ProtocolError, match=f"'{op}' needs '{name}': "):
            operations.fields_of(op, {**good, name: bad})


@given(
    st.sampled_from(list(operations.FIELDS)), st.dictionaries(st.sampled_from(list(GOOD)), values)
)
def test_nothing_else_gets_through(op: str, fields: dict[str, Any]) -> None:
    """Whatever JSON can say: it is legal, or refused by a ProtocolError."""
    try:
        found = operations.fields_of(op, fields)
    except ProtocolError:
        return
    assert set(found) == set(operations.FIELDS[op])


texts = st.text(max_size=20)


@given(
    st.lists(
        st.builds(Change, texts, st.sampled_from(ACTIONS), texts, st.none() | texts), max_size=4
    )
)
def test_changes_come_back_as_they_went(changes: list[Change]) -> None:
    """Over the wire and back; the same for an empty answer."""
    answer = control.decode_answer(requests.encode_ok(1, tuple(changes)))
    assert control.changes_from(answer["ok"]) == changes


@given(values)
def test_what_are_no_changes_is_refused(value: Any) -> None:
    """By a ProtocolError, whatever it is."""
    try:
        control.changes_from(value)
    except ProtocolError:
        return


@given(st.binary(max_size=30), st.floats(0, 1e10))
def test_lines_come_back_byte_for_byte(data: bytes, at: float) -> None:
    """Bytes that are no text as well."""
    line = LogLine(at, "web", "stderr", data.decode("utf-8", "surrogateescape"))
    sent = json.loads(requests.encode_line(line))["line"]
    assert lines.decode(sent) == line
    assert lines.decode(sent).text.encode("utf-8", "surrogateescape") == data

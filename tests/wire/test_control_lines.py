"""Requests and answers on the control socket: each means one thing, and no line does harm."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otpsup import errors
from otpsup.engine.events import (
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
from otpsup.engine.snapshot import ChildStatus
from otpsup.events import Event
from otpsup.wire import control as wire
from otpsup.wire import requests
from tests.support.sizes import sized

TEXT = st.text(max_size=30)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=10
)
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON | st.integers(),
        "op": JSON | st.sampled_from(requests.OPS),
        "path": JSON | TEXT,
        "args": JSON | st.lists(JSON),
        "hurry": JSON,
    },
)

CALLER = st.none() | TEXT


def every_error() -> list[type[errors.OtpsupError]]:
    """The classes of otpsup.errors with a code of their own, and the base of them all."""
    found = [c for c in vars(errors).values() if isinstance(c, type) and "code" in vars(c)]
    return [c for c in found if issubclass(c, errors.OtpsupError)]


@pytest.mark.parametrize(
    ("op", "fields", "expected"),
    [
        ("start_child", {"path": "a/b"}, StartDeclared(ref=7, caller="me", path="a/b")),
        (
            "start_child",
            {"path": "pool", "args": [1, {"x": None}]},
            StartDeclared(ref=7, caller="me", path="pool", args=(1, {"x": None})),
        ),
        (
            "restart_child",
            {"path": "a"},
            StartDeclared(ref=7, caller="me", path="a", restart_only=True),
        ),
        ("terminate_child", {"path": "a"}, TerminateChild(ref=7, caller="me", path="a")),
        ("restart", {"path": "a"}, ReplaceChild(ref=7, caller="me", path="a")),
        ("delete_child", {"path": "a"}, DeleteChild(ref=7, caller="me", path="a")),
        ("which_children", {"path": ""}, WhichChildren(ref=7, caller="me", path="")),
        ("count_children", {"path": "a"}, CountChildren(ref=7, caller="me", path="a")),
        ("monitor", {"path": "a"}, MonitorChild(ref=7, caller="me", path="a", on=True)),
        ("unmonitor", {"path": "a"}, MonitorChild(ref=7, caller="me", path="a", on=False)),
        ("shutdown", {}, Shutdown(ref=7, caller="me")),
        ("shutdown", {"hurry": True}, Shutdown(ref=7, caller="me", hurry=True)),
        ("shutdown", {"hurry": "no"}, Shutdown(ref=7, caller="me")),
        ("status", {}, None),
        ("events", {}, None),
    ],
)
def test_each_verb(op: str, fields: dict[str, Any], expected: Request | None) -> None:
    """Each verb is one request to the engine, in the name of the child that asks; `status` and
    `events` need none."""
    call = requests.decode_call(wire.encode_call(3, op, **fields), "me")
    assert (call.id, call.op) == (3, op)
    assert (call.make(7) if call.make else None) == expected


def test_every_verb_is_known() -> None:
    """Whatever `OPS` lists is understood; it is what an error message offers."""
    for op in requests.OPS:
        assert requests.decode_call(wire.encode_call(1, op, path="a"), None).op == op
    with pytest.raises(errors.ProtocolError) as caught:
        requests.decode_call(wire.encode_call(1, "explode", path="a"), None)
    for op in requests.OPS:
        assert op in str(caught.value)


@given(st.binary() | st.one_of(JSON, CALLS).map(lambda value: json.dumps(value).encode()), CALLER)
def test_any_line(line: bytes, caller: str | None) -> None:
    """Any line is a call or a ProtocolError, nothing else; a call's request can be made."""
    try:
        call = requests.decode_call(line, caller)
    except errors.ProtocolError:
        assert isinstance(requests.id_of(line), int)
    else:
        request = call.make(1) if call.make else None
        assert request is None or (request.ref, request.caller) == (1, caller)
        assert requests.id_of(line) == call.id


@pytest.mark.parametrize("levels", [*range(900, 1100, 29), 100_000])
@pytest.mark.parametrize("field", ["id", "op", "path", "args"])
def test_any_depth(field: str, levels: int) -> None:
    """However deep a line is nested, it is a call or a ProtocolError."""
    value = {"id": 1, "op": "start_child", "path": "a"}
    deep = json.dumps({**value, field: "HERE"}).replace('"HERE"', "[" * levels + "]" * levels)
    with contextlib.suppress(errors.ProtocolError):
        assert requests.decode_call(deep.encode(), None).op == "start_child"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"\n", "expected a JSON object a line, not b'.n'"),
        (b"GET / HTTP/1.1\r\n", "expected a JSON object a line, not b'GET / HTTP/1.1"),
        (b"[]", "expected a JSON object a line"),
        (b'{"op": "status"}', "a number 'id' and a text 'op'"),
        (b'{"id": "1", "op": "status"}', "a number 'id' and a text 'op'"),
        (b'{"id": 1, "op": 2}', "a number 'id' and a text 'op'"),
        (b'{"id": 1, "op": "restart"}', "need a text 'path'"),
        (b'{"id": 1, "op": "restart", "path": 5}', "need a text 'path'"),
        (b'{"id": 1, "op": "start_child", "path": "a", "args": 5}', "'args' must be a list, not 5"),
    ],
)
def test_refusals(line: bytes, expected: str) -> None:
    """A line that is no request is refused with what was expected."""
    with pytest.raises(errors.ProtocolError, match=expected):
        requests.decode_call(line, None)


@settings(max_examples=15)
@given(TEXT, CALLS)
def test_one_line_each(op: str, fields: dict[str, Any]) -> None:
    """Whatever is in a request or an answer, it is one line: no text can forge a second one."""
    fields = {"fields": fields}
    for line in (wire.encode_call(1, op, **fields), requests.encode_ok(1, fields)):
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert line.isascii()


@pytest.mark.parametrize("kind", every_error())
def test_errors_keep_class_and_message(kind: type[errors.OtpsupError]) -> None:
    """Every error arrives as what it was: the same class, the same message."""
    text = "cannot start child 'web': “no”\n\ud800"
    answer = wire.decode_answer(requests.encode_error(9, kind(text)))
    found = wire.error_from(answer["error"])
    assert (answer["id"], type(found), str(found)) == (9, kind, text)


def test_error_codes_are_unique() -> None:
    """No two classes of errors have the same code, as one of them would arrive as the other."""
    codes = [kind.code for kind in every_error()]
    assert len(codes) == len(set(codes)) > 10


@pytest.mark.parametrize("pid", [812, None])
def test_already_started_keeps_its_pid(pid: int | None) -> None:
    """AlreadyStarted brings the pid of who runs, as OTP's `{already_started, Pid}` does."""
    line = requests.encode_error(1, errors.AlreadyStarted("already running", pid))
    found = wire.error_from(wire.decode_answer(line)["error"])
    assert isinstance(found, errors.AlreadyStarted)
    assert found.pid == pid


def test_an_error_of_a_newer_tree() -> None:
    """A code that this client does not know is still an OtpsupError with its message."""
    found = wire.error_from({"code": "not_yet_invented", "message": "what happened"})
    assert (type(found), str(found)) == (errors.OtpsupError, "what happened")


NODES: st.SearchStrategy[ChildStatus] = st.deferred(
    lambda: st.builds(
        ChildStatus,
        name=TEXT,
        path=TEXT,
        type=st.sampled_from(["worker", "command", "supervisor", "dynamic_supervisor"]),
        state=st.sampled_from(["down", "starting", "running", "stopping", "restarting"]),
        ready=st.booleans(),
        pid=st.none() | st.integers(1, 1 << 22),
        since=st.floats(allow_nan=False, allow_infinity=False),
        restarts=st.integers(0),
        last_exit=st.none() | TEXT,
        status=st.none() | TEXT,
        info=JSON,
        children=st.lists(NODES, max_size=2).map(tuple),
    )
)


@sized(8, 300, NODES)
def test_status_round_trip(status: ChildStatus) -> None:
    """A status arrives as it was, with all that is nested in it."""
    answer = wire.decode_answer(requests.encode_ok(1, status))
    assert wire.status_from(answer["ok"]) == status


EVENTS = st.builds(
    Event,
    at=st.floats(allow_nan=False, allow_infinity=False),
    kind=TEXT,
    path=TEXT,
    state=st.none() | TEXT,
    pid=st.none() | st.integers(1),
    reason=st.none() | TEXT,
    cause=TEXT,
    text=TEXT,
    traceback=TEXT,
    cause_kind=TEXT,
)


@given(EVENTS)
def test_event_round_trip(event: Event) -> None:
    """An event arrives as it was."""
    answer = wire.decode_answer(requests.encode_event(event))
    assert set(answer) == {"event"}
    assert Event(**answer["event"]) == event


@pytest.mark.parametrize("value", [-1, True, "3", None, 1.5])
def test_how_many_events_came_before(value: Any) -> None:
    """A client may ask for so many of the last events; nothing but a count will do."""
    assert requests.decode_call(wire.encode_call(1, "events"), None).fields == {"recent": 0}
    call = requests.decode_call(wire.encode_call(1, "events", recent=7), None)
    assert call.fields == {"recent": 7}
    with pytest.raises(errors.ProtocolError, match="'recent' must be a count from 0"):
        requests.decode_call(wire.encode_call(1, "events", recent=value), None)

"""The outline of a tree: all that decisions depend on, and nothing that anybody should not see."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import Backoff, Command, Supervisor, Worker
from otpsup.engine.checkpoint import Checkpoint
from otpsup.errors import ProtocolError, StartFailed
from otpsup.specs import DynamicSupervisor
from otpsup.testing import what_if
from otpsup.wire import outline
from otpsup.wire.outline import Outline
from tests.engine.script import spec_of
from tests.engine.trees import trees


def through_json(spec: Any) -> Any:
    value = outline.encode(Outline(spec, Checkpoint()))
    return outline.decode(json.loads(json.dumps(value))).spec


def first_process(spec: Any, path: str = "") -> str | None:
    """The path of a process that is up from the start."""
    for child in spec.children if isinstance(spec, Supervisor) else ():
        if not child.autostart or isinstance(child, DynamicSupervisor):
            continue
        below = f"{path}/{child.name}".lstrip("/")
        found = first_process(child, below) if isinstance(child, Supervisor) else below
        if found and child.restart == "permanent":  # a task that is waited for has ended by then
            return found
    return None


@given(trees())
def test_decides_alike(text: str) -> None:
    """A tree that is made from the outline of another does the same when a child is killed."""
    spec = spec_of(text)
    copy = through_json(spec)
    assert outline.encode_spec(copy) == outline.encode_spec(spec)

    path = first_process(spec)
    if path is not None:
        try:
            assert what_if(spec, [path]) == what_if(copy, [path])
        except StartFailed:
            pytest.fail("a tree in which all goes well starts")


def test_no_secrets() -> None:
    """What the processes are, and what they are given, stays with the host."""
    spec = Supervisor(
        "top",
        children=[
            Command("db", ["run", "s3cret"], environment={"TOKEN": "s3cret"}, cwd="/s3cret"),
            Worker("w", "app:s3cret", ("s3cret",), {"k": "s3cret"}, backoff=Backoff(initial=2)),
        ],
    )
    text = json.dumps(outline.encode_spec(spec))

    assert "s3cret" not in text
    assert through_json(spec).children[1].backoff == Backoff(initial=2)


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(("name", "type")), inner),
    max_leaves=8,
)


@given(JSON)
def test_nonsense(value: Any) -> None:
    """Whatever is no outline is refused as such."""
    with pytest.raises(ProtocolError, match="no outline"):
        outline.decode(value)

"""Specs as documents, and back."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import otpsup
from otpsup import Command, DynamicSupervisor, LogFile, Supervisor, Worker
from otpsup.config import dump, load_children
from otpsup.specs import ChildSpec, check, words
from otpsup.specs.ready import (
    Http,
    LogLine,
    Notify,
    Port,
    Probe,
    Readiness,
    Spawned,
    StaysUp,
)
from tests.config import documents
from tests.graph.trees import trees


class Quoted(yaml.SafeDumper):
    """Texts in quotation marks, so that YAML's older rules for plain ones do not matter."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


Quoted.add_representer(str, _quoted)


def reload(document: Any, folder: Path, suffix: str) -> Any:
    path = folder / f"dumped.{suffix}"
    is_json = suffix == "json"
    text = (
        json.dumps(document) if is_json else yaml.dump(document, Dumper=Quoted, allow_unicode=True)
    )
    path.write_text(text)
    return otpsup.load(path, environ={})


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.parametrize("suffix", ["json", "yaml"])
@given(document=documents.trees())
def test_round_trip_of_files(
    suffix: str, document: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What a file says, dumped and loaded again, is the same tree."""
    folder = tmp_path_factory.getbasetemp()
    try:
        tree = documents.load(document, folder)
    except otpsup.InvalidFile:
        return
    assert reload(dump(tree), folder, suffix) == tree


@given(tree=trees(st.text("ab$ {}1.:", min_size=1).filter(check.is_name)))
def test_round_trip_of_trees(tree: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Trees of all kinds, with dependencies and names of odd characters."""
    assert reload(dump(tree), tmp_path_factory.getbasetemp(), "json") == tree


@given(
    argv=st.lists(TEXTS, min_size=1, max_size=4).filter(lambda argv: argv[0] != ""),
    args=st.lists(JSON, max_size=3),
    kwargs=st.dictionaries(TEXTS, JSON, max_size=3),
    environment=st.dictionaries(
        TEXTS.filter(lambda name: name != "" and "=" not in name), TEXTS, max_size=3
    ),
)
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_round_trip_of_texts(
    suffix: str, tmp_path_factory: pytest.TempPathFactory, **given: Any
) -> None:
    """Arguments and variables come back as they were: dollars, quotation marks, numbers as text."""
    children = [
        Command("c", given["argv"], environment=given["environment"]),
        Worker("w", "a:b", given["args"], given["kwargs"]),
    ]
    tree = Supervisor("t", children=children)
    assert reload(dump(tree), tmp_path_factory.getbasetemp(), suffix) == tree


def test_copies() -> None:
    """Copies that differ in nothing are written as such."""
    tree = Supervisor("t", children=otpsup.copies(3, lambda n: Worker("web", "a:b")))
    assert dump(tree)["children"] == [{"name": "web", "worker": "a:b", "copies": 3}]
    ports = Supervisor("t", children=otpsup.copies(2, lambda n: Worker("web", "a:b", (n,))))
    assert [child["name"] for child in dump(ports)["children"]] == ["web-1", "web-2"]


def serve() -> None:
    """A target."""


def test_functions() -> None:
    """A function is written as its import path."""
    document = dump(Worker("w", serve, ready=otpsup.probe(serve), before_start=serve))
    path = f"{__name__}:serve"
    assert document["worker"] == document["before_start"] == path
    assert document["ready"] == {"probe": {"function": path}}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (Worker("w", lambda: None), "name it as 'pkg.module:name'"),
        (Worker("w", functools.partial(serve)), "name it as 'pkg.module:name'"),
        (Worker("w", [].clear), "name it as 'pkg.module:name'"),
        (Worker("w", "a:b", (object(),)), "an argument of type object"),
        (Worker("w", "a:b", kwargs={"x": {1: 2}}), "an argument of type dict"),
    ],
)
def test_what_no_file_can_say(spec: ChildSpec, words: str) -> None:
    """It is refused in words."""
    with pytest.raises(otpsup.InvalidSpec, match=words):
        dump(Supervisor("t", children=[spec]))


def test_one_child() -> None:
    """A child's document is a file of one child."""
    pool = DynamicSupervisor(
        "pool", Command("job", ["job"], stdout=LogFile("/var/log/job")), max_children=3
    )
    assert load_children(text=json.dumps(dump(pool))) == [pool]


@pytest.mark.parametrize(
    "kind",
    [
        Spawned(), StaysUp(0.5), Notify(), Notify(3), Port(80), Port(80, host="h", timeout=3),
        Http("http://h/x"), Http("http://h/x", status=204, interval=2), LogLine("up"),
        LogLine("up", stream="stderr"), Probe("app:is_up"), Probe("app:is_up", timeout=1),
    ],
)  # fmt: skip
def test_readiness_is_shown_as_files_have_it(kind: Readiness) -> None:
    """What `otpsup info` shows of it may be copied into a file."""
    child = {"name": "web", "command": ["web"], "ready": words.value("ready", kind)}
    assert load_children(text=json.dumps(child)) == [Command("web", ["web"], ready=kind)]

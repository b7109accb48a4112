"""The schema and the loader say the same of every document, as far as a schema can."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otpsup
from otpsup.config import schema
from otpsup.config.kinds import INHERITED, LOG_FILE, READINESS
from otpsup.config.vocabulary import ALL_KEYS, BACKOFF, KINDS, SHARED
from tests.config import documents
from tests.config.documents import GOOD, load

VALIDATOR: Any = jsonschema.Draft202012Validator(schema())

ONLY_THE_LOADER = (
    r"there is no such child",
    r"another child is named",
    r"no order satisfies this cycle",
    r"a permanent child never ends for good|a supervisor does not end by itself",
    r"significant=True needs",
    r"at least initial",
    r"must be a regular expression",
    r"must be an http:// or https:// address",
    r"cannot be split into words",
    r"is not set|cannot read '\$\{|no \} closes",
    r"both write to",
    r"each once",
    r"cannot include|cannot use|'children' is missing",  # an included file may bring them
    r"there is no base|must have one of 'command'",  # what is extended may bring the kind
)
"""What a schema cannot tell, in the words of the loader."""


def is_beyond_schemas(error: otpsup.InvalidFile) -> bool:
    return all(
        any(re.search(words, problem.text) for words in ONLY_THE_LOADER)
        for problem in error.problems
    )


def agree(document: Any, folder: Path) -> bool:
    """Whether the document is a tree, on which the schema and the loader agree."""
    is_valid = VALIDATOR.is_valid(document)
    try:
        load(document, folder)
    except otpsup.InvalidFile as error:
        assert not is_valid or is_beyond_schemas(error), f"{document}\n{error}"
        return False
    assert is_valid, (document, [e.message for e in VALIDATOR.iter_errors(document)])
    return True


@pytest.mark.slow  # of its dialect: that takes a while, for it is long
def test_it_is_a_schema() -> None:
    """It is one of the dialect that it names, and JSON."""
    jsonschema.Draft202012Validator.check_schema(schema())
    assert json.loads(json.dumps(schema())) == schema()


@given(document=documents.trees())
def test_good_documents(document: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is made of good values loads, and is valid."""
    folder = tmp_path_factory.getbasetemp()
    VALIDATOR.validate(document)
    try:
        load(document, folder)
    except otpsup.InvalidFile as error:
        assert is_beyond_schemas(error), error


@given(data=st.data())
def test_changed_documents(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What was changed somewhere loads exactly if the schema says so."""
    document = data.draw(documents.trees())
    for _ in range(data.draw(st.integers(1, 2))):
        document = data.draw(documents.changed(document, [*ALL_KEYS, *SHARED, "x-mine", "typo"]))
    agree(document, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@pytest.mark.parametrize("key", GOOD)
def test_every_value_for_every_key(key: str, tmp_path: Path) -> None:
    """For each key both agree on each value there is, right or wrong, also as a default."""
    verdicts = []
    for value in [*GOOD[key], *documents.WILD]:
        for kind in KINDS.values():
            if key in kind.known:
                child = {"children": {}, "template": {"name": "t", "command": "t"}}.get(
                    kind.key, "a:b"
                )
                document = {kind.key: child, key: value}
                tree = {"first": documents.FIRST, "child": document}
                verdicts.append(agree({"name": "tree", "children": tree}, tmp_path))
        agree({"name": "t", "children": {}, "defaults": {key: value}}, tmp_path)
    assert True in verdicts
    assert False in verdicts or key in ("args", "kwargs")


@pytest.mark.parametrize("key", GOOD)
def test_good_values_are_good(key: str, tmp_path: Path) -> None:
    """The values that the other tests take for right are."""
    kind = next(kind for kind in KINDS.values() if key in kind.known)
    run: dict[str, Any] = {kind.key: "a:b"} if kind.key in documents.RUN else {kind.key: {}}
    for value in GOOD[key]:
        children: dict[str, Any] = {"first": documents.FIRST, "child": {**run, key: value}}
        if kind.key == "template":
            children["child"]["template"] = {"name": "job", "command": "job"}
        assert agree({"name": "tree", "children": children}, tmp_path), value


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.noun)
def test_every_field_has_a_key(kind: Any) -> None:
    """Whatever a spec has, a file can say; a copy's number comes from `copies`."""
    fields = {field.name for field in attrs.fields(kind.cls)} - {"copy"}
    assert {key.attribute for key in kind.keys.values()} | {kind.key} & fields == fields


@pytest.mark.parametrize(
    "record", [BACKOFF, LOG_FILE, INHERITED, *READINESS.values()], ids=lambda r: r.cls.__name__
)
def test_every_field_of_a_value_has_a_key(record: Any) -> None:
    """The same for what is written as a mapping within a child."""
    fields = {field.name for field in attrs.fields(record.cls)}
    assert {key.attribute for key in record.keys.values()} == fields


def test_fields_are_described() -> None:
    """An editor can show what each key means."""
    defs = schema()["$defs"]
    kinds = {"name", "command", "children", "template", "copies", "extends", "defaults"}
    silent = [key for key in ALL_KEYS if not defs[f"child.{key}"].get("description")]
    assert set(silent) <= kinds

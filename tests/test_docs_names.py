"""The tables of the reference have the names that the code has, and no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import pytest

import otpsup
from otpsup import specs
from otpsup.aio import AsyncTree
from otpsup.child import CurrentChild

REFERENCE = Path(__file__).parent.parent / "docs/reference"
HANDLES, EVENTS, SPECS = (
    (REFERENCE / f"{name}.md").read_text() for name in ("handles", "events", "specs")
)


def section(page: str, heading: str) -> str:
    """From a heading, given by its beginning, to the next one of its rank."""
    rank, _, _ = heading.partition(" ")
    text = rf"^{re.escape(heading)}.*?(?=^#{{1,{len(rank)}}} |\Z)"
    found = re.search(text, page, re.MULTILINE | re.DOTALL)
    assert found, f"there is no {heading!r}"
    return found[0]


def names(text: str) -> set[str]:
    """What stands in backticks in the first cells of a table: `a(b)` is `a`."""
    cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)[^`]*`", cell)}


def methods(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


def fields(cls: Any) -> set[str]:
    return {each.name for each in attrs.fields(cls)}


INTERNAL = {"call", "call_start", "call_reload", "send"}
"""What `Tree` has for the handles that are made of it."""


def test_all_that_a_tree_can_do_is_told() -> None:
    """Every public method of `Tree`, and no other; `aio` has the same but `logs`."""
    told = names(section(HANDLES, "## `otpsup.Tree(").partition("### ")[0])
    assert told == methods(otpsup.Tree) - INTERNAL - {"aio", "from_file"}
    assert methods(AsyncTree) == told - {"logs"}


def test_all_that_a_client_can_do_is_told() -> None:
    """The verbs of `Tree`, what the page says that it lacks, and what it has of its own."""
    tree = methods(otpsup.Tree) - INTERNAL - {"aio", "from_file"}
    lacking = {"start", "stop", "wait", "preview", "reload"}
    own = names(section(EVENTS, "## `otpsup.TreeClient`"))
    assert methods(otpsup.TreeClient) == tree - lacking | own


def test_all_that_a_child_can_do_is_told() -> None:
    """`crash` and `stop_requested` are for what runs the worker."""
    told = names(section(HANDLES, "## `otpsup.current_child()`"))
    assert told == methods(CurrentChild) - {"crash", "stop_requested"} | {"path"}


def test_all_errors_are_told() -> None:
    """Every error that can be imported from `otpsup`, and no other."""
    public = [getattr(otpsup, name) for name in otpsup.__all__]
    errors = {e.__name__ for e in public if isinstance(e, type) and issubclass(e, Exception)}
    assert names(section(EVENTS, "## Errors")) == errors - {"OtpsupError"}


VALUES = {
    "## `otpsup.Event`": (EVENTS, otpsup.Event),
    "### `otpsup.Change`": (HANDLES, otpsup.Change),
    "### `otpsup.ChildStatus`": (HANDLES, otpsup.ChildStatus),
    "### `otpsup.Statistics`": (HANDLES, otpsup.Statistics),
    "### `otpsup.ChildStatistics`": (HANDLES, otpsup.ChildStatistics),
    "### `otpsup.LogLine`": (HANDLES, otpsup.LogLine),
    "### `LogFile(": (SPECS, otpsup.LogFile),
}


@pytest.mark.parametrize("heading", VALUES)
def test_all_fields_of_a_value_are_told(heading: str) -> None:
    """Each once, and no other."""
    page, cls = VALUES[heading]
    assert names(section(page, heading)) == fields(cls)


def test_all_fields_of_specs_are_told() -> None:
    """Those of every child, of every process, and those that only one kind of child has."""
    child = names(section(SPECS, "## Every child"))
    process = names(section(SPECS, "## Every process").partition("### ")[0])
    assert child == fields(specs.Child)
    assert process == fields(specs.Process) - child
    for cls in (otpsup.Supervisor, otpsup.DynamicSupervisor, otpsup.Worker, otpsup.Command):
        own = fields(cls) - child - process
        supervisor = section(SPECS, "## `Supervisor(")
        text = section(SPECS, f"## `{cls.__name__}(") + supervisor
        assert not [name for name in own if not re.search(rf"\b{name}\b", text)]


def test_all_that_is_public_is_told() -> None:
    """Whatever can be imported from `otpsup` stands somewhere in the reference."""
    others = [(REFERENCE / f"{page}.md").read_text() for page in ("plugins", "tree-file")]
    pages = HANDLES + EVENTS + SPECS + "".join(others)
    assert not [name for name in otpsup.__all__ if not re.search(rf"\b{name}\b", pages)]

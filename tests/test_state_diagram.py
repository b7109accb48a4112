"""The page on states is made from the engine's own table, and says what that says."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import ModuleType
from typing import Any, cast

import pytest

from otpsup.engine import child
from tests.support import ROOT


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("state_diagram", ROOT / "docs/state_diagram.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


diagram: Any = _load()
TRANSITIONS: dict[str, dict[str, str]] = cast("Any", child.TRANSITIONS)


def test_page_is_up_to_date() -> None:
    """What is committed is what the script would write now; `--check` says so."""
    argv = [sys.executable, "docs/state_diagram.py", "--check"]
    checked = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)

    assert diagram.PAGE.read_text() == diagram.page(TRANSITIONS), "run python docs/state_diagram.py"
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("state", TRANSITIONS)
def test_a_change_is_seen(state: str) -> None:
    """A table that differs in one place gives another page."""
    changed = {name: dict(changes) for name, changes in TRANSITIONS.items()}
    changed[state].popitem()

    assert diagram.page(changed) != diagram.page(TRANSITIONS)


def test_everything_is_there() -> None:
    """Every change of the table is an arrow of the diagram, and there are no others."""
    lines = diagram.page(TRANSITIONS).splitlines()
    arrows = [line.strip() for line in lines if line.startswith("    ")]
    table = [f"{a} --> {b}: {why}" for a, to in TRANSITIONS.items() for why, b in to.items()]

    assert arrows == ["[*] --> down", *table]


def test_no_words() -> None:
    """A new state or trigger without words is an error, not a hole in the page."""
    with pytest.raises(diagram.NoWords, match="flying"):
        diagram.page({**TRANSITIONS, "flying": {}})
    with pytest.raises(diagram.NoWords, match="land"):
        diagram.page({"down": {"land": "down"}})

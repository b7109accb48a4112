"""docs/reference/states.md says what the engine's table says, and a change of that is noticed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import state_diagram
from docs.state_diagram import NoWords, Table, main, page
from otpsup.engine.child import TRANSITIONS

LINK = re.compile(r"^    (\w+) --> (\w+): (\w+)$", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| . \| .+ \| (.+) \|$", re.MULTILINE)
LEAD = re.compile(r"(\w+) → `(\w+)`")

SWITCH: Table = {"down": {"start": "running"}, "running": {"gone": "down"}}
"""A table that nobody has, with states and triggers that everybody knows."""


def diagram(text: str) -> dict[str, dict[str, str]]:
    """The table as the diagram of a page has it."""
    table: dict[str, dict[str, str]] = {}
    for state, end, trigger in LINK.findall(text):
        table.setdefault(state, {})[trigger] = end
    return table


def rows(text: str) -> dict[str, dict[str, str]]:
    """The table as the rows of a page have it."""
    return {state: dict(LEAD.findall(leads)) for state, leads in ROW.findall(text)}


def test_page_is_up_to_date() -> None:
    """The page in the repository is the one that the script writes now."""
    assert state_diagram.PAGE.read_text() == page(TRANSITIONS), (
        "docs/reference/states.md is stale; run: python docs/state_diagram.py"
    )


@pytest.mark.parametrize("table", [TRANSITIONS, SWITCH])
def test_page_says_the_table(table: Table) -> None:
    """Diagram and rows have each change of the table, and no other."""
    assert diagram(page(table)) == table
    assert rows(page(table)) == table


def test_switch() -> None:
    """The whole diagram of a small table; triggers that do not occur are not explained."""
    text = page(SWITCH)

    assert (
        "```mermaid\nstateDiagram-v2\n    [*] --> down\n    down --> running: start\n"
        "    running --> down: gone\n```\n"
    ) in text
    assert "| start |" in text
    assert "| stop |" not in text


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"down": {"start": "flying"}}, "the state 'flying' is not explained; add it to STATES"),
        ({"lost": {"start": "down"}}, "the state 'lost' is not explained; add it to STATES"),
        ({"down": {"kick": "down"}}, "the trigger 'kick' is not explained; add it to TRIGGERS"),
    ],
)
def test_words_are_missing(
    table: Table, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What nobody has explained is not published, and the message says what to do."""
    path = tmp_path / "states.md"
    with pytest.raises(NoWords, match=re.escape(message)):
        page(table)

    assert main([], path, table) == 1
    assert message in capsys.readouterr().err
    assert not path.exists()


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check finds a page that is missing or of another table, and writes nothing."""
    path = tmp_path / "states.md"
    assert main(["--check"], path) == 1
    assert not path.exists()

    assert main([], path) == 0
    assert main(["--check"], path) == 0
    assert capsys.readouterr().out == ""

    before = path.read_text()
    assert main(["--check"], path, SWITCH) == 1
    assert "run: python docs/state_diagram.py" in capsys.readouterr().err
    assert path.read_text() == before


def test_one_row_more_is_noticed() -> None:
    """A single change that is added, taken away or leads elsewhere makes the page stale."""
    table = {state: dict(ends) for state, ends in TRANSITIONS.items()}
    assert page(table) == page(TRANSITIONS)

    table["running"]["start"] = "starting"
    assert page(table) != page(TRANSITIONS)
    table["running"] = {**TRANSITIONS["running"], "stop": "down"}
    assert page(table) != page(TRANSITIONS)
    del table["running"]
    assert page(table) != page(TRANSITIONS)


def test_from_anywhere(tmp_path: Path) -> None:
    """The script runs as it is, in whatever folder."""
    script = str(state_diagram.ROOT / "docs" / "state_diagram.py")
    command = [sys.executable, script, "--check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

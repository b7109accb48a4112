"""Writes docs/reference/states.md from the table of states that the engine goes by.

    python docs/state_diagram.py           write the page
    python docs/state_diagram.py --check   say whether it is what it would write now

Decides the words for states and triggers; which of them there are, and what leads where, is the
table's matter (`otpsup.engine.child.TRANSITIONS`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from otpsup.engine.child import TRANSITIONS

PAGE = Path(__file__).parent / "reference" / "states.md"

Table = Mapping[Any, Mapping[Any, str]]

STATES = {
    "down": "There is no process, and none is to come unless somebody asks for it.",
    "starting": "Its process is being made, or exists and is not ready yet.",
    "running": "It is ready. For a supervisor: all its children are up.",
    "stopping": "It has been asked to end, or killed, and is not gone yet.",
    "restarting": "There is no process, and an attempt will follow: after a backoff, behind what is"
    " waiting to be handled, or when what it depends on is there.",
}

TRIGGERS = {
    "start": "a start begins",
    "ready": "it can serve",
    "stop": "it is asked to end",
    "gone": "nothing of it is left",
    "retry": "nothing of it is left, and another start will follow",
}


class NoWords(Exception):
    """The table has a state or a trigger for which there are no words here."""


def page(table: Table) -> str:
    """The page for this table.

    Raises:
        NoWords: see there.
    """
    _require_words(table)
    return "\n".join([*_head(), *_diagram(table), *_rows(table)]) + "\n"


def _require_words(table: Table) -> None:
    triggers = {trigger for changes in table.values() for trigger in changes}
    missing = [*(set(table) - set(STATES)), *(triggers - set(TRIGGERS))]
    if missing:
        raise NoWords(f"docs/state_diagram.py has no words for {', '.join(sorted(missing))}")


def _head() -> list[str]:
    return [
        "# States of a child",
        "",
        "<!-- Made by docs/state_diagram.py from the engine's table; run it when that changes. -->",
        "",
        "Every change of state of every child, be it a process or a supervisor, is one of these;",
        "the engine has no other. *Up* is starting, running or stopping: there may be a process.",
        "*Ready* is running.",
        "",
    ]


def _diagram(table: Table) -> list[str]:
    arrows = [
        f"    {state} --> {to}: {trigger}"
        for state, changes in table.items()
        for trigger, to in changes.items()
    ]
    return ["```mermaid", "stateDiagram-v2", "    [*] --> down", *arrows, "```", ""]


def _rows(table: Table) -> list[str]:
    states = [
        f"| `{state}` | {STATES[state]} | {_changes(changes)} |" for state, changes in table.items()
    ]
    triggers = [f"| {trigger} | {words} |" for trigger, words in TRIGGERS.items()]
    return [
        "| state | | leads to |",
        "|---|---|---|",
        *states,
        "",
        "| when | |",
        "|---|---|",
        *triggers,
    ]


def _changes(changes: Mapping[str, str]) -> str:
    return ", ".join(f"{trigger} → `{to}`" for trigger, to in changes.items())


def main(argv: list[str]) -> int:
    """Write the page, or check it."""
    text = page(TRANSITIONS)
    if argv != ["--check"]:
        PAGE.write_text(text)
        return 0
    if PAGE.exists() and PAGE.read_text() == text:
        return 0
    print(f"{PAGE.name} is stale: run python docs/state_diagram.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

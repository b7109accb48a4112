"""Writes docs/reference/states.md from the table that the engine goes by.

    python docs/state_diagram.py            write the page
    python docs/state_diagram.py --check    exit 1 if the page does not say what the table says

Decides the words for states and triggers. Must not know which lead where: that is the table's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from otpsup.engine.child import TRANSITIONS  # noqa: E402
from otpsup.graph.marks import MARKS  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "states.md"

Table = Mapping[Any, Mapping[Any, str]]
"""For each state, which trigger leads to which other."""

STATES = {
    "down": "nothing of it is there, and it is not waited for: it was not started yet, it was "
    "stopped on request, or it ended for good",
    "starting": "its start has begun, and it is not ready; for a supervisor: not all its children "
    "are",
    "running": "it is ready: it can serve",
    "stopping": "it was asked to end, and something of it is still there",
    "restarting": "nothing of it is there, and it will be started again: at once, after its "
    "backoff, or when what it depends on is there",
}

TRIGGERS = {
    "start": "a start of it begins",
    "ready": "it is ready, as its spec says when that is",
    "stop": "it is asked to end: on request, together with its group, because it was not ready in "
    "time, or because its supervisor ends",
    "gone": "nothing of it is left, and no start will follow",
    "retry": "nothing of it is left, and a start will follow: after an end that is to be repaired, "
    "after a start that failed, or because what it depends on is not there yet",
}

HEAD = """\
# States

<!-- Written by docs/state_diagram.py from otpsup/engine/child.py. Change those, not this. -->

Every child is in one of these states, be it a process or a supervisor. Each change of state is an
[event](events.md) of the kind `state`, with its cause; there are no other changes than these.
"""


class NoWords(Exception):
    """The table has something that the page has no words for."""


def page(transitions: Table) -> str:
    """The page for a table.

    Raises:
        NoWords: it has a state or a trigger that is not explained here.
    """
    _check(transitions)
    parts = [HEAD, *_diagram(transitions), "", *_states(transitions), "", *_triggers(transitions)]
    return "\n".join(parts) + "\n"


def _check(transitions: Table) -> None:
    for state in (*transitions, *(end for ends in transitions.values() for end in ends.values())):
        if state not in STATES or state not in MARKS:
            raise NoWords(f"the state {state!r} is not explained; add it to STATES")
    for trigger in (trigger for ends in transitions.values() for trigger in ends):
        if trigger not in TRIGGERS:
            raise NoWords(f"the trigger {trigger!r} is not explained; add it to TRIGGERS")


def _diagram(transitions: Table) -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {next(iter(transitions))}"
    for state, ends in transitions.items():
        for trigger, end in ends.items():
            yield f"    {state} --> {end}: {trigger}"
    yield "```"


def _states(transitions: Table) -> Iterator[str]:
    yield "| state | | what it means | what can happen |"
    yield "|---|---|---|---|"
    for state, ends in transitions.items():
        leads = "<br>".join(f"{trigger} → `{end}`" for trigger, end in ends.items())
        yield f"| `{state}` | {MARKS[state]} | {STATES[state]} | {leads} |"


def _triggers(transitions: Table) -> Iterator[str]:
    happening = {trigger for ends in transitions.values() for trigger in ends}
    yield "| what happens | |"
    yield "|---|---|"
    for trigger, words in TRIGGERS.items():
        if trigger in happening:
            yield f"| {trigger} | {words} |"


def main(arguments: Sequence[str], path: Path = PAGE, transitions: Table = TRANSITIONS) -> int:
    """Write the page, or check it; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/reference/states.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; is the page right?")
    is_check = parser.parse_args(arguments).check
    try:
        text = page(transitions)
    except NoWords as error:
        print(f"docs/state_diagram.py: {error}", file=sys.stderr)
        return 1
    if not is_check:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        print(
            f"{path} is not what the table says; run: python docs/state_diagram.py", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

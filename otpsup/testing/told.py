"""What would come of a child's death, in words: a line a step, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..engine.words import span
from .what_if import Consequence, Step

_SHOWN = 40
"""Steps; of more, the middle is left out."""


def in_words(found: Sequence[Consequence], killed: int, root: str) -> Iterator[str]:
    """The lines.

    Args:
        killed: how many children were to be killed.
        root: the name of the tree.
    """
    for each in found:
        yield from _told(each, root)
    if left := killed - len(found):
        yield f"The tree has ended; {left} of {killed} kills were not to be done."


def _told(consequence: Consequence, root: str) -> Iterator[str]:
    if not consequence.steps:
        yield consequence.summary
        return
    yield f"If {consequence.path} is killed (SIGKILL):"
    yield from _steps(consequence.steps, root)
    kept = [p for p, state in consequence.states.items() if p and state == "running"]
    touched = {step.path for step in consequence.steps}
    if untouched := [path for path in kept if path not in touched]:
        yield f"  Not touched: {', '.join(untouched)}."
    yield f"  {consequence.summary}"


def _steps(steps: Sequence[Step], root: str) -> Iterator[str]:
    """Each with its reason, unless that is the one before's."""
    before = ""
    left_out = range(_SHOWN, len(steps) - 3)
    for number, step in enumerate(steps, 1):
        if number in left_out:
            if number == left_out.start:
                yield f"  ... {len(left_out)} more steps like these"
            continue
        at = f" after {span(step.at)}" if step.at >= 0.001 else ""
        yield f"  {number}. {step.path or root} {step.what}{at}{_because(step, before)}"
        before = step.why


def _because(step: Step, before: str) -> str:
    """`ends: SIGKILL`, `fails: no such file`, but `stops, because ...`."""
    if step.what in ("ends", "fails", "waits"):
        return f": {step.why}"
    return "" if step.why == before else f", because {step.why}"

"""What otpsup's own log says of a child that is ended for its health."""

from __future__ import annotations

from otpsup import Check, Command
from tests.runtime.test_logs_crash_quotes import log
from tests.support.trees import running, watching
from tests.support.waiting import LONG


def test_an_end_is_told_when_it_is_there() -> None:
    """And not before, as if it were a child that has readiness; the event stays."""
    sick = Check(["false"], interval=0.02, timeout=9, failures=2)
    spec = Command("c", ["sleep", "1000"], liveness=sick)
    with log() as lines, running(intensity=1) as tree, watching(tree) as events:
        tree.start_child(spec)
        mark = events.until("c", kind="readiness")
        assert tree.wait(LONG).kind == "gave_up"
    why = "unhealthy: command false failed 2 times in a row: exit code 1"
    assert (mark.reason, mark.text) == (why, f"c is being ended: {why}")
    told = [line.rstrip().removeprefix("test: ") for line in lines]
    assert [line for line in told if "not ready" in line] == []
    assert told.count(f"c was {why}") == 2

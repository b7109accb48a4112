"""Every decision can be told in words, and the words say what, who, how often and why."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from otpsup import Command, Supervisor, explain
from otpsup.engine import cause, effects
from otpsup.engine.cause import BOOT, Cause
from otpsup.engine.effects import Halt, Report, StateChange
from otpsup.engine.reasons import NORMAL, SHUTDOWN, Reason
from otpsup.engine.words import sentence
from otpsup.events import from_effect
from tests.support.trees import running, watching
from tests.support.waiting import LONG

KILLED = Reason("signaled", "SIGKILL", signal=9)
BROKEN = Reason("error", "cannot run '/no/such': No such file or directory")
FAULT = Reason("error", "KeyError: 'x'")
EXIT = Cause("exit", "a", KILLED, "rest_for_one", 2, 3, 60.0, supervisor="blog", parent=BOOT)
TOO_OFTEN = Cause("exit", "a", KILLED, "one_for_one", 4, 3, 60.0)

CAUSES = [
    (BOOT, "the tree was started"),
    (Cause("shutdown"), "the tree was asked to stop"),
    (Cause("shutdown", by="admin"), "the tree was asked to stop by admin"),
    (Cause("request", "a", rule="restart"), "a was told to restart"),
    (
        Cause("request", "sub/a", rule="start_child", by="web"),
        "sub/a was told to start by web",
    ),
    (EXIT, "a ended with SIGKILL and blog is rest_for_one; restart 2 of 3 in 60 s"),
    (Cause("exit", "a", NORMAL, "one_for_one"), "a ended normally"),
    (Cause("exit", "my app", Reason("exited", "exit code 3")), "'my app' ended with exit code 3"),
    (Cause("exit", "a", Reason("exception", "KeyError: 'x'")), "a ended with KeyError: 'x'"),
    (Cause("exit", "a", Reason("killed", "killed (SIGKILL)")), "a was killed (SIGKILL)"),
    (Cause("exit", "a", SHUTDOWN), "a was stopped"),
    (Cause("exit", "sub", Reason("shutdown", "too many restarts")), "sub gave up"),
    (Cause("waits", "db", rule="ready"), "db is not ready yet"),
    (Cause("waits", "db", rule="started"), "db is not there yet"),
    (Cause("satisfied", "migrate", rule="completed"), "migrate is completed now"),
    (Cause("fault", "", FAULT), "otpsup itself failed: KeyError: 'x'"),
    (Cause("unawaited", "db", rule="ready"), "db is not waited for any more"),
    (
        TOO_OFTEN,
        "a ended with SIGKILL; one more than the 3 restarts in 60 s allowed",
    ),
    (
        Cause("retry", "a", BROKEN, "one_for_one", 1, 3, 5.0),
        f"a did not start ({BROKEN}) and was tried again; restart 1 of 3 in 5 s",
    ),
    (
        Cause("start_failed", "a", BROKEN),
        "a did not start: cannot run '/no/such': No such file or directory",
    ),
    (
        Cause("retries_used", "a", BROKEN, restarts=4),
        f"a was given up, after it had failed to start 4 times: {BROKEN}",
    ),
    (Cause("auto_shutdown", "job", NORMAL), "the significant child job ended normally"),
    (
        Cause("gave_up", "sub", parent=TOO_OFTEN),
        "sub gave up: a ended with SIGKILL; one more than the 3 restarts in 60 s allowed",
    ),
    (
        Cause("gave_up", "", parent=TOO_OFTEN),
        "the tree gave up: a ended with SIGKILL; one more than the 3 restarts in 60 s allowed",
    ),
]

GAVE_UP = (
    "blog gave up: its children ended too often, 4 times within 60 s where intensity allows 3 "
    "restarts; at last a ended with SIGKILL. Everything was stopped in reverse order. Look at the "
    "output of that child, mend it and start again; if so many restarts are normal here, raise "
    "intensity or period, or give the child a backoff."
)

REPORTS = [
    (Report(1.0, "progress", "", "a", NORMAL, BOOT, 7), "a is up (pid 7)"),
    (Report(1.0, "progress", "", "sub", NORMAL, BOOT), "sub is up"),
    (Report(1.0, "progress", "", "", NORMAL, BOOT), "the tree is up"),
    (Report(1.0, "child_terminated", "", "a", KILLED, EXIT, 7), "a ended with SIGKILL"),
    (
        Report(1.0, "start_error", "", "a", BROKEN, BOOT),
        "a did not start: cannot run '/no/such': No such file or directory",
    ),
    (
        Report(1.0, "shutdown_error", "", "a", Reason("killed", "killed (SIGKILL)"), BOOT, 7),
        "a did not stop as asked: killed (SIGKILL)",
    ),
    (
        Report(1.0, "restart", "", "a", KILLED, EXIT, delay=0.25),
        (
            "a restarts in 0.25 s: a ended with SIGKILL and blog is rest_for_one; restart 2 of 3 "
            "in 60 s; before that, the tree was started"
        ),
    ),
    (
        Report(1.0, "shutdown", "sub", "sub", SHUTDOWN, TOO_OFTEN),
        "sub gives up: a ended with SIGKILL; one more than the 3 restarts in 60 s allowed",
    ),
    (
        Report(1.0, "shutdown", "", "", SHUTDOWN, TOO_OFTEN),
        "the tree gives up: a ended with SIGKILL; one more than the 3 restarts in 60 s allowed",
    ),
]

HALTS = [
    (Halt("stopped", SHUTDOWN, Cause("shutdown")), "blog stopped: the tree was asked to stop."),
    (
        Halt("auto_shutdown", SHUTDOWN, Cause("auto_shutdown", "job", NORMAL)),
        "blog stopped by itself: the significant child job ended normally.",
    ),
    (
        Halt("start_failed", BROKEN, Cause("start_failed", "a", BROKEN)),
        f"blog could not start: {BROKEN}. Nothing of it is left running.",
    ),
    (
        Halt("gave_up", SHUTDOWN, Cause("gave_up", "", KILLED, "", 4, 3, 60.0, parent=TOO_OFTEN)),
        GAVE_UP,
    ),
    (
        Halt("failed", FAULT, Cause("fault", "", FAULT)),
        (
            "blog ended because of a bug in otpsup: KeyError: 'x'. Everything was stopped in "
            "reverse order. Please report it, with the lines that the log has of it."
        ),
    ),
]


@pytest.mark.parametrize(("value", "expected"), CAUSES)
def test_causes(value: Cause, expected: str) -> None:
    """Each cause is one sentence."""
    assert sentence(value) == expected


@pytest.mark.parametrize(("value", "expected"), REPORTS)
def test_reports(value: Report, expected: str) -> None:
    """Each supervisor report is one line."""
    assert explain.report(value) == expected


@pytest.mark.parametrize(("value", "expected"), HALTS)
def test_endings(value: Halt, expected: str) -> None:
    """Each end of a tree is a paragraph that says how it came and what to do."""
    assert explain.ending("blog", value) == expected


def test_nothing_is_forgotten() -> None:
    """The tables above have every kind of cause, of report and of end."""
    assert {value.kind for value, _ in CAUSES} == set(get_args(cause.CauseKind))
    contexts = get_args(get_type_hints(Report, vars(effects))["context"])
    assert {value.context for value, _ in REPORTS} == set(contexts)
    kinds = get_args(get_type_hints(Halt, vars(effects))["kind"])
    assert {value.kind for value, _ in HALTS} == set(kinds)


REASONS = st.builds(
    Reason,
    st.sampled_from(["normal", "shutdown", "killed", "exited", "signaled", "exception", "error"]),
    st.sampled_from(["", "exit code 3", "ValueError: no port"]),
)
ROOTS = st.builds(Cause, st.sampled_from(["boot", "shutdown", "request"]), rule=st.just("restart"))
LINKS = st.builds(
    Cause,
    st.sampled_from(["exit", "retry", "start_failed", "gave_up", "auto_shutdown"]),
    st.sampled_from(["a", "sub/b"]),
    REASONS,
    st.sampled_from(["", "one_for_one", "one_for_all"]),
    st.integers(0, 9),
    st.integers(0, 5),
    st.floats(0.1, 1e6),
    parent=ROOTS,
)


@settings(max_examples=60)
@given(LINKS, st.sampled_from(get_args(effects.State)), REASONS)
def test_no_word_is_missing(why: Cause, state: effects.State, reason: Reason) -> None:
    """Whatever happened, the words are one line of text: no None, no repr of an object, nothing
    twice or left empty."""
    why = evolve(why, reason=reason)
    texts = [
        sentence(why),
        explain.change(StateChange(1.0, "a", state, why, reason=reason)),
        explain.ending("t", Halt("gave_up", reason, evolve(TOO_OFTEN, parent=why))),
        explain.report(Report(1.0, "restart", "", "a", reason, why)),
    ]
    for text in texts:
        assert text.isprintable()
        for junk in ("None", "Reason(", "Cause(", "''", "  ", ": ;", ": :"):
            assert junk not in text


def how_it_ends(path: str, intensity: int, *children: Any) -> str:
    """The last words of a tree in which this child, once started, ends too often."""
    with running(*children, intensity=intensity, period=30, name="blog") as tree:
        with watching(tree) as events:
            tree.start_child(path)
            halt = tree.wait(LONG)
            last = events.until("", kind="halt")
        assert all(event.text and "None" not in event.text for event in events.seen)
    text = explain.ending("blog", halt)
    assert last.text == text.replace("blog", "the tree", 1)
    return text.partition(". ")[0]


BROKEN_CHILD = Command("broken", ["sh", "-c", "exit 7"], autostart=False)


@pytest.mark.parametrize("intensity", [0, 1, 2, 3, 4, 5, 6])
def test_the_end_of_a_tree(intensity: int) -> None:
    """A tree that gave up names the child that ended too often, how often, in which time, and the
    last reason; however many restarts it took."""
    times = f"{intensity + 1} times" if intensity else "once"
    plural = "" if intensity == 1 else "s"
    assert how_it_ends("broken", intensity, BROKEN_CHILD) == (
        f"blog gave up: its children ended too often, {times} within 30 s where intensity allows "
        f"{intensity} restart{plural}; at last broken ended with exit code 7"
    )


def test_the_end_of_a_nested_tree() -> None:
    """Where a supervisor gave up and so the tree did, both are told, down to the child itself."""
    sub = Supervisor("sub", intensity=1, period=40, children=[BROKEN_CHILD])
    assert how_it_ends("sub/broken", 0, sub) == (
        "blog gave up: its children ended too often, once within 30 s where intensity allows 0 "
        "restarts; at last sub gave up: its children ended too often, 2 times within 40 s where "
        "intensity allows 1 restart; at last sub/broken ended with exit code 7"
    )


def test_events_are_told_in_the_same_words() -> None:
    """An event has the wall clock's time, the words of its report, and the traceback."""
    crash = Reason("exception", "ValueError: no", traceback="Traceback ...")
    event = from_effect(Report(5.0, "child_terminated", "", "a", crash, EXIT, 7), 100.0, 6.0)
    assert (event.at, event.kind, event.path, event.pid) == (105.0, "child_terminated", "a", 7)
    assert (event.reason, event.traceback) == ("ValueError: no", "Traceback ...")
    assert (event.text, event.cause) == ("a ended with ValueError: no", sentence(EXIT))
    assert event.chain == (sentence(EXIT), "the tree was started")
    change = from_effect(StateChange(5.0, "a", "down", EXIT, None, crash), 100.0, 6.0)
    assert (change.kind, change.state, change.traceback) == ("state", "down", "Traceback ...")
    halt = from_effect(HALTS[0][0], 100.0, 6.0)
    assert (halt.at, halt.kind, halt.path, halt.reason) == (106.0, "halt", "", "stopped")

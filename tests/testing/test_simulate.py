"""`otpsup.testing.simulate`: the format, event by event, and what becomes of nonsense."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otpsup.testing import BadScenario, simulate
from otpsup.testing.scenario import OUTCOMES
from tests.otp.generator import Generator

EXAMPLE = json.loads(
    '{"id":"start-order","tree":{"id":"root","strategy":"one_for_one","intensity":5,"period":5,'
    '"children":[{"id":"a"},{"id":"s","type":"supervisor","strategy":"one_for_one",'
    '"children":[{"id":"x"},{"id":"y"}]},{"id":"b"}]},"events":[]}'
)


def paths(trace: list[dict[str, Any]], ev: str) -> list[str]:
    """Which paths started, or ended, in order, without the root's name."""
    return [r["path"].removeprefix("root/") for r in trace if r["ev"] == ev]


def one(tree: dict[str, Any], *events: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The trace of a tree in which these things happen."""
    return simulate({"id": 1, "tree": {"id": "root", **tree}, "events": list(events), **more})


def kill(path: str, reason: str = "crash") -> dict[str, Any]:
    return {"op": "kill", "path": f"root/{path}", "reason": reason}


def workers(*ids: str) -> list[dict[str, Any]]:
    return [{"id": id} for id in ids]


def test_example() -> None:
    """The format's own example, to the letter."""
    trace = simulate(EXAMPLE)

    assert trace["id"] == "start-order"
    assert trace["start"] == {
        "op": "start",
        "result": ["ok", "root"],
        "trace": [
            {"ev": "start", "path": path}
            for path in ("root/a", "root/s/x", "root/s/y", "root/s", "root/b", "root")
        ],
    }
    assert trace["events"] == []
    assert trace["final"]["root"] == {
        "which": [
            ["b", "running", "worker"],
            ["s", "running", "supervisor"],
            ["a", "running", "worker"],
        ],
        "count": {"specs": 3, "active": 3, "supervisors": 1, "workers": 2},
    }
    assert trace["stop"] == {
        "result": "ok",
        "trace": [
            {"ev": "exit", "path": path, "reason": "shutdown"}
            for path in ("root/b", "root/s/y", "root/s/x", "root/s", "root/a", "root")
        ],
    }


@pytest.mark.parametrize(
    ("strategy", "ended", "started"),
    [
        ("one_for_one", ["b"], ["b"]),
        ("one_for_all", ["b", "c", "a"], ["a", "b", "c"]),
        ("rest_for_one", ["b", "c"], ["b", "c"]),
    ],
)
def test_strategies(strategy: str, ended: list[str], started: list[str]) -> None:
    """A kill, under each strategy."""
    tree = {"strategy": strategy, "children": workers("a", "b", "c")}
    (event,) = one(tree, kill("b"))["events"]

    assert event["result"] == "ok"
    assert (paths(event["trace"], "exit"), paths(event["trace"], "start")) == (ended, started)


def test_template() -> None:
    """Instances are numbered from 1; one that has ended stays ended, and to stop it is done."""
    pool = {"strategy": "simple_one_for_one", "children": [{"id": "w", "restart": "temporary"}]}
    start = {"op": "start_child", "sup": "root"}
    trace = one(
        pool,
        start,
        start,
        kill("w#1"),
        {"op": "terminate_child", "sup": "root", "id": "w#1"},
        {"op": "restart_child", "sup": "root", "id": "w#2"},
        {"op": "which_children", "sup": "root"},
    )

    assert [event["result"] for event in trace["events"]] == [
        ["ok", "root/w#1"],
        ["ok", "root/w#2"],
        "ok",
        "ok",
        ["error", "simple_one_for_one"],
        [["w#2", "running", "worker"]],
    ]


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        ("ok", ["ok", "root/x"]),
        ("extra", ["ok", "root/x", "info"]),
        ("ignore", ["ok", "undefined"]),
        ("error", ["error", ["start_error", {"child": "x"}]]),
        ("exit", ["error", [["EXIT", "start_exit"], {"child": "x"}]]),
        ("throw", ["error", ["start_throw", {"child": "x"}]]),
        ("bad", ["error", ["bad_return", {"child": "x"}]]),
        ("init_crash", ["error", ["init_crash", {"child": "x"}]]),
    ],
)
def test_outcomes(outcome: str, result: Any) -> None:
    """Each outcome of a start, as start_child answers it."""
    start = {"op": "start_child", "sup": "root", "child": {"id": "x"}}
    (event,) = one({}, start, plan={"root/x": [outcome]})["events"]

    assert event["result"] == result
    assert ("start_failed" in str(event["trace"])) == (result[0] == "error")


def test_every_outcome_is_tested() -> None:
    """The list above is the format's."""
    (mark,) = (m for m in test_outcomes.pytestmark if m.name == "parametrize")

    assert {row[0] for row in mark.args[1]} == set(OUTCOMES)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("shutdown", "shutdown"),
        ("normal", "normal"),
        ("crash", "crash"),
        ("shutdown_term", ["shutdown", "done"]),
        ("ignore", "killed"),
    ],
)
def test_on_shutdown(answer: str, reason: Any) -> None:
    """How a worker answers its stop is the reason with which it ends."""
    trace = one({"children": [{"id": "a", "on_shutdown": answer, "shutdown": 20}]})

    assert trace["stop"]["trace"][0] == {"ev": "exit", "path": "root/a", "reason": reason}


@pytest.mark.parametrize("reason", ["crash", "normal", "shutdown", "shutdown_term", "kill"])
def test_kill_by_every_reason(reason: str) -> None:
    """A transient child is started again after abnormal ends only."""
    tree = {"children": [{"id": "a", "restart": "transient"}]}
    (event,) = one(tree, kill("a", reason))["events"]
    shown = {"shutdown_term": ["shutdown", "done"], "kill": "killed"}.get(reason, reason)

    assert event["trace"][0] == {"ev": "exit", "path": "root/a", "reason": shown}
    assert len(event["trace"]) == (2 if reason in ("crash", "kill") else 1)


def test_plan_and_fail_next() -> None:
    """Both say how the next starts go; the later one counts. Retries go on until one succeeds."""
    tree = {"intensity": 9, "children": workers("a")}
    trace = one(
        tree,
        {"op": "plan", "path": "root/a", "outcomes": ["error", "throw"]},
        kill("a"),
        {"op": "plan", "path": "root/a", "outcomes": ["error"]},
        {"op": "fail_next", "path": "root/a", "n": 3, "mode": "exit"},
        kill("a"),
    )
    modes = [[r["mode"] for r in e["trace"] if r["ev"] == "start_failed"] for e in trace["events"]]

    assert modes == [[], ["error", "throw"], [], [], ["exit", "exit", "exit"]]


def test_advance() -> None:
    """Seconds count in restart windows, whose both ends count."""
    tree = {"intensity": 1, "period": 5, "children": workers("a")}
    survives = one(tree, kill("a"), {"op": "advance", "s": 6}, kill("a"))
    gives_up = one(tree, kill("a"), {"op": "advance", "s": 5}, kill("a"))

    assert "root_exit" not in survives["events"][2]
    assert gives_up["events"][2]["root_exit"] == "shutdown"
    assert gives_up["final"] == {}
    assert gives_up["stop"] == {"result": ["exit", "noproc"], "trace": []}


def test_batch() -> None:
    """All reaches the supervisor before it handles the first: deaths are absorbed, and calls see
    `restarting`."""
    tree = {"strategy": "one_for_all", "intensity": 2, "children": workers("a", "b")}
    batch = {
        "op": "batch",
        "sup": "root",
        "do": [
            {"op": "plan", "path": "root/b", "outcomes": ["error"]},
            kill("a"),
            kill("b", "normal"),
            {"op": "which_children"},
            {"op": "restart_child", "sup": "root", "id": "b"},
            {"op": "count_children"},
        ],
    }
    (event,) = one(tree, batch)["events"]

    assert event["result"] == [
        "ok",
        "ok",
        "ok",
        [["b", "restarting", "worker"], ["a", "running", "worker"]],
        ["error", "restarting"],
        {"specs": 2, "active": 1, "supervisors": 0, "workers": 2},
    ]
    assert paths(event["trace"], "exit") == ["a", "b", "a"]
    assert paths(event["trace"], "start") == ["a", "a", "b"]


def test_stop_root() -> None:
    """The root stops with the reason that it is given, and everything after finds nobody."""
    trace = one(
        {"children": workers("a")},
        {"op": "stop_root", "reason": "normal"},
        {"op": "which_children", "sup": "root"},
        kill("a"),
    )

    assert trace["events"][0]["root_exit"] == "normal"
    assert [e["result"] for e in trace["events"]] == ["ok", ["exit", "noproc"], ["exit", "noproc"]]


def test_failed_start() -> None:
    """A tree that does not come up says which child did not, down the nesting."""
    sub = {"id": "s", "type": "supervisor", "children": workers("x")}
    trace = one({"children": [*workers("a"), sub]}, plan={"root/s/x": ["error"]})
    why = ["shutdown", ["failed_to_start_child", "x", "start_error"]]

    assert trace["start"]["result"] == ["error", ["shutdown", ["failed_to_start_child", "s", why]]]
    assert paths(trace["start"]["trace"], "exit") == ["a"]


def test_snapshots() -> None:
    """With snapshots every event shows the state that it leaves behind."""
    stop = {"op": "terminate_child", "sup": "root", "id": "a"}
    (event,) = one({"children": workers("a")}, stop, snapshots=True)["events"]

    assert event["snap"]["root"]["which"] == [["a", "undefined", "worker"]]


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        (3, "the scenario: expected an object, not 3"),
        ({}, "the scenario: expected a 'tree', and there is none"),
        ({"tree": {}}, "tree: expected a 'id', and there is none"),
        ({"tree": {"id": "r", "stratgy": "x"}}, "did you mean 'strategy'?"),
        ({"tree": {"id": "r", "strategy": "x"}}, "strategy: expected one of one_for_one"),
        ({"tree": {"id": "r", "children": [{"id": "a", "shutdown": -1}]}}, "tree.children[0]"),
        ({"tree": {"id": "r"}, "events": [{"op": "kil"}]}, "events[0].op: expected one of kill,"),
        ({"tree": {"id": "r"}, "events": [{"op": "kill"}]}, "events[0]: expected a 'path'"),
        ({"tree": {"id": "r"}, "plan": {"r/a": ["good"]}}, "plan.r/a[0]: expected one of ok,"),
        (
            {"tree": {"id": "r"}, "events": [{"op": "batch", "sup": "r", "do": [{"op": "batch"}]}]},
            "events[0].do[0].op: expected one of kill,",
        ),
        (
            {"tree": {"id": "r", "children": [{"id": "a", "on_shutdown": "ignore",
             "shutdown": "infinity"}]}, "events": [{"op": "stop_root", "reason": "normal"}]},
            "r/a ignores its stop request",
        ),
    ],
)  # fmt: skip
def test_bad_scenarios(scenario: Any, expected: str) -> None:
    """What is wrong is named with its place, and with what was expected there."""
    with pytest.raises(BadScenario) as caught:
        simulate(scenario)

    assert expected in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("id", "tree", "op", "sup", "children", "x")), inner)
    ),
    max_leaves=12,
)


def is_refused_or_run(scenario: Any) -> None:
    """Run it; if it is refused, in the only way in which that may happen."""
    try:
        json.dumps(simulate(scenario))
    except BadScenario as error:
        assert str(error)


@given(JSON)
def test_any_json(value: Any) -> None:
    """Whatever JSON says, there is a trace or a refusal, and nothing else."""
    is_refused_or_run(value)
    is_refused_or_run({"tree": value})
    is_refused_or_run({"tree": {"id": "r"}, "events": value})


def _spots(value: Any) -> list[tuple[Any, Any]]:
    """All containers and keys in a value."""
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
    below = [s for _, v in pairs if isinstance(v, dict | list) for s in _spots(v)]
    return [(value, key) for key, _ in pairs] + below


@pytest.mark.slow
@settings(max_examples=150)
@given(st.integers(0, 2**32), JSON)
def test_broken_scenarios(seed: int, junk: Any) -> None:
    """A good scenario in which one value is replaced by another is run, or refused."""
    (scenario,) = Generator(seed).scenarios(1)
    container, key = random.Random(seed).choice(_spots(scenario))
    container[key] = junk

    is_refused_or_run(scenario)

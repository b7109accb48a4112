"""Scenarios, read: what is refused, where that is said to be, and what is taken for what is not
said. How scenarios are played is tested in `test_simulation`."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otpsup.specs import DynamicSupervisor, Supervisor, Worker
from otpsup.testing import BadScenario, simulate
from otpsup.testing.scenario import parse
from tests.otp.generator import Generator
from tests.support import ROOT

Json = dict[str, Any]
Place = tuple[str | int, ...]

A = {"id": "a"}


def tree(*children: Any, **more: Any) -> Json:
    return {"tree": {"id": "root", "children": list(children), **more}}


def event(**fields: Any) -> Json:
    return {**tree(A), "events": [fields]}


def refusal(scenario: Any) -> str:
    """What is said to a scenario that cannot be run."""
    with pytest.raises(BadScenario) as caught:
        simulate(scenario)
    return str(caught.value)


def is_run_or_refused(scenario: Any) -> None:
    """Nothing else may come of it, and a trace is JSON."""
    try:
        json.dumps(simulate(scenario))
    except BadScenario as error:
        assert str(error)


# Defaults.


def test_defaults_of_a_supervisor() -> None:
    """What is not said is OTP's, not otpsup's: 1 restart in 5 s, one_for_one, never; a supervisor
    has all the time for its stop. Half a second of period makes whole seconds, both ends, count."""
    spec = parse(tree({"id": "s", "type": "supervisor"})).spec
    assert isinstance(spec, Supervisor)
    (sub,) = spec.children
    for each in (spec, sub):
        assert isinstance(each, Supervisor)
        assert (each.strategy, each.auto_shutdown) == ("one_for_one", "never")
        assert (each.intensity, each.period) == (1, 5.5)
        assert (each.restart, each.shutdown, each.significant) == ("permanent", "infinity", False)


def test_defaults_of_a_worker() -> None:
    """A worker is permanent, dies of its stop, and has time for it."""
    scenario = parse(tree(A))
    assert isinstance(scenario.spec, Supervisor)
    (worker,) = scenario.spec.children
    assert isinstance(worker, Worker)
    assert (worker.restart, worker.significant) == ("permanent", False)
    assert (worker.backoff, worker.after, worker.autostart) == (None, (), True)
    assert isinstance(worker.shutdown, float)
    assert worker.shutdown > 0
    assert (scenario.id, scenario.plan, scenario.events, scenario.snapshots) == (
        None,
        {},
        [],
        False,
    )


def test_a_template() -> None:
    """simple_one_for_one is a template of which any number may run."""
    spec = parse(tree(A, strategy="simple_one_for_one")).spec
    assert isinstance(spec, DynamicSupervisor)
    assert (spec.template.name, spec.max_children) == ("a", None)


@pytest.mark.parametrize("id", [None, 0, "x", [1, {"a": None}], {"n": 1.5}, True])
def test_any_id(id: Any) -> None:
    """The id is the caller's own, and comes back as it is."""
    assert simulate({"id": id, **tree()})["id"] == id


# What is refused, and where.

REFUSALS: list[tuple[Any, str]] = [
    (None, "the scenario: expected an object, not None"),
    ([], "the scenario: expected an object, not []"),
    ("", "the scenario: expected an object, not ''"),
    ({"id": 1}, "the scenario: expected a 'tree', and there is none"),
    ({"tree": None}, "tree: expected an object, not None"),
    ({"tree": {"id": 1}}, "tree.id: expected a text without '/'"),
    ({"tree": {"id": ""}}, "tree.id: expected a text without '/'"),
    ({"tree": {"id": "r", "type": "worker"}}, "tree.type: expected one of supervisor,"),
    ({"tree": {"id": "r", "children": {}}}, "tree.children: expected a list, not {}"),
    ({**tree(), "plan": []}, "plan: expected an object, not []"),
    ({**tree(), "plan": {"root/a": "ok"}}, "plan.root/a: expected a list, not 'ok'"),
    ({**tree(), "plan": {"root/a": ["ok", 1]}}, "plan.root/a[1]: expected one of ok, extra,"),
    ({**tree(), "events": None}, "events: expected a list, not None"),
    ({**tree(), "events": [3]}, "events[0]: expected an object, not 3"),
    ({**tree(), "snapshots": 1}, "snapshots: expected true or false, not 1"),
    (tree(3), "tree.children[0]: expected an object, not 3"),
    (tree(A, {}), "tree.children[1]: expected a 'id', and there is none"),
    (tree({"id": "a/b"}), "tree.children[0].id: expected a text without '/'"),
    (tree(A, A), "tree: Supervisor 'root': two children are named 'a'; rename one of them"),
    (tree({"id": "a", "type": "sup"}), "tree.children[0].type: expected one of supervisor, worker"),
    (tree({"id": "a", "restrat": 1}), "'restrat'; did you mean 'restart'?"),
    (tree({"id": "a", "strategy": "one_for_all"}), "tree.children[0]: expected one of id,"),
    (tree({"id": "a", "restart": "always"}), "tree.children[0].restart: expected one of permanent"),
    (tree({"id": "a", "restart": []}), "tree.children[0].restart: expected one of permanent"),
    (tree({"id": "a", "shutdown": -1}), "tree.children[0].shutdown: expected milliseconds,"),
    (tree({"id": "a", "shutdown": True}), "tree.children[0].shutdown: expected milliseconds,"),
    (tree({"id": "a", "shutdown": "5"}), "tree.children[0].shutdown: expected milliseconds,"),
    (tree({"id": "a", "significant": 1}), "tree.children[0].significant: expected true or false"),
    (
        tree({"id": "a", "significant": True}),
        "tree.children[0]: Worker 'a': significant=True needs restart='transient' or 'temporary'",
    ),
    (
        tree({"id": "a", "significant": True, "restart": "temporary"}),
        "tree: Worker 'a': significant=True needs a supervisor with auto_shutdown",
    ),
    (
        tree({"id": "a", "on_shutdown": "sulk"}),
        "tree.children[0].on_shutdown: expected one of shutdown, normal, crash, shutdown_term,",
    ),
    (tree(strategy="one_for_al"), "tree.strategy: expected one of one_for_one, one_for_all"),
    (
        tree(strategy=["simple_one_for_one"]),
        "tree.strategy: expected one of one_for_one, one_for_all",
    ),
    (tree(intensity=1.5), "tree.intensity: expected a whole number from 0"),
    (tree(intensity=-1), "tree.intensity: expected a whole number from 0"),
    (tree(period=0), "tree: Supervisor 'root': period must be seconds above 0, not 0"),
    (tree(period="5"), "tree.period: expected seconds from 0, not '5'"),
    (tree(auto_shutdown="x"), "tree: Supervisor 'root': auto_shutdown must be one of 'never'"),
    (tree(strategy="simple_one_for_one"), "tree.children: expected one worker, the template,"),
    (tree(A, {"id": "b"}, strategy="simple_one_for_one"), "tree.children: expected one worker,"),
    (
        tree({"id": "s", "type": "supervisor"}, strategy="simple_one_for_one"),
        "tree.children: expected one worker, the template, and nothing else",
    ),
    (
        tree(A, strategy="simple_one_for_one", auto_shutdown="all_significant"),
        "tree.auto_shutdown: expected 'never' for a template, not 'all_significant'",
    ),
    (
        tree(A, {"id": "s", "type": "supervisor", "children": [A, A]}),
        "tree.children[1]: Supervisor 's': two children are named 'a'",
    ),
    (event(), "events[0]: expected a 'op', and there is none"),
    (event(op="boot"), "events[0].op: expected one of kill, plan, fail_next, start_child,"),
    (event(op=["kill"]), "events[0].op: expected one of kill,"),
    (event(op="kill", path="root/a"), "events[0]: expected a 'reason', and there is none"),
    (event(op="kill", path="root/a", reason="killed"), "not 'killed'; did you mean 'kill'?"),
    (event(op="kill", path=1, reason="kill"), "events[0].path: expected a text, not 1"),
    (event(op="kill", path="root/a", reason="kill", at=1), "events[0]: expected one of op, path,"),
    (event(op="plan", path="root/a", outcomes="ok"), "events[0].outcomes: expected a list,"),
    (event(op="plan", path="root/a", outcomes=["fine"]), "events[0].outcomes[0]: expected one of"),
    (
        event(op="fail_next", path="root/a", n=-1, mode="error"),
        "events[0].n: expected a whole number from 0, not -1",
    ),
    (
        event(op="fail_next", path="root/a", n=True, mode="error"),
        "events[0].n: expected a whole number from 0, not True",
    ),
    (
        event(op="fail_next", path="root/a", n=1, mode="erorr"),
        (
            "events[0].mode: expected one of ok, extra, ignore, error, exit, throw, bad, "
            "init_crash, not 'erorr'; did you mean 'error'?"
        ),
    ),
    (event(op="start_child", child=A), "events[0]: expected a 'sup', and there is none"),
    (
        event(op="start_child", sup="root", child={"id": "x", "restart": "often"}),
        "events[0].child.restart: expected one of permanent, transient, temporary, not 'often'",
    ),
    (event(op="terminate_child", sup="root"), "events[0]: expected a 'id', and there is none"),
    (event(op="which_children", sup="root", id="a"), "events[0]: expected one of op, sup,"),
    (event(op="advance", s=-1), "events[0].s: expected seconds from 0, not -1"),
    (event(op="advance", s="1"), "events[0].s: expected seconds from 0, not '1'"),
    (event(op="advance", s=True), "events[0].s: expected seconds from 0, not True"),
    (event(op="stop_root", reason="x"), "events[0].reason: expected one of crash, normal,"),
    (event(op="batch", sup="root", do=None), "events[0].do: expected a list, not None"),
    (event(op="batch", sup="root", do=[{}]), "events[0].do[0]: expected a 'op', and there is none"),
    (
        event(op="batch", sup="root", do=[{"op": "advance", "s": 1}]),
        (
            "events[0].do[0].op: expected one of kill, plan, fail_next, start_child, "
            "terminate_child, restart_child, delete_child, which_children, count_children, "
            "not 'advance'"
        ),
    ),
    (
        event(op="batch", sup="root", do=[{"op": "batch", "sup": "root", "do": []}]),
        "events[0].do[0].op: expected one of kill,",
    ),
    (
        event(op="batch", sup="root", do=[{"op": "kill", "path": "root/a"}]),
        "events[0].do[0]: expected a 'reason', and there is none",
    ),
]


@pytest.mark.parametrize(("scenario", "expected"), REFUSALS)
def test_refusals(scenario: Any, expected: str) -> None:
    """What is wrong is said with its place, what was expected there, and what was found."""
    assert expected in refusal(scenario)


RICH: Json = {
    "tree": {
        "id": "root",
        "strategy": "rest_for_one",
        "intensity": 3,
        "period": 5,
        "auto_shutdown": "all_significant",
        "children": [
            {
                "id": "a",
                "restart": "transient",
                "shutdown": 10,
                "significant": True,
                "on_shutdown": "normal",
            },
            {
                "id": "s",
                "type": "supervisor",
                "restart": "temporary",
                "shutdown": "infinity",
                "significant": False,
                "children": [{"id": "x", "type": "worker"}],
            },
            {
                "id": "p",
                "type": "supervisor",
                "strategy": "simple_one_for_one",
                "children": [{"id": "w"}],
            },
        ],
    },
    "plan": {"root/a": ["extra", "ok"]},
    "events": [
        {"op": "kill", "path": "root/a", "reason": "crash"},
        {"op": "plan", "path": "root/a", "outcomes": ["ok"]},
        {"op": "fail_next", "path": "root/a", "n": 1, "mode": "error"},
        {"op": "start_child", "sup": "root", "child": {"id": "n", "shutdown": "brutal_kill"}},
        {"op": "terminate_child", "sup": "root", "id": "n"},
        {"op": "which_children", "sup": "root"},
        {"op": "advance", "s": 1},
        {
            "op": "batch",
            "sup": "root",
            "do": [
                {"op": "kill", "path": "root/s/x", "reason": "kill"},
                {"op": "start_child", "sup": "root/p"},
                {"op": "delete_child", "id": "n"},
            ],
        },
        {"op": "stop_root", "reason": "normal"},
    ],
    "snapshots": True,
}


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """The places of all values in a value."""
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, below in pairs:
        yield (*place, key)
        yield from places(below, (*place, key))


def at(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


def shown(place: Place) -> str:
    """A place as messages have it: `tree.children[0].restart`."""
    return "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in place).lstrip(".")


def test_every_place_is_named() -> None:
    """Whatever value of a scenario is replaced by nonsense, the refusal begins with the place of
    that value, of what it stands in, or of a part of the nonsense."""
    json.dumps(simulate(RICH))
    for place in places(RICH):
        for junk in (None, [[7]], {"x": 1}, -1.5):
            scenario = copy.deepcopy(RICH)
            at(scenario, place[:-1])[place[-1]] = junk
            named = refusal(scenario).partition(": ")[0]
            here = shown(place)
            assert here.startswith(named) or named.startswith(here), (here, junk, named)


def test_every_place_is_named_if_something_is_missing() -> None:
    """Whatever is left out is at its default, or its place is named."""
    for place in places(RICH):
        scenario = copy.deepcopy(RICH)
        del at(scenario, place[:-1])[place[-1]]
        try:
            simulate(scenario)
        except BadScenario as error:
            named = str(error).partition(": ")[0]
            beside = named == "the scenario" or named.startswith("events[")
            assert shown(place).startswith(named) or beside, place


# Extremes.

HUGE = 10**400


@pytest.mark.parametrize(
    ("scenario", "place"),
    [
        (tree({"id": "a", "shutdown": HUGE}), "tree.children[0]"),
        (tree({"id": "s", "type": "supervisor", "shutdown": HUGE}), "tree.children[0]"),
        (tree(period=HUGE), "tree"),
        (tree(intensity=HUGE), "tree"),
        (event(op="fail_next", path="root/a", n=HUGE, mode="error"), "events[0].n"),
        (event(op="fail_next", path="root/a", n=10**18, mode="error"), "events[0].n"),
        (event(op="advance", s=HUGE), "events[0].s"),
        (tree(period=float("inf")), "tree"),
        (tree(period=float("nan")), "tree"),
        (tree(period=True), "tree"),
        (tree({"id": "a", "shutdown": float("inf")}), "tree.children[0]"),
        (tree({"id": "a", "shutdown": float("nan")}), "tree.children[0]"),
        (event(op="advance", s=float("nan")), "events[0].s"),
        (event(op="advance", s=float("inf")), "events[0].s"),
    ],
)
def test_numbers_that_are_none(scenario: Any, place: str) -> None:
    """Numbers that are no numbers, or too large for any use, are refused where they stand."""
    assert refusal(scenario).startswith(place)


def test_a_large_intensity() -> None:
    """An intensity may be as large as anybody will ever need."""
    assert simulate(tree(A, intensity=10**15 - 1))["start"]["result"] == ["ok", "root"]


def test_a_value_that_cannot_be_shown() -> None:
    """A whole number with more digits than Python prints is refused all the same."""
    assert refusal({**tree(), "events": 10**5000}).startswith("events: ")


def test_messages_are_short() -> None:
    """A message shows the beginning of what was given, not all of a megabyte."""
    for scenario in (
        {**tree(), "events": "x" * 1_000_000},
        tree({"id": "a", "restart": "x" * 1_000_000}),
        tree({"id": "/" * 1_000_000}),
        tree({"id": "a", "x" * 1_000_000: 1}),
    ):
        assert len(refusal(scenario)) < 1000


def nested(levels: int) -> Json:
    spec: Json = A
    for _ in range(levels):
        spec = {"id": "s", "type": "supervisor", "children": [spec]}
    return {"tree": spec}


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [50, 200, 400, 900])
def test_deep_trees(levels: int) -> None:
    """A tree of so many levels is run, or refused; the interpreter's stack is nobody's concern."""
    is_run_or_refused(nested(levels))


@pytest.mark.parametrize("levels", [50, 900, 5000])
def test_deep_nonsense(levels: int) -> None:
    """So is nonsense of any depth, wherever it stands."""
    for scenario in (
        deep(levels),
        {"tree": deep(levels)},
        tree(deep(levels)),
        {**tree(), "events": [deep(levels)]},
        tree({"id": "a", "shutdown": deep(levels)}),
    ):
        assert refusal(scenario)


def test_what_was_run_before_makes_no_difference() -> None:
    """The answer to a scenario is the same whatever has been run before: 0 is not false."""
    assert simulate(tree({"id": "before", "significant": False}))["start"]["result"][0] == "ok"
    assert "significant" in refusal(tree({"id": "before", "significant": 0}))


@pytest.mark.slow
def test_hash_seeds_make_no_difference() -> None:
    """Nor does it depend on the order of any set: every run of Python gives the same."""
    code = (
        "import json; from otpsup.testing import simulate\n"
        "from tests.otp.generator import Generator\n"
        "print(json.dumps([simulate(s) for s in Generator(7).scenarios(20)]))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


# Anything at all.

WORDS: dict[str, tuple[Any, ...]] = {
    "reason": ("crash", "normal", "shutdown", "shutdown_term", "kill"),
    "shutdown": ("infinity", "brutal_kill", 0, 5, 5000, 1e-9),
    "on_shutdown": ("shutdown", "normal", "crash", "shutdown_term", "ignore"),
    "restart": ("permanent", "transient", "temporary"),
    "intensity": (0, 1, 2, 1000),
    "period": (1, 1e-9, 5, 1e9),
    "significant": (True, False),
    "auto_shutdown": ("never", "any_significant", "all_significant"),
    "strategy": ("one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"),
    "mode": ("ok", "extra", "ignore", "error", "exit", "throw", "bad", "init_crash"),
    "n": (0, 1, 3, 30),
    "s": (0, 0.4, 1, 1e8),
    "path": ("root", "root/a", "root/b", "root/a/a", "root/p/w#1", "root/zz", "x", "root/"),
    "sup": ("root", "root/a", "root/b", "root/c", "root/a/b", "root/zz", "x"),
    "id": ("a", "b", "w", "w#1", "n1"),
}


def stirred(scenario: Json, rng: random.Random) -> Json:
    """The scenario with some values replaced by others of their kind, some events said twice, and
    some that were apart put into one batch."""
    for _ in range(rng.choice((1, 2, 3, 6))):
        place = rng.choice(list(places(scenario)))
        around, key = at(scenario, place[:-1]), place[-1]
        if key in WORDS and place != ("id",):
            around[key] = rng.choice(WORDS[str(key)])
        elif key == "outcomes":
            around[key] = [rng.choice(WORDS["mode"]) for _ in range(rng.randint(0, 6))]
        elif place[:-1] == ("events",) and rng.random() < 0.5:
            around.insert(key, copy.deepcopy(rng.choice(around)))
        elif place[:-1] == ("events",):
            do = [e for e in around if e["op"] not in ("batch", "advance", "stop_root")]
            around[key] = {"op": "batch", "sup": rng.choice(WORDS["sup"]), "do": copy.deepcopy(do)}
    return scenario


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_anything_legal(seed: int) -> None:
    """Whatever comes of values that are legal each for itself, it is a trace or a refusal, and it
    comes to an end."""
    (scenario,) = Generator(seed).scenarios(1)
    is_run_or_refused(stirred(scenario, random.Random(seed)))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from((HUGE, -HUGE, 1e308))
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([word for words in WORDS.values() for word in words]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from((*WORDS, "op", "children", "type", "child", "do", "x")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
OPS = ("kill", "plan", "fail_next", "start_child", "terminate_child", "which_children",
       "advance", "batch", "stop_root")  # fmt: skip
ALMOST = st.fixed_dictionaries(
    {"op": st.sampled_from(OPS), "sup": st.just("root") | VALUES},
    optional={key: st.sampled_from(w) | VALUES for key, w in WORDS.items() if key != "sup"},
)


@given(VALUES, st.lists(ALMOST, max_size=3), st.lists(VALUES, max_size=2))
def test_anything(value: Any, events: list[Any], children: list[Any]) -> None:
    """Nor does anything else come of any other JSON, of whatever types and sizes."""
    is_run_or_refused({"tree": value, "events": value})
    is_run_or_refused({**tree(A), "events": events})
    is_run_or_refused({**tree(*children), "plan": value})
    is_run_or_refused({**tree(A, **value)} if isinstance(value, dict) else value)

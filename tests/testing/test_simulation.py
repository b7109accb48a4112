"""Scenarios, played: what the trace shows, event by event, written out as OTP gives it.

Every case below is also run on Erlang/OTP itself where that is installed, so that what is written
here is not what otpsup happens to do. Traces are shortened: `start a`, `end a crash`,
`fail a error start_error`; the root is called `root` and stands first in no path.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import field, frozen

from otpsup.testing import BadScenario, simulate, system
from tests.otp import erlang

Json = dict[str, Any]


@frozen
class Case:
    """A tree, what happens to it, and what comes of each of these.

    Attributes:
        guarantee: in a sentence.
        tree: without its id.
        play: events, each with its result and its trace, a text of steps.
        stop: the trace of the end; None if the root had ended by then.
        plan: how the first starts go.
    """

    guarantee: str
    tree: Json
    play: list[tuple[Json, Any, str]]
    stop: str | None
    plan: Json = field(factory=dict)

    @property
    def scenario(self) -> Json:
        """The scenario as the format has it."""
        tree = {"id": "root", **self.tree}
        events = [event for event, _, _ in self.play]
        return {"id": self.guarantee, "tree": tree, "plan": self.plan, "events": events}


def step(record: Json) -> str:
    """One record of a trace, in words."""
    verb = {"start": "start", "start_failed": "fail", "exit": "end"}[record["ev"]]
    path = record["path"].removeprefix("root/")
    more = [str(record[key]) for key in ("mode", "reason") if key in record]
    return " ".join([verb, path, *more]).replace("['shutdown', 'done']", "{shutdown,done}")


def steps(trace: list[Json]) -> str:
    return ", ".join(map(step, trace))


def kill(path: str, reason: str = "crash") -> Json:
    return {"op": "kill", "path": f"root/{path}", "reason": reason}


def call(op: str, id: str = "", sup: str = "root", **more: Any) -> Json:
    return {"op": op, "sup": sup, **({"id": id} if id else {}), **more}


def plan(path: str, *outcomes: str) -> Json:
    return {"op": "plan", "path": f"root/{path}", "outcomes": list(outcomes)}


def batch(*do: Json, sup: str = "root") -> Json:
    return {"op": "batch", "sup": sup, "do": list(do)}


def advance(seconds: float) -> Json:
    return {"op": "advance", "s": seconds}


def sub(id: str, *children: Json, **more: Any) -> Json:
    return {"id": id, "type": "supervisor", "children": list(children), **more}


def pool(id: str = "p", **more: Any) -> Json:
    template = {"id": "w", **more.pop("template", {})}
    return sub(id, template, strategy="simple_one_for_one", **more)


WHO: Json = call("which_children")
A, B, C = {"id": "a"}, {"id": "b"}, {"id": "c"}
NOPROC = ["exit", "noproc"]
TEMPORARY = {"id": "t", "restart": "temporary"}
ALL_THREE = "end c shutdown, end b shutdown, end a shutdown, end root shutdown"


def counts(specs: int, active: int, supervisors: int, workers: int) -> Json:
    return {
        "specs": specs,
        "active": active,
        "supervisors": supervisors,
        "workers": workers,
    }


KILLS = [
    Case(
        "a transient child is restarted after a crash, and not after an orderly end",
        {"children": [{"id": "a", "restart": "transient"}], "intensity": 9},
        [
            (kill("a"), "ok", "end a crash, start a"),
            (kill("a", "kill"), "ok", "end a killed, start a"),
            (kill("a", "shutdown_term"), "ok", "end a {shutdown,done}"),
            (kill("a"), NOPROC, ""),
            (WHO, [["a", "undefined", "worker"]], ""),
        ],
        "end root shutdown",
    ),
    Case(
        "a temporary child that ends is forgotten",
        {"children": [TEMPORARY, A]},
        [(kill("t"), "ok", "end t crash"), (WHO, [["a", "running", "worker"]], "")],
        "end a shutdown, end root shutdown",
    ),
    Case(
        "a supervisor that ends stops its children first, and is restarted with them",
        {"children": [sub("s", A, B), C], "intensity": 9},
        [
            (
                kill("s"),
                "ok",
                "end s/b shutdown, end s/a shutdown, end s crash, start s/a, start s/b, start s",
            ),
        ],
        "end c shutdown, end s/b shutdown, end s/a shutdown, end s shutdown, end root shutdown",
    ),
    Case(
        "nobody is at a path that is none",
        {"children": [A]},
        [
            (kill("nobody"), NOPROC, ""),
            ({"op": "kill", "path": "other/a", "reason": "kill"}, NOPROC, ""),
            (call("which_children", sup="root/a"), NOPROC, ""),
            (call("restart_child", "a", sup="root/s"), NOPROC, ""),
            (batch(kill("a"), sup="root/s"), NOPROC, ""),
        ],
        "end a shutdown, end root shutdown",
    ),
    Case(
        "the root's own end is told, and after it all is noproc",
        {"children": [A]},
        [
            (
                {"op": "kill", "path": "root", "reason": "crash"},
                "ok",
                "end a shutdown, end root crash",
            ),
            (call("count_children"), NOPROC, ""),
            (plan("a", "error"), "ok", ""),
            (advance(1), "ok", ""),
            ({"op": "stop_root", "reason": "normal"}, NOPROC, ""),
        ],
        None,
    ),
]

STRATEGIES = [
    Case(
        "one_for_one",
        {"strategy": "one_for_one", "children": [A, B, C]},
        [(kill("b"), "ok", "end b crash, start b")],
        ALL_THREE,
    ),
    Case(
        "one_for_all",
        {"strategy": "one_for_all", "children": [A, B, C]},
        [
            (
                kill("b"),
                "ok",
                "end b crash, end c shutdown, end a shutdown, start a, start b, start c",
            )
        ],
        ALL_THREE,
    ),
    Case(
        "rest_for_one",
        {"strategy": "rest_for_one", "children": [A, B, C]},
        [(kill("b"), "ok", "end b crash, end c shutdown, start b, start c")],
        ALL_THREE,
    ),
    Case(
        "temporary siblings are stopped with the group, and forgotten",
        {"strategy": "one_for_all", "children": [A, TEMPORARY]},
        [
            (kill("a"), "ok", "end a crash, end t shutdown, start a"),
            (WHO, [["a", "running", "worker"]], ""),
        ],
        "end a shutdown, end root shutdown",
    ),
    Case(
        "what ended in order is started again by the next group restart",
        {"strategy": "one_for_all", "children": [A, {"id": "b", "restart": "transient"}]},
        [
            (kill("b", "normal"), "ok", "end b normal"),
            (kill("a"), "ok", "end a crash, start a, start b"),
        ],
        "end b shutdown, end a shutdown, end root shutdown",
    ),
    Case(
        "simple_one_for_one starts with nothing, numbers its instances and looks at each alone",
        {"children": [pool()]},
        [
            (call("which_children", sup="root/p"), [], ""),
            (call("count_children", sup="root/p"), counts(1, 0, 0, 0), ""),
            (call("start_child", sup="root/p"), ["ok", "root/p/w#1"], "start p/w#1"),
            (call("start_child", sup="root/p"), ["ok", "root/p/w#2"], "start p/w#2"),
            (kill("p/w#1"), "ok", "end p/w#1 crash, start p/w#1"),
            (call("terminate_child", "w#2", sup="root/p"), "ok", "end p/w#2 shutdown"),
            (call("restart_child", "w#1", sup="root/p"), ["error", "simple_one_for_one"], ""),
            (call("delete_child", "w#1", sup="root/p"), ["error", "simple_one_for_one"], ""),
            (call("start_child", sup="root/p"), ["ok", "root/p/w#3"], "start p/w#3"),
            (call("count_children", sup="root/p"), counts(1, 2, 0, 2), ""),
            (call("terminate_child", "w#3", sup="root/p"), "ok", "end p/w#3 shutdown"),
        ],
        "end p/w#1 shutdown, end p shutdown, end root shutdown",
    ),
]

DEFAULTS = [
    Case(
        "one restart in 5 s is allowed, a second within the fifth second is one too many",
        {"children": [A]},
        [
            (kill("a", "normal"), "ok", "end a normal, start a"),
            (advance(5), "ok", ""),
            (kill("a"), "ok", "end a crash, end root shutdown"),
        ],
        None,
    ),
    Case(
        "after 6 s the first no longer counts",
        {"children": [A]},
        [
            (kill("a"), "ok", "end a crash, start a"),
            (advance(6), "ok", ""),
            (kill("a"), "ok", "end a crash, start a"),
        ],
        "end a shutdown, end root shutdown",
    ),
    Case(
        "the window is open for each supervisor on its own, and new with each of its lives",
        {"children": [sub("s", A), sub("t", A)]},
        [
            (kill("s/a"), "ok", "end s/a crash, start s/a"),
            (kill("t/a"), "ok", "end t/a crash, start t/a"),
            (kill("s/a"), "ok", "end s/a crash, end s shutdown, start s/a, start s"),
            (kill("s/a"), "ok", "end s/a crash, start s/a"),
            (
                kill("s/a"),
                "ok",
                (
                    "end s/a crash, end s shutdown, end t/a shutdown, end t shutdown, "
                    "end root shutdown"
                ),
            ),
        ],
        None,
    ),
    Case(
        "intensity 0 is none at all",
        {"children": [A], "intensity": 0},
        [(kill("a"), "ok", "end a crash, end root shutdown")],
        None,
    ),
    Case(
        "a supervisor added without anything has no children, and is permanent",
        {"children": []},
        [
            (
                call("start_child", child={"id": "s", "type": "supervisor"}),
                ["ok", "root/s"],
                "start s",
            ),
            (WHO, [["s", "running", "supervisor"]], ""),
            (call("count_children"), counts(1, 1, 1, 0), ""),
            (kill("s", "normal"), "ok", "end s normal, start s"),
        ],
        "end s shutdown, end root shutdown",
    ),
]

FAILURES = [
    Case(
        "a restart that fails is tried again, each attempt counts, and then it is over",
        {"children": [A], "intensity": 2},
        [
            ({"op": "fail_next", "path": "root/a", "n": 2, "mode": "error"}, "ok", ""),
            (
                kill("a"),
                "ok",
                (
                    "end a crash, fail a error start_error, fail a error start_error, "
                    "end root shutdown"
                ),
            ),
        ],
        None,
    ),
    Case(
        "each way to fail has its own reason",
        {"children": [A], "intensity": 9},
        [
            (plan("a", "error", "exit", "throw", "bad", "init_crash", "extra"), "ok", ""),
            (
                kill("a"),
                "ok",
                (
                    "end a crash, fail a error start_error, fail a exit ['EXIT', 'start_exit'], "
                    "fail a throw start_throw, fail a bad bad_return, "
                    "fail a init_crash init_crash, start a"
                ),
            ),
        ],
        "end a shutdown, end root shutdown",
    ),
    Case(
        "a restart that declines to run ends quietly",
        {"children": [A]},
        [
            (plan("a", "ignore"), "ok", ""),
            (kill("a"), "ok", "end a crash"),
            (WHO, [["a", "undefined", "worker"]], ""),
            (call("count_children"), counts(1, 0, 0, 1), ""),
        ],
        "end root shutdown",
    ),
    Case(
        "fail_next 0 takes a plan back",
        {"children": [A]},
        [
            (plan("a", "error"), "ok", ""),
            ({"op": "fail_next", "path": "root/a", "n": 0, "mode": "error"}, "ok", ""),
            (kill("a"), "ok", "end a crash, start a"),
        ],
        "end a shutdown, end root shutdown",
    ),
    Case(
        "a group restart that fails half-way leaves those before it up until the retry",
        {"children": [A, B, C], "strategy": "one_for_all", "intensity": 5},
        [
            (plan("b", "error"), "ok", ""),
            (
                kill("c"),
                "ok",
                (
                    "end c crash, end b shutdown, end a shutdown, start a, "
                    "fail b error start_error, end a shutdown, start a, start b, start c"
                ),
            ),
        ],
        ALL_THREE,
    ),
    Case(
        "a supervisor whose child does not start again is an attempt of its parent's",
        {"children": [sub("s", A), B], "intensity": 1},
        [
            (plan("s/a", "error", "error"), "ok", ""),
            (
                kill("s"),
                "ok",
                (
                    "end s/a shutdown, end s crash, fail s/a error start_error, fail s error "
                    "['shutdown', ['failed_to_start_child', 'a', 'start_error']], "
                    "end b shutdown, end root shutdown"
                ),
            ),
        ],
        None,
    ),
]

CALLS = [
    Case(
        "what each call says of a child that runs, that is stopped, and that is gone",
        {"children": [A]},
        [
            (call("start_child", child=A), ["error", ["already_started", "root/a"]], ""),
            (call("restart_child", "a"), ["error", "running"], ""),
            (call("delete_child", "a"), ["error", "running"], ""),
            (call("terminate_child", "a"), "ok", "end a shutdown"),
            (call("terminate_child", "a"), "ok", ""),
            (call("start_child", child=A), ["error", "already_present"], ""),
            (call("restart_child", "a"), ["ok", "root/a"], "start a"),
            (call("terminate_child", "a"), "ok", "end a shutdown"),
            (call("delete_child", "a"), "ok", ""),
            (call("terminate_child", "a"), ["error", "not_found"], ""),
            (call("restart_child", "a"), ["error", "not_found"], ""),
            (call("delete_child", "a"), ["error", "not_found"], ""),
            (WHO, [], ""),
        ],
        "end root shutdown",
    ),
    Case(
        "a new child comes last; the newest is listed first",
        {"children": [A]},
        [
            (call("start_child", child=sub("s", B)), ["ok", "root/s"], "start s/b, start s"),
            (WHO, [["s", "running", "supervisor"], ["a", "running", "worker"]], ""),
            (call("count_children"), counts(2, 2, 1, 1), ""),
        ],
        "end s/b shutdown, end s shutdown, end a shutdown, end root shutdown",
    ),
    Case(
        "what was added to a supervisor is gone when it is restarted",
        {"children": [sub("s", A)]},
        [
            (call("start_child", sup="root/s", child=B), ["ok", "root/s/b"], "start s/b"),
            (
                kill("s"),
                "ok",
                "end s/b shutdown, end s/a shutdown, end s crash, start s/a, start s",
            ),
        ],
        "end s/a shutdown, end s shutdown, end root shutdown",
    ),
    Case(
        "restart_child that fails leaves the child down, and is not tried again",
        {"children": [A]},
        [
            (call("terminate_child", "a"), "ok", "end a shutdown"),
            (plan("a", "throw", "extra"), "ok", ""),
            (
                call("restart_child", "a"),
                ["error", "start_throw"],
                "fail a throw start_throw",
            ),
            (call("restart_child", "a"), ["ok", "root/a", "info"], "start a"),
        ],
        "end a shutdown, end root shutdown",
    ),
    Case(
        "a significant child is refused where nobody would look at it",
        {"children": []},
        [
            (
                call("start_child", child={**TEMPORARY, "significant": True}),
                ["error", ["bad_combination", [["auto_shutdown", "never"], ["significant", True]]]],
                "",
            ),
        ],
        "end root shutdown",
    ),
    Case(
        "any_significant: the first of them ends the root",
        {
            "auto_shutdown": "any_significant",
            "children": [{**TEMPORARY, "significant": True}, A],
        },
        [(kill("t"), "ok", "end t crash, end a shutdown, end root shutdown")],
        None,
    ),
    Case(
        "all_significant: the last of them does",
        {
            "auto_shutdown": "all_significant",
            "children": [
                {**TEMPORARY, "significant": True},
                {"id": "u", "restart": "transient", "significant": True},
                A,
            ],
        },
        [
            (kill("t"), "ok", "end t crash"),
            (kill("u"), "ok", "end u crash, start u"),
            (kill("u", "normal"), "ok", "end u normal, end a shutdown, end root shutdown"),
        ],
        None,
    ),
]

STOPS = [
    Case(
        "a stop ends as the child answers it, and a kill ends whatever does not",
        {
            "children": [
                {"id": "a", "on_shutdown": "shutdown", "shutdown": 0},
                {"id": "b", "on_shutdown": "normal", "shutdown": "infinity"},
                {"id": "c", "on_shutdown": "crash"},
                {"id": "d", "on_shutdown": "shutdown_term"},
                {"id": "e", "on_shutdown": "ignore", "shutdown": 10},
                {"id": "f", "on_shutdown": "normal", "shutdown": "brutal_kill"},
                {"id": "g", "on_shutdown": "ignore", "shutdown": 0},
                {"id": "h", "on_shutdown": "normal", "shutdown": 0},
            ]
        },
        [],
        "end h killed, end g killed, end f killed, end e killed, end d {shutdown,done}, "
        "end c crash, end b normal, end a shutdown, end root shutdown",
    ),
    *(
        Case(
            f"the root stops with the reason that it is given: {reason}",
            {"children": [A]},
            [({"op": "stop_root", "reason": reason}, "ok", f"end a shutdown, end root {shown}")],
            None,
        )
        for reason, shown in [
            ("crash", "crash"),
            ("normal", "normal"),
            ("shutdown", "shutdown"),
            ("shutdown_term", "{shutdown,done}"),
        ]
    ),
]

BATCHES = [
    Case(
        "two that die together cost two restarts under one_for_one",
        {"children": [A, B], "intensity": 1},
        [
            (
                batch(kill("a"), kill("b")),
                ["ok", "ok"],
                "end a crash, end b crash, start a, end a shutdown, end root shutdown",
            )
        ],
        None,
    ),
    Case(
        "under one_for_all they cost one",
        {"children": [A, B], "intensity": 1, "strategy": "one_for_all"},
        [
            (
                batch(kill("a"), kill("b")),
                ["ok", "ok"],
                "end a crash, end b crash, start a, start b",
            )
        ],
        "end b shutdown, end a shutdown, end root shutdown",
    ),
    Case(
        "under rest_for_one a later one is absorbed, an earlier one is a second restart",
        {"children": [A, B, C], "intensity": 2, "strategy": "rest_for_one"},
        [
            (
                batch(kill("a"), kill("c")),
                ["ok", "ok"],
                "end a crash, end c crash, end b shutdown, start a, start b, start c",
            ),
            (advance(60), "ok", ""),
            (
                batch(kill("c"), kill("b")),
                ["ok", "ok"],
                "end c crash, end b crash, start c, end c shutdown, start b, start c",
            ),
        ],
        ALL_THREE,
    ),
    Case(
        "a call that is behind a death sees what came of it; one before it still sees the dead",
        {"children": [A]},
        [
            (
                batch(WHO, call("restart_child", "a"), kill("a"), WHO, call("count_children")),
                [
                    [["a", "running", "worker"]],
                    ["error", "running"],
                    "ok",
                    [["a", "running", "worker"]],
                    counts(1, 1, 0, 1),
                ],
                "end a crash, start a",
            )
        ],
        "end a shutdown, end root shutdown",
    ),
    Case(
        "calls that come between two attempts see `restarting`",
        {"children": [A, B], "intensity": 5},
        [
            (
                batch(
                    plan("a", "error"),
                    kill("a"),
                    {"op": "which_children"},
                    {"op": "count_children"},
                    {"op": "restart_child", "id": "a"},
                    {"op": "delete_child", "id": "a"},
                    {"op": "start_child", "child": A},
                ),
                [
                    "ok",
                    "ok",
                    [["b", "running", "worker"], ["a", "restarting", "worker"]],
                    counts(2, 1, 0, 2),
                    ["error", "restarting"],
                    ["error", "restarting"],
                    ["error", "already_present"],
                ],
                "end a crash, fail a error start_error, start a",
            )
        ],
        "end b shutdown, end a shutdown, end root shutdown",
    ),
    Case(
        "terminate_child between two attempts cancels the next",
        {"children": [A, B], "intensity": 5},
        [
            (
                batch(plan("a", "error"), kill("a"), call("terminate_child", "a"), WHO),
                ["ok", "ok", "ok", [["b", "running", "worker"], ["a", "undefined", "worker"]]],
                "end a crash, fail a error start_error",
            )
        ],
        "end b shutdown, end root shutdown",
    ),
    Case(
        "whoever still waits for an answer when the supervisor ends gets its reason",
        {"children": [A], "intensity": 0},
        [
            (
                batch(kill("a"), WHO, call("start_child", child=B)),
                ["ok", ["exit", "shutdown"], ["exit", "shutdown"]],
                "end a crash, end root shutdown",
            )
        ],
        None,
    ),
    Case(
        "a supervisor below has a batch of its own, and others answer calls meanwhile",
        {"children": [sub("s", A, strategy="one_for_all"), B]},
        [
            (
                batch(
                    kill("s/a"),
                    call("which_children", sup="root"),
                    {"op": "which_children"},
                    sup="root/s",
                ),
                [
                    "ok",
                    [["b", "running", "worker"], ["s", "running", "supervisor"]],
                    [["a", "running", "worker"]],
                ],
                "end s/a crash, start s/a",
            )
        ],
        "end b shutdown, end s/a shutdown, end s shutdown, end root shutdown",
    ),
    Case(
        "in a batch of a template, restarting instances have no name",
        {"children": [pool(intensity=3)]},
        [
            (call("start_child", sup="root/p"), ["ok", "root/p/w#1"], "start p/w#1"),
            (call("start_child", sup="root/p"), ["ok", "root/p/w#2"], "start p/w#2"),
            (
                batch(
                    plan("p/w#2", "error"),
                    kill("p/w#2"),
                    call("which_children", sup="root/p"),
                    call("count_children", sup="root/p"),
                    sup="root/p",
                ),
                [
                    "ok",
                    "ok",
                    [["undefined", "restarting", "worker"], ["w#1", "running", "worker"]],
                    counts(1, 1, 0, 2),
                ],
                "end p/w#2 crash, fail p/w#2 error start_error, start p/w#2",
            ),
            (call("terminate_child", "w#1", sup="root/p"), "ok", "end p/w#1 shutdown"),
        ],
        "end p/w#2 shutdown, end p shutdown, end root shutdown",
    ),
    Case(
        "an empty batch is nothing",
        {"children": [A]},
        [(batch(), [], "")],
        "end a shutdown, end root shutdown",
    ),
]

STARTS = [
    Case(
        "a child that declines to run at the start is down, and all others come up",
        {"children": [A, B]},
        [
            (WHO, [["b", "running", "worker"], ["a", "undefined", "worker"]], ""),
            (call("restart_child", "a"), ["ok", "root/a"], "start a"),
        ],
        "end b shutdown, end a shutdown, end root shutdown",
        plan={"root/a": ["ignore"]},
    ),
    Case(
        "after a start that failed there is nobody",
        {"children": [A, B]},
        [(WHO, NOPROC, ""), (batch(WHO), NOPROC, "")],
        None,
        plan={"root/b": ["exit"]},
    ),
]

CASES = [*KILLS, *STRATEGIES, *DEFAULTS, *FAILURES, *CALLS, *STOPS, *BATCHES, *STARTS]


def check(case: Case, trace: Json) -> None:
    """The trace is the one that is written down."""
    told = [(event["result"], steps(event["trace"])) for event in trace["events"]]
    assert told == [(result, text) for _, result, text in case.play]
    if case.stop is not None:
        assert (trace["stop"]["result"], steps(trace["stop"]["trace"])) == ("ok", case.stop)
    else:
        assert trace["stop"] == {"result": NOPROC, "trace": []}
        assert trace["final"] == {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.guarantee)
def test_cases(case: Case) -> None:
    """Each result and each trace is the one that is written out here."""
    trace = simulate(case.scenario)

    assert trace["id"] == case.guarantee
    assert [event["op"] for event in trace["events"]] == [event["op"] for event, _, _ in case.play]
    check(case, trace)


def test_everything_is_in_a_case() -> None:
    """Every event, outcome, way to end, answer to a stop, and strategy of the format."""
    text = json.dumps([case.scenario for case in CASES])
    words = """kill plan fail_next start_child terminate_child restart_child delete_child
        which_children count_children advance batch stop_root
        extra ignore error exit throw bad init_crash crash normal shutdown shutdown_term
        one_for_one one_for_all rest_for_one simple_one_for_one any_significant all_significant
        transient temporary brutal_kill infinity"""

    assert [word for word in words.split() if f'"{word}"' not in text] == []


@pytest.mark.slow
@pytest.mark.skipif(not erlang.is_installed(), reason="needs Erlang (Debian: erlang-base)")
def test_otp_agrees() -> None:
    """What is written out above is what Erlang/OTP does with these scenarios."""
    with erlang.Otp() as otp:
        traces = otp.run([case.scenario for case in CASES])
    for case, trace in zip(CASES, traces, strict=True):
        check(case, trace)


def test_the_format_s_example() -> None:
    """The example of the format, as it is there, gives the trace that is there, key by key."""
    line = (
        '{"id":"start-order","tree":{"id":"root","strategy":"one_for_one","intensity":5,"period":5,'
        '"children":[{"id":"a"},{"id":"s","type":"supervisor","strategy":"one_for_one",'
        '"children":[{"id":"x"},{"id":"y"}]},{"id":"b"}]},"events":[]}'
    )
    start = (
        '{"id":"start-order","start":{"op":"start","result":["ok","root"],"trace":['
        '{"ev":"start","path":"root/a"},{"ev":"start","path":"root/s/x"},'
        '{"ev":"start","path":"root/s/y"},{"ev":"start","path":"root/s"},'
        '{"ev":"start","path":"root/b"},{"ev":"start","path":"root"}]},"events":[],'
    )
    final = (
        '"final":{"root":{"which":[["b","running","worker"],["s","running","supervisor"],'
        '["a","running","worker"]],"count":{"specs":3,"active":3,"supervisors":1,"workers":2}},'
        '"root/s":{"which":[["y","running","worker"],["x","running","worker"]],'
        '"count":{"specs":2,"active":2,"supervisors":0,"workers":2}}},'
    )
    stop = (
        '"stop":{"result":"ok","trace":[{"ev":"exit","path":"root/b","reason":"shutdown"},'
        '{"ev":"exit","path":"root/s/y","reason":"shutdown"},'
        '{"ev":"exit","path":"root/s/x","reason":"shutdown"},'
        '{"ev":"exit","path":"root/s","reason":"shutdown"},'
        '{"ev":"exit","path":"root/a","reason":"shutdown"},'
        '{"ev":"exit","path":"root","reason":"shutdown"}]}}'
    )

    assert json.dumps(simulate(json.loads(line)), separators=(",", ":")) == start + final + stop


def test_root_exit_is_told_once() -> None:
    """`root_exit` stands at the event that ended the root, and at no other."""
    scenario = {
        "tree": {"id": "root", "intensity": 0, "children": [A]},
        "events": [advance(1), kill("a"), WHO],
        "snapshots": True,
    }
    before, end, after = simulate(scenario)["events"]

    assert ("root_exit" in before, end["root_exit"], "root_exit" in after) == (
        False,
        "shutdown",
        False,
    )
    assert (list(before["snap"]), end["snap"], after["snap"]) == (["root"], {}, {})


def test_a_killed_root_kills_what_is_below() -> None:
    """SIGKILL leaves nobody the time for an answer of its own; a supervisor still ends last."""
    children = [{"id": "a", "on_shutdown": "normal"}, sub("s", A)]
    scenario = {
        "tree": {"id": "root", "children": children},
        "events": [{"op": "stop_root", "reason": "kill"}],
    }
    (end,) = simulate(scenario)["events"]

    assert end["root_exit"] == "killed"
    paths = [record["path"] for record in end["trace"]]
    assert sorted(paths) == ["root", "root/a", "root/s", "root/s/a"]
    assert paths.index("root/s/a") < paths.index("root/s") < paths.index("root") == 3
    assert {record["reason"] for record in end["trace"]} == {"killed"}


def test_a_failed_start_names_the_child() -> None:
    """A tree that does not come up says which child did not, and takes back what was up."""
    scenario = {
        "id": [1, None],
        "tree": {"id": "top", "children": [A, B, C]},
        "plan": {"top/b": ["exit"]},
    }
    trace = simulate(scenario)
    why = ["shutdown", ["failed_to_start_child", "b", ["EXIT", "start_exit"]]]

    assert trace == {
        "id": [1, None],
        "start": {
            "op": "start",
            "result": ["error", why],
            "trace": [
                {"ev": "start", "path": "top/a"},
                {
                    "ev": "start_failed",
                    "path": "top/b",
                    "mode": "exit",
                    "reason": ["EXIT", "start_exit"],
                },
                {"ev": "exit", "path": "top/a", "reason": "shutdown"},
                {"ev": "start_failed", "path": "top", "mode": "error", "reason": why},
            ],
        },
        "events": [],
        "final": {},
        "stop": {"result": NOPROC, "trace": []},
    }


def test_the_scenario_is_not_changed() -> None:
    """A scenario can be run again, with the same trace: nothing of it is used up."""
    scenario = {
        "tree": {"id": "root", "intensity": 9, "children": [A, pool()]},
        "plan": {"root/a": ["extra"], "root/p/w#1": ["error"]},
        "events": [
            batch(plan("a", "throw"), kill("a"), {"op": "which_children"}),
            call("start_child", sup="root/p"),
            call("start_child", child=sub("s", B)),
        ],
    }
    text = json.dumps(scenario)

    assert simulate(scenario) == simulate(scenario)
    assert json.dumps(scenario) == text


def test_what_never_rests_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree that would restart a child for ever is refused, and does not hang."""
    monkeypatch.setattr(system, "_TICKS", 500)
    scenario = {
        "tree": {"id": "root", "intensity": 10**9, "children": [A]},
        "events": [{"op": "fail_next", "path": "root/a", "n": 10**4, "mode": "error"}, kill("a")],
    }
    with pytest.raises(BadScenario, match="does not come to rest"):
        simulate(scenario)


@pytest.mark.parametrize("where", ["stop", "terminate_child", "group"])
def test_a_stop_that_never_ends_is_refused(where: str) -> None:
    """A worker that ignores its stop and is waited for without limit is named."""
    deaf = {"id": "deaf", "on_shutdown": "ignore", "shutdown": "infinity"}
    events = {
        "stop": [],
        "terminate_child": [call("terminate_child", "deaf")],
        "group": [kill("a")],
    }
    tree = {"id": "root", "strategy": "one_for_all", "children": [A, deaf]}
    with pytest.raises(BadScenario, match="root/deaf ignores its stop request"):
        simulate({"tree": tree, "events": events[where]})

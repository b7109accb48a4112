"""The engine decides as Erlang/OTP's own supervisor does: whole traces, results and final states.

Here, some hundred fresh scenarios where Erlang is installed, and recorded ones everywhere. The
whole comparison is a command: `python -m tests.otp.compare`.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from otpsup.testing import simulate
from otpsup.testing.scenario import parse
from tests.otp import compare, erlang
from tests.otp.generator import Generator
from tests.otp.waking import WakingSimulation

RECORDED = Path(__file__).parent / "recorded.jsonl.gz"
FRESH = 100

# What an operator stopped stays down, as it does not in OTP (deviation 1).
STOPPED = {
    "id": "stopped",
    "tree": {
        "id": "root",
        "strategy": "one_for_all",
        "children": [{"id": "a"}, {"id": "b"}, {"id": "c"}],
    },
    "events": [
        {"op": "terminate_child", "sup": "root", "id": "b"},
        {"op": "kill", "path": "root/a", "reason": "crash"},
    ],
}


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_recorded(every: int) -> None:
    """More than a thousand recorded scenarios, or every third of them, come out as on OTP 25."""
    tally = compare.Tally()
    for scenario, otp in compare.recorded(RECORDED)[::every]:
        compare.check(scenario, otp, tally)

    assert tally.scenarios >= 1000 / every
    assert 0 < tally.woken < tally.scenarios / 10


@pytest.mark.slow
@pytest.mark.skipif(not erlang.is_installed(), reason="needs Erlang (Debian: erlang-base)")
def test_fresh() -> None:
    """Random scenarios that nobody has seen come out as they do on OTP, now."""
    seed = random.SystemRandom().randrange(10**9)
    print(f"again: python -m tests.otp.compare --seed {seed}")
    with erlang.Otp() as otp:
        (tally,) = compare.compare(Generator(seed), FRESH, otp)

    assert tally.scenarios == FRESH


def test_deviation_1() -> None:
    """A group restart leaves alone what an operator stopped; with that undone it is OTP's."""
    ours = simulate(STOPPED)["events"][1]["trace"]
    undone = WakingSimulation(parse(STOPPED)).run()["events"][1]["trace"]

    assert [r["path"] for r in ours if r["ev"] == "start"] == ["root/a", "root/c"]
    assert [r["path"] for r in undone if r["ev"] == "start"] == ["root/a", "root/b", "root/c"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda trace: trace["events"].pop(),
        lambda trace: trace["stop"]["trace"].reverse(),
        lambda trace: trace["start"]["trace"].append({"ev": "start", "path": "root/x"}),
        lambda trace: trace["final"].clear(),
    ],
)
def test_a_difference_is_seen(wrong: object) -> None:
    """The comparison is of everything: whatever is not as in OTP is found."""
    pairs = compare.recorded(RECORDED)
    scenario, otp = next((s, t) for s, t in pairs if t["final"] and len(t["stop"]["trace"]) > 2)
    assert callable(wrong)
    wrong(otp)

    with pytest.raises((compare.Different, ValueError)):
        compare.check(scenario, otp, compare.Tally())


def test_generator_reaches_everything() -> None:
    """All events, outcomes, strategies and answers of the format come up in what is recorded."""
    text = "".join(map(str, compare.recorded(RECORDED)))
    words = """kill plan fail_next start_child terminate_child restart_child delete_child
        which_children count_children advance batch stop_root ok extra ignore error exit throw bad
        init_crash one_for_one one_for_all rest_for_one simple_one_for_one any_significant
        all_significant permanent transient temporary brutal_kill infinity crash normal shutdown
        shutdown_term already_started already_present not_found running restarting undefined noproc
        failed_to_start_child killed root_exit snap"""

    assert [word for word in words.split() if f"'{word}'" not in text] == []

"""Who is restarted with whom: every case, against tables that are written out here."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup.engine.reasons import Kind, Reason
from otpsup.engine.strategy import affected, is_expected_stop, is_worth_a_report, should_restart
from otpsup.specs import Supervisor, Worker
from otpsup.specs.children import Restart, Strategy
from tests.engine.world import World

GROUPS = {
    # strategy, failed: stopped, then started
    ("one_for_one", "a"): ("", "a"),
    ("one_for_one", "b"): ("", "b"),
    ("one_for_one", "c"): ("", "c"),
    ("one_for_one", "d"): ("", "d"),
    ("one_for_all", "a"): ("dcb", "abcd"),
    ("one_for_all", "b"): ("dca", "abcd"),
    ("one_for_all", "c"): ("dba", "abcd"),
    ("one_for_all", "d"): ("cba", "abcd"),
    ("rest_for_one", "a"): ("dcb", "abcd"),
    ("rest_for_one", "b"): ("dc", "bcd"),
    ("rest_for_one", "c"): ("d", "cd"),
    ("rest_for_one", "d"): ("", "d"),
}
"""OTP.md 10.1 to 10.3, for children a, b, c and d that are all permanent."""

RESTARTED = {
    ("permanent", "code 0"): True,
    ("permanent", "code 1"): True,
    ("permanent", "SIGTERM"): True,
    ("permanent", "SIGKILL"): True,
    ("transient", "code 0"): False,
    ("transient", "code 1"): True,
    ("transient", "SIGTERM"): True,
    ("transient", "SIGKILL"): True,
    ("temporary", "code 0"): False,
    ("temporary", "code 1"): False,
    ("temporary", "SIGTERM"): False,
    ("temporary", "SIGKILL"): False,
}
"""OTP.md 8.1; what nobody here has asked for is abnormal."""

ENDS: dict[str, tuple[int | None, int | None]] = {
    "code 0": (0, None),
    "code 1": (1, None),
    "SIGTERM": (None, 15),
    "SIGKILL": (None, 9),
}

TYPES: tuple[Restart, ...] = get_args(Restart)
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


def booted(strategy: Strategy, types: tuple[Restart, ...], *, intensity: int = 1) -> World:
    """Children a, b, c... of these restart types, all running."""
    children = [Worker(name, "app:run", restart=t) for name, t in zip("abcd", types, strict=False)]
    spec = Supervisor("top", strategy=strategy, intensity=intensity, children=children)
    world = World(spec).boot()
    world.history.clear()
    return world


def steps(world: World, action: str) -> str:
    """The names of those who were started, or ended, since the last look."""
    return "".join(path for act, path in world.history if act == action)


@pytest.mark.parametrize(("strategy", "failed"), GROUPS)
def test_group(strategy: Strategy, failed: str) -> None:
    """The group of a permanent child goes down in reverse and comes up in order; nobody else."""
    stopped, started = GROUPS[strategy, failed]
    world = booted(strategy, ("permanent",) * 4)
    world.exit(failed)
    world.settle()

    assert f"{failed}{stopped}" == steps(world, "exit")
    assert started == steps(world, "start")
    assert sorted(world.live_paths()) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("failed", "abcd")
def test_group_of_all_types(strategy: Strategy, failed: str) -> None:
    """Whatever the restart types: the failed one's decides, and temporary siblings stay down."""
    for three in product(TYPES, repeat=3):
        types: tuple[Restart, ...] = (*three, "permanent")
        type_of = dict(zip("abcd", types, strict=True))
        for end, (code, signal) in ENDS.items():
            world = booted(strategy, types)
            world.exit(failed, code=code, signal=signal)
            world.settle()
            stopped, started = GROUPS[strategy, failed]
            if not RESTARTED[type_of[failed], end]:
                stopped = started = ""

            kept = "".join(name for name in started if type_of[name] != "temporary")
            assert f"{failed}{stopped}" == steps(world, "exit"), (types, end)
            assert kept == steps(world, "start"), (types, end)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_group_costs_one(strategy: Strategy) -> None:
    """A restart counts once, however many children it stops and starts. OTP.md 9.5."""
    world = booted(strategy, ("permanent",) * 4, intensity=2)
    for _ in range(2):
        world.exit("a")
        world.settle()

    assert world.halt is None

    world.exit("a")
    world.settle()

    assert world.halt is not None


@pytest.mark.parametrize(("restart", "end"), RESTARTED)
def test_should_restart(restart: Restart, end: str) -> None:
    """The decision itself, for each restart type and class of end."""
    kinds: dict[str, Kind] = {"code 0": "normal", "code 1": "exited"}
    reason = Reason(kinds.get(end, "signaled"))

    assert RESTARTED[restart, end] == should_restart(restart, reason)


@pytest.mark.parametrize(
    ("kind", "is_abnormal"),
    [
        ("normal", False),
        ("shutdown", False),
        ("killed", True),
        ("exited", True),
        ("signaled", True),
        ("exception", True),
        ("error", True),
    ],
)
def test_abnormal(kind: Kind, is_abnormal: bool) -> None:
    """Which ends are abnormal: transient children are restarted, and all types are reported."""
    reason = Reason(kind)

    assert is_abnormal == (not reason.is_normal)
    assert is_abnormal == should_restart("transient", reason)
    assert not should_restart("temporary", reason)
    assert should_restart("permanent", reason)
    assert is_worth_a_report("permanent", reason)
    assert is_abnormal == is_worth_a_report("transient", reason)
    assert is_abnormal == is_worth_a_report("temporary", reason)
    assert is_expected_stop(reason, brutal=False) == (not is_abnormal)
    assert is_expected_stop(reason, brutal=True) == (not is_abnormal or kind == "killed")


@given(st.lists(st.integers(), min_size=1, unique=True), st.data())
def test_affected(names: list[str], data: st.DataObject) -> None:
    """The group is a part of the order, in that order, with the failed child in it."""
    world = World(Supervisor("top", children=[Worker(f"w{n}", "app:run") for n in names]))
    order = world.engine.root.order
    children = list(order.all())
    failed = data.draw(st.sampled_from(children))
    position = children.index(failed)

    assert [failed] == list(affected("one_for_one", order, failed))
    assert children == list(affected("one_for_all", order, failed))
    assert children[position:] == list(affected("rest_for_one", order, failed))

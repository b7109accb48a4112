"""OTP's supervisor_SUITE, group significant: children whose end ends their supervisor."""

from __future__ import annotations

from itertools import product
from typing import Any, cast

import pytest

from otpsup.engine.events import TerminateChild
from otpsup.errors import InvalidSpec
from otpsup.specs import DynamicSupervisor, Supervisor
from otpsup.specs.children import AutoShutdown, Restart
from tests.otp.test_suite_world import Suite, halted, pooling, supervising, which, worker

MODES: tuple[AutoShutdown, ...] = ("never", "any_significant", "all_significant")
BY_ITSELF = ("kill", "crash", "normal", "shutdown", "{shutdown,_}")
ENDED = ("auto_shutdown", "shutdown")


def end(suite: Suite, path: str, how: str) -> Suite:
    """Let a child end by itself, or (`stop`) on request."""
    if how == "stop":
        suite.ok(TerminateChild(path))
        return suite
    return suite.leave(path, how)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", ["stop", *BY_ITSELF])
def test_nonsignificant_temporary(mode: AutoShutdown, how: str) -> None:
    """However a temporary child ends that is not significant, its supervisor goes on."""
    suite = supervising(auto_shutdown=mode)
    suite.add(worker("child1", restart="temporary"))
    end(suite, "child1", how)

    assert halted(suite) is None
    assert which(suite) == []


AFTERWARDS = {
    "stop": "down",
    "kill": "running",
    "crash": "running",
    "normal": "down",
    "shutdown": "down",
    "{shutdown,_}": "down",
}
"""The state of a transient child after each end."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", AFTERWARDS)
def test_nonsignificant_transient(mode: AutoShutdown, how: str) -> None:
    """However a transient child ends that is not significant, its supervisor goes on.

    It is started again after an abnormal end, as ever.
    """
    suite = supervising(auto_shutdown=mode)
    suite.add(worker("child1", restart="transient"))
    end(suite, "child1", how)

    assert halted(suite) is None
    assert which(suite) == [("child1", AFTERWARDS[how])]


def significant(mode: AutoShutdown, restart: Restart) -> Suite:
    """Two significant children of this type, and one that is not."""
    suite = supervising(worker("other"), auto_shutdown=mode)
    for name in ("child1", "child2"):
        suite.add(worker(name, restart=restart, significant=True))
    suite.history.clear()
    return suite


def test_significant_temporary() -> None:
    """A significant temporary child that ends by itself ends its supervisor, in whatever way.

    Under `all_significant` only the last one does. One that is stopped on request never does, not
    even the last one.
    """
    for how in BY_ITSELF:
        suite = end(significant("any_significant", "temporary"), "child1", how)

        assert halted(suite) == ENDED, how
        assert suite.take_history() == ["exit child1", "exit child2", "exit other"]

        suite = end(significant("all_significant", "temporary"), "child1", how)

        assert halted(suite) is None, how
        assert which(suite) == [("other", "running"), ("child2", "running")]
        assert halted(end(suite, "child2", how)) == ENDED, how
    for mode in MODES[1:]:
        suite = significant(mode, "temporary")
        end(end(suite, "child1", "stop"), "child2", "stop")

        assert halted(suite) is None, mode
        assert which(suite) == [("other", "running")]


def test_significant_transient() -> None:
    """A significant transient child ends its supervisor if it ends normally, else it is restarted.

    Under `all_significant` only the last one does; who was stopped on request counts as gone.
    """
    for how, mode in product(("kill", "crash"), MODES[1:]):
        suite = end(significant(mode, "transient"), "child1", how)

        assert halted(suite) is None, (how, mode)
        assert suite.take_history() == ["exit child1", "start child1"]
    for how in ("normal", "shutdown", "{shutdown,_}"):
        suite = end(significant("any_significant", "transient"), "child1", how)

        assert halted(suite) == ENDED, how
        assert suite.take_history() == ["exit child1", "exit child2", "exit other"]

        suite = end(significant("all_significant", "transient"), "child1", how)

        assert halted(suite) is None, how
        assert halted(end(suite, "child2", how)) == ENDED, how
    for mode in MODES[1:]:
        assert halted(end(significant(mode, "transient"), "child1", "stop")) is None, mode
    suite = end(significant("all_significant", "transient"), "child1", "stop")

    assert halted(end(suite, "child2", "normal")) == ENDED


def test_significant_simple() -> None:
    """A pool has no significant instances: neither mode can be given to one, nor such a template.

    OTP's word is bad_combination; with us the option is not there at all.
    """
    for mode in MODES[1:]:
        with pytest.raises(TypeError):
            cast("Any", DynamicSupervisor)("pool", worker("child"), auto_shutdown=mode)
        with pytest.raises(InvalidSpec):
            Supervisor("pool", strategy=cast("Any", "simple_one_for_one"), auto_shutdown=mode)
    with pytest.raises(InvalidSpec):
        DynamicSupervisor("pool", worker("child", restart="temporary", significant=True))
    suite = pooling(worker("child", restart="temporary"), instances=2)

    assert halted(suite.leave("child#1", "normal").leave("child#2", "crash")) is None


BYSTANDING = {
    # what comes of it if `child2` is killed; child3 is temporary, so it does not come back
    "one_for_one": ["exit child2", "start child2"],
    "one_for_all": ["exit child2", "exit child3", "exit child1", "start child1", "start child2"],
    "rest_for_one": ["exit child2", "exit child3", "start child2"],
}


@pytest.mark.parametrize("mode", MODES[1:])
@pytest.mark.parametrize("strategy", BYSTANDING)
def test_significant_bystander(strategy: str, mode: AutoShutdown) -> None:
    """Significant children that go down with the group of another do not end their supervisor."""
    suite = supervising(
        worker("child1", restart="transient", significant=True),
        worker("child2"),
        worker("child3", restart="temporary", significant=True),
        strategy=strategy,
        auto_shutdown=mode,
    )
    suite.leave("child2", "kill")

    assert halted(suite) is None
    assert suite.take_history() == BYSTANDING[strategy]


def nested(restart: Restart, *, is_significant: bool) -> Suite:
    """A supervisor that a significant child of its own ends, below one of the same mind."""
    sub = Supervisor(
        "sub",
        restart=restart,
        significant=is_significant,
        auto_shutdown="any_significant",
        children=[worker("x", restart="transient", significant=True)],
    )
    suite = supervising(sub, worker("other"), auto_shutdown="any_significant")
    return suite.leave("sub/x", "normal")


def test_significant_escalation() -> None:
    """An auto shutdown goes on upwards from a supervisor that is significant itself, and only so.

    A permanent one is started again, as after any end.
    """
    down: tuple[Restart, ...] = ("transient", "temporary")
    for restart in down:
        suite = nested(restart, is_significant=True)

        assert halted(suite) == ENDED, restart
        assert suite.ends[-3:] == [("sub", "shutdown"), ("other", "shutdown"), ("", "shutdown")]

        suite = nested(restart, is_significant=False)

        assert halted(suite) is None, restart
        assert suite.live_paths() == ["other"]
    suite = nested("permanent", is_significant=False)

    assert halted(suite) is None
    assert suite.take_history() == ["exit sub/x", "start sub/x"]

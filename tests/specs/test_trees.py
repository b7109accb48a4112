"""Which specs may stand together, as OTP has it; supervisor_SUITE: child_specs_map, sup_flags."""

from __future__ import annotations

from itertools import product
from typing import Any, get_args

import pytest

from otpsup.errors import InvalidSpec
from otpsup.specs import (
    ChildSpec,
    DynamicSupervisor,
    Supervisor,
    Worker,
    check_significant,
)
from otpsup.specs.children import AutoShutdown, Restart

ALLOWED = {
    # auto_shutdown, restart, significant (OTP.md 13.1)
    ("never", "permanent", False),
    ("never", "transient", False),
    ("never", "temporary", False),
    ("any_significant", "permanent", False),
    ("any_significant", "transient", False),
    ("any_significant", "transient", True),
    ("any_significant", "temporary", False),
    ("any_significant", "temporary", True),
    ("all_significant", "permanent", False),
    ("all_significant", "transient", False),
    ("all_significant", "transient", True),
    ("all_significant", "temporary", False),
    ("all_significant", "temporary", True),
}


@pytest.mark.parametrize(
    ("auto_shutdown", "restart", "significant"),
    list(product(get_args(AutoShutdown), get_args(Restart), (False, True))),
)
@pytest.mark.parametrize("kind", ["worker", "supervisor", "dynamic"])
def test_significant(
    auto_shutdown: AutoShutdown, restart: Restart, significant: bool, kind: str
) -> None:
    """Significant children need auto_shutdown and an end; else it is OTP's bad_combination."""

    def tree() -> Supervisor:
        options: Any = {"restart": restart, "significant": significant}
        child: ChildSpec
        if kind == "worker":
            child = Worker("a", "app:run", **options)
        elif kind == "supervisor":
            child = Supervisor("a", **options)
        else:
            child = DynamicSupervisor("a", Worker("b", "app:run"), **options)
        return Supervisor("top", auto_shutdown=auto_shutdown, children=[child])

    if (auto_shutdown, restart, significant) in ALLOWED:
        tree()
    else:
        with pytest.raises(InvalidSpec, match="'a': significant=True needs") as caught:
            tree()

        assert caught.value.reason == "bad_combination"


def test_significant_in_a_pool() -> None:
    """Instances of a template are never significant. supervisor_SUITE: significant_simple."""
    child = Worker("a", "app:run", restart="transient", significant=True)

    with pytest.raises(InvalidSpec, match="not significant") as caught:
        DynamicSupervisor("pool", child)

    assert caught.value.reason == "bad_start_spec"

    with pytest.raises(InvalidSpec, match="'pool' has 'never'"):
        check_significant(DynamicSupervisor("pool", Worker("b", "app:run")), child)


def test_duplicate_names() -> None:
    """Two children of one supervisor have two names. OTP: duplicate_child_name."""
    with pytest.raises(InvalidSpec, match="two children are named 'a'; rename one") as caught:
        Supervisor(
            "top", children=[Worker("a", "app:x"), Worker("b", "app:x"), Worker("a", "app:y")]
        )

    assert caught.value.reason == "duplicate_child_name"


def test_same_name_elsewhere() -> None:
    """Names are unique among siblings only."""
    inner = Supervisor("a", children=[Worker("a", "app:x")])

    assert Supervisor("a", children=[inner]).children == (inner,)


def test_defaults() -> None:
    """DESIGN 4.5, OTP.md 3.1: what is not said. supervisor_SUITE: sup_start_map."""
    worker, top = Worker("a", "app:x"), Supervisor("top")

    assert (
        worker.restart,
        worker.shutdown,
        worker.significant,
        worker.autostart,
        worker.backoff,
    ) == ("permanent", 5.0, False, True, None)
    assert (
        top.strategy,
        top.intensity,
        top.period,
        top.auto_shutdown,
        top.shutdown,
    ) == ("one_for_one", 3, 5.0, "never", "infinity")
    assert DynamicSupervisor("pool", worker).shutdown == "infinity"


def test_order_is_kept() -> None:
    """Children stay in the order in which they are given; a list becomes a tuple."""
    children = [Worker(name, "app:x") for name in "cab"]

    assert tuple(children) == Supervisor("top", children=children).children

"""OTP's supervisor_SUITE, administration: the requests and the specifications."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, cast

import pytest

from otpsup import Tree
from otpsup.engine.events import (
    CountChildren,
    DeleteChild,
    Request,
    StartChild,
    StartDeclared,
    TerminateChild,
    WhichChildren,
)
from otpsup.errors import (
    AlreadyPresent,
    AlreadyStarted,
    InvalidSpec,
    NotFound,
    NotRunning,
    Running,
    SimpleOneForOne,
)
from otpsup.specs import Command, DynamicSupervisor, Supervisor, Worker
from tests.otp.test_suite_world import Suite, counts, pooling, supervising, which, worker


def restart_child(path: str) -> StartDeclared:
    """OTP's `restart_child`."""
    return StartDeclared(path, restart_only=True)


def test_child_adm() -> None:
    """Every request, in each state of one child, gets OTP's answer and has OTP's effect."""
    child = worker("child1")
    suite = supervising(child)

    assert (which(suite), counts(suite)) == ([("child1", "running")], [1, 1, 0, 1])
    assert suite.refused(StartChild("", child)) is AlreadyStarted
    assert suite.refused(restart_child("child1")) is Running
    assert suite.refused(DeleteChild("child1")) is Running
    assert suite.take_history() == []

    suite.ok(TerminateChild("child1"))

    assert suite.ends == [("child1", "shutdown")]
    assert (which(suite), counts(suite)) == ([("child1", "down")], [1, 0, 0, 1])
    assert suite.refused(StartChild("", child)) is AlreadyPresent

    suite.ok(TerminateChild("child1"))
    suite.ok(restart_child("child1"))

    assert (which(suite), counts(suite)) == ([("child1", "running")], [1, 1, 0, 1])

    suite.ok(TerminateChild("child1"))
    suite.ok(DeleteChild("child1"))

    assert suite.refused(restart_child("child1")) is NotFound
    assert (which(suite), counts(suite)) == ([], [0, 0, 0, 0])

    suite.add(child)

    assert (which(suite), counts(suite)) == ([("child1", "running")], [1, 1, 0, 1])
    assert_nobody_is_nobody(suite)


def assert_nobody_is_nobody(suite: Suite) -> None:
    """Unknown children, unknown supervisors, pids in place of names; and a tree that is not up."""
    pid = str(suite.live("child1").pid)
    to_nobody: list[Request] = [
        StartChild("foo", worker("child1")),
        WhichChildren("foo"),
        CountChildren("foo"),
    ]
    for path in ("hej", "foo/child1", pid):
        to_nobody += [TerminateChild(path), DeleteChild(path), restart_child(path)]
    for request in to_nobody:
        assert suite.refused(request) is NotFound, request
    tree = Tree(Supervisor("foo"))
    verbs: list[Callable[[str], object]] = [
        tree.start_child,
        tree.terminate_child,
        tree.restart_child,
        tree.delete_child,
        tree.which_children,
        tree.count_children,
    ]
    for verb in verbs:
        with pytest.raises(NotRunning):
            verb("child1")
    assert which(suite) == [("child1", "running")]


def test_child_adm_simple() -> None:
    """Instances can be started and terminated, and nothing else; the pool counts as one spec.

    To stop one that has ended already is no error. Adapted: an instance is addressed by its name,
    where OTP has its pid; a name that no instance ever had is like the pid of a stranger.
    """
    suite = pooling(worker("child"))

    assert (which(suite), counts(suite)) == ([], [1, 0, 0, 0])

    suite.start_instance()

    assert (which(suite), counts(suite)) == ([("child#1", "running")], [1, 1, 0, 1])

    suite.start_instance()

    assert which(suite) == [("child#1", "running"), ("child#2", "running")]
    assert counts(suite) == [1, 2, 0, 2]

    suite.ok(TerminateChild("child#1"))

    assert suite.live_paths() == ["child#2"]
    assert (which(suite), counts(suite)) == ([("child#2", "running")], [1, 1, 0, 1])

    suite.ok(TerminateChild("child#1"))

    assert (which(suite), counts(suite)) == ([("child#2", "running")], [1, 1, 0, 1])
    for stranger in ("child#3", "child#0", "other#1"):
        assert suite.refused(TerminateChild(stranger)) is NotFound
    assert suite.refused(TerminateChild("child")) is SimpleOneForOne
    for path in ("child", "child#1", "child#2"):
        assert suite.refused(restart_child(path)) is SimpleOneForOne
        assert suite.refused(DeleteChild(path)) is SimpleOneForOne
    assert suite.refused(StartChild("", worker("other"))) is SimpleOneForOne
    assert suite.refused(StartChild("foo")) is NotFound
    assert (which(suite), counts(suite)) == ([("child#2", "running")], [1, 1, 0, 1])


def start_with_info(suite: Suite, request: Request, path: str) -> Any:
    """Make a request that starts a child, which says `extra_return` when it is ready."""
    suite.starts[path].append("slow")
    ref = suite.ask(request)
    suite.settle()
    suite.ready(path, "extra_return")
    suite.settle()
    return suite.replies[ref].value


def test_extra_return() -> None:
    """What a child says as it gets ready goes to who asked for its start, and changes nothing.

    Adapted: it is the argument of `current_child().ready(info)`; the answer's `info` has it.
    """
    child = worker("child1")
    suite = supervising()

    assert start_with_info(suite, StartChild("", child), "child1").info == "extra_return"
    for request in (TerminateChild("hej"), DeleteChild("hej"), restart_child("hej")):
        assert suite.refused(request) is NotFound
    assert suite.refused(DeleteChild("child1")) is Running
    assert suite.refused(restart_child("child1")) is Running
    assert (which(suite), counts(suite)) == ([("child1", "running")], [1, 1, 0, 1])

    suite.ok(TerminateChild("child1"))

    assert (which(suite), counts(suite)) == ([("child1", "down")], [1, 0, 0, 1])
    assert start_with_info(suite, restart_child("child1"), "child1").info == "extra_return"

    suite.leave("child1", "crash")

    assert (which(suite), counts(suite)) == ([("child1", "running")], [1, 1, 0, 1])

    suite.ok(TerminateChild("child1"))
    suite.ok(DeleteChild("child1"))

    assert suite.refused(restart_child("child1")) is NotFound
    assert start_with_info(suite, StartChild("", child), "child1").info == "extra_return"


def make_worker(**fields: Any) -> Worker:
    return Worker(**{"name": "child", "target": "app:run", **fields})


def make_pool(**fields: Any) -> DynamicSupervisor:
    return DynamicSupervisor(**{"name": "pool", "template": make_worker(), **fields})


def make_supervisor(**fields: Any) -> Supervisor:
    return Supervisor(**{"name": "top", **fields})


BAD_SPECS: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (make_worker, {"name": ""}, "invalid_name"),
    (make_worker, {"target": "mfa"}, "invalid_target"),
    (make_worker, {"args": "a"}, "invalid_args"),
    (make_worker, {"restart": "prmanent"}, "invalid_restart_type"),
    (make_worker, {"shutdown": -10}, "invalid_shutdown"),
    (make_worker, {"shutdown": "brutal"}, "invalid_shutdown"),
    (make_supervisor, {"children": ["wrker"]}, "invalid_child_spec"),
    (make_supervisor, {"children": make_worker()}, "invalid_child_spec"),
    (make_supervisor, {"children": [make_worker(), make_worker()]}, "duplicate_child_name"),
    (make_pool, {"template": None}, "bad_start_spec"),
    (make_pool, {"template": []}, "bad_start_spec"),
    (make_pool, {"template": [make_worker(), make_worker()]}, "bad_start_spec"),
]


def reason_of(build: Callable[..., Any], **fields: Any) -> str:
    """OTP's word for what is wrong with a specification."""
    with pytest.raises(InvalidSpec) as caught:
        build(**fields)
    return caught.value.reason


def test_child_specs() -> None:
    """A bad specification cannot be built, and says with OTP's word what is wrong with it.

    Adapted: the check is made when the object is built, so that no request can carry a bad one;
    a target takes the place of module, function and arguments, and there are no module lists.
    """
    for build, fields, reason in BAD_SPECS:
        assert reason_of(build, **fields) == reason, fields
    for restart, shutdown in product(
        ("permanent", "transient", "temporary"), (0, 0.5, 1000, "infinity", "brutal_kill")
    ):
        make_worker(restart=restart, shutdown=shutdown)
        Command("child", ["run"], restart=cast("Any", restart), shutdown=cast("Any", shutdown))
        make_supervisor(restart=restart, shutdown=shutdown)
        make_pool(restart=restart, shutdown=shutdown)
    with pytest.raises(InvalidSpec) as caught:
        Tree(Supervisor("top")).start_child(cast("Any", 7))

    assert caught.value.reason == "invalid_child_spec"


SIGNIFICANT = {
    # auto_shutdown, restart: what is wrong with a significant child
    ("never", "permanent"): "bad_combination",
    ("never", "transient"): "bad_combination",
    ("never", "temporary"): "bad_combination",
    ("any_significant", "permanent"): "bad_combination",
    ("any_significant", "transient"): None,
    ("any_significant", "temporary"): None,
    ("all_significant", "permanent"): "bad_combination",
    ("all_significant", "transient"): None,
    ("all_significant", "temporary"): None,
}


def verdict(mode: str, restart: str) -> str | None:
    """What is wrong with a significant child of a supervisor that starts, and of a running one."""
    try:
        child = make_worker(restart=restart, significant=True, ready="notify")
        make_supervisor(auto_shutdown=mode, children=[child])
    except InvalidSpec as error:
        declared = error.reason
    else:
        supervising(auto_shutdown=mode).add(child)
        return None
    if restart != "permanent":
        assert reason_of(supervising(auto_shutdown=mode).add, spec=child) == declared
    return declared


def test_child_specs_map() -> None:
    """A significant child needs an auto_shutdown to matter to, and must not be permanent.

    Adapted: the first is refused by the supervisor, declared or running, the second by the child.
    """
    for (mode, restart), reason in SIGNIFICANT.items():
        assert verdict(mode, restart) == reason, (mode, restart)
        make_supervisor(auto_shutdown=mode, children=[make_worker(restart=restart)])

    assert reason_of(make_worker, significant="yes") == "invalid_significant"


BAD_FLAGS: list[tuple[dict[str, Any], str]] = [
    ({"strategy": "none_for_one"}, "invalid_strategy"),
    ({"intensity": "infinity"}, "invalid_intensity"),
    ({"intensity": -1}, "invalid_intensity"),
    ({"period": 0}, "invalid_period"),
    ({"period": "infinity"}, "invalid_period"),
    ({"auto_shutdown": "sometimes"}, "invalid_auto_shutdown"),
]


def test_sup_flags() -> None:
    """A supervisor with a bad flag cannot be built, and says with OTP's word which it is.

    Adapted: flags are fields of the specification, and an unknown one is refused, not ignored.
    """
    for fields, reason in BAD_FLAGS:
        assert reason_of(make_supervisor, **fields) == reason, fields
        if "strategy" not in fields and "auto_shutdown" not in fields:
            assert reason_of(make_pool, **fields) == reason, fields
    with pytest.raises(TypeError):
        make_supervisor(silly_flag=True)
    with pytest.raises(TypeError):
        cast("Any", Supervisor)("top", "one_for_one", 2)

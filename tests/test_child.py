"""`current_child()`: in workers, their threads and forks, in Python commands, and nowhere else."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
from typing import Any

import pytest

import otpsup
from otpsup import Command, Supervisor, Worker
from tests.support import ROOT
from tests.support.strays import no_strays as no_strays
from tests.support.trees import node, running, told, watching
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("no_strays")

SLEEP = ["sleep", "1000"]
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}


def script(code: str) -> list[str]:
    """The argv of a Python program that may import otpsup."""
    return [sys.executable, "-c", textwrap.dedent(code)]


def ask_the_tree() -> None:
    """A worker that starts a sibling, and says what it got."""
    child = otpsup.current_child()
    child.ready()
    started = child.tree.start_child("other")
    child.status(f"{child.path} started {started.path}: {started.state}, {started.info}")
    child.stopping.wait()


def answer() -> None:
    """The sibling."""
    otpsup.current_child().ready({"port": 8001})
    otpsup.current_child().stopping.wait()


def status_of(tree: otpsup.Tree, path: str) -> str:
    """What a child says of itself, once it has said something."""
    return until(lambda: node(tree, path).status)


def test_a_worker_starts_a_sibling() -> None:
    """`current_child().tree` has the tree's verbs; start_child returns when the child is ready."""
    other = Worker("other", answer, ready="notify", autostart=False)
    with running(other, Worker("asker", ask_the_tree, ready="notify")) as tree:
        assert status_of(tree, "asker") == "asker started other: running, {'port': 8001}"


def test_a_python_command_has_it_too() -> None:
    """The same from a program that the tree runs as a command, through a shell's exec as well."""
    code = """
    import otpsup
    child = otpsup.current_child()
    child.ready(child.path)
    child.status(child.tree.start_child("other").state)
    child.stopping.wait()
    """
    argv = script(code)
    direct = Command("direct", argv, ready="notify", environment=ENVIRONMENT)
    shell = Command("shell", ["sh", "-c", 'exec "$@"', "sh", *argv], ready="notify",
                    environment=ENVIRONMENT)  # fmt: skip
    for asker in (direct, shell):
        other = Command("other", SLEEP, autostart=False)
        with running(other, Supervisor("inner", children=[asker])) as tree:
            assert node(tree, f"inner/{asker.name}").info == f"inner/{asker.name}"
            assert status_of(tree, f"inner/{asker.name}") == "running"


def in_a_thread() -> None:
    """A worker whose thread asks while its main thread waits for a slow answer."""
    child = otpsup.current_child()
    child.ready()
    slow = threading.Thread(target=lambda: child.tree.start_child("slow"))
    slow.start()
    child.status(str(child.tree.count_children()["specs"]))
    slow.join()
    child.stopping.wait()


@pytest.mark.slow
def test_threads_do_not_wait_for_each_other() -> None:
    """Each thread has a connection of its own: a slow start in one holds up none."""
    slow = Command("slow", SLEEP, ready=otpsup.stays_up(5), autostart=False)
    with running(slow, Worker("w", in_a_thread, ready="notify")) as tree:
        assert status_of(tree, "w") == "2"
        until(lambda: node(tree, "slow").state == "starting")


def in_a_fork() -> None:
    """A worker whose own child speaks."""
    child = otpsup.current_child()
    child.ready()
    child.tree.status()
    if os.fork() == 0:
        names = [name for name, _, _ in child.tree.which_children()]
        otpsup.current_child().status(f"fork sees {names}")
        os._exit(0)
    child.stopping.wait()


@pytest.mark.slow
def test_a_forked_process_speaks_for_the_same_child() -> None:
    """After a fork both ends work, and neither reads the other's answer."""
    with running(Worker("w", in_a_fork, ready="notify")) as tree:
        assert status_of(tree, "w") == "fork sees ['w']"


def ask_too_early() -> None:
    """A worker that asks its own supervisor before it is ready."""
    try:
        otpsup.current_child().tree.start_child("other")
    except otpsup.CallerNotReady as error:
        otpsup.current_child().ready(str(error))
    otpsup.current_child().stopping.wait()


@pytest.mark.parametrize(
    "strategy",
    [
        "one_for_all",
        pytest.param("one_for_one", marks=pytest.mark.slow),
        pytest.param("rest_for_one", marks=pytest.mark.slow),
    ],
)
def test_asking_ones_own_supervisor_too_early_is_an_error(strategy: Any) -> None:
    """CallerNotReady instead of a deadlock, under every strategy."""
    other = Command("other", SLEEP, autostart=False)
    early = Worker("early", ask_too_early, ready="notify")
    with running(other, early, strategy=strategy) as tree:
        assert "'early' asked before it was ready itself" in str(node(tree, "early").info)


def test_a_stranger_is_told_that_it_is_none() -> None:
    """In a process that no tree has started, and in one whose descriptors were closed before."""
    with pytest.raises(otpsup.NotAChild, match="was not started by an otpsup tree"):
        otpsup.current_child()
    code = """
    import os, subprocess, sys
    inner = "import otpsup\\ntry: otpsup.current_child()\\nexcept otpsup.NotAChild: print('none')"
    said = subprocess.run([sys.executable, "-c", inner], capture_output=True, text=True).stdout
    import otpsup
    otpsup.current_child().ready(said.strip())
    otpsup.current_child().stopping.wait()
    """
    assert told(Command("c", script(code), ready="notify", environment=ENVIRONMENT)) == "none"


def decline() -> None:
    """A worker that has nothing to do today."""
    otpsup.current_child().ignore()


def test_a_child_may_decline_to_run() -> None:
    """OTP's `ignore`: the start succeeds without a process, and nobody restarts it."""
    with running(Worker("w", decline, ready="notify")) as tree:
        assert node(tree, "w").state == "down"
        assert node(tree, "w").last_exit == "declined to run"


def test_the_tree_can_be_told_from_inside_to_restart_the_asker() -> None:
    """A child that restarts itself ends, and comes back."""
    worker = Worker("w", restart_myself, ready="notify", autostart=False)
    with running(worker) as tree, watching(tree) as events:
        tree.start_child("w")
        events.until("w", "stopping")
        events.until("w", "running")


def restart_myself() -> None:
    """Ask for one's own restart, once: the second incarnation finds the first one's mark."""
    child = otpsup.current_child()
    child.ready()
    if child.tree.status().children[0].last_exit is None:
        child.tree.restart("w")
    child.stopping.wait()

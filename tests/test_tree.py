"""`Tree`: its life, its verbs, and its events, with real processes."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import weakref
from pathlib import Path

import psutil
import pytest

import otpsup
from otpsup import (
    Backoff,
    Command,
    DynamicSupervisor,
    Event,
    NotRunning,
    Supervisor,
    Tree,
    Worker,
)
from tests.support import targets
from tests.support.hosts import hosting
from tests.support.strays import no_strays as no_strays
from tests.support.trees import node, pid, running, watching
from tests.support.waiting import LONG, gone, until

pytestmark = pytest.mark.usefixtures("no_strays")

SLEEP = ["sleep", "1000"]


def test_a_tree_can_be_started_again() -> None:
    """After a stop the same Tree starts anew, with new processes; starting twice is refused."""
    tree = Tree(Supervisor("again", children=[Command("a", SLEEP)]))
    tree.start()
    first = pid(tree, "a")
    with pytest.raises(otpsup.AlreadyStarted, match="'again': it runs already"):
        tree.start()
    tree.stop()
    gone(first)
    with tree:
        assert pid(tree, "a") != first
    assert tree.wait(1).kind == "stopped"


def test_a_tree_that_is_not_running_says_so() -> None:
    """Every verb raises NotRunning before the start and after the stop; stop is harmless."""
    tree = Tree(Supervisor("off"))
    tree.stop()
    for ask in (tree.status, tree.which_children, tree.events, lambda: tree.start_child("a")):
        with pytest.raises(otpsup.NotRunning, match="'off' is not running; start it first"):
            ask()
    with tree:
        pass
    with pytest.raises(otpsup.NotRunning):
        tree.terminate_child("a")


def test_a_failed_start_leaves_nothing() -> None:
    """All or nothing: what was up is down again, and the error names child and reason."""
    children = [Command("a", SLEEP), Command("b", ["no-such-program-here"])]
    tree = Tree(Supervisor("t", children=children))

    with pytest.raises(otpsup.StartFailed, match="'b' did not start: command 'no-such-program"):
        tree.start()

    assert tree.wait(1).kind == "start_failed"
    with pytest.raises(otpsup.NotRunning):
        tree.status()


def test_the_status_is_one_nested_value() -> None:
    """Path, type, state, readiness, pid, time, restarts and last exit of every node."""
    inner = Supervisor("inner", children=[Worker("w", targets.wait)])
    with running(Command("a", SLEEP, autostart=False), inner, name="root") as tree:
        root = tree.status()

        assert [n.path for n in root.walk()] == ["", "a", "inner", "inner/w"]
        assert [n.type for n in root.walk()] == ["supervisor", "command", "supervisor", "worker"]
        assert [n.state for n in root.walk()] == ["running", "down", "running", "running"]
        assert [n.ready for n in root.walk()] == [True, False, True, True]
        worker = root.find("inner/w")
        assert worker is not None
        assert worker.pid is not None
        assert psutil.pid_exists(worker.pid)
        assert abs(worker.since - psutil.Process(worker.pid).create_time()) < 5


def test_the_verbs_are_otps() -> None:
    """start, terminate, restart, delete; each state's own error; names in start order."""
    with running(Command("a", SLEEP), Command("b", SLEEP, autostart=False)) as tree:
        with pytest.raises(otpsup.AlreadyStarted, match=r"'a': already running \(pid \d+\)"):
            tree.start_child("a")
        with pytest.raises(otpsup.Running):
            tree.restart_child("a")
        with pytest.raises(otpsup.Running):
            tree.delete_child("a")
        with pytest.raises(otpsup.NotFound, match="did you mean 'a'"):
            tree.start_child("aa")
        assert tree.start_child("b").state == "running"
        assert tree.which_children() == [("a", "running", "command"), ("b", "running", "command")]
        assert tree.count_children() == {"specs": 2, "active": 2, "supervisors": 0, "workers": 2}
        old = pid(tree, "a")
        tree.terminate_child("a")
        gone(old)
        assert node(tree, "a").last_exit == "stopped by SIGTERM"
        assert tree.restart_child("a").pid != old
        tree.terminate_child("a")
        tree.delete_child("a")
        assert tree.which_children() == [("b", "running", "command")]


def test_children_can_be_added_anywhere() -> None:
    """`start_child(spec, parent=...)` appends a child; its name must be free; errors are OTP's."""
    with running(Supervisor("inner")) as tree:
        added = tree.start_child(Command("x", SLEEP), parent="inner")
        assert added.path == "inner/x"
        with pytest.raises(otpsup.AlreadyStarted):
            tree.start_child(Command("x", SLEEP), parent="inner")
        tree.terminate_child("inner/x")
        with pytest.raises(otpsup.AlreadyPresent):
            tree.start_child(Command("x", SLEEP), parent="inner")
        with pytest.raises(otpsup.NotASupervisor):
            tree.start_child(Command("y", SLEEP), parent="inner/x")
        with pytest.raises(otpsup.InvalidSpec, match="needs a supervisor with auto_shutdown"):
            tree.start_child(Command("y", SLEEP, restart="transient", significant=True))


def test_instances_of_a_template(tmp_path: Path) -> None:
    """Arguments come after the template's; `max_children` holds; an instance restarts alone."""
    say = ["sh", "-c", 'echo "$@"; exec sleep 1000', "sh", "from"]
    template = Command("job", say, stdout=tmp_path / "out", ready=otpsup.log_line("from"))
    pool = DynamicSupervisor("pool", template, max_children=2)
    with running(pool) as tree:
        one = tree.start_child("pool", "one")
        two = tree.start_child("pool", "two")
        assert (one.path, two.path) == ("pool/job#1", "pool/job#2")
        with pytest.raises(otpsup.MaxChildren, match="all 2 places"):
            tree.start_child("pool")
        with pytest.raises(otpsup.SimpleOneForOne):
            tree.restart("pool/job#1")
        with watching(tree) as events:
            os.kill(pid(tree, one.path), signal.SIGKILL)
            events.until(one.path, "restarting")
            events.until(one.path, "running")
        assert pid(tree, two.path) == two.pid
        tree.terminate_child(two.path)
        assert [name for name, _, _ in tree.which_children("pool")] == ["job#1"]
    assert (tmp_path / "out").read_text().splitlines() == ["from one", "from two", "from one"]


def test_start_child_from_many_threads_at_once() -> None:
    """One of them starts the child, all others hear AlreadyStarted; nobody waits for ever."""
    with running(Worker("w", targets.ready, ready="notify", autostart=False)) as tree:
        heard: list[str] = []

        def start() -> None:
            try:
                heard.append(tree.start_child("w").state)
            except otpsup.AlreadyStarted as error:
                heard.append(error.code)

        threads = [threading.Thread(target=start) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)

        assert sorted(heard) == ["already_started"] * 9 + ["running"]


def test_events_tell_every_change_in_order_and_end_with_the_tree() -> None:
    """States with causes in words; the stream's last event is `halt`."""
    tree = Tree(Supervisor("t", children=[Command("a", SLEEP)]))
    with tree:
        stream = tree.events()
        os.kill(pid(tree, "a"), signal.SIGKILL)
        seen = [stream.next(10) for _ in range(5)]
    seen += list(stream)

    states = [event.state for event in seen if event.kind == "state" and event.path == "a"]
    assert states == ["restarting", "starting", "running", "stopping", "down"]
    restart = next(event for event in seen if event.kind == "restart")
    assert restart.cause == "a ended with SIGKILL; restart 1 of 3 in 5 s"
    assert seen[-1].kind == "halt"


def test_a_subscriber_that_raises_harms_nobody() -> None:
    """It is dropped; the tree and other subscribers go on."""
    with running(Command("a", SLEEP)) as tree:
        assert tree._session is not None

        def bad(_: Event) -> None:
            raise RuntimeError("a bug of the subscriber's own")

        tree._session.subscribe(bad)
        with watching(tree) as events:
            os.kill(pid(tree, "a"), signal.SIGKILL)
            events.until("a", "running")


def test_the_trees_own_thread_cannot_wait_for_itself() -> None:
    """A listener that calls a verb gets a clear error instead of a deadlock."""
    with running(Command("a", SLEEP)) as tree:
        assert tree._session is not None
        caught: list[BaseException] = []
        done = threading.Event()

        def listener(_: Event) -> None:
            try:
                tree.status()
            except RuntimeError as error:
                caught.append(error)
            done.set()

        tree._session.subscribe(listener)
        tree.restart("a")
        assert done.wait(LONG)

    assert "the tree cannot wait for itself" in str(caught[0])


def test_two_trees_in_one_process() -> None:
    """They know nothing of each other."""
    with running(Command("a", SLEEP), name="one") as one:
        with running(Command("a", SLEEP), name="two") as two:
            assert pid(one, "a") != pid(two, "a")
        assert node(one, "a").state == "running"


def test_restart_replaces_a_child_and_a_failure_is_told_and_retried(tmp_path: Path) -> None:
    """`restart` is one step; if the new start fails the caller hears why, and it is tried again."""
    flag = tmp_path / "broken"
    code = f"[ -e {flag} ] && exit 3; echo up; sleep 1000"
    child = Command(
        "a",
        ["sh", "-c", code],
        stdout="null",
        ready=otpsup.log_line("up"),
        backoff=Backoff(initial=0.2, jitter=0),
    )
    with running(child, intensity=20) as tree, watching(tree) as events:
        old = pid(tree, "a")
        assert tree.restart("a").pid != old
        flag.touch()
        with pytest.raises(otpsup.StartFailed, match="exit code 3 before it was ready"):
            tree.restart("a")
        events.until("a", "restarting")
        flag.unlink()
        events.until("a", "running")


@pytest.mark.slow
def test_a_host_that_forgets_to_stop_leaves_nothing(tmp_path: Path) -> None:
    """At the interpreter's end the tree is stopped in order, not left behind."""
    code = """
    def main():
        children = [Worker("w", targets.wait), Command("c", ["sleep", "1000"])]
        tree = Tree(Supervisor("t", children=children))
        tree.start()
        tell([n.pid for n in tree.status().walk() if n.pid])
    """
    with hosting(tmp_path, code) as host:
        pids = host.hear()
        assert host.wait() == 0
    gone(*pids)


@pytest.mark.slow
def test_restarts_cost_the_host_nothing_that_stays() -> None:
    """After 200 restarts: as many descriptors and threads as before, and no zombie."""
    me = psutil.Process()
    children: list[Command | Worker] = [Command("a", SLEEP), Worker("w", targets.wait)]
    with running(*children, intensity=1000, period=1) as tree, watching(tree) as events:
        for round_ in range(101):
            for name in ("a", "w"):
                os.kill(pid(tree, name), signal.SIGKILL)
                events.until(name, "running")
            if round_ == 0:
                before = me.num_fds(), me.num_threads()
        until(lambda: me.num_fds() <= before[0] and me.num_threads() <= before[1])
        assert not [p for p in me.children() if p.status() == psutil.STATUS_ZOMBIE]


def test_whoever_asks_while_the_tree_ends_gets_an_answer_or_not_running() -> None:
    """Both the thread that asks and the end of the tree may want to say so; once is enough."""
    wrong: list[BaseException] = []
    interval = sys.getswitchinterval()

    def ask(tree: Tree) -> None:
        try:
            while True:
                tree.status()
        except NotRunning:
            return
        except BaseException as error:
            wrong.append(error)

    sys.setswitchinterval(1e-6)
    try:
        for _ in range(8):
            with running(Command("c", SLEEP)) as tree:
                threads = [threading.Thread(target=ask, args=(tree,)) for _ in range(3)]
                for thread in threads:
                    thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def test_a_tree_that_ended_by_itself_is_not_kept() -> None:
    """The interpreter's end has nothing to stop any more."""
    tree = Tree(Supervisor("s", intensity=0, children=[Command("a", ["false"])]))
    tree.start()
    tree.wait(LONG)
    kept = weakref.ref(tree)
    del tree
    until(lambda: gc.collect() is not None and kept() is None)


def test_a_secret_of_several_lines_is_hidden_in_a_crash() -> None:
    """It is looked for before the lines are put into one."""
    key = "first-line-1\nsecond-line-2"
    worker = Worker("w", targets.fail, kwargs={"text": f"bad {key} here"}, environment={"KEY": key},
                    restart="transient")  # fmt: skip
    tree = Tree(Supervisor("s", intensity=0, children=[worker]))
    tree.start()
    reason = str(tree.wait(LONG))
    assert "Broken: bad" in reason
    assert "second-line" not in reason

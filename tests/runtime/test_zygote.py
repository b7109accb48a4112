"""The zygote and the launcher: warm, replaceable, and not a way to lose children."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from otpsup import Backoff, Command, StartFailed, Supervisor, Tree, Worker
from tests.support import targets
from tests.support.hosts import hosting
from tests.support.servers import free_port
from tests.support.strays import adopting, descendants, waits_for_order
from tests.support.trees import Child, asking, node, pid, running, watching
from tests.support.waiting import LONG, gone, until


def launcher(tree: Tree, path: str = "c") -> psutil.Process:
    """The parent of a command."""
    return psutil.Process(pid(tree, path)).parent()  # type: ignore[return-value]


def zygote(tree: Tree, path: str = "w") -> psutil.Process:
    """The parent of a worker."""
    return psutil.Process(pid(tree, path)).parent()  # type: ignore[return-value]


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for modules that workers can import."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return tmp_path


def test_the_host_has_one_child() -> None:
    """Commands are the launcher's children, workers the zygote's, the zygote the launcher's."""
    with running(Command("c", ["sleep", "100"]), Worker("w", targets.wait)) as tree:
        (only,) = [process for process in descendants() if process.ppid() == os.getpid()]
        assert launcher(tree) == only
        assert zygote(tree).parent() == only


def test_the_zygote_has_imported_the_workers_modules(modules: Path) -> None:
    """A worker's module is imported once, before the workers fork; not once for each."""
    (modules / "heavy.py").write_text(
        "import os\nfrom tests.support import targets\npid = os.getpid()\n"
        "def work(): targets.ready([pid, os.getpid(), os.getppid()])\n"
    )
    specs = [Worker(name, "heavy:work", ready="notify") for name in ("a", "b")]
    with running(*specs) as tree:
        for name in ("a", "b"):
            imported_by, own, parent = node(tree, name).info
            assert imported_by == parent != own


def test_a_module_that_starts_a_thread_makes_the_zygote_cold(modules: Path) -> None:
    """A fork of a process with threads may deadlock; a module that starts one on import is left
    to the workers to import, and they work."""
    (modules / "threaded.py").write_text(
        "import os, threading\nfrom tests.support import targets\npid = os.getpid()\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "def work(): targets.ready([pid, os.getpid(), threading.active_count()])\n"
    )
    with running(Worker("w", "threaded:work", ready="notify")) as tree:
        for status in (node(tree, "w"), tree.restart("w")):
            imported_by, own, threads = status.info
            assert imported_by == own == status.pid
            assert threads == 2
        assert len(os.listdir(f"/proc/{zygote(tree).pid}/task")) == 1  # noqa: PTH208


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "raise RuntimeError('at import')",
        "raise SystemExit(3)",
        "import no_such_module_at_all",
        "import sys; sys.exit('bye')",
        "def broken(:",
    ],
)
def test_a_module_that_cannot_be_imported_fails_its_worker_only(modules: Path, line: str) -> None:
    """The zygote shrugs; the worker reports the error."""
    (modules / "broken_module.py").write_text(line + "\n")
    with running(Worker("other", targets.wait)) as tree:
        with pytest.raises(StartFailed, match=r"cannot start child 'w': \w+"):
            tree.start_child(Worker("w", "broken_module:work", ready="notify"))
        assert node(tree, "other").state == "running"
    tree = Tree(Supervisor("t", children=[Worker("w", "broken_module:work", ready="notify")]))
    with pytest.raises(StartFailed, match="child 'w' did not start"):
        tree.start()


@pytest.mark.slow
def test_a_module_that_hangs_on_import_fails_in_time(
    modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that never comes to a process is given up after `start_timeout`, and the tree can
    be stopped."""
    monkeypatch.setattr("otpsup.runtime.process._NEVER", 0.3)
    (modules / "hanging.py").write_text("import threading\nthreading.Event().wait()\n")
    spec = Worker("w", "hanging:work", start_timeout=0.1, shutdown=0.05, autostart=False)
    with running(spec, Command("c", ["sleep", "100"])) as tree:
        with pytest.raises(StartFailed, match=r"not ready within 0\.1 s"):
            tree.start_child("w")
        assert node(tree, "w").state == "down"
        assert node(tree, "c").state == "running"


@pytest.mark.slow
def test_a_child_that_comes_too_late_is_killed(modules: Path) -> None:
    """A process that appears after its start was given up does not stay."""
    gate = modules / "gate"
    os.mkfifo(gate)
    (modules / "late.py").write_text(
        f"open({str(gate)!r}).read()\nfrom pathlib import Path\nfrom tests.support import targets\n"
        f"def work():\n    Path({str(modules / 'mark')!r}).touch()\n    targets.wait()\n"
    )
    spec = Worker("w", "late:work", start_timeout=0.1, shutdown=0.1, autostart=False)
    with running(spec) as tree:
        with pytest.raises(StartFailed, match="not ready within"):
            tree.start_child("w")
        gate.write_text("now")
        number = tree.start_child(Worker("next", targets.ready, ready="notify")).pid
        assert number
        mother = zygote(tree, "next")
        until(lambda: [p.pid for p in mother.children() if not waits_for_order(p)] == [number])
        assert node(tree, "w").state == "down"


def test_a_killed_zygote_takes_its_workers_and_comes_back() -> None:
    """kill -9 of the zygote: its workers are ended, the supervisors hear of it, and restart them
    as their strategy says; commands are not touched."""
    children: list[Child] = [
        Worker("a", targets.wait),
        Command("c", ["sleep", "100"]),
        Worker("b", targets.wait),
        Worker("t", targets.wait, restart="temporary", autostart=False),
    ]
    with running(*children, intensity=10) as tree, watching(tree) as events:
        tree.start_child("t")
        before = {name: pid(tree, name) for name in "acbt"}
        zygote(tree, "a").kill()
        events.until_all("a", "b", state="running")
        ends = {e.path: e.reason for e in events.seen if e.state in ("restarting", "down")}
        assert ends == {"a": "SIGKILL", "b": "SIGKILL", "t": "SIGKILL"}
        gone(before["a"], before["b"], before["t"], within=0)
        assert pid(tree, "c") == before["c"]
        assert node(tree, "t").state == "down"
        assert zygote(tree, "a") == zygote(tree, "b")


def test_a_killed_launcher_takes_everybody_and_comes_back() -> None:
    """kill -9 of the launcher: the host ends all children, starts a new launcher and zygote, and
    the supervisors restart what is theirs to restart."""
    children: list[Child] = [
        Worker("w", targets.wait),
        Command("c", ["sleep", "100"]),
        Worker("s", targets.wait, start_method="spawn"),
    ]
    with running(*children, intensity=10) as tree, watching(tree) as events:
        before = {name: pid(tree, name) for name in "wcs"}
        old = [launcher(tree), zygote(tree)]
        old[0].kill()
        events.until_all("w", "c", state="running")
        gone(before["w"], before["c"], *(process.pid for process in old))
        assert pid(tree, "s") == before["s"]
        assert launcher(tree) == zygote(tree).parent() != old[0]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_killed_launcher_under_a_group_strategy(strategy: Any) -> None:
    """All die at once; the group comes back whole, in order, and nobody runs twice."""
    children = [Command("a", ["sleep", "100"]), Command("b", ["sleep", "100"])]
    with running(*children, strategy=strategy, intensity=10) as tree, watching(tree) as events:
        old = launcher(tree, "a")
        before = [pid(tree, "a"), pid(tree, "b")]
        old.kill()
        events.until("b", "running")
        until(lambda: [c.state for c in tree.status().children] == ["running"] * 2)
        gone(*before)
        assert len(launcher(tree, "a").children()) == 2


@pytest.mark.slow
def test_a_launcher_that_dies_while_nothing_can_be_opened() -> None:
    """Its children are ended, all of them, and told to be gone, even where the host cannot open a
    single descriptor; when it can again, all come back."""
    slowly = Backoff(initial=0.05, max=0.05)
    children = [Command(name, ["sleep", "100"], backoff=slowly) for name in "abc"]
    with running(*children, intensity=10_000, period=1) as tree:
        pids = [pid(tree, name) for name in "abc"]
        victim = psutil.Process(pids[0]).parent()
        pidfds = [os.pidfd_open(number) for number in pids]
        assert victim is not None
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            os.kill(victim.pid, signal.SIGKILL)
            until(lambda: all(select.select([fd], [], [], 0)[0] for fd in pidfds))
            until(lambda: not any(node.pid in pids for node in tree.status().children))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for fd in pidfds:
                os.close(fd)
        until(lambda: all(node.ready for node in tree.status().children))


@pytest.mark.parametrize("who", [launcher, zygote])
def test_groups_go_with_a_killed_launcher(who: Any, tmp_path: Path) -> None:
    """What a worker has started in its own group does not outlive it when zygote or launcher are
    killed: the port it holds is free for the next incarnation."""
    port = free_port()
    children: list[Child] = [
        Worker("w", targets.leave_behind, (port,), ready="notify"),
        Command("c", ["sleep", "100"]),
    ]
    with adopting() as strays, running(*children, intensity=10) as tree, watching(tree) as events:
        grandchild, child = node(tree, "w").info, pid(tree, "w")
        who(tree, "w" if who is zygote else "c").kill()
        events.until("w", "running")
        gone(grandchild, child, within=0)
        tree.stop()
        strays.vanish()


def test_a_launcher_that_dies_again_and_again_ends_the_tree() -> None:
    """Deaths of the launcher are deaths of the children, and count."""
    limit: dict[str, Any] = {"intensity": 1, "period": LONG}
    with running(Command("c", ["sleep", "100"]), **limit) as tree, watching(tree) as events:
        launcher(tree).kill()
        events.until("c", "running")
        launcher(tree).kill()
        assert tree.wait(LONG).kind == "gave_up"


def test_signals_to_launcher_and_zygote_are_ignored() -> None:
    """SIGTERM, SIGINT and SIGHUP to the helpers end nobody: only the host ends them."""
    with running(Worker("w", targets.wait), Command("c", ["sleep", "100"])) as tree:
        before = [pid(tree, "w"), pid(tree, "c")]
        for helper in (launcher(tree), zygote(tree)):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                helper.send_signal(number)
        tree.start_child(Worker("w2", targets.ready, ready="notify"))
        tree.start_child(asking("c2", "info = 1"))
        assert [pid(tree, "w"), pid(tree, "c")] == before


@pytest.mark.slow
def test_a_host_with_busy_threads(tmp_path: Path) -> None:
    """Threads that hold locks, allocate and write to stdout all the time disturb no start: no
    process is forked from the threaded host."""
    stop = threading.Event()
    lock = threading.Lock()

    def churn() -> None:
        with Path("/dev/null").open("w") as null:
            while not stop.is_set():
                with lock:
                    print("x" * 100, file=null)

    threads = [threading.Thread(target=churn) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        worker = Worker("w", targets.ready, ready="notify", autostart=False)
        with running(worker, asking("c", "info = 0", autostart=False)) as tree:
            for _ in range(5):
                for name in "wc":
                    tree.start_child(name)
                    tree.terminate_child(name)
                    assert node(tree, name).last_exit == "stopped by SIGTERM"
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.slow
def test_a_host_without_stderr_has_a_zygote(tmp_path: Path) -> None:
    """A host that has no stdin, stdout and stderr (`<&- >&- 2>&-`) runs its tree: nothing of the
    tree gets these numbers, and nobody's output goes where it should not."""
    code = """
        def loud():
            print("out", flush=True)
            print("err", file=sys.stderr, flush=True)
            targets.ready()
        def main():
            children = [Worker("w", loud, ready="notify"), asking("c", "print(1); info = 0")]
            with running(*children, intensity=0) as tree:
                tell([os.readlink(f"/proc/self/fd/{n}") for n in range(3)])
    """
    before = """
        if __name__ == "__main__":
            for number in range(3):
                os.close(number)
    """
    with hosting(tmp_path, code, before=before) as host:
        assert host.hear() == ["/dev/null"] * 3
        assert host.wait() == 0

"""A worker is a multiprocessing process in all that its code can see, whatever its start method."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import multiprocessing
import operator
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import pytest

from otpsup import DynamicSupervisor, NotFound, StartFailed, Tree, Worker, current_child
from tests.support import targets, trees
from tests.support.hosts import hosting
from tests.support.methods import each_method, every_method
from tests.support.trees import Child, node, pid, watching
from tests.support.waiting import LONG, gone, until

shared: list[Tree] = []
"""The one tree of this module: a warm zygote for all tests."""


@pytest.fixture(scope="module", autouse=True)
def warm() -> Iterator[None]:
    """Start it once; its one child is there for its module to be imported."""
    idle = Worker("idle", targets.done, restart="temporary", autostart=False)
    with trees.running(idle, name="workers", intensity=10_000) as tree:
        tree.start_child("idle")
        shared.append(tree)
        yield
        shared.clear()


@contextmanager
def running(*children: Child) -> Iterator[Tree]:
    """The shared tree, with these children in it for a while."""
    (tree,) = shared
    try:
        for child in children:
            tree.start_child(child)
            if not child.autostart:
                tree.terminate_child(child.name)
        yield tree
    finally:
        for left in tree.status().children:
            if left.name != "idle":
                tree.terminate_child(left.path)
                with contextlib.suppress(NotFound):
                    tree.delete_child(left.path)


def told(child: Child) -> Any:
    """What a child gives to `ready(info)`."""
    with running(child) as tree:
        return node(tree, child.name).info


def worker(target: Any, *args: Any, method: Any = "zygote", **options: Any) -> Worker:
    """A worker that says when it is ready."""
    return Worker("w", target, args, start_method=method, ready="notify", **options)


# What a target may be.


@each_method
@pytest.mark.parametrize(
    ("target", "args", "expected"),
    [
        pytest.param(targets.tell_arguments, (1, "x"), [[1, "x"], {"k": None}], id="function"),
        pytest.param("tests.support.targets:tell_arguments", (), [[], {"k": None}], id="path"),
        pytest.param(
            functools.partial(targets.tell_arguments, 7), (8,), [[7, 8], {"k": None}], id="partial"
        ),
    ],
)
def test_targets(method: str, target: Any, args: tuple[Any, ...], expected: Any) -> None:
    """A function, a path `module:name` and a partial are called with args and kwargs."""
    assert told(worker(target, *args, method=method, kwargs={"k": None})) == expected


@each_method
def test_bound_methods_and_callable_objects(method: str) -> None:
    """What pickle can carry can be a target: a bound method, an object with `__call__`."""
    assert told(worker(targets.Job("j").run, 1, method=method)) == ["j", 1]
    assert told(worker(targets.Job("j"), method=method)) == ["called", "j"]


def test_a_path_into_a_class() -> None:
    """`module:Class.method` is a path too."""
    job = targets.Job("path")
    assert told(worker("tests.support.targets:Job.run", job)) == ["path"]


@pytest.mark.parametrize("method", ["zygote", "spawn", "forkserver"])
@pytest.mark.parametrize(
    ("target", "args"),
    [
        pytest.param(lambda: None, (), id="lambda"),
        pytest.param(targets.stay, (lambda: None,), id="argument"),
    ],
)
def test_what_cannot_be_pickled_is_told(method: str, target: Any, args: tuple[Any, ...]) -> None:
    """A lambda cannot be handed over; the error names the child and what pickle said."""
    with running(Worker("other", targets.wait)) as tree:
        before = pid(tree, "other")
        message = "cannot start child 'w': cannot hand over target or arguments: .*[Pp]ickle"
        with pytest.raises(StartFailed, match=message):
            tree.start_child(worker(target, *args, method=method))
        assert pid(tree, "other") == before


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no.such.module:run", "ModuleNotFoundError: No module named 'no'"),
        ("tests.support.targets:nothing", "AttributeError: .*has no attribute 'nothing'"),
        ("tests.support.targets:Broken.args", "TypeError: .*cannot be called"),
    ],
)
def test_a_path_that_leads_nowhere(target: str, message: str) -> None:
    """What the path does not lead to is said in the words of Python's own error."""
    with running() as tree, pytest.raises(StartFailed, match=message):
        tree.start_child(worker(target))


def test_functions_of_the_hosts_script(tmp_path: Path) -> None:
    """A function of the program itself (`__main__`) is a target for every start method; the
    script's main part is not run again."""
    code = """
        SEEN = []
        def work(value):
            SEEN.append(value)
            otpsup.current_child().ready([__name__, SEEN])
            targets.wait()
        def main():
            SEEN.append("main")
            for method in ("zygote", "spawn", "forkserver"):
                spec = Worker("w", work, (1,), start_method=method, ready="notify")
                with running(spec) as tree:
                    tell(node(tree, "w").info)
    """
    with hosting(tmp_path, code) as host:
        for _ in range(3):
            assert host.hear() == ["__mp_main__", [1]]
        assert host.wait() == 0


def test_functions_of_a_module_run_with_m(tmp_path: Path) -> None:
    """The same for a host that is run as `python -m package.module`."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    code = """
        from package.other import value
        def work():
            otpsup.current_child().ready([__name__, value])
            targets.wait()
        def main():
            with running(Worker("w", work, ready="notify")) as tree:
                tell(node(tree, "w").info)
    """
    (package / "other.py").write_text("value = 5\n")
    with hosting(package, code, python=["-m"], script="package.host", cwd=tmp_path) as host:
        assert host.hear() == ["__mp_main__", 5]


@pytest.mark.slow
def test_a_script_that_starts_its_tree_on_import_ends(tmp_path: Path) -> None:
    """Without `if __name__ == "__main__"` a worker that imports the script would start the tree
    again, and so on without end. It is refused instead, and the error says what to do."""
    code = """
        def work():
            otpsup.current_child().ready()
            targets.wait()
        depth = int(os.environ.get("DEPTH", "0"))
        if depth > 4:
            tell("endless")
            os._exit(1)
        os.environ["DEPTH"] = str(depth + 1)
        for method in ("zygote", "spawn"):
            try:
                with running(Worker("w", work, ready="notify", start_method=method)) as tree:
                    tell(node(tree, "w").state)
            except StartFailed as error:
                tell(str(error))
    """
    with hosting(tmp_path, code, main="pass", stdout=-3, stderr=subprocess.PIPE) as host:
        assert "put the start under `if __name__ == '__main__':`" in host.hear()
        assert "exit code 1 before it was ready" in host.hear()  # the reason is on its stderr
        assert host.wait() == 0
        assert host.process.stderr
        assert b"put the start under" in host.process.stderr.read()


# What it finds.


@every_method
def test_who_and_what_it_is(method: str) -> None:
    """Its name is its path, its parent the host, whose life it can watch; it is no daemon, leads
    a session, and has no thread but its own."""
    with running(worker(targets.tell_process, method=method)) as tree:
        info = node(tree, "w").info
        assert (info["name"], info["path"], info["daemon"]) == ("w", "w", False)
        assert (info["parent"], info["parent lives"]) == (os.getpid(), True)
        assert info["pid"] == info["session"] == info["group"] == pid(tree, "w")
        assert info["threads"] == 1


@each_method
def test_signals_environment_and_place(method: str, tmp_path: Path) -> None:
    """No signal is blocked, none is ignored but what Python itself ignores; folder, mask,
    priority and variables are the spec's."""
    spec = worker(
        targets.tell_system, method=method, cwd=tmp_path, umask=0o037, nice=3,
        environment={"HELLO": "world"},
    )  # fmt: skip
    info = told(spec)
    assert (info["cwd"], info["umask"], info["nice"]) == (str(tmp_path), 0o037, 3)
    assert info["environment"]["HELLO"] == "world"
    ignored = info["signals"]["SigIgn"] & 0x7FFF_FFFF
    assert info["signals"]["SigBlk"] == 0
    assert ignored & ~(1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1) == 0


def test_a_worker_of_the_zygote_has_few_descriptors() -> None:
    """It has its output, its channel, the pipe that tells of the host's end, and nothing of the
    host, the launcher or its siblings; none of them but the channel survives an exec."""
    with running(Worker("other", targets.wait), worker(targets.tell_descriptors)) as tree:
        first = node(tree, "w").info
        again = tree.restart("w").info
        assert len(again) == len(first) <= 10
        kinds = [kind.split(":")[0] for kind in again.values()]
        assert kinds.count("socket") == 1


def test_programs_that_a_worker_runs_get_none_of_it(tmp_path: Path) -> None:
    """A subprocess of a worker sees 0, 1 and 2, and with `close_fds=False` the channel."""
    code = """
        import subprocess
        def work():
            argv = ["sh", "-c", "ls /proc/self/fd | xargs echo"]
            seen = [subprocess.check_output(argv, close_fds=c, text=True) for c in (True, False)]
            otpsup.current_child().ready(seen)
            targets.wait()
        def main():
            with running(Worker("w", work, ready="notify")) as tree:
                tell(node(tree, "w").info)
    """
    with hosting(tmp_path, code) as host:
        closed, inherited = host.hear()
        assert len(closed.split()) == 4  # 0, 1, 2 and the one that ls reads
        assert len(inherited.split()) == 5


@pytest.mark.slow
@each_method
def test_queues_pipes_and_locks_work_across_restarts(method: Any) -> None:
    """multiprocessing's own objects can be arguments, and every incarnation can use them."""
    context = multiprocessing.get_context("fork" if method == "fork" else "spawn")
    queue: Any = context.Queue()
    ours, theirs = context.Pipe()
    lock = context.Lock()
    counting = Worker("q", targets.count, (queue,), start_method=method, ready="notify")
    sending = Worker("p", targets.send, (theirs, lock), start_method=method, ready="notify")
    with running(counting, sending) as tree:
        for restart in (True, False):
            assert queue.get(timeout=LONG) == pid(tree, "q")
            assert ours.poll(LONG)
            assert ours.recv() == pid(tree, "p")
            if restart:
                tree.restart("q")
                tree.restart("p")
    ours.close()
    theirs.close()
    queue.close()
    queue.join_thread()


def test_large_arguments_arrive() -> None:
    """Arguments far beyond what a socket message can carry."""
    big = "x" * 3_000_000
    assert told(worker(len_of, big)) == len(big)


def len_of(text: str) -> None:
    """Tell how much has arrived."""
    targets.ready(len(text))


def test_too_many_descriptors_are_refused() -> None:
    """More descriptors than one message can carry (SCM_MAX_FD) fail that start, and only that:
    the zygote and its other workers live on."""
    pipes = [multiprocessing.Pipe() for _ in range(150)]
    ends = [end for pipe in pipes for end in pipe]
    pool = DynamicSupervisor("pool", Worker("job", targets.stay))
    try:
        with running(Worker("other", targets.wait), pool) as tree:
            before = pid(tree, "other")
            with pytest.raises(StartFailed, match="cannot hand over 30. descriptors"):
                tree.start_child("pool", *ends)
            assert tree.start_child("pool", *ends[:100]).state == "running"
            assert pid(tree, "other") == before
    finally:
        for end in ends:
            end.close()


def test_shared_memory_that_a_worker_forgets_is_unlinked_by_the_tracker(tmp_path: Path) -> None:
    """The resource tracker is the host's: what a worker makes outlives the worker, and is taken
    away when the host ends, not before."""
    code = """
        def main():
            from multiprocessing import resource_tracker
            resource_tracker.ensure_running()
            with running(Worker("w", targets.share_memory, ready="notify")) as tree:
                name = node(tree, "w").info
                tree.terminate_child("w")
                from multiprocessing.shared_memory import SharedMemory
                memory = SharedMemory(name)
                memory.close()
                tell(name)
    """
    with hosting(tmp_path, code, stderr=-3) as host:
        name = host.hear()
        assert host.wait() == 0
    until(lambda: not Path(f"/dev/shm/{name}").exists())
    with pytest.raises(FileNotFoundError):
        SharedMemory(name)


# How it ends.


ENDS: list[tuple[Any, tuple[Any, ...], str]] = [
    (targets.done, (), "ended normally (exit code 0)"),
    (targets.exit_with, (None,), "ended normally (exit code 0)"),
    (targets.exit_with, (5,), "exit code 5"),
    (targets.exit_with, ("a message",), "exit code 1"),
    (targets.leave, (7,), "exit code 7"),
    (targets.abort, (), "SIGABRT"),
    (targets.crash, (), "SIGSEGV"),
    (targets.fail, (), "Broken: no luck"),
    (targets.fail_async, (), "Broken: in a coroutine"),
    (targets.return_async, (), "ended normally (exit code 0)"),
]


@every_method
def test_how_it_ended_is_reported(method: Any, tmp_path: Path) -> None:
    """Exit codes, signals and exceptions are told as what they are."""
    ends = ENDS if method in ("zygote", "fork") else [ENDS[2], ENDS[5], ENDS[7]]
    options: Any = {"start_method": method, "restart": "temporary", "rlimits": {"core": 0}}
    with running() as tree, watching(tree) as events:
        for n, (target, args, _) in enumerate(ends):
            spec = Worker(f"w{n}", target, args, cwd=tmp_path, stderr="null", **options)
            tree.start_child(spec)
        events.until_all(*(f"w{n}" for n in range(len(ends))), state="down")
        said = {e.path: str(e.reason) for e in events.seen if e.state == "down"}
        found = [said[f"w{n}"].removesuffix(" (core dumped)") for n in range(len(ends))]
        assert found == [reason for _, _, reason in ends]


@each_method
def test_an_exceptions_traceback_is_in_the_report(method: Any) -> None:
    """The event of a crash has the traceback, from the target's own first line on."""
    spec = Worker("w", targets.fail, start_method=method, restart="temporary", stderr="null")
    with running() as tree, watching(tree) as events:
        tree.start_child(spec)
        event = events.until("w", kind="child_terminated")
        lines = event.traceback.splitlines()
        assert lines[0].startswith("Traceback")
        assert "in fail" in lines[1]
        assert "raise Broken(text)" in lines[2]
        assert lines[-1].endswith("Broken: no luck")


def test_an_exception_of_many_lines_is_told_in_one() -> None:
    """`Event.text` is one line, whatever a child's exception says."""
    spec = Worker("w", targets.fail, ("one\ntwo\n  three",), restart="temporary", stderr="null")
    with running() as tree, watching(tree) as events:
        tree.start_child(spec)
        event = events.until("w", kind="child_terminated")
        assert event.reason == "Broken: one two three"
        assert "\n" not in event.text
        assert "one\ntwo\n  three" in event.traceback


def test_an_exception_that_cannot_be_shown_is_reported_all_the_same() -> None:
    """An exception whose `__str__` raises is reported by its type."""
    spec = Worker("w", targets.fail_rudely, restart="temporary", stderr="null")
    with running() as tree, watching(tree) as events:
        tree.start_child(spec)
        event = events.until("w", kind="child_terminated")
        assert str(event.reason).startswith("Rude")
        assert "fail_rudely" in event.traceback


# How it is stopped.


@each_method
def test_a_stop_runs_finally(method: str, tmp_path: Path) -> None:
    """The stop signal raises SystemExit in the main thread, so `finally` blocks run; that is a
    normal end."""
    mark = tmp_path / "mark"
    with (
        running(worker(targets.finish, str(mark), method=method)) as tree,
        watching(tree) as events,
    ):
        tree.terminate_child("w")
        assert mark.read_text() == "finally"
        assert node(tree, "w").last_exit == "stopped by SIGTERM"
        events.until("w", "down")
        assert "shutdown_error" not in [event.kind for event in events.seen]


@each_method
def test_a_stop_cancels_a_coroutine(method: str, tmp_path: Path) -> None:
    """A coroutine function is cancelled, and may await while it tidies up."""
    mark = tmp_path / "mark"
    with running(worker(targets.run_async, str(mark), method=method)) as tree:
        tree.terminate_child("w")
        assert mark.read_text() == "cancelled"
        assert node(tree, "w").last_exit == "stopped by SIGTERM"


@pytest.mark.parametrize("target", [targets.stop_itself, targets.stop_itself_async])
def test_who_watches_stopping_is_not_interrupted(target: Any, tmp_path: Path) -> None:
    """A worker that has looked at `stopping` ends by itself."""
    mark = tmp_path / "mark"
    with running(worker(target, str(mark))) as tree:
        tree.terminate_child("w")
        assert mark.read_text() == "by itself"
        assert node(tree, "w").last_exit == "ended normally (exit code 0)"


def test_a_coroutine_that_swallows_its_cancelling_was_stopped() -> None:
    """It returned because it was asked to: that is a stop, not an end of its own."""
    with running(worker(targets.swallow_async)) as tree:
        tree.terminate_child("w")
        assert node(tree, "w").last_exit == "stopped by SIGTERM"


@each_method
def test_a_stubborn_worker_is_killed(method: str) -> None:
    """After `shutdown` seconds."""
    with running(worker(targets.be_stubborn, method=method, shutdown=0.1)) as tree:
        number = pid(tree, "w")
        tree.terminate_child("w")
        assert node(tree, "w").last_exit == "killed (SIGKILL); it did not listen"
        gone(number, within=0)


@pytest.mark.parametrize(
    ("name", "last"), [("INT", "stopped by SIGINT"), ("USR1", "stopped by SIGUSR1")]
)
@pytest.mark.parametrize("target", [targets.finish, targets.run_async])
def test_another_stop_signal(name: str, last: str, target: Any, tmp_path: Path) -> None:
    """The same orderly end, whatever the stop signal is."""
    mark = tmp_path / "mark"
    with running(worker(target, str(mark), stop_signal=name)) as tree:
        tree.terminate_child("w")
        assert mark.exists()
        assert node(tree, "w").last_exit == last


@pytest.mark.parametrize("target", [targets.ready, targets.swallow_async])
def test_sigkill_as_stop_signal(target: Any) -> None:
    """A worker may be stopped with SIGKILL, which needs no handler."""
    with running(worker(target, stop_signal="KILL")) as tree:
        tree.terminate_child("w")
        assert node(tree, "w").last_exit == "stopped by SIGKILL"


@each_method
def test_a_stop_right_after_the_start_is_never_lost(method: Any) -> None:
    """The stop signal reaches a worker of whatever age: nobody has to be killed."""
    times = {"zygote": 50, "fork": 10}.get(method, 3)
    spec = Worker("w", targets.wait, start_method=method, autostart=False, shutdown=60)
    with running(spec) as tree, watching(tree) as events:
        for _ in range(times):
            tree.start_child("w")
            tree.terminate_child("w")
            assert node(tree, "w").last_exit == "stopped by SIGTERM"
        events.until("w", "down")
        assert "shutdown_error" not in [event.kind for event in events.seen]


def test_a_stop_before_the_worker_exists_reaches_it() -> None:
    """A stop may come while the zygote still forks; it is kept for the worker. (Which never says
    that it is ready: however late the stop comes, the start is not over.)"""
    spec = Worker("w", targets.wait, ready="notify", shutdown=60)
    (tree,) = shared
    for _ in range(30):
        starting = tree.call_start(spec, (), "")
        tree.terminate_child("w")
        with pytest.raises(StartFailed, match="stopped while it was starting"):
            starting.result(LONG)
        assert node(tree, "w").state == "down"
        tree.delete_child("w")


def test_a_stop_that_comes_as_the_worker_falls_asleep_is_heard() -> None:
    """A signal just before a blocking call does not wake Python from it; the worker is nudged
    until it looks. (About one stop in a thousand meets this when a worker is stopped right after
    `ready()`; here the call that swallows the signal is made on purpose.)"""
    with running(worker(asleep, shutdown=60)) as tree:
        tree.terminate_child("w")
        assert node(tree, "w").last_exit == "stopped by SIGTERM"


def asleep() -> None:
    """Let the stop signal arrive while Python does not look, and then sleep."""
    libc, mask = ctypes.CDLL(None), ctypes.create_string_buffer(128)
    libc.sigfillset(mask)
    unblock = functools.partial(libc.pthread_sigmask, signal.SIG_UNBLOCK, mask, None)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCONT})
    current_child().ready()
    signal.sigwait({signal.SIGCONT})  # the first one, which comes right after SIGTERM
    list(map(operator.call, [unblock, functools.partial(libc.sleep, 1000)]))


@pytest.mark.slow
def test_a_worker_that_is_deaf_is_killed() -> None:
    """A coroutine worker that computes without awaiting cannot be cancelled; it is killed."""
    spec = Worker("w", deaf, ready="notify", shutdown=0.1)
    with running(spec) as tree:
        tree.terminate_child("w")
        assert node(tree, "w").last_exit == "killed (SIGKILL); it did not listen"


async def deaf() -> None:
    """Compute for ever."""
    current_child().ready()
    targets.burn(1000)

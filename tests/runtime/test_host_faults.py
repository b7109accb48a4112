"""What the host does wrong harms neither supervision nor the children: its log sinks, probes and
objects."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from loguru import logger

import otpsup
from otpsup import Command, StartFailed, Tree, Worker
from otpsup.logger import Logger
from otpsup.runtime.checks import _why_not
from tests.support import targets
from tests.support.hosts import hosting
from tests.support.strays import adopting
from tests.support.trees import fails_with, node, pid, running, watching
from tests.support.waiting import gone

SLEEP = ["sleep", "100"]
ERRORS = [RuntimeError, SystemExit, KeyboardInterrupt, targets.Rude]


def survives_a_crash(tree: Tree, name: str = "c") -> None:
    """The tree supervises: who is killed is restarted."""
    with watching(tree) as events:
        os.kill(pid(tree, name), signal.SIGKILL)
        events.until(name, "starting")
        events.until(name, "running")


@contextmanager
def sink(write: Callable[[Any], None]) -> Iterator[None]:
    """A sink of the host's for otpsup's log, whose exceptions loguru does not catch."""
    logger.enable("otpsup")
    number = logger.add(write, catch=False, level="DEBUG")
    try:
        yield
    finally:
        logger.remove(number)
        logger.disable("otpsup")


# Sinks.


@pytest.mark.parametrize("error", ERRORS)
def test_a_sink_that_raises(error: type[BaseException], capfd: pytest.CaptureFixture[str]) -> None:
    """Supervision goes on whatever a sink of the log raises; what that was is on stderr."""

    def write(_: object) -> NoReturn:
        raise error

    with sink(write), running(Command("c", SLEEP)) as tree:
        survives_a_crash(tree)
    assert error.__name__ in capfd.readouterr().err


def test_a_sink_that_blocks() -> None:
    """Supervision goes on while a sink waits, for a stopped terminal, say; then it gets all."""
    gate, lines = threading.Event(), []

    def write(message: object) -> None:
        gate.wait()
        lines.append(str(message))

    with sink(write):
        with running(Command("c", SLEEP)) as tree:
            survives_a_crash(tree)
            assert lines == []
            gate.set()
        text = "".join(lines)
    assert [word in text for word in ("c is up", "c restarts", "c is down")] == [True] * 3


@pytest.mark.slow
def test_a_sink_that_blocks_for_ever_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """The process of a host ends although a line still waits to be written; loguru's own end would
    wait for it."""
    code = """
        from loguru import logger
        def main():
            logger.remove()
            logger.enable("otpsup")
            logger.add(lambda _: threading.Event().wait())
            with Tree(Supervisor("t", children=[Command("c", ["sleep", "100"])])) as tree:
                tell(pid(tree, "c"))
    """
    with adopting(), hosting(tmp_path, code, stderr=-3) as host:
        child = host.hear()
        assert host.wait() == 0
        gone(child)


def test_nobody_reads_stderr(tmp_path: Path) -> None:
    """`run` whose stderr is a pipe that is full goes on, and stops the tree when it is told to; the
    process ends when its last words can be read."""
    code = """
        import fcntl
        def main():
            os.set_blocking(2, False)
            try:
                while True:
                    os.write(2, b"x" * 4096)
            except BlockingIOError:
                os.set_blocking(2, True)
            threading.Thread(target=say, daemon=True).start()
            otpsup.run(TREE)
        def say():
            until(lambda: TREE._session and TREE.status().state == "running")
            number = pid(TREE, "c")
            os.kill(number, 9)
            until(lambda: node(TREE, "c").pid not in (None, number))
            tell(pid(TREE, "c"))
            os.kill(os.getpid(), signal.SIGTERM)
        TREE = Tree(Supervisor("t", children=[Command("c", ["sleep", "100"])]))
    """
    with adopting(), hosting(tmp_path, code, stderr=-1) as host:
        gone(host.hear())
        assert host.process.stderr is not None
        host.process.stderr.read()
        assert host.wait() == 0


def test_lines_that_cannot_be_written_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a sink that never returns is limited; nor does the end of a tree wait for it
    without end."""
    monkeypatch.setattr("otpsup.logger.LIMIT", 50)
    gate = threading.Event()
    log = Logger()
    with sink(lambda _: (gate.wait(), None)[1]):
        for number in range(200):
            log.error("line {}", number)
        assert log._writer is not None
        assert log._writer.waiting.qsize() <= 50
        assert not log.close(0.01)
        gate.set()


# Objects.


class Unpicklable:
    """Raises where it is pickled."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __reduce__(self) -> NoReturn:
        raise self.error


@pytest.mark.parametrize("method", ["zygote", "spawn"])
@pytest.mark.parametrize("error", ERRORS)
def test_arguments_that_cannot_be_pickled(error: type[BaseException], method: Any) -> None:
    """The start fails and says why, even where pickling ends in SystemExit or in an exception that
    cannot be shown; the rest of the tree goes on."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with running(Command("c", SLEEP)) as tree:
        bad = Worker("w", targets.stay, (Unpicklable(error),), start_method=method)
        with pytest.raises(StartFailed, match=f"cannot hand over .*: {error.__name__}"):
            tree.start_child(bad)
        survives_a_crash(tree)
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # noqa: PTH208 - the log's pipe


class Grim:
    """Cannot be shown, nor compared, nor asked whether it is true."""

    def __repr__(self) -> str:
        raise ValueError("not telling")

    def __eq__(self, _: object) -> bool:
        raise ValueError("nothing compares")

    def __bool__(self) -> bool:
        raise ValueError("neither")

    __hash__ = None  # type: ignore[assignment]


def test_arguments_that_cannot_be_shown_or_compared() -> None:
    """Nobody shows or compares a worker's arguments: it starts, restarts, is told of and stops."""
    spec = Worker("w", targets.stay, (Grim(),), {"grim": Grim()})
    with running(spec) as tree:
        survives_a_crash(tree, "w")
        tree.restart("w")
        assert node(tree, "w").state == "running"
        tree.terminate_child("w")
        tree.delete_child("w")
        tree.start_child(spec)


# Probes.


@pytest.mark.parametrize("error", ERRORS)
def test_a_probe_may_raise_anything(error: type[BaseException]) -> None:
    """That is *not yet*, with the exception as the reason, even if that cannot be shown."""

    def probe() -> NoReturn:
        raise error

    why_not = _why_not(probe)
    assert why_not is not None
    assert why_not.startswith(f"{error.__name__}: ")


def test_a_probe_whose_result_cannot_be_looked_at() -> None:
    """A result that is neither true nor false, and cannot be shown, is *not yet*, at once."""
    slow = otpsup.probe(Grim, timeout=100, interval=100)
    with running(Command("c", SLEEP)) as tree:
        fails_with(tree, Command("p", SLEEP, ready=slow), ": ValueError: neither")
        survives_a_crash(tree)


# Callbacks.


@pytest.mark.parametrize("error", ERRORS)
def test_a_listener_that_raises(error: type[BaseException]) -> None:
    """It is dropped; the tree and other listeners go on."""
    with running(Command("c", SLEEP)) as tree:
        assert tree._session is not None

        def listen(_: object) -> NoReturn:
            raise error

        tree._session.subscribe(listen)
        survives_a_crash(tree)


@pytest.mark.slow
def test_a_signal_handler_of_the_hosts_that_exits(tmp_path: Path) -> None:
    """`sys.exit` in a handler, while `run` runs the tree in that thread, stops the tree in order,
    and exits as it says."""
    code = """
        def main():
            signal.signal(signal.SIGUSR1, lambda *_: sys.exit(5))
            threading.Thread(target=say, daemon=True).start()
            otpsup.run(TREE)
        def say():
            until(lambda: TREE._session and TREE.status().state == "running")
            tell([node.pid for node in TREE.status().children])
            os.kill(os.getpid(), signal.SIGUSR1)
        TREE = Tree(Supervisor("t", children=[
            Worker("w", targets.finish, (sys.argv[1],), ready="notify"),
            Command("c", ["sleep", "100"]),
        ]))
    """
    mark = tmp_path / "mark"
    with adopting(), hosting(tmp_path, code, str(mark), stderr=-3) as host:
        pids = host.hear()
        assert host.wait() == 5
        gone(*pids, within=0)
    assert mark.read_text() == "finally"

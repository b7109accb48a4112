"""A bug inside otpsup ends the tree in order, and says so; it never leaves one that hangs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from otpsup import Command, NotRunning, Tree, Worker
from otpsup.engine.events import Exited, TerminateChild
from otpsup.runtime.process import ChildProcess
from tests.support import targets
from tests.support.hosts import hosting
from tests.support.trees import pid, python, running, watching
from tests.support.waiting import LONG, gone

WRITES = (
    "import os, signal, sys; f = open(sys.argv[1], 'a');"
    "signal.signal(15, lambda *_: (f.write(sys.argv[2]), f.flush(), os._exit(0)));"
    "os.write(int(os.environ['OTPSUP_CHANNEL'].split(':')[0]), b'{\"op\": \"ready\"}');"
    "[signal.pause() for _ in iter(int, 1)]"
)


def fails_at(tree: Tree, kind: type[Any]) -> None:
    """From now on the engine fails at every event of this kind."""
    session = tree._session
    assert session is not None
    engine = session._runner.engine
    handle: Callable[..., Any] = engine.handle

    def broken(event: Any, now: float) -> Any:
        if isinstance(event, kind):
            raise KeyError("a bug")
        return handle(event, now)

    engine.handle = broken  # type: ignore[method-assign]


def test_it_ends_in_order(tmp_path: Path) -> None:
    """The last child first; whoever waits is answered; the log asks for a report."""
    lines: list[str] = []
    number = logger.add(lambda message: lines.append(str(message)))
    logger.enable("otpsup")
    said = tmp_path / "said"
    children = [Command(name, python(WRITES, str(said), name), ready="notify") for name in "abc"]
    try:
        with running(*children) as tree:
            pids = [pid(tree, name) for name in "abc"]
            fails_at(tree, TerminateChild)
            with pytest.raises(NotRunning):
                tree.terminate_child("a")
            halt = tree.wait(LONG)
    finally:
        logger.disable("otpsup")
        logger.remove(number)
    gone(*pids, within=0)
    assert said.read_text() == "cba"
    assert halt is not None
    assert halt.kind == "failed"
    assert "a bug in otpsup; please report it" in "".join(lines)
    assert "KeyError: 'a bug'" in "".join(lines)


def test_who_does_not_listen_is_killed() -> None:
    """Nobody is left, and nobody is waited for without end."""
    stubborn = Worker("w", targets.be_stubborn, ready="notify", shutdown=0.2)
    with running(stubborn, Command("c", ["sleep", "100"])) as tree:
        pids = [pid(tree, "w"), pid(tree, "c")]
        fails_at(tree, Exited)
        os.kill(pids[1], 9)
        assert tree.wait(LONG) is not None
    gone(*pids, within=0)


def test_run_says_so(tmp_path: Path) -> None:
    """A program that is the tree ends with an exit code of its own, and a paragraph."""
    code = """
        def main():
            from otpsup.engine import Engine
            handle = Engine.handle
            def broken(self, event, now):
                if type(event).__name__ == "Exited":
                    raise KeyError("a bug")
                return handle(self, event, now)
            Engine.handle = broken
            import otpsup
            children = [Command("c", ["true"]), Command("d", ["sleep", "100"])]
            otpsup.run(Supervisor("t", children=children))
    """
    with hosting(tmp_path, code, stderr=-3) as host:
        assert host.wait() == 70


def breaks(monkeypatch: pytest.MonkeyPatch, name: str, path: str) -> None:
    """From now on this method of `ChildProcess` has a bug, for the child at `path`."""
    works = getattr(ChildProcess, name)

    def broken(self: ChildProcess, *args: Any, **options: Any) -> None:
        if self.path == path:
            raise KeyError("a bug")
        works(self, *args, **options)

    monkeypatch.setattr(ChildProcess, name, broken)


def test_a_callback_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in a callback of the loop, where asyncio would go on: nobody would ever hear that this
    child has ended. The tree is ended as after any other bug."""
    monkeypatch.setattr("otpsup.runtime.fault._GONE", 0.1)
    children = [Command("a", ["sleep", "100"]), Command("b", ["sleep", "100"], shutdown=0.1)]
    with running(*children) as tree:
        pids = [pid(tree, name) for name in "ab"]
        breaks(monkeypatch, "on_exit", "b")
        os.kill(pids[1], 9)
        halt = tree.wait(LONG)
    gone(*pids, within=0)
    assert (halt.kind, str(halt.reason)) == ("failed", "KeyError: 'a bug'")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["zygote", "spawn"])
@pytest.mark.parametrize("name", ["terminate", "kill", "on_exit"])
def test_a_bug_that_is_also_in_the_way_of_the_end(
    name: str, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails may be what ends processes: then they are ended without it; never a hang."""
    monkeypatch.setattr("otpsup.runtime.fault._GONE", 0.1)
    monkeypatch.setattr("otpsup.runtime.loop._CLOSE", 0.5)
    options: Any = {"ready": "notify", "shutdown": 0.1}
    stubborn = Worker("w", targets.be_stubborn, start_method=method, **options)
    with running(Command("c", ["sleep", "100"]), stubborn) as tree:
        pids = [pid(tree, "c"), pid(tree, "w")]
        breaks(monkeypatch, name, "w")
        fails_at(tree, Exited)
        os.kill(pids[0], 9)
        assert tree.wait(LONG).kind == "failed"
    gone(*pids)


def test_what_the_machine_refuses_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """An OSError in a callback, for want of descriptors, say, ends no tree."""
    with running(Command("c", ["sleep", "100"])) as tree, watching(tree) as events:
        assert tree._loop is not None
        tree._loop.call_soon_threadsafe(os.close, -1)
        os.kill(pid(tree, "c"), 9)
        events.until("c", "starting")
        events.until("c", "running")

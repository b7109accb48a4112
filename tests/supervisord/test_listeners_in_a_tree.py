"""Listeners that are children of a running tree: their stdin, their output and their ends are its.

No daemon is needed for that; what it would tell of states is told here in short.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from attrs import evolve

from otpsup import Tree
from otpsup.engine.effects import StateChange, Told
from otpsup.session import Session
from otpsup.supervisord import events
from otpsup.supervisord.conf.model import Group, Log, Settings
from otpsup.supervisord.listeners import Listeners
from otpsup.supervisord.tree import tree_of
from tests.supervisord.listening import RECORDER, SILENT, listener, program
from tests.support.trees import node, pid
from tests.support.waiting import LONG, until

T = TypeVar("T")


class Wired:
    """`Listeners` on the loop of a tree."""

    def __init__(self, tree: Tree, settings: Settings) -> None:
        self._tree = tree
        self._states: dict[str, str] = {}
        self._pids: dict[str, int] = {}
        self.log: list[tuple[str, str]] = []
        self.listeners = self.do(lambda session: self._wire(session, settings))

    def do(self, what: Callable[[Session], T]) -> T:
        """Do it on the loop of the tree."""
        done: Future[T] = Future()

        def call() -> None:
            session = self._tree._session
            assert session is not None
            try:
                done.set_result(what(session))
            except BaseException as error:
                done.set_exception(error)

        self._tree._on_loop(call)
        return done.result(LONG)

    def _wire(self, session: Session, settings: Settings) -> Listeners:
        listeners = Listeners(settings, session.write_stdin, lambda *said: self.log.append(said))
        for path, stream, tap in listeners.taps():
            session.tap(path, stream, tap)
        session.watch(lambda told: self._heard(listeners, told))
        return listeners

    def _heard(self, listeners: Listeners, told: Told) -> None:
        if not isinstance(told, StateChange) or "/" not in told.path:
            return
        old = self._states.get(told.path, "STOPPED")
        new = {"down": "EXITED", "restarting": "EXITED"}.get(told.state, told.state.upper())
        self._states[told.path] = new
        self._pids[told.path] = told.pid or self._pids.get(told.path, 0)
        if new != old:
            listeners.changed(told.path, old, new, pid=self._pids[told.path], expected=False)

    def notify(self, text: str) -> None:
        self.do(lambda session: self.listeners.notify(events.remote_communication("t", text)))


@contextmanager
def wired(tmp_path: Path, *groups: Group) -> Iterator[tuple[Tree, Wired]]:
    """A tree of these groups, whose programs are started by the test."""
    settings = Settings(file=tmp_path / "supervisord.conf", groups=groups)
    with Tree(tree_of(settings, lambda process, stream: str(tmp_path / process.name))) as tree:
        wires = Wired(tree, settings)
        yield tree, wires
        wires.do(lambda session: wires.listeners.close())


def running(tmp_path: Path, group: Group, *sources: str, log: Log | None = None) -> Group:
    """The group with these Python programs for its processes, started when the test says so; their
    stderr goes to a file named after them."""
    made = []
    for process, source in zip(group.processes, sources, strict=True):
        script = tmp_path / f"{process.name}.py"
        script.write_text(source)
        stderr = Log(logfile=str(tmp_path / f"{process.name}.err"))
        made.append(
            evolve(
                process, command=f"{sys.executable} {script}", autostart=False, startsecs=0,
                autorestart=True, stderr=stderr, stdout=log or Log(logfile=None),
            )
        )  # fmt: skip
    return evolve(group, processes=tuple(made))


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def texts(file: Path) -> list[str]:
    return [line.rpartition("|")[2] for line in lines(file)]


def test_a_killed_listener_is_started_again_and_told_again(tmp_path: Path) -> None:
    """The tree starts it again; it gets the event that it had, and then the others."""
    source = f"""
import os
if os.path.exists({str(tmp_path / "first")!r}):
    source = {RECORDER!r}
else:
    open({str(tmp_path / "first")!r}, "w").close()
    source = {SILENT!r}
exec(source)
"""
    told = tmp_path / "rec.err"
    group = running(tmp_path, listener("rec", "REMOTE_COMMUNICATION"), source)
    with wired(tmp_path, group) as (tree, wires):
        tree.start_child("rec/rec")
        for number in range(3):
            wires.notify(str(number))
        until(lambda: texts(told) == ["0"])
        first = pid(tree, "rec/rec")
        os.kill(first, signal.SIGKILL)
        until(lambda: texts(told) == ["0", "0", "1", "2"])
        assert pid(tree, "rec/rec") != first
        assert [line.split()[1] for line in lines(told)] == ["0", "0", "1", "2"]


ONCE = """
import os, sys
from supervisor import childutils
headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
os.write(2, (payload.replace("\\n", "|") + "\\n").encode())
childutils.listener.ok(sys.stdout)
"""


@pytest.mark.slow
def test_an_answer_before_the_end_counts(tmp_path: Path) -> None:
    """A listener that answers and ends at once, eight times: each event is dealt with once."""
    told = tmp_path / "rec.err"
    group = running(tmp_path, listener("rec", "REMOTE_COMMUNICATION", buffer_size=8), ONCE)
    with wired(tmp_path, group) as (tree, wires):
        tree.start_child("rec/rec")
        for number in range(8):
            wires.notify(str(number))
        until(lambda: len(lines(told)) >= 8)
        assert texts(told) == [str(number) for number in range(8)]


def test_a_child_speaks_to_a_listener(tmp_path: Path) -> None:
    """What is between the marks reaches the listener and not the log; the state changes of the
    child do as well, in their order."""
    told, logged = tmp_path / "rec.err", tmp_path / "cat.log"
    speaks = (
        "import time\n"
        "print('one <!--XSUPERVISOR:BEGIN-->two<!--XSUPERVISOR:END--> three <!--', end='')"
    )
    subscribed = ("PROCESS_COMMUNICATION", "PROCESS_STATE_EXITED")
    cat = running(
        tmp_path, program("cat"), speaks, log=Log(logfile=str(logged), capture_maxbytes=100)
    )
    cat = evolve(cat, processes=(evolve(cat.processes[0], autorestart=False),))
    rec = running(tmp_path, listener("rec", *subscribed), RECORDER)
    with wired(tmp_path, rec, cat) as (tree, _):
        tree.start_child("rec/rec")
        tree.start_child("cat/cat")
        until(lambda: len(lines(told)) == 2)
        until(lambda: lines(logged) == ["one  three <!--"])
        kinds = sorted(line.split()[0] for line in lines(told))
        assert kinds == ["PROCESS_COMMUNICATION_STDOUT", "PROCESS_STATE_EXITED"]
        assert any(line.endswith("|two") for line in lines(told))
        assert node(tree, "cat/cat").pid is None


def test_a_long_event_arrives_whole(tmp_path: Path) -> None:
    """Longer than a pipe holds, to a listener that has yet to start reading."""
    told = tmp_path / "rec.err"
    group = running(tmp_path, listener("rec", "REMOTE_COMMUNICATION"), RECORDER)
    long = "0123456789" * 50_000
    with wired(tmp_path, group) as (tree, wires):
        tree.start_child("rec/rec")
        for text in (long, "short"):
            wires.notify(text)
        until(lambda: len(lines(told)) == 2)
        assert texts(told) == [long, "short"]

"""What a child leaves behind in its process group is gone before the next incarnation starts."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest

from otpsup import Command, Worker
from tests.support import targets
from tests.support.servers import free_port
from tests.support.trees import Child, node, pid, python, running, watching
from tests.support.waiting import gone, is_alive, until

LISTENS = """
import json, os, signal, socket, sys, time
number = os.fork()
if number == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sock = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    os.write(int(sys.argv[2]), b"x")
    while True:
        signal.pause()
os.read(int(sys.argv[3]), 1)
os.write(3, json.dumps({"op": "ready", "info": number}).encode())
signal.pause()
"""
"""A leader whose forked grandchild ignores SIGTERM and holds a port."""


@pytest.fixture
def port() -> int:
    """A port that nobody uses now."""
    return free_port()


def command(port: int, **options: Any) -> Command:
    """The leader as a command; its pipe comes from the shell, which it replaces."""
    script = LISTENS.replace("int(sys.argv[2])", "writer").replace("int(sys.argv[3])", "reader")
    code = script.replace("number = os.fork()", "reader, writer = os.pipe(); number = os.fork()")
    return Command("c", python(code, str(port)), ready="notify", shutdown=0.5, **options)


def worker(port: int, method: str) -> Worker:
    """The same as a worker."""
    options: Any = {"start_method": method, "ready": "notify", "shutdown": 0.5}
    return Worker("c", targets.leave_behind, (port,), **options)


KINDS = ["posix_spawn", "fork path", "zygote", "spawn", "fork"]


def child(kind: str, port: int) -> Child:
    """A leader of each kind whose group can be ended with it. (A fork server reaps its workers
    itself, so nobody can know that their groups still exist.)"""
    if kind == "posix_spawn":
        return command(port)
    return command(port, nice=0) if kind == "fork path" else worker(port, kind)


_SLOW = ("spawn", "fork path")


@pytest.mark.parametrize(
    "kind",
    [
        *(kind for kind in KINDS if kind not in _SLOW),
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in _SLOW),
    ],
)
def test_a_crashed_leaders_group_is_gone_before_the_restart(kind: str, port: int) -> None:
    """kill -9 of the leader: its grandchild dies too, the port is free, the restart succeeds."""
    with running(child(kind, port)) as tree, watching(tree) as events:
        for _ in range(2):
            grandchild = node(tree, "c").info
            assert is_alive(grandchild)
            os.kill(pid(tree, "c"), signal.SIGKILL)
            events.until("c", "starting")
            gone(grandchild, within=0)
            events.until("c", "running")
        assert node(tree, "c").restarts == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_leaders_group_is_gone_when_the_stop_returns(kind: str, port: int) -> None:
    """`terminate_child` returns when nothing of the child is left, its group included."""
    with running(child(kind, port)) as tree:
        grandchild = node(tree, "c").info
        tree.terminate_child("c")
        gone(grandchild, within=0)
        with socket.create_server(("127.0.0.1", port)):
            tree.terminate_child("c")


def test_the_leader_gets_the_stop_signal_and_its_group_does_not(tmp_path: Path) -> None:
    """A leader stops its own children in its own way; only what it leaves behind is killed."""
    mark = tmp_path / "mark"
    script = f"""
        trap 'kill $!; wait $!; exit 0' USR1
        (trap 'echo TERM >> {mark}; exit' TERM; echo up >> {mark}; sleep 100 & wait) &
        wait $!
    """
    with running(Command("c", ["sh", "-c", script], stop_signal="USR1")) as tree:
        until(lambda: mark.exists() and mark.read_text() == "up\n")
        tree.terminate_child("c")
        assert mark.read_text() == "up\nTERM\n"
        assert node(tree, "c").last_exit == "ended normally (exit code 0)"


LEAVERS = {
    "own session": "setsid sh -c 'echo $$ > {file}; exec sleep 100' & wait",
    "double fork": "(setsid sh -c 'echo $$ > {file}; exec sleep 100' &); sleep 100",
    "ignores SIGTERM": "trap '' TERM; setsid sh -c 'echo $$ > {file}; exec sleep 100' & wait; wait",
    "with children": "setsid sh -c 'sleep 100 & echo $! > {file}; wait' & wait",
}
"""Shell scripts that leave a process outside of their group, and its pid in a file."""


def leaver(how: str, file: Path, **options: Any) -> Command:
    return Command("c", ["sh", "-c", LEAVERS[how].format(file=file)], **options)


@pytest.mark.parametrize("how", LEAVERS)
def test_who_left_the_group_is_gone_before_the_restart(how: str, tmp_path: Path) -> None:
    """What a crashed child has started, in whatever session, is ended before it is started again;
    that of its siblings is not touched."""
    file, other = tmp_path / "pid", tmp_path / "other"
    sibling = Command("d", ["sh", "-c", LEAVERS[how].format(file=other)], shutdown=0.5)
    with running(leaver(how, file, shutdown=0.5), sibling) as tree, watching(tree) as events:
        stray, others = int(until(lambda: _text(file))), int(until(lambda: _text(other)))
        os.kill(pid(tree, "c"), signal.SIGKILL)
        events.until("c", "starting")
        gone(stray, within=0)
        assert is_alive(others)
        events.until("c", "running")
    gone(others, within=0)


@pytest.mark.parametrize("how", LEAVERS)
def test_who_left_the_group_is_gone_when_a_stop_returns(how: str, tmp_path: Path) -> None:
    """Stop means gone: also whoever is in a session of its own."""
    file = tmp_path / "pid"
    with running(leaver(how, file, shutdown=1)) as tree:
        stray = int(until(lambda: _text(file)))
        tree.terminate_child("c")
        gone(stray, within=0)


def test_who_is_left_behind_is_asked_first(tmp_path: Path) -> None:
    """What a stopped child leaves behind gets the stop signal, once, and what is left of the time;
    not SIGKILL at once."""
    said = tmp_path / "said"
    script = f"""
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    file = open({str(said)!r}, "a", buffering=1)
    signal.signal(signal.SIGTERM, lambda *_: (file.write("asked\\n"), time.sleep(0.2), sys.exit()))
    os.write(int(os.environ["OTPSUP_CHANNEL"].split(":")[0]), b'{{"op": "ready"}}')
    while True:
        signal.pause()
signal.pause()
"""
    with running(Command("c", python(script), ready="notify", shutdown=5)) as tree:
        tree.terminate_child("c")
        assert said.read_text() == "asked\n"


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["launcher", "zygote"])
def test_who_left_is_gone_when_our_own_process_dies(whose: str, tmp_path: Path) -> None:
    """If the launcher, or the zygote, is killed, nobody adopts what its children have left behind;
    it is ended all the same, and the host keeps no descriptor of it."""
    file = tmp_path / "pid"
    child = Worker("c", targets.fork_away, (str(file),), ready="notify", shutdown=0.5)
    with running(leaver("own session", file) if whose == "launcher" else child) as tree:
        stray = int(until(lambda: _text(file)))
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        victim = psutil.Process(pid(tree, "c")).parent()
        assert victim is not None
        file.unlink()
        victim.kill()
        gone(stray)
        until(lambda: _text(file))
        until(lambda: len(os.listdir("/proc/self/fd")) <= before)  # noqa: PTH208


@pytest.mark.slow
def test_forks_of_a_worker_are_known(tmp_path: Path) -> None:
    """A worker's forks carry its mark, although they are never executed."""
    file = tmp_path / "pid"
    worker = Worker("w", targets.fork_away, (str(file),), ready="notify", shutdown=1)
    with running(worker) as tree, watching(tree) as events:
        stray = int(until(lambda: _text(file)))
        os.kill(pid(tree, "w"), signal.SIGKILL)
        events.until("w", "starting")
        gone(stray, within=0)
        events.until("w", "running")


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""

"""What a child leaves behind in its process group is gone before the next incarnation starts."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, Worker
from tests.support import targets
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
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def command(port: int, **options: Any) -> Command:
    """The leader as a command; its pipe comes from the shell, which it replaces."""
    script = LISTENS.replace("int(sys.argv[2])", "writer").replace("int(sys.argv[3])", "reader")
    code = script.replace("number = os.fork()", "reader, writer = os.pipe(); number = os.fork()")
    return Command("c", python(code, str(port)), ready="notify", **options)


def worker(port: int, method: str) -> Worker:
    """The same as a worker."""
    options: Any = {"start_method": method, "ready": "notify"}
    return Worker("c", targets.leave_behind, (port,), **options)


KINDS = ["posix_spawn", "fork path", "zygote", "spawn", "fork"]


def child(kind: str, port: int) -> Child:
    """A leader of each kind whose group can be ended with it. (A fork server reaps its workers
    itself, so nobody can know that their groups still exist.)"""
    if kind == "posix_spawn":
        return command(port)
    return command(port, nice=0) if kind == "fork path" else worker(port, kind)


@pytest.mark.parametrize("kind", KINDS)
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
        (trap 'echo TERM >> {mark}; exit' TERM; echo up >> {mark}; sleep 100 & wait) &
        trap "kill $!; wait $!; exit 0" USR1
        wait $!
    """
    with running(Command("c", ["sh", "-c", script], stop_signal="USR1")) as tree:
        until(lambda: mark.exists() and mark.read_text() == "up\n")
        tree.terminate_child("c")
        assert mark.read_text() == "up\nTERM\n"
        assert node(tree, "c").last_exit == "ended normally (exit code 0)"


def test_who_left_the_group_is_not_touched_by_a_restart(tmp_path: Path) -> None:
    """A daemon that a child started in a session of its own outlives that child (a restart must
    not end what was meant to stay), but not the tree."""
    script = f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 100' & wait"
    with running(Command("c", ["sh", "-c", script], restart="temporary")) as tree:
        daemon = int(until(lambda: _text(tmp_path / "pid")))
        with watching(tree) as events:
            os.kill(pid(tree, "c"), signal.SIGKILL)
            events.until("c", "down")
        assert is_alive(daemon)
    gone(daemon, within=0.5)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""

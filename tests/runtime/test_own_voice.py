"""A child speaks only for itself, whatever it sends, and on whatever way."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, Tree, Worker
from tests.support import targets
from tests.support.methods import SLOW_METHODS
from tests.support.trees import REPORT, node, pid, python, running
from tests.support.waiting import LONG, until

LIAR = (
    REPORT
    + """
import array, socket, struct, time
victim, victims_run = int(sys.argv[1]), 1
for path in ("victim", "", "/", "../victim", "test/victim"):
    more = {"path": path, "name": path, "pid": victim, "run": victims_run, "child": path}
    tell(op="ready", info="a lie", **more)
    tell(op="status", text="a lie", **more)
    tell(op="heartbeat", **more)
    tell(op="crash", type="E", message="a lie", traceback="", **more)
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ours = "\\0" + os.environ["NOTIFY_SOCKET"][1:]
lies = b"READY=1\\nSTATUS=a lie\\nWATCHDOG=1\\nMAINPID=%d" % victim
for claimed in (victim, os.getppid(), 1):
    claim = struct.pack("3i", claimed, os.getuid(), os.getgid())
    try:
        sock.sendmsg([lies], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, claim)], 0, ours)
    except PermissionError:
        pass  # only root can claim to be another process
while True:  # what it has said on its channel may be heard after this
    sock.sendto(b"STATUS=mine", ours)
    time.sleep(0.02)
"""
)


@pytest.mark.parametrize("name", ["aaa", "zzz"])
def test_nobody_can_speak_for_another_child(name: str) -> None:
    """Neither its channel nor sd_notify makes another child ready, well, or say something: what a
    message claims of itself counts for nothing, nor, from root's child, its credentials."""
    victim = Command("victim", ["sleep", "100"], ready="notify", autostart=False)
    with running(victim) as tree:
        starting = tree.call_start("victim", (), "")
        number = until(lambda: node(tree, "victim").pid)
        tree.start_child(Command(name, python(LIAR, str(number)), ready="notify"))
        until(lambda: node(tree, name).status == "mine")
        said = node(tree, "victim")
        assert (said.state, said.ready, said.status, said.info) == ("starting", False, None, None)
        tree.terminate_child("victim")
        assert starting.exception(LONG)


def test_who_asks_is_the_child_whose_channel_it_was() -> None:
    """A request is made in the name of the child that handed the connection over, whatever it
    says: it is that child which every cause names."""
    code = """
import socket
ours, theirs = socket.socketpair()
channel = socket.socket(fileno=int(os.environ["OTPSUP_CHANNEL"].split(":")[0]))
tell(op="ready")
socket.send_fds(channel, [b'{"op":"connect","path":"victim"}'], [theirs.fileno()])
ask = {"id": 1, "op": "restart", "path": "victim", "caller": "victim", "by": "", "uid": 0}
ours.sendall(json.dumps(ask).encode() + b"\\n")
signal.pause()
"""
    liar = Command("liar", python(REPORT + code), ready="notify")
    with running(Command("victim", ["sleep", "100"])) as tree, tree.events() as events:
        tree.start_child(liar)
        event = next(e for e in events if e.path == "victim" and e.state == "stopping")
        assert event.cause == "victim was told to restart by liar"


def test_two_ends_of_one_connection_do_not_talk_for_ever() -> None:
    """A child that hands over both ends of a pair has the host talk to itself, for a moment."""
    code = """
import socket, time
ours, theirs = socket.socketpair()
channel = socket.socket(fileno=int(os.environ["OTPSUP_CHANNEL"].split(":")[0]))
theirs.sendall(b"hello?\\n" * 3)
for end in (ours, theirs):
    socket.send_fds(channel, [b'{"op":"connect"}'], [end.fileno()])
ours.close(), theirs.close()
tell(op="ready")
signal.pause()
"""
    with running() as tree:
        before = descriptors()
        tree.start_child(Command("c", python(REPORT + code), ready="notify"))
        with_child = until(lambda: descriptors() if descriptors() <= before + 6 else 0)
        tree.terminate_child("c")
        until(lambda: descriptors() <= with_child)


def test_a_child_can_have_so_many_connections() -> None:
    """Who hands over connections without end gets no more after some, and harms nobody else."""
    code = """
import resource, socket
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
channel = socket.socket(fileno=int(os.environ["OTPSUP_CHANNEL"].split(":")[0]))
kept = []
for _ in range(600):
    ours, theirs = socket.socketpair()
    kept.append(ours)
    socket.send_fds(channel, [b'{"op":"connect"}'], [theirs.fileno()])
    theirs.close()
tell(op="ready")
signal.pause()
"""
    with running(Command("other", ["sleep", "100"])) as tree:
        before = descriptors()
        tree.start_child(Command("c", python(REPORT + code), ready="notify"))
        assert before + 200 < descriptors() < before + 300
        tree.restart("other")
        tree.terminate_child("c")
        until(lambda: descriptors() <= before + 2)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def of_the_launchers(tree: Tree) -> set[str]:
    """The sockets by which the host, its launcher and its zygote talk, as /proc names them."""
    assert tree._session is not None
    launchers = tree._session._runner._launchers
    assert launchers.pid is not None
    found = set()
    for spawner in launchers.spawners():
        found.add(f"socket:[{os.fstat(spawner._sock.fileno()).st_ino}]")
    its_own = Path(f"/proc/{launchers.pid}/cmdline").read_text().split("\0")[-5]
    return {*found, str(Path(f"/proc/{launchers.pid}/fd/{its_own}").readlink())}


def sockets_of(number: int) -> set[str]:
    """The sockets that a process has open; less what it closes meanwhile."""
    found = set()
    for link in Path(f"/proc/{number}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(link.readlink()))
    return {target for target in found if target.startswith("socket:")}


@pytest.mark.parametrize(
    "method",
    ["command", "zygote", *(pytest.param(m, marks=pytest.mark.slow) for m in SLOW_METHODS)],
)
def test_no_child_has_the_launchers_socket(method: Any) -> None:
    """Orders to launcher and zygote come from the host alone: their sockets are not among what a
    child has open. (A worker of the start method `fork` is a copy of the host, and has all.)"""
    child: Worker | Command = (
        Command("c", ["sleep", "100"])
        if method == "command"
        else Worker("c", targets.ready, ready="notify", start_method=method)
    )
    with running(Worker("w", targets.wait)) as tree:
        ours = of_the_launchers(tree)
        assert len(ours) >= 3
        tree.start_child(child)
        assert not sockets_of(pid(tree, "c")) & ours


def test_an_empty_message_is_no_end() -> None:
    """A message without anything in it is dropped, and so is what came with it; the child is heard
    on."""
    code = """
import socket
channel = socket.socket(fileno=int(os.environ["OTPSUP_CHANNEL"].split(":")[0]))
for _ in range(50):
    socket.send_fds(channel, [b""], [0, 1, 2])
tell(op="status", text="still there")
tell(op="ready")
signal.pause()
"""
    with running() as tree:
        before = descriptors()
        tree.start_child(Command("c", python(REPORT + code), ready="notify"))
        assert node(tree, "c").status == "still there"
        assert descriptors() <= before + 8

"""Children that speak sd_notify(3): who is heard, and for whom it counts."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import Command
from otpsup.runtime.notify import NotifySocket, parse
from tests.support.trees import node, python, running, watching
from tests.support.waiting import LONG, until

SEND = """
import os, signal, socket, sys
def send(*texts):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.connect("\\0" + os.environ["NOTIFY_SOCKET"][1:])
    for text in texts:
        sock.send(text.encode())
"""


def notifier(name: str, code: str) -> Command:
    """A child that sends datagrams and stays."""
    return Command(name, python(f"{SEND}\n{code}\nsignal.pause()"), ready="notify")


def test_ready_and_status() -> None:
    """READY=1 makes it ready, STATUS= is shown, and the rest of the protocol is passed over."""
    code = (
        "send('MAINPID=1\\nSTATUS=half way', 'WATCHDOG=1', 'FDSTORE=1', 'READY=0', 'junk', '=',"
        "'READY=1\\nSTATUS=all done\\nERRNO=2\\n')"
    )
    with running(notifier("c", code)) as tree:
        assert (node(tree, "c").ready, node(tree, "c").status) == (True, "all done")


def test_a_grandchild_speaks_for_its_child() -> None:
    """What a process below a child sends counts for that child, and for no other."""
    code = "os.fork() == 0 or signal.pause(); os.setsid(); send('READY=1\\nSTATUS=grandchild')"
    with running(notifier("a", "send('READY=1')"), notifier("b", code)) as tree:
        assert node(tree, "b").status == "grandchild"
        assert node(tree, "a").status is None


def test_a_stranger_is_not_heard() -> None:
    """Whoever finds out the address speaks for nobody: the kernel tells who sent it."""
    spec = Command("c", python(f"{SEND}\nos.read(0, 1)\nsignal.pause()"), ready="notify")
    late = notifier("late", "send('STATUS=me', 'READY=1')")
    with running() as tree:
        starting = tree.call_start(spec, (), "")
        number = until(lambda: node(tree, "c").pid)
        raw = until(lambda: _environ(number).get("NOTIFY_SOCKET"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            for _ in range(200):  # more than are kept for children not yet known
                sock.sendto(b"READY=1\nSTATUS=hacked", "\0" + raw[1:])
        assert tree.start_child(late).status == "me"  # it came after those
        assert (node(tree, "c").state, node(tree, "c").status) == ("starting", None)
        tree.terminate_child("c")
        assert starting.exception(LONG)


def _environ(number: int) -> dict[str, str]:
    parts = Path(f"/proc/{number}/environ").read_text().split("\0")
    return dict(part.split("=", 1) for part in parts if part)


def test_systemd_notify_is_understood() -> None:
    """systemd's own tool, which waits for a barrier: a descriptor that it sends to be closed."""
    tool = shutil.which("systemd-notify")
    if tool is None:
        pytest.skip("there is no systemd-notify here")
    script = f"{tool} --ready --status='from a tool'; exec sleep 100"
    with running(Command("c", ["sh", "-c", script], ready="notify")) as tree, watching(tree):
        assert node(tree, "c").status == "from a tool"


def test_descriptors_that_are_sent_are_closed() -> None:
    """Nobody can fill the host's descriptor table through the socket."""
    code = """
import array
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.connect("\\0" + os.environ["NOTIFY_SOCKET"][1:])
rights = array.array("i", [0] * 10)
for _ in range(20):
    sock.sendmsg([b"FDSTORE=1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
many = array.array("i", [0] * 100)
sock.sendmsg([b"FDSTORE=1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, many)])
send("READY=1")
"""
    with running(notifier("first", "send('READY=1')")) as tree:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        tree.start_child(notifier("c", code))
        assert len(os.listdir("/proc/self/fd")) <= before + 5  # noqa: PTH208


def test_what_comes_before_the_child_is_known_is_kept_for_it() -> None:
    """A child may speak before its launcher has told of it; what it said is heard then, once, and
    not if it turns out to be somebody else who spoke."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for is_known in (True, False):
            heard: list[dict[str, str]] = []
            notify = NotifySocket(loop, heard.append)
            argv = python(f"{SEND}\nsend('READY=1')\nprint(flush=True)\nsys.stdin.read()")
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            with subprocess.Popen(argv, env={"NOTIFY_SOCKET": notify.address}, **pipes) as child:  # type: ignore[call-overload]
                child.stdout.readline()
                notify.listen(child.pid if is_known else 1 << 30)
                for _ in range(3):
                    await asyncio.sleep(0)
                child.stdin.close()
            assert heard == ([{"READY": "1"}] if is_known else [])
            notify.close()
            notify.close()

    asyncio.run(main())


@given(st.binary(max_size=200))
def test_any_datagram_is_taken_apart(data: bytes) -> None:
    """No bytes can break the reader."""
    said = parse(data)
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in said.items())

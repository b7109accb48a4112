"""What a command reads: a pipe from the host, or a socket that outlives it; and taps."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, NoProcess, NotReading, Socket, StartFailed, Tree, TreeClient, log_line
from otpsup.session import Session
from tests.support.servers import free_port
from tests.support.trees import node, pid, running, watching
from tests.support.waiting import LONG, until

ECHO = """\
import os, socket
server = socket.socket(fileno=0)
while True:
    client, _ = server.accept()
    client.sendall(b"%d" % os.getpid())
    client.close()
"""


def on_loop(tree: Tree, do: Callable[[Session], Any]) -> Any:
    """Do it on the loop of the tree, and return what comes of it."""
    done: Future[Any] = Future()

    def call() -> None:
        session = tree._session
        assert session is not None
        try:
            done.set_result(do(session))
        except BaseException as error:
            done.set_exception(error)

    tree._on_loop(call)
    return done.result(LONG)


def write(tree: Tree, path: str, data: bytes) -> None:
    on_loop(tree, methodcaller("write_stdin", path, data))


def test_what_is_written_arrives_in_order(tmp_path: Path) -> None:
    """More than a pipe holds, while the command does not read yet, and nothing is lost."""
    out, go = tmp_path / "out", tmp_path / "go"
    os.mkfifo(go)
    command = Command("cat", ["sh", "-c", f"read x < {go}; exec cat > {out}"], stdin="pipe")
    parts = [b"%06d\n" % n * 1000 for n in range(100)]
    with running(command) as tree:
        for part in parts:
            write(tree, "cat", part)
        go.write_text("\n")
        until(lambda: out.exists() and out.stat().st_size == sum(map(len, parts)))
        assert out.read_bytes() == b"".join(parts)


def test_a_command_that_has_closed_its_stdin_says_so() -> None:
    """Writing to it is refused; as it is to one that has no pipe, or no process."""
    deaf = Command(
        "deaf",
        ["sh", "-c", "exec <&-; echo closed; exec sleep 100"],
        stdin="pipe",
        ready=log_line("closed"),
    )
    with running(deaf, Command("null", ["sleep", "100"])) as tree:
        for name in ("deaf", "null"):
            with pytest.raises(BrokenPipeError):
                write(tree, name, b"x")
        tree.terminate_child("null")
        with pytest.raises(NoProcess):
            write(tree, "null", b"x")


def test_too_much_for_one_that_does_not_read_is_refused() -> None:
    """The host keeps no more than some of it."""
    with running(Command("sleep", ["sleep", "100"], stdin="pipe")) as tree:
        write(tree, "sleep", bytes(15 << 20))
        with pytest.raises(BlockingIOError):
            write(tree, "sleep", bytes(2 << 20))


def ask(address: Any) -> int:
    """The pid of whoever serves a socket."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(LONG)
        client.connect(address)
        return int(client.recv(100))


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.mark.slow
def test_a_socket_is_served_by_several_and_survives_their_restarts(port: int) -> None:
    """Clients that come while nobody serves wait; nobody is refused until all are stopped."""
    address = f"tcp://127.0.0.1:{port}"
    children = [Command(n, ["python3", "-c", ECHO], stdin=address) for n in ("a", "b")]
    with running(*children, intensity=100) as tree, watching(tree) as events:
        assert ask(("127.0.0.1", port)) in (pid(tree, "a"), pid(tree, "b"))
        tree.terminate_child("b")
        before = pid(tree, "a")
        os.kill(before, 9)
        events.until("a", "restarting")
        after = ask(("127.0.0.1", port))
        events.until("a", "running")
        assert after == pid(tree, "a") != before
        tree.terminate_child("a")
        with pytest.raises(ConnectionRefusedError):
            ask(("127.0.0.1", port))
        tree.start_child("b")
        assert ask(("127.0.0.1", port)) == pid(tree, "b")


def test_a_unix_socket_has_its_mode_and_goes_with_the_tree(tmp_path: Path) -> None:
    """A stale one is replaced; one that somebody serves is left alone, and told."""
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    spec = Command("a", ["python3", "-c", ECHO], stdin=Socket(f"unix://{path}", mode=0o640))
    with running(spec) as tree:
        assert ask(str(path)) == pid(tree, "a")
        assert path.stat().st_mode & 0o777 == 0o640
        with running() as other, pytest.raises(StartFailed, match="serves it already"):
            other.start_child(spec)
        assert ask(str(path)) == pid(tree, "a")
    assert not path.exists()


def test_a_tap_gets_every_byte_and_says_what_is_logged(tmp_path: Path) -> None:
    """With the pid; also of a child whose output goes nowhere. At the end it may add to it."""
    log = tmp_path / "log"
    seen: dict[str, bytes] = {"a": b"", "b": b""}
    lock = threading.Lock()

    def tap(name: str) -> Callable[[int, bytes], bytes]:
        def hear(number: int, data: bytes) -> bytes:
            with lock:
                seen[name] += b"%d:" % number + data
            return data.upper() or b"!"

        return hear

    def ends_with(name: str) -> bool:
        return seen[name].endswith(b"one\ntwo")

    script = ["sh", "-c", "printf 'one\\ntwo'; sleep 0; exec sleep 100"]
    children = [
        Command("a", script, stdout=str(log), autostart=False),
        Command("b", script, stdout="null", autostart=False),
    ]
    with running(*children) as tree:
        for name in ("a", "b"):
            on_loop(tree, methodcaller("tap", name, "stdout", tap(name)))
            tree.start_child(name)
            until(partial(ends_with, name))
            assert seen[name].startswith(b"%d:" % pid(tree, name))
        until(lambda: log.exists() and log.read_text() == "ONE\n")
    assert log.read_text() == "ONE\nTWO!\n"


def test_the_stop_signal_may_go_to_the_whole_group(tmp_path: Path) -> None:
    """At once, to all in it; without that to the child alone, until it has ended."""
    script = (
        f"trap 'wait $!; exit' TERM; (trap 'echo child >> {tmp_path}/$0; exit' TERM; "
        f"echo up > {tmp_path}/$0; while :; do sleep 0.01; done) & wait $!"
    )
    children = [
        Command(name, ["sh", "-c", script, name], stop_group=group, shutdown=seconds)
        for name, group, seconds in (("all", True, LONG), ("one", False, 1.0))
    ]
    with running(*children) as tree:
        until(lambda: all((tmp_path / name).exists() for name in ("all", "one")))
        tree.terminate_child("all")
        assert (tmp_path / "all").read_text() == "up\nchild\n"
        tree.terminate_child("one")
        assert "killed" in (node(tree, "one").last_exit or "")


def test_every_handle_writes_to_stdin(tmp_path: Path) -> None:
    """As text; what cannot be written is an error with words."""
    out = tmp_path / "out"
    cat = Command("cat", ["sh", "-c", f"exec cat > {out}"], stdin="pipe")
    with running(cat, Command("null", ["sleep", "100"]), name="stdin") as tree:
        tree.write_stdin("cat", "one\n")
        with TreeClient.connect("stdin") as client:
            client.write_stdin("cat", "zwei é\n")
            with pytest.raises(NotReading, match="cannot write to 'null': its stdin is no pipe"):
                client.write_stdin("null", "x")
        until(lambda: out.exists() and out.read_text() == "one\nzwei é\n")

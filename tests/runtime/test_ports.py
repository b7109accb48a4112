"""A port that somebody else holds is told by name before the child is started."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import otpsup
from otpsup import Command, StartFailed, Worker
from otpsup.runtime import ports
from tests.support import targets
from tests.support.hosts import hosting
from tests.support.servers import free_port
from tests.support.trees import node, pid, python, running

LISTEN = """
import os, signal, socket, sys
sock = socket.create_server((sys.argv[1], int(sys.argv[2])), family=int(sys.argv[3]))
print(os.getpid(), flush=True)
signal.pause()
"""


@contextmanager
def stranger(port: int, host: str = "127.0.0.1") -> Iterator[int]:
    """Somebody who is not below this process and listens on a port; its pid."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    argv = ["setsid", "--fork", *python(LISTEN, host, str(port), str(int(family)))]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout
        number = int(process.stdout.readline())
    try:
        yield number
    finally:
        os.kill(number, signal.SIGKILL)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::"])
@pytest.mark.parametrize("kind", ["port", "http"])
def test_a_strangers_port_is_told_with_its_holder(host: str, kind: str) -> None:
    """The error names the port, and the program and pid that hold it; nothing is started."""
    number = free_port()
    url = f"http://localhost:{number}/"
    ready = otpsup.port(number) if kind == "port" else otpsup.http(url)
    with stranger(number, host) as holder, running() as tree:
        message = rf"port {number} is in use by python\S* \(pid {holder}\); stop that, or choose"
        with pytest.raises(StartFailed, match=message):
            tree.start_child(Command("c", ["sleep", "100"], ready=ready))


def test_siblings_may_share_a_port() -> None:
    """A port that a sibling holds is no obstacle: with SO_REUSEPORT several may listen."""
    number = free_port()
    specs = [Worker(f"w{n}", targets.listen, (number,), ready=otpsup.port(number)) for n in "ab"]
    with running(*specs) as tree:
        assert [child.state for child in tree.status().children] == ["running"] * 2


def test_a_childs_own_port_is_free_for_its_restart() -> None:
    """A restart is not refused because of the incarnation before."""
    number = free_port()
    with running(Worker("w", targets.listen, (number,), ready=otpsup.port(number))) as tree:
        before = pid(tree, "w")
        for _ in range(5):
            tree.restart("w")
        assert node(tree, "w").pid != before


def test_the_hosts_own_port_is_no_strangers() -> None:
    """A host that listens itself, to hand the socket on, is not told to stop itself."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        number = sock.getsockname()[1]
        with running(Command("c", ["sleep", "100"], ready=otpsup.port(number))) as tree:
            assert node(tree, "c").ready


def test_a_connection_is_not_a_listener() -> None:
    """Only listening sockets count as holders of a port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", number)) as client:
            own = client.getsockname()[1]
            assert ports.is_taken(number)
            assert not ports.is_taken(own)
    assert not ports.is_taken(number)


def test_who_holds_a_port_is_found_while_it_is_busy() -> None:
    """A process is found by its sockets though it opens and closes files meanwhile, as the one
    that looks does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(5):
            holder = ports.holder(server.getsockname()[1])
            assert holder is not None
            assert ports.describe(holder) == f"{holder.name()} (pid {holder.pid})"


def test_a_holder_that_cannot_be_seen() -> None:
    """Where the holder is another user's secret, the message says that much."""
    assert ports.describe(None) == "a process of another user"


ALONE = """
    import fcntl, socket, struct
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("40000 40000")
"""
"""A network of its own, where there is one port for clients."""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs unshare")
def test_a_look_that_meets_itself_finds_nobody(tmp_path: Path) -> None:
    """A client whose own port is the one that it connects to is connected to itself
    (RFC 9293, 3.5): that is nobody who listens."""
    code = """
        def main():
            check = Check(port(40000), interval=0.01, failures=1)
            with running() as tree, watching(tree) as events:
                tree.start_child(Command("c", ["sleep", "100"], readiness=check))
                tell(events.until("c", kind="readiness").reason)
    """
    with hosting(tmp_path, code, before=ALONE, command=["unshare", "--net"]) as host:
        why = "port 40000 of 127.0.0.1 failed: [Errno 111] Connect call failed"
        assert why in host.hear()
        assert host.wait() == 0

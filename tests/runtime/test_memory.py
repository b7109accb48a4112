"""Out of memory: the OOM killer ends the host, or a child, in a memory cgroup of their own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.hosts import hosting
from tests.support.strays import adopting
from tests.support.waiting import gone, until

ROOMS = [
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
]
"""Where memory cgroups are, version 1 and version 2, and the name of their limit."""
ENTER = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"']


@pytest.fixture
def little() -> Iterator[Path]:
    """A cgroup with memory for a small tree, and for no more."""
    for root, limit in ROOMS:
        room = root / f"otpsup-test-{os.getpid()}"
        with suppress(OSError):
            room.mkdir()
            (room / limit).write_text(str(150 << 20))
            yield room
            until(lambda room=room: not (room / "cgroup.procs").read_text())  # type: ignore[misc]
            room.rmdir()
            return
        with suppress(OSError):
            room.rmdir()
    pytest.skip("no memory cgroup can be made here")


GREEDY = """
    def eat():
        hoard = []
        while True:
            hoard.append(b"x" * (8 << 20))

    def main():
        children = [
            Command("c", ["sleep", "1000"]),
            Command("shell", ["sh", "-c", "setsid sleep 1000 & wait"]),
            Worker("w", targets.be_stubborn, ready="notify", shutdown=0.2),
            Worker("spawned", targets.ready, ready="notify", start_method="spawn"),
            Worker("greedy", eat, autostart=False, restart="temporary"),
        ]
        with running(*children) as tree, watching(tree) as events:
            before = [node.pid for node in tree.status().walk() if node.pid]
            tell(before)
            {end}
"""


@pytest.mark.slow
@pytest.mark.slow
def test_a_host_that_is_too_big(little: Path, tmp_path: Path) -> None:
    """The OOM killer takes the biggest, here the host; within two seconds nobody is left."""
    code = GREEDY.replace("{end}", "eat()")
    with adopting() as strays, hosting(tmp_path, code, command=[*ENTER, str(little)]) as host:
        pids = host.hear()
        assert host.wait() == -signal.SIGKILL
        begun = time.monotonic()
        gone(*pids, within=2)
        strays.vanish(within=2 - (time.monotonic() - begun))


@pytest.mark.slow
def test_a_child_that_is_too_big(little: Path, tmp_path: Path) -> None:
    """The OOM killer takes that child, and the tree says what it knows: a SIGKILL that was not its
    own. Nobody else has noticed."""
    end = """tree.start_child("greedy")
            events.until("greedy", "down")
            tell(node(tree, "greedy").last_exit)
            assert before == [node.pid for node in tree.status().walk() if node.pid]"""
    code = GREEDY.replace("{end}", end)
    with adopting(), hosting(tmp_path, code, command=[*ENTER, str(little)]) as host:
        host.hear()
        assert "SIGKILL" in host.hear()
        assert host.wait() == 0


@pytest.mark.slow
def test_who_is_killed_first_is_inherited(tmp_path: Path) -> None:
    """`oom_score_adj` of the host is everybody's: nothing of otpsup is more or less protected than
    the host; a program that wants its children to go first says so in them."""
    code = """
        def score(number):
            return int(Path(f"/proc/{number}/oom_score_adj").read_text())
        def main():
            Path("/proc/self/oom_score_adj").write_text("123")
            import psutil
            from tests.support.strays import standby
            worker = Worker("w", targets.be_ready, ready="notify")
            with running(Command("c", ["sleep", "1000"]), worker) as tree:
                standby(psutil.Process(node(tree, "w").pid).parent())
                tell([score(p.pid) for p in psutil.Process().children(recursive=True)])
    """
    with adopting(), hosting(tmp_path, code) as host:
        assert host.hear() == [123] * 5  # launcher, zygote, who waits there, and the two
        assert host.wait() == 0

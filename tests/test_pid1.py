"""`run` as process 1 of a container: a pid namespace of its own, made by unshare(1)."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from otpsup import orphans
from tests.support.hosts import Host, hosting
from tests.support.strays import no_strays as no_strays
from tests.support.waiting import LONG, until

pytestmark = [
    pytest.mark.usefixtures("no_strays"),
    pytest.mark.skipif(shutil.which("unshare") is None, reason="needs util-linux"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a pid namespace"),
]

UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


@contextmanager
def contained(folder: Path, code: str, *args: str, **options: Any) -> Iterator[tuple[Host, int]]:
    """A host that is process 1; with its pid outside."""
    options = {"before": "import subprocess, psutil", **options}
    with hosting(folder, code, *args, command=UNSHARE, **options) as host:
        (first,) = until(lambda: psutil.Process(host.pid).children())
        yield host, first.pid


SHOP = """
    def main():
        assert os.getpid() == 1
        threading.Thread(target=say, daemon=True).start()
        otpsup.run(TREE)

    def say():
        until(lambda: TREE._session and TREE.status().state == "running")
        tell("up")

    TREE = Tree(Supervisor("shop", children=[
        Command("c", ["sleep", "1000"]), Worker("w", targets.wait),
        Command("last", ["sleep", "1000"]),
    ]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_from_outside(signum: int, tmp_path: Path) -> None:
    """What `docker stop` sends: the tree is stopped, the last child first, and the exit code is 0.
    The kernel ignores signals to a process 1 that has no handler for them."""
    log = (tmp_path / "log").open("wb")
    with log, contained(tmp_path, SHOP, stderr=log) as (host, first):
        assert host.hear() == "up"
        os.kill(first, signum)
        assert host.wait() == 0
    lines = (tmp_path / "log").read_text().splitlines()
    down = [line.split("shop: ")[1].split(" is down")[0] for line in lines if " is down" in line]
    assert down == ["last", "w", "c", "the tree"]


@pytest.mark.slow
def test_killed_from_outside(tmp_path: Path) -> None:
    """SIGKILL of process 1: the kernel ends the namespace, the tree with it."""
    with contained(tmp_path, SHOP, stderr=-3) as (host, first):
        assert host.hear() == "up"
        below = psutil.Process(first).children(recursive=True)
        assert len(below) >= 5  # launcher, zygote, and the three
        os.kill(first, signal.SIGKILL)
        host.wait()
        psutil.wait_procs(below, timeout=LONG)
        assert not [process for process in below if process.is_running()]


STRANGERS = """
    def main():
        tell(psutil.Process(adopt("0.01")).pid)
        time.sleep(0.1)  # it ends before anybody listens
        watcher = Worker("w", watch, ready="notify", start_method="fork")
        job = Worker("job", leave, start_method="fork", restart="temporary", autostart=False)
        otpsup.run(Supervisor("shop", children=[watcher, job]))

    def adopt(seconds):
        # Its parent ends at once, so it is ours, and nobody here knows of it.
        script = f"sleep {seconds} >/dev/null & echo $!"
        return int(subprocess.check_output(["sh", "-c", script]))

    def leave():
        os._exit(7)

    def strangers():
        found = psutil.process_iter(["ppid", "name"])
        return [p for p in found if (p.info["ppid"], p.info["name"]) == (1, "sleep")]

    def watch():
        child = otpsup.current_child()
        child.ready()
        until(lambda: not strangers())
        tell("the first is reaped")
        os.system("for i in 1 2 3 4 5 6 7 8 9; do sleep 0.0$i & done")  # process 1's
        for _ in range(5):
            child.tree.start_child("job")
            until(lambda: child.tree.status().find("job").state == "down")
            tell(child.tree.status().find("job").last_exit)
        until(lambda: not strangers())
        tell("all are reaped")
        os.kill(1, signal.SIGTERM)
        signal.pause()
"""


@pytest.mark.slow
def test_strangers_before_it_ran(tmp_path: Path) -> None:
    """Who was a zombie before `run` began is reaped too; and the tree's own children, of whom some
    are children of process 1 itself, are still told as what they are."""
    with contained(tmp_path, STRANGERS, stderr=-3) as (host, _):
        assert host.hear() > 1
        assert host.hear() == "the first is reaped"
        for _ in range(5):
            assert "exit code 7" in host.hear()
        assert host.hear() == "all are reaped"
        assert host.wait() == 0


@pytest.mark.slow
def test_orphans_are_looked_for_inside_only(tmp_path: Path) -> None:
    """From outside a tree in a container looks dead: in its marks are pids of its own namespace.
    It is not listed, so not ended; and inside `otpsup orphans` finds none where there are none."""
    code = SHOP.replace('tell("up")', "tell([len(otpsup.orphans.find()), len(all_marked())])")
    code += """
    import otpsup.orphans
    from otpsup.runtime.launcher.strays import mark_of
    def all_marked():
        return [p for p in psutil.pids() if mark_of(p)]
    """
    with contained(tmp_path, code, stderr=-3) as (host, first):
        found, marked = host.hear()
        assert found == 0
        assert marked >= 3
        inside = {process.pid for process in psutil.Process(first).children(recursive=True)}
        assert len(inside) >= marked
        assert not inside & {orphan.pid for orphan in orphans.find()}
        os.kill(first, signal.SIGTERM)
        assert host.wait() == 0

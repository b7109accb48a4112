"""`run`: signals, exit codes and last words of a program whose whole job is a tree."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.hosts import hosting
from tests.support.strays import no_strays as no_strays
from tests.support.waiting import gone, until

pytestmark = pytest.mark.usefixtures("no_strays")

TREE = """
def spec(**options):
    return Supervisor("shop", children=[
        Worker("w", targets.wait),
        Command("c", ["sleep", "1000"]),
        Worker("last", say_pids, ready="notify", start_method="fork"),  # so it can `tell`
    ], **options)

def say_pids():
    child = otpsup.current_child()
    child.ready()
    tell([node.pid for node in child.tree.status().walk() if node.pid])
    signal.pause()

def main():
    otpsup.run(spec())
"""


@pytest.mark.parametrize(
    "signum",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_a_signal_stops_everything_in_reverse_order(tmp_path: Path, signum: int) -> None:
    """Exit code 0; the log tells the order; no process is left."""
    with hosting(tmp_path, TREE, stderr=subprocess.PIPE) as host:
        pids = host.hear()
        host.kill(signum)
        assert host.wait() == 0
        assert host.process.stderr is not None
        log = host.process.stderr.read().decode()
    gone(*pids)
    order = [
        line.split("shop: ")[1].split(" is down")[0]
        for line in log.splitlines()
        if " is down" in line
    ]
    assert order == ["last", "c", "w", "the tree"]


@pytest.mark.slow
def test_a_second_signal_hurries(tmp_path: Path) -> None:
    """What does not listen to the first is killed on the second, not after its timeout."""
    code = """
    def main():
        options = {"ready": "notify", "shutdown": "infinity", "start_method": "fork"}
        stubborn = Worker("w", stay, **options)
        otpsup.run(Supervisor("shop", children=[stubborn]))

    def stay():
        signal.signal(signal.SIGTERM, lambda *_: tell("no"))
        otpsup.current_child().ready()
        tell("up")
        while True:
            signal.pause()
    """
    with hosting(tmp_path, code, stderr=subprocess.DEVNULL) as host:
        assert host.hear() == "up"
        host.kill(signal.SIGTERM)
        assert host.hear() == "no"
        told = time.monotonic()
        until(lambda: time.monotonic() > told + 0.15)  # no echo of the first any more
        host.kill(signal.SIGTERM)
        assert host.wait() == 0


def test_giving_up_is_exit_code_1_and_one_paragraph(tmp_path: Path) -> None:
    """It names the child, how often, in which time, and why the last time."""
    code = """
    def main():
        otpsup.run(Supervisor("shop", intensity=2, children=[
            Command("fine", ["sleep", "1000"]),
            Worker("bad", targets.fail, kwargs={"text": "no mail"}),
        ]))
    """
    with hosting(tmp_path, code, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as host:
        assert host.wait() == 1
        assert host.process.stderr is not None
        last = host.process.stderr.read().decode().splitlines()[-1]
    assert last.startswith(
        "shop gave up: its children ended too often, 3 times within 5 s where intensity"
    )
    assert "at last bad ended with Broken: no mail." in last


def test_a_failed_start_is_exit_code_2_and_one_paragraph(tmp_path: Path) -> None:
    """It names the child and the reason, and says that nothing is left."""
    code = """
    def main():
        otpsup.run(Supervisor("shop", children=[
            Command("fine", ["sleep", "1000"]), Command("bad", ["no-such-program-here"]),
        ]))
    """
    with hosting(tmp_path, code, stderr=subprocess.PIPE) as host:
        assert host.wait() == 2
        assert host.process.stderr is not None
        last = host.process.stderr.read().decode().splitlines()[-1]
    assert last.startswith("shop could not start: child 'bad' did not start: command 'no-such-pro")
    assert last.endswith("Nothing of it is left running.")


def test_significant_children_end_it_well(tmp_path: Path) -> None:
    """auto_shutdown: when they are done, everything is stopped, and the exit code is 0."""
    code = """
    def main():
        otpsup.run(Supervisor("shop", auto_shutdown="all_significant", children=[
            Command("helper", ["sleep", "1000"]),
            Worker("job", targets.done, restart="transient", significant=True),
        ]))
    """
    with hosting(tmp_path, code, stderr=subprocess.PIPE) as host:
        assert host.wait() == 0
        assert host.process.stderr is not None
        assert "shop stopped by itself" in host.process.stderr.read().decode()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs util-linux")
def test_as_process_1_it_reaps_strangers_and_listens(tmp_path: Path) -> None:
    """First in a pid namespace: an orphan that comes to it ends as no zombie; SIGTERM stops it."""
    code = """
    import psutil

    def main():
        assert os.getpid() == 1
        tell(adopt_an_orphan())
        watcher = Worker("w", watch, ready="notify", start_method="fork")
        otpsup.run(Supervisor("shop", children=[watcher]))

    def adopt_an_orphan():
        # Its parent ends at once, so it is ours, and nobody here knows of it.
        text = subprocess.check_output(["sh", "-c", "sleep 0.5 >/dev/null & echo $!"])
        return int(text)

    def watch():
        otpsup.current_child().ready()
        until(lambda: not [p for p in psutil.Process(1).children() if p.name() == "sleep"])
        tell("reaped")
        os.kill(1, signal.SIGTERM)
        signal.pause()
    """
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    popen = {"command": command, "before": "import subprocess", "stderr": subprocess.DEVNULL}
    with hosting(tmp_path, code, **popen) as host:  # type: ignore[arg-type]
        assert host.hear() > 1
        assert host.hear() == "reaped"
        assert host.wait() == 0

"""The host dies in any way: two seconds later nothing of its tree is left.

tests/simulation counts these in made-up time, too, in many more ways to die.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.hosts import hosting
from tests.support.strays import adopting
from tests.support.waiting import gone, is_alive

FAMILY = """
    DAEMON = "import os, signal; os.setsid(); os.fork() and os._exit(0); " \\
             "signal.signal(15, signal.SIG_IGN); signal.pause()"
    STUBBORN = "trap '' TERM HUP; sleep 100 & setsid sleep 100 & wait; wait; sleep 100"
    def daemonise():
        import subprocess
        subprocess.run(python(DAEMON))
        targets.be_stubborn()
    def main():
        children = [
            Command("plain", ["sleep", "100"]),
            Command("forked", ["sleep", "100"], nice=0),
            Command("shell", ["sh", "-c", STUBBORN]),
            Worker("w", daemonise, ready="notify"),
            Worker("spawned", targets.be_stubborn, ready="notify", start_method="spawn"),
            Worker("served", targets.be_stubborn, ready="notify", start_method="forkserver"),
            Worker("copied", targets.be_stubborn, ready="notify", start_method="fork"),
            Supervisor("inner", children=[Command("deep", ["sleep", "100"])]),
        ]
        with running(*children, strategy="rest_for_one") as tree:
            tell([n.pid for n in tree.status().walk() if n.pid])
            {end}
"""


SLOW = """
import os, signal, sys, time
_, file, name, wait = sys.argv
said = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def stop(*_):
    time.sleep(float(wait))
    os.write(said, name.encode())
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
os.write(int(os.environ["OTPSUP_CHANNEL"].split(":")[0]), b'{"op": "ready"}')
while True:
    signal.pause()
"""
"""A program that says its name when it has been told to end, and has taken its time."""
PATIENT = """
    import otpsup.runtime.launchers as launchers
    patience = "from launcher import farewell; farewell._ABANDONED = 20.0; "
    launchers.LAUNCHER = launchers.LAUNCHER.replace("import main; ", f"import main; {patience}")
"""
"""A launcher for whom all children together have twenty seconds, and not one: where it matters what
they do with their time, a busy machine takes none of it away."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "end",
    [
        pytest.param("os.kill(os.getpid(), 9)", id="SIGKILL"),
        pytest.param("os._exit(3)", id="_exit"),
        pytest.param("os.abort()", id="abort"),
        pytest.param("os.execvp('sleep', ['sleep', '5'])", id="exec"),
    ],
)
def test_nothing_outlives_a_host_that_vanishes(end: str, tmp_path: Path) -> None:
    """Children of all kinds, those that ignore SIGTERM, and what left their groups and sessions:
    all gone within two seconds."""
    code = FAMILY.replace("{end}", end)
    with adopting() as strays, hosting(tmp_path, code, stderr=-3) as host:
        pids = host.hear()
        host.wait()
        begun = time.monotonic()
        gone(*pids, within=2)
        strays.vanish(within=2 - (time.monotonic() - begun))


def test_children_are_asked_in_order(tmp_path: Path) -> None:
    """When the host is gone, the last child is asked first, and the next when that has ended."""
    said = tmp_path / "said"
    program = tmp_path / "slow.py"
    program.write_text(SLOW)
    code = f"""
        def main():
            program = [sys.executable, {str(program)!r}, {str(said)!r}]
            children = [
                Command(name, [*program, name, wait], ready="notify")
                for name, wait in dict(a="0", b="0.1", c="0", d="0.1").items()
            ]
            with running(*children):
                tell(0)
                os.kill(os.getpid(), 9)
    """
    with adopting() as strays, hosting(tmp_path, code, before=PATIENT, stderr=-3) as host:
        host.hear()
        host.wait()
        strays.vanish()
    assert said.read_text() == "dcba"


def test_stopped_children_hear_of_it(tmp_path: Path) -> None:
    """A child that job control has stopped is woken, and ended like any other."""
    code = """
        def main():
            with running(Command("c", ["sleep", "100"])) as tree:
                os.kill(pid(tree, "c"), signal.SIGSTOP)
                tell(pid(tree, "c"))
                os.abort()
    """
    with adopting(), hosting(tmp_path, code, stderr=-3) as host:
        number = host.hear()
        host.wait()
        gone(number)


STANDSTILL = """
    import psutil
    def main():
        shell = "sleep 100 & setsid sleep 100 & wait"
        children = [Command("c", ["sh", "-c", shell]), Worker("w", targets.ready, ready="notify")]
        stock = [Worker(m, targets.ready, ready="notify", start_method=m) for m in METHODS]
        with running(*children, *stock) as tree:
            until(lambda: len(psutil.Process(pid(tree, "c")).children()) == 2)
            zygote = psutil.Process(pid(tree, "w")).ppid()
            shells = psutil.Process(pid(tree, "c")).children()
            pids = [n.pid for n in tree.status().walk() if n.pid] + [p.pid for p in shells]
            for number in (zygote, *pids):
                os.kill(number, signal.SIGSTOP)
            tell([zygote, *pids])
            os.kill(os.getpid(), 9)
    METHODS = ("spawn", "fork", "forkserver")
"""


@pytest.mark.slow
def test_nobody_stands_still_for_ever(tmp_path: Path) -> None:
    """All that the tree has, commands and what they have started, workers of every start method,
    and the zygote, is stopped (SIGSTOP) when the host is killed; two seconds later it is gone."""
    with adopting() as strays, hosting(tmp_path, STANDSTILL) as host:
        pids = host.hear()
        assert len(pids) == 8
        host.wait()
        begun = time.monotonic()
        gone(*pids, within=2)
        strays.vanish(within=2 - (time.monotonic() - begun))


OWN_WAYS = """
import os, signal, sys
said = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
    signal.signal(number, lambda n, _: (os.write(said, signal.Signals(n).name.encode() + b" ")))
os.write(int(os.environ["OTPSUP_CHANNEL"].split(":")[0]), b'{"op": "ready"}')
while True:
    signal.pause()
"""


@pytest.mark.slow
def test_each_has_its_own_way_to_end(tmp_path: Path) -> None:
    """Asked by its own stop signal, once, and killed when its own time is over."""
    said = tmp_path / "said"
    program = tmp_path / "program.py"
    program.write_text(OWN_WAYS)
    code = f"""
        def main():
            program = [sys.executable, {str(program)!r}, {str(said)!r}]
            options = dict(ready="notify", shutdown=0.5)
            children = [
                Command("a", program, stop_signal="USR1", **options),
                Command("b", program, stop_signal="INT", **options),
            ]
            with running(*children) as tree:
                tell([pid(tree, "a"), pid(tree, "b")])
                os.kill(os.getpid(), 9)
    """
    with adopting() as strays, hosting(tmp_path, code, before=PATIENT) as host:
        host.hear()
        host.wait()
        strays.vanish(within=15)  # their own time, and not that of all
    assert said.read_text() == "SIGINT SIGUSR1 "


@pytest.mark.parametrize(
    "how",
    [
        "main()",
        pytest.param("main(); sys.exit(0)", marks=pytest.mark.slow),
        pytest.param("main(); raise SystemExit", marks=pytest.mark.slow),
    ],
)
def test_a_host_that_forgets_to_stop_stops_at_exit(how: str, tmp_path: Path) -> None:
    """A started tree is stopped in order when the interpreter ends, so that children can tidy
    up."""
    code = """
        def main():
            mark = sys.argv[1]
            tree = Tree(Supervisor("t", children=[
                Worker("w", targets.finish, (mark,), ready="notify"),
                Command("c", ["sleep", "100"]),
            ]))
            tree.start()
            tell([node.pid for node in tree.status().children])
    """
    with adopting(), hosting(tmp_path, code, str(tmp_path / "mark"), main=how) as host:
        pids = host.hear()
        assert host.wait() == 0
        gone(*pids, within=0)
        assert (tmp_path / "mark").read_text() == "finally"


def test_an_uncaught_exception_in_the_host_stops_the_tree(tmp_path: Path) -> None:
    """`with tree:` stops the tree whatever ends the block."""
    code = """
        def main():
            with running(Command("c", ["sleep", "100"])) as tree:
                tell(pid(tree, "c"))
                raise RuntimeError("oops")
    """
    with hosting(tmp_path, code, stderr=-3) as host:
        number = host.hear()
        assert host.wait() == 1
        gone(number, within=0)


FORKS = """
    def main():
        with running(Command("c", ["sleep", "100"]), Worker("w", targets.wait)) as tree:
            fork = os.fork()
            if fork == 0:
                signal.pause()
            tell([pid(tree, "c"), pid(tree, "w"), fork])
            {end}
        tell("stopped")
        os.kill(fork, 9)
"""


@pytest.mark.slow
def test_a_fork_of_the_host_does_not_keep_the_tree_alive(tmp_path: Path) -> None:
    """A host that has forked (a pre-forking server, say) and is killed: the fork holds copies of
    all its sockets, and the children end all the same."""
    with adopting() as strays, hosting(tmp_path, FORKS.replace("{end}", "os.abort()")) as host:
        *children, fork = host.hear()
        host.wait()
        gone(*children)
        assert is_alive(fork)
        os.kill(fork, signal.SIGKILL)
        strays.vanish()


@pytest.mark.slow
def test_a_fork_of_the_host_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    """The launcher hears that it is over though a fork holds a copy of its socket."""
    with adopting(), hosting(tmp_path, FORKS.replace("{end}", "pass")) as host:
        *children, _ = host.hear()
        assert host.hear() == "stopped"
        gone(*children, within=0)
        assert host.wait() == 0  # it ends its fork first


@pytest.mark.slow
def test_a_fork_of_the_host_is_not_the_host(tmp_path: Path) -> None:
    """In a forked copy of the host there is no tree: its verbs say so at once, and leaving the
    block, or ending, does not wait for a thread that is not there, nor stop the parent's tree."""
    code = """
        def main():
            with running(Command("c", ["sleep", "100"])) as tree:
                fork = os.fork()
                if fork == 0:
                    try:
                        tree.status()
                    except NotRunning as error:
                        tell(str(error))
                    sys.exit(0)
                assert os.waitpid(fork, 0) == (fork, 0)
                tell(node(tree, "c").state)
    """
    with adopting(), hosting(tmp_path, code) as host:
        assert host.hear() == "tree 'test' is not running; start it first"
        assert host.hear() == "running"
        assert host.wait() == 0


@pytest.mark.slow
def test_a_fork_of_the_host_can_have_a_tree_of_its_own(tmp_path: Path) -> None:
    """A tree object that a fork inherited can be started there."""
    code = """
        def main():
            tree = Tree(Supervisor("t", children=[Command("c", ["sleep", "100"])]))
            with tree:
                fork = os.fork()
                if fork == 0:
                    with tree:
                        tell(pid(tree, "c"))
                    os._exit(0)
                assert os.waitpid(fork, 0) == (fork, 0)
                tell(pid(tree, "c"))
    """
    with adopting(), hosting(tmp_path, code) as host:
        assert host.hear() != host.hear()
        assert host.wait() == 0


@pytest.mark.slow
def test_a_paused_host_loses_nothing(tmp_path: Path) -> None:
    """A host that was stopped by job control finds out about all deaths when it goes on."""
    code = """
        def main():
            children = [Command(f"c{n}", ["sleep", "100"]) for n in range(20)]
            with running(*children, intensity=100) as tree, watching(tree) as events:
                tell([pid(tree, f"c{n}") for n in range(20)])
                events.until_all(*(f"c{n}" for n in range(20)), state="running")
                tell("all back")
    """
    with adopting(), hosting(tmp_path, code) as host:
        pids = host.hear()
        host.kill(signal.SIGSTOP)
        for number in pids:
            os.kill(number, signal.SIGKILL)
        gone(*pids)
        host.kill(signal.SIGCONT)
        assert host.hear() == "all back"
        assert host.wait() == 0

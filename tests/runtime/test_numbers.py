"""A number that was a child's is another's later; no signal of ours ever reaches that one."""

from __future__ import annotations

import ast
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import otpsup
from tests.support.hosts import hosting
from tests.support.strays import adopting

PACKAGE = Path(otpsup.__file__).parent

BY_NUMBER = {
    # The launcher's, and the zygote's, own children: nobody else can reap them.
    "runtime/launcher/leftovers.py:send",
    "runtime/launcher/leftovers.py:send_to_group",  # before the leader's zombie is reaped
    "runtime/launcher/leftovers.py:group_exists",  # signal 0: only asks
    "runtime/launcher/strays.py:end",
    # A child of the host's own, whose zombie is still there: only `_reap` takes it.
    "runtime/stock.py:_ended",
    # Where the kernel has no pidfds (before Linux 5.3), or none for groups (before 6.9).
    "runtime/launch.py:send",
    *("runtime/launch.py:send_to_group", "runtime/launch.py:kill_group"),
    "runtime/marks.py:_signal",
}


def test_who_signals_by_number() -> None:
    """All others signal through pidfds. Who is added here says why its number is nobody else's."""
    assert set(_who_signals_by_number()) == BY_NUMBER


def _who_signals_by_number() -> Iterator[str]:
    for path in PACKAGE.rglob("*.py"):
        if "os.kill" not in (text := path.read_text()):
            continue
        for function in ast.walk(ast.parse(text)):
            calls = [n for n in ast.walk(function) if isinstance(n, ast.Call)]
            names = {ast.unparse(call.func) for call in calls}
            if isinstance(function, ast.FunctionDef) and names & {"os.kill", "os.killpg"}:
                yield f"{path.relative_to(PACKAGE)}:{function.name}"


HOST = """
    import subprocess, psutil
    from tests.support.strays import standby

    def main():
        assert os.getpid() == 1
        TREE.start()
        standby(psutil.Process(pid(TREE, "w")).parent())  # it could take that number, too
        number, launcher = pid(TREE, "c"), psutil.Process(pid(TREE, "c")).parent()
        gate = threading.Event()
        TREE._loop.call_soon_threadsafe(gate.wait)  # the host does not hear of anything for a while
        os.kill(number, 9)
        until(lambda: not Path(f"/proc/{number}").exists())
        stranger = born_as(number)
        {meanwhile}
        {asked}
        gate.set()
        TREE.stop()
        tell(stranger.poll())
        stranger.kill()

    def born_as(number):
        # A process of this very number, and the leader of the group of that number.
        while True:
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
            process = subprocess.Popen(["sleep", "100"], start_new_session=True)
            if process.pid == number:
                return process
            process.kill()
            process.wait()

    # Not permanent: the launcher would start that one again by itself, and maybe as this number.
    c = Command("c", ["sleep", "100"], restart="transient")
    children = [c, Worker("w", targets.ready, ready="notify")]
    TREE = Tree(Supervisor("t", children=children))
"""

ASKED = {
    "terminate": "threading.Thread(target=TREE.terminate_child, args=['c']).start()",
    "restart": "threading.Thread(target=TREE.restart, args=['c']).start()",
    "hurry": "threading.Thread(target=TREE.stop, kwargs={'hurry': True}).start()",
    "nothing": "",
}


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs unshare")
@pytest.mark.parametrize(
    ("asked", "launcher"),
    [
        ("terminate", "lives"),
        pytest.param("restart", "dies", marks=pytest.mark.slow),
        pytest.param("hurry", "lives", marks=pytest.mark.slow),
        pytest.param("nothing", "dies", marks=pytest.mark.slow),
    ],
)
def test_a_number_that_is_a_strangers_by_now(asked: str, launcher: str, tmp_path: Path) -> None:
    """A child is dead, reaped, and its number taken by somebody else before the host knows of it;
    whatever it then wants to do to the child, and to its group, is not done to that one."""
    code = HOST.replace("{asked}", ASKED[asked])
    code = code.replace("{meanwhile}", "launcher.kill()" if launcher == "dies" else "pass")
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    with adopting(), hosting(tmp_path, code, command=command, stderr=-3) as host:
        assert host.hear() is None
        assert host.wait() == 0

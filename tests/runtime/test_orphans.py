"""`otpsup orphans`: processes of dead trees are found, ended, and never mistaken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from otpsup import Command, orphans
from otpsup.cli import main
from tests.support.hosts import hosting
from tests.support.program import run_text
from tests.support.strays import adopting
from tests.support.trees import pid, running
from tests.support.waiting import LONG, gone, is_alive, until

DEAD = 2**22 + 1
"""No process has this number: it is above the largest that the kernel gives out."""
MARK = f"{DEAD}-7-{os.getpid()}-3"
"""Of this process's own orphan, whoever else runs these tests now."""
IGNORES = "import signal; signal.signal(15, signal.SIG_IGN); print(flush=True); signal.pause()"


def marked(mark: str, *argv: str, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    env = {**os.environ, "OTPSUP_RUN": mark, "OTPSUP_PATH": "shop/db"}
    return subprocess.Popen(argv, env=env, stdout=stdout)


@pytest.fixture
def orphan() -> Iterator[subprocess.Popen[bytes]]:
    """A process of a tree that is dead, and that ignores SIGTERM."""
    with marked(MARK, sys.executable, "-c", IGNORES, stdout=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def cli(*arguments: str) -> tuple[int, str, str]:
    done = run_text("orphans", *arguments)
    return done.returncode, done.stdout, done.stderr


def test_found(orphan: subprocess.Popen[bytes]) -> None:
    """It is listed with its child, its tree's process and its command."""
    (found,) = [each for each in orphans.find() if each.pid == orphan.pid]

    assert (found.path, found.host, found.mark) == ("shop/db", DEAD, MARK)
    assert found.command.startswith(sys.executable)

    code, out, _ = cli()

    assert code == 0
    assert f"pid {orphan.pid} (shop/db) is left: {sys.executable}" in out
    assert f"its tree was in process {DEAD}, which is gone" in out
    assert orphan.pid in [each["pid"] for each in json.loads(cli("--json")[1])]


def test_ended(
    orphan: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With --end it is asked, and killed when its time is over. (The command finds this one alone
    here: other tests, which run at the same time, have orphans of their own, and hosts that were
    killed, whose children are just being ended in their order.)"""
    find = orphans.find
    ours = {orphan.pid}
    monkeypatch.setattr(orphans, "find", lambda: [each for each in find() if each.pid in ours])

    assert main(["orphans", "--end", "--grace", "0.1"]) == 0

    assert f"pid {orphan.pid} (shop/db) was ended" in capsys.readouterr().out
    assert orphan.wait(LONG) == -signal.SIGKILL


@pytest.mark.parametrize("grace", ["-1", "x", "nan"])
def test_bad_grace(grace: str) -> None:
    """A time that is none is wrong usage."""
    code, _, err = cli("--end", "--grace", grace)

    assert code == 2
    assert "expected seconds from 0" in err


def test_the_living_are_no_orphans() -> None:
    """Whoever belongs to a tree that runs is not listed; nor is who carries some other mark."""
    strange = [marked(mark, "sleep", "100") for mark in ("", "x", "0" * 64, "-1-1-1-1")]
    try:
        with running(Command("a", ["sleep", "1000"])) as tree:
            found = [each.pid for each in orphans.find()]
            assert pid(tree, "a") not in found
        assert not {process.pid for process in strange} & set(found)
    finally:
        for process in strange:
            process.kill()
            process.wait()


def test_another_process_of_that_number() -> None:
    """A process that has the pid of a dead host, and was started at another time, is not that
    host."""
    with marked(f"{os.getpid()}-1-1-1", "sleep", "100") as process:
        try:
            assert process.pid in [each.pid for each in orphans.find()]
        finally:
            process.kill()


@pytest.mark.slow
def test_host_and_launcher_die_together(tmp_path: Path) -> None:
    """Nobody is left to end the commands then; they are found, and ended on request. A worker sees
    the zygote end, and ends."""
    code = """
        def main():
            children = [Command(name, ["sleep", "1000"]) for name in "ab"]
            with running(*children, Worker("w", targets.wait)) as tree:
                tell([node.pid for node in tree.status().children])
                tree.wait()
        """
    with adopting() as strays, hosting(tmp_path, code, stderr=-3) as host:
        *pids, worker = host.hear()
        (launcher,) = psutil.Process(host.pid).children()
        zygote = psutil.Process(worker).ppid()
        stop(host.pid)
        launcher.kill()
        host.kill()
        host.wait()
        gone(launcher.pid, worker, zygote)
        assert all(is_alive(pid) for pid in pids)
        found = [each for each in orphans.find() if each.host == host.pid]
        assert sorted(each.pid for each in found) == sorted(pids)
        assert {each.path for each in found} == {"a", "b"}
        assert orphans.end(found, grace=5) == []
        gone(*pids)
        strays.reap()


def stop(number: int) -> None:
    """Stop a process, and wait until it has."""
    os.kill(number, signal.SIGSTOP)
    until(lambda: psutil.Process(number).status() == psutil.STATUS_STOPPED)


def test_who_was_forked_meanwhile_is_ended_too(tmp_path: Path) -> None:
    """A shell that is deaf and starts one program after the other leaves none of them."""
    code = """
        def main():
            deaf = "trap '' TERM; while :; do sleep 0.05; done"
            with running(Command("c", ["sh", "-c", deaf])) as tree:
                tell(pid(tree, "c"))
                threading.Event().wait()
    """
    with adopting() as strays, hosting(tmp_path, code, stderr=-3) as host:
        shell = host.hear()
        (launcher,) = psutil.Process(host.pid).children()
        stop(host.pid)
        launcher.kill()
        host.kill()
        host.wait()
        gone(launcher.pid)
        found = [each for each in orphans.find() if each.host == host.pid]
        assert shell in [each.pid for each in found]
        assert orphans.end(found, grace=0.2) == []
        assert [each for each in orphans.find() if each.host == host.pid] == []
        strays.reap()

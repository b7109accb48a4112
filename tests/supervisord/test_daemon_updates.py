"""`otpsup update` of a daemon, and its own clients: both see the same programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otpsup.control import address
from tests.supervisord.daemons import Daemon, running, write
from tests.support import ROOT
from tests.support.waiting import LONG, until

ONE = "[program:one]\ncommand=sleep 1000\nstartsecs=0\n"
TWO = "[program:two]\ncommand=sh -c 'echo hello; exec sleep 1000'\nstartsecs=0\n"


def otpsup(daemon: Daemon, *args: str) -> str:
    """What the command prints; it succeeds."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), address.DIRECTORY: str(daemon.folder / "trees")}
    argv = [sys.executable, "-m", "otpsup", *args]
    done = subprocess.run(
        argv, cwd=daemon.folder, env=env, text=True, capture_output=True, timeout=LONG, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _log(daemon: Daemon, name: str) -> str:
    with daemon.proxy() as proxy:
        return str(proxy.supervisor.tailProcessStdoutLog(name, 0, 1000)[0])


@pytest.mark.slow
def test_a_program_that_an_update_adds_has_its_log_where_clients_read_it(tmp_path: Path) -> None:
    """Its name was chosen when the file was read, once; the next update changes nothing."""
    with running(tmp_path, ONE) as daemon:
        write(tmp_path, ONE + TWO)
        assert "+ start two" in otpsup(daemon, "update")
        until(lambda: _log(daemon, "two") == "hello\n")
        assert otpsup(daemon, "plan") == "nothing to do: 2 children stay as they are\n"


@pytest.mark.slow
def test_why_there_is_no_process_is_told(tmp_path: Path) -> None:
    """It has not exited, and no log has any details."""
    program = "[fcgi-program:x]\ncommand=sleep 1000\nsocket=unix://{folder}/logs\nstartretries=0\n"
    with running(tmp_path, program) as daemon:
        daemon.until_state("x", "FATAL")
        with daemon.proxy() as proxy:
            told = proxy.supervisor.getProcessInfo("x")["spawnerr"]
    assert told == f"cannot open the socket unix://{tmp_path}/logs: Address already in use"

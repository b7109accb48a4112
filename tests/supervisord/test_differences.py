"""docs/explanation/supervisord.md, line by line: the same on the real supervisord and on otpsup.

What is here is what can be seen from outside on both; the page names the other tests.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.supervisord.daemons import Daemon, running
from tests.support.waiting import LONG, gone, is_alive, until

PARENT = """\
[program:parent]
command=bash -c 'sleep 987 & echo $! > {folder}/child; exec sleep 986'
startsecs=0
"""
PROGRAMS = """\
[program:lines]
command=bash -c 'for i in {1..400}; do echo a line with a number $i; done; exec sleep 985'
stdout_logfile={folder}/lines.log
stdout_logfile_maxbytes=4096
stdout_logfile_backups=9
startsecs=0
[program:linked]
command=sleep 984
startsecs=0
"""


@pytest.fixture(scope="module", params=["supervisord", "otpsup"])
def side(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def daemon(side: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(
        tmp_path_factory.mktemp(side), PARENT + PROGRAMS, real=side == "supervisord"
    ) as daemon:
        daemon.until_state("lines", "RUNNING", within=3 * LONG)
        yield daemon


def _number(path: Path) -> int:
    until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def test_what_a_program_has_started(daemon: Daemon, side: str) -> None:
    """supervisord leaves it running when only the program is to be stopped; here it is ended."""
    child = _number(daemon.folder / "child")
    try:
        assert daemon.call("supervisor.stopProcess", "parent") is True
        assert is_alive(child) == (side == "supervisord")
    finally:
        if is_alive(child):
            psutil.Process(child).kill()


def test_lines_at_a_rotation(daemon: Daemon, side: str) -> None:
    """supervisord cuts one wherever the size is reached, or writes a whole piece beyond it; here
    every file has whole lines, and is no larger than it may be."""
    logs = [daemon.folder / f"lines.log{end}" for end in ("", ".1", ".2")]
    wanted = "a line with a number 400\n"
    until(lambda: any(log.exists() and wanted in log.read_text() for log in logs), within=3 * LONG)
    found = [log.read_text() for log in logs if log.exists() and log.read_text()]
    are_whole = all(re.fullmatch(r"(a line with a number \d+\n)+", text) for text in found)
    are_small = all(len(text) <= 4096 for text in found)
    assert (are_whole and are_small) == (side == "otpsup")


def test_the_session_of_a_program(daemon: Daemon, side: str) -> None:
    """A group of its own in both; a session, without a terminal, only here."""
    pid = daemon.call("supervisor.getProcessInfo", "lines")["pid"]
    assert os.getpgid(pid) == pid
    assert (os.getsid(pid) == pid) == (side == "otpsup")


def test_a_link_that_stops_a_program(daemon: Daemon, side: str) -> None:
    """In supervisord's page it does, by GET; here nothing is changed by GET."""
    daemon.until_state("linked", "RUNNING")
    with daemon.request("GET", "/index.html?processname=linked&action=stop") as answer:
        answer.read()
    after = ("RUNNING",) if side == "otpsup" else ("STOPPING", "STOPPED")
    assert daemon.call("supervisor.getProcessInfo", "linked")["statename"] in after


@pytest.mark.slow
def test_a_daemon_that_is_killed(tmp_path: Path, side: str) -> None:
    """supervisord's programs go on without it; here they end with it."""
    with running(tmp_path, PARENT, real=side == "supervisord") as daemon:
        parent = until(lambda: daemon.call("supervisor.getProcessInfo", "parent")["pid"])
        child = _number(tmp_path / "child")
        daemon.process.kill()
        daemon.process.wait(LONG)
    try:
        if side == "otpsup":
            gone(parent, child)
        else:
            assert is_alive(parent)
    finally:
        for pid in filter(is_alive, (parent, child)):
            psutil.Process(pid).kill()


@pytest.mark.slow
def test_methods_without_their_section(tmp_path: Path, side: str) -> None:
    """supervisord publishes its own only where `[rpcinterface:supervisor]` says so."""
    with running(tmp_path, real=side == "supervisord", rpc="") as daemon:
        answer = daemon.call("supervisor.getAPIVersion")
        assert answer == ("3.0" if side == "otpsup" else "fault 1 UNKNOWN_METHOD")

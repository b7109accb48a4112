"""Event listeners of a daemon: the real protocol, spoken by supervisor's own `childutils`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisord.daemons import Daemon, running
from tests.support.waiting import until

LISTENER = """
import json, sys
from supervisor import childutils
out = open(sys.argv[1], "a")
while True:
    headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
    print(json.dumps([headers["eventname"], payload]), file=out, flush=True)
    childutils.listener.ok(sys.stdout)
"""
PROGRAMS = """
[eventlistener:ears]
command={python} {folder}/listener.py {folder}/heard
events=PROCESS_STATE,PROCESS_GROUP,REMOTE_COMMUNICATION,SUPERVISOR_STATE_CHANGE,PROCESS_COMMUNICATION,PROCESS_LOG
buffer_size=1000
startsecs=0
stderr_logfile={folder}/ears.err
[program:cat]
command=/bin/cat
startsecs=0
autostart=false
stdout_logfile={folder}/cat.log
stdout_capture_maxbytes=1MB
stdout_events_enabled=true
stderr_events_enabled=true
[program:fails]
command=/bin/sh -c "exit 3"
startsecs=60
startretries=0
autostart=false
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    (tmp_path / "listener.py").write_text(LISTENER)
    with running(tmp_path, PROGRAMS.replace("{python}", sys.executable)) as found:
        yield found


def heard(daemon: Daemon) -> list[tuple[str, str]]:
    path = daemon.folder / "heard"
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(json.loads(line)) for line in lines]


def names(daemon: Daemon, process: str) -> list[str]:
    """The states of a process that were told."""
    mark = f"processname:{process} "
    told = [name for name, payload in heard(daemon) if payload.startswith(mark)]
    return [name.removeprefix("PROCESS_STATE_") for name in told if "STATE" in name]


@pytest.mark.slow
def test_events(daemon: Daemon) -> None:
    """States in supervisord's order, BACKOFF before FATAL; groups; what clients send; what is
    captured of a process's output, and what is not."""
    daemon.call("supervisor.startProcess", "cat")
    daemon.call("supervisor.sendProcessStdin", "cat", "plain\n")
    until(lambda: "PROCESS_LOG_STDOUT" in dict(heard(daemon)))
    captured = "<!--XSUPERVISOR:BEGIN-->told<!--XSUPERVISOR:END-->\n"
    daemon.call("supervisor.sendProcessStdin", "cat", captured)
    until(lambda: "PROCESS_COMMUNICATION_STDOUT" in dict(heard(daemon)))
    daemon.call("supervisor.stopProcess", "cat")
    daemon.call("supervisor.startProcess", "fails")
    daemon.call("supervisor.sendRemoteCommEvent", "kind", "data")
    until(lambda: "REMOTE_COMMUNICATION" in dict(heard(daemon)))
    assert names(daemon, "cat") == ["STARTING", "RUNNING", "STOPPING", "STOPPED"]
    assert names(daemon, "fails") == ["STARTING", "BACKOFF", "FATAL"]
    found = dict(heard(daemon))
    assert found["REMOTE_COMMUNICATION"] == "type:kind\ndata"
    assert found["PROCESS_COMMUNICATION_STDOUT"].endswith("\ntold")
    assert "told" not in (daemon.folder / "cat.log").read_text()
    assert "SUPERVISOR_STATE_CHANGE_RUNNING" in found


@pytest.mark.slow
def test_groups_come_and_go(daemon: Daemon) -> None:
    """A group that is added has its output read along; one that is removed is told."""
    conf = daemon.folder / "d.conf"
    conf.write_text(
        conf.read_text()
        + "[program:late]\ncommand=/bin/echo hi\nautorestart=false\nstartsecs=0\n"
        + "stdout_events_enabled=true\n"
    )
    daemon.call("supervisor.reloadConfig")
    daemon.call("supervisor.addProcessGroup", "late")
    until(lambda: any(payload.endswith("\nhi\n") for _, payload in heard(daemon)))
    daemon.until_state("late", "EXITED")
    daemon.call("supervisor.removeProcessGroup", "late")
    until(lambda: ("PROCESS_GROUP_REMOVED", "groupname:late\n") in heard(daemon))
    assert ("PROCESS_GROUP_ADDED", "groupname:late\n") in heard(daemon)

"""The real supervisorctl, command by command, against otpsup; its words and its exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisord.daemons import Daemon, running
from tests.support.waiting import LONG, until

PROGRAMS = r"""
[program:cat]
command=/bin/cat
startsecs=0
stdout_logfile={folder}/cat.log
[program:web]
command=/bin/sh -c "trap 'echo hup' HUP; echo one; echo two; printf three; echo oops >&2; while :; do sleep 0.05; done"
process_name=web_%(process_num)d
numprocs=2
startsecs=0
stopasgroup=true
stdout_logfile={folder}/%(process_num)d.log
[program:idle]
command=/bin/sleep 1000
autostart=false
startsecs=0
[program:missing]
command=/no/such/thing
autostart=false
[program:fails]
command=/bin/sh -c "exit 3"
startsecs=60
autostart=false
startretries=0
"""  # noqa: E501
AUTH = "username=u\npassword=s3cret"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("c"), PROGRAMS, auth=AUTH) as daemon:
        for name in ("0.log", "1.log"):
            until(lambda name=name: holds(daemon.folder / name, b"three"))  # type: ignore[misc]
        daemon.until_state("cat", "RUNNING")
        yield daemon


def holds(path: Path, text: bytes) -> bool:
    return path.exists() and text in path.read_bytes()


def said(text: str) -> str:
    """Without pids and times."""
    text = re.sub(r"pid \d+, uptime \d:\d\d:\d\d", "pid N, uptime T", text)
    return re.sub(r"[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M", "DATE", text)


def transcript(daemon: Daemon, *commands: str) -> str:
    """What each command says, and its exit code, if that is not 0."""
    lines = []
    for command in commands:
        done = daemon.ctl(*command.split(" "))
        code = f"({done.returncode})\n" if done.returncode else ""
        lines.append(f"$ {command}\n{said(done.stdout)}{done.stderr}{code}")
    return "".join(lines)


def test_status(shared: Daemon) -> None:
    """All, one, a group, and what there is not."""
    assert transcript(
        shared, "status cat", "status web:*", "status web:web_1 missing", "status nope"
    ) == (
        "$ status cat\n"
        "cat                              RUNNING   pid N, uptime T\n"
        "$ status web:*\n"
        "web:web_0                        RUNNING   pid N, uptime T\n"
        "web:web_1                        RUNNING   pid N, uptime T\n"
        "$ status web:web_1 missing\n"
        "web:web_1                        RUNNING   pid N, uptime T\n"
        "missing                          STOPPED   Not started\n"
        "(3)\n"
        "$ status nope\n"
        "nope: ERROR (no such process)\n"
        "(4)\n"
    )
    assert shared.ctl("status").stdout.count("\n") == 6


@pytest.mark.slow
def test_start_stop_restart(shared: Daemon) -> None:
    """One, a group, what is there already, and what cannot be."""
    shared.ctl("stop", "idle")  # another test may have started it
    assert transcript(
        shared, "start idle", "start idle", "restart idle", "stop idle", "stop idle",
        "stop web:*", "start web:*", "restart web:web_0", "start missing", "start fails",
        "start nope", "start nope:*", "start",
    ) == (
        "$ start idle\nidle: started\n"
        "$ start idle\nidle: ERROR (already started)\n"
        "$ restart idle\nidle: stopped\nidle: started\n"
        "$ stop idle\nidle: stopped\n"
        "$ stop idle\nidle: ERROR (not running)\n"
        "$ stop web:*\nweb:web_0: stopped\nweb:web_1: stopped\n"
        "$ start web:*\nweb:web_0: started\nweb:web_1: started\n"
        "$ restart web:web_0\nweb:web_0: stopped\nweb:web_0: started\n"
        "$ start missing\nmissing: ERROR (no such file)\n(1)\n"
        "$ start fails\nfails: ERROR (spawn error)\n(7)\n"
        "$ start nope\nnope: ERROR (no such process)\n(1)\n"
        "$ start nope:*\nnope: ERROR (no such group)\n(2)\n"
        "$ start\nError: start requires a process name\nstart <name>\t\tStart a process\n"
        "start <gname>:*\t\tStart all processes in a group\n"
        "start <name> <name>\tStart multiple processes or groups\n"
        "start all\t\tStart all processes\n(2)\n"
    )  # fmt: skip


@pytest.mark.slow
def test_signal_and_pid(shared: Daemon) -> None:
    """A signal arrives; pids are those of the processes, and of the daemon."""
    log = shared.folder / "0.log"
    shared.ctl("start", "web:*")
    until(lambda: log.read_bytes().endswith(b"three"))
    assert transcript(shared, "signal HUP web:web_0", "signal NOPE cat", "signal HUP nope") == (
        "$ signal HUP web:web_0\nweb:web_0: signalled\n"
        "$ signal NOPE cat\ncat: ERROR (bad signal name)\n(1)\n"
        "$ signal HUP nope\nnope: ERROR (no such process)\n(1)\n"
    )
    until(lambda: b"hup" in log.read_bytes())
    assert int(shared.ctl("pid").stdout) == shared.process.pid
    found = shared.call("supervisor.getProcessInfo", "cat")
    assert int(shared.ctl("pid", "cat").stdout) == found["pid"]
    assert shared.ctl("pid", "all").stdout.count("\n") == 6


def test_version_and_avail(shared: Daemon) -> None:
    """The version of supervisor whose interface this is; what there is to be had."""
    assert transcript(shared, "version") == "$ version\n4.3.0\n"
    assert transcript(shared, "avail") == (
        "$ avail\n"
        "cat                              in use    auto      999:999\n"
        "fails                            in use    manual    999:999\n"
        "idle                             in use    manual    999:999\n"
        "missing                          in use    manual    999:999\n"
        "web:web_0                        in use    auto      999:999\n"
        "web:web_1                        in use    auto      999:999\n"
    )


@pytest.mark.slow
def test_tail_and_clear(shared: Daemon) -> None:
    """The end of a log; the daemon's own; a log that is begun anew."""
    assert shared.ctl("tail", "web:web_1").stdout.endswith("one\ntwo\nthree\n")
    assert shared.ctl("tail", "-3", "web:web_1").stdout == "ree\n"
    assert shared.ctl("tail", "web:web_1", "stderr").stdout.endswith("oops\n\n")
    assert "INFO spawned: 'cat' with pid" in shared.ctl("maintail", "-100000").stdout
    assert shared.ctl("clear", "web:web_1").stdout == "web:web_1: cleared\n"
    assert shared.ctl("tail", "web:web_1").stdout == "\n"


def following(daemon: Daemon, *args: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-u", "-m", "supervisor.supervisorctl", "-c",
            str(daemon.folder / "d.conf"), *args]  # fmt: skip
    return subprocess.Popen(
        argv, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def lines_until(client: subprocess.Popen[str], wanted: str) -> list[str]:
    assert client.stdout
    found = []
    for line in client.stdout:
        found.append(line)
        if wanted in line:
            return found
    raise AssertionError(found)


def test_tail_f(shared: Daemon) -> None:
    """`tail -f` and `maintail -f` show what comes, as it comes."""
    with following(shared, "tail", "-f", "cat") as client:
        shared.call("supervisor.sendProcessStdin", "cat", "hello\n")
        assert lines_until(client, "hello")[0] == "==> Press Ctrl-C to exit <==\n"
        shared.call("supervisor.sendProcessStdin", "cat", "again\n")
        lines_until(client, "again")
        client.kill()
    with following(shared, "maintail", "-f") as client:
        shared.ctl("restart", "idle")
        lines_until(client, "spawned: 'idle'")
        client.kill()


def test_fg(shared: Daemon) -> None:
    """`fg` connects a terminal to a process: what is typed is written, what is written is shown."""
    with following(shared, "fg", "cat") as client:
        assert client.stdin
        client.stdin.write("typed\n")
        client.stdin.flush()
        lines_until(client, "typed")
        client.kill()


@pytest.mark.slow
def test_reread_update_add_remove(tmp_path: Path) -> None:
    """What is new, changed and gone; and it becomes so, with all else left alone."""
    with running(tmp_path, PROGRAMS) as daemon:
        daemon.until_state("cat", "RUNNING")
        before = daemon.call("supervisor.getProcessInfo", "cat")["pid"]
        conf = tmp_path / "d.conf"
        changed = conf.read_text().replace("[program:idle]", "[program:lazy]")
        conf.write_text(changed.replace("numprocs=2", "numprocs=3"))
        assert transcript(daemon, "reread", "avail", "update", "status", "update") == (
            "$ reread\nidle: disappeared\nlazy: available\nweb: changed\n"
            "$ avail\n"
            "cat                              in use    auto      999:999\n"
            "fails                            in use    manual    999:999\n"
            "lazy                             avail     manual    999:999\n"
            "missing                          in use    manual    999:999\n"
            "web:web_0                        in use    auto      999:999\n"
            "web:web_1                        in use    auto      999:999\n"
            "web:web_2                        in use    auto      999:999\n"
            "$ update\nidle: stopped\nidle: removed process group\n"
            "web: stopped\nweb: updated process group\nlazy: added process group\n"
            "$ status\n"
            "cat                              RUNNING   pid N, uptime T\n"
            "fails                            STOPPED   Not started\n"
            "lazy                             STOPPED   Not started\n"
            "missing                          STOPPED   Not started\n"
            "web:web_0                        RUNNING   pid N, uptime T\n"
            "web:web_1                        RUNNING   pid N, uptime T\n"
            "web:web_2                        RUNNING   pid N, uptime T\n"
            "(3)\n"
            "$ update\n"
        )
        assert transcript(
            daemon, "remove web", "stop web:*", "remove web", "add web", "add web", "add nope",
            "remove nope",
        ) == (
            "$ remove web\nERROR: process/group still running: web\n(1)\n"
            "$ stop web:*\nweb:web_0: stopped\nweb:web_1: stopped\nweb:web_2: stopped\n"
            "$ remove web\nweb: removed process group\n"
            "$ add web\nweb: added process group\n"
            "$ add web\nERROR: process group already active\n"
            "$ add nope\nERROR: no such process/group: nope\n(1)\n"
            "$ remove nope\nERROR: no such process/group: nope\n(1)\n"
        )  # fmt: skip
        assert daemon.call("supervisor.getProcessInfo", "cat")["pid"] == before


@pytest.mark.slow
def test_reload_and_shutdown(tmp_path: Path) -> None:
    """`reload` reads the file again and starts all anew, in the same process; `shutdown` ends it,
    with 0 and nothing left behind."""
    with running(tmp_path, PROGRAMS) as daemon:
        daemon.until_state("cat", "RUNNING")
        before = daemon.call("supervisor.getProcessInfo", "cat")["pid"]
        conf = tmp_path / "d.conf"
        conf.write_text(conf.read_text() + "[program:late]\ncommand=/bin/cat\nstartsecs=0\n")
        assert transcript(daemon, "reload") == "$ reload\nRestarted supervisord\n"
        until(lambda: late_runs(daemon))
        assert daemon.call("supervisor.getProcessInfo", "cat")["pid"] != before
        assert daemon.call("supervisor.getPID") == daemon.process.pid
        assert transcript(daemon, "shutdown") == "$ shutdown\nShut down\n"
        assert daemon.process.wait(LONG) == 0
        assert not daemon.socket.exists()
        assert not (tmp_path / "d.pid").exists()
        log = (tmp_path / "d.log").read_text()
        assert re.search(r" INFO spawned: 'late' with pid \d+\n", log)
        assert re.search(r" WARN stopped: cat \(terminated by SIGTERM\)\n", log)


def late_runs(daemon: Daemon) -> bool:
    try:
        found = daemon.call("supervisor.getProcessInfo", "late")
    except OSError:  # it is between two lives
        return False
    return isinstance(found, dict) and found["statename"] == "RUNNING"


@pytest.mark.slow
def test_who_may_not_come_in(shared: Daemon) -> None:
    """Without the password nobody is served, whatever he asks for."""
    for method, path in (("POST", "/RPC2"), ("GET", "/logtail/cat"), ("GET", "/"), ("GET", "/x")):
        with shared.request(method, path) as answer:
            assert answer.status == 401
            assert answer.getheader("www-authenticate") == 'Basic realm="default"'

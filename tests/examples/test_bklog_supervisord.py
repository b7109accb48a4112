"""BK-LOG's three files as they are filled, run by the real supervisord and by otpsup alike.

What the operations section of BK-LOG's documentation tells one to type is typed here, line by line,
with the real supervisorctl; what it says must be the same whoever runs the files.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from examples.bklog.fill import Place, fill
from tests.examples.bklog_parts import (
    API,
    GRAFANA,
    MAIN,
    PATIENCE,
    a_place,
    all_running,
    do_one_of_each,
    running,
    states,
    supervisorctl,
    tasks,
    wait_for_text,
)
from tests.support.program import run_text
from tests.support.servers import free_port
from tests.support.waiting import gone, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

REAL = ["supervisor.supervisord", "-n", "-c"]
OURS = ["otpsup", "run", "-c"]
RUN_BY = {"supervisord": REAL, "otpsup": OURS}


@pytest.fixture(params=RUN_BY)
def daemon(request: pytest.FixtureRequest) -> list[str]:
    """The command that runs a file."""
    return RUN_BY[request.param]


@contextmanager
def serving(place: Place, daemon: list[str], *files: str) -> Iterator[None]:
    """Daemons for these files, with all programs RUNNING."""
    with ExitStack() as stack:
        for file in files:
            # Its paths are relative; supervisord in the foreground does not go to `directory`.
            cwd = place.home / "bklog/grafana" if file == GRAFANA else place.home
            stack.enter_context(running(place, *daemon, str(place.home / file), cwd=cwd))
        until(lambda: all(all_running(place, file) for file in files), PATIENCE)
        yield


def pid_of(place: Place, file: str, name: str) -> int:
    """The pid that supervisorctl tells."""
    return int(supervisorctl(place, file, "pid", name))


def test_three_daemons_and_tasks_before_during_and_after_a_kill(daemon: list[str]) -> None:
    """All seven programs and the broker, the API after its ten seconds, and Grafana."""
    with a_place() as place:
        fill(place)
        with serving(place, daemon, MAIN, API, GRAFANA), tasks(place) as client:
            do_one_of_each(client, place)
            assert len(states(place, MAIN)) == 8
            wait_for_text(place.home / "logs/bklog/api.log", "Booting worker", 2)

            killed = pid_of(place, MAIN, "bklog_celery")
            os.kill(killed, signal.SIGKILL)
            gone(killed)
            waiting = client.send("add", 20, 22)
            assert client.do("count", "still at work") == {"still": 1, "at": 1, "work": 1}
            assert waiting.get(timeout=PATIENCE) == 42
            assert pid_of(place, MAIN, "bklog_celery") != killed
            do_one_of_each(client, place)


CHANGE = ("startsecs=3", "startsecs=2")

OPERATIONS = [
    # start, stop, restart
    (API, "start all", ""),
    (API, "stop all", "bklog-api: stopped\n"),
    (API, "start all", "bklog-api: started\n"),
    (API, "restart all", "bklog-api: stopped\nbklog-api: started\n"),
    (API, "start bklog-api", r"bklog-api: ERROR \(already started\)\n"),
    (GRAFANA, "stop grafana", "grafana: stopped\n"),
    (GRAFANA, "start grafana", "grafana: started\n"),
    # each daemon knows its own programs only
    (GRAFANA, "start bklog-api", r"bklog-api: ERROR \(no such process\)\n"),
    (API, "stop grafana", r"grafana: ERROR \(no such process\)\n"),
    # the configuration
    (API, "reread", "No config updates to processes\n"),
    (API, "update", ""),
    (API, "CHANGE", ""),
    (API, "reread", "bklog-api: changed\n"),
    (API, "update", "bklog-api: stopped\nbklog-api: updated process group\n"),
    # the state
    (API, "status", r"bklog-api +(STARTING|RUNNING  ) .*\n"),
    (API, "status bklog-api", r"bklog-api +(STARTING|RUNNING  ) .*\n"),
    (API, "info", r"\*\*\* Unknown syntax: info\n"),
    # logs
    (API, "tail bklog-api stderr", r"bklog-api: ERROR \(no log file\)\n"),
    (GRAFANA, "tail grafana stderr", r"\n"),
]  # fmt: skip


def test_the_operations_section_with_supervisorctl(daemon: list[str]) -> None:
    """Every command of it, and what it really says."""
    with a_place() as place:
        fill(place)
        with serving(place, daemon, API, GRAFANA):
            _wait_for_the_api(place)
            for file, command, answer in OPERATIONS:
                if command == "CHANGE":
                    _change(place.home / file, *CHANGE)
                    continue
                said = supervisorctl(place, file, *command.split())
                assert re.fullmatch(answer, said), (command, said)
            _wait_for_the_api(place, times=2)
            assert "Listening at" in supervisorctl(place, API, "tail", "bklog-api")
            _interactive(place)
            _logs(place)


def _wait_for_the_api(place: Place, times: int = 1) -> None:
    wait_for_text(place.home / "logs/bklog/api.log", "Listening at", times)


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _interactive(place: Place) -> None:
    """The last block of the section: commands at the prompt."""
    said = supervisorctl(place, API, input="status\nstart bklog-api\nquit\n")
    assert re.search(r"bklog-api +RUNNING", said)
    assert "bklog-api: ERROR (already started)" in said
    assert "grafana: stopped" in supervisorctl(place, GRAFANA, input="stop grafana\nquit\n")


def _logs(place: Place) -> None:
    """The files that one may `tail -f`."""
    logs = place.home / "logs/bklog"
    assert "spawned: 'bklog-api'" in (logs / "api-supervisord.log").read_text()
    assert "spawned: 'grafana'" in (logs / "grafana-supervisord.log").read_text()
    assert "listening on" in (logs / "grafana.log").read_text()
    assert (logs / "grafana-error.log").read_text() == ""


CHANGED = (
    r". (change|restart) bklog-api/bklog-api: ready {stays_up: 3.0} -> {stays_up: 2.0}.*\n.*\n"
)

BY_OTPSUP = [
    (API, "stop bklog-api", "bklog-api: down\n"),
    (API, "start", "bklog-api: running\n"),
    (API, "restart", "bklog-api: running\n"),
    (API, "stop bklog-api/bklog-api", "bklog-api/bklog-api: down\n"),
    (API, "start bklog-api/bklog-api", "bklog-api/bklog-api: (starting|running)\n"),
    (GRAFANA, "stop grafana/grafana", "grafana/grafana: down\n"),
    (GRAFANA, "start grafana/grafana", "grafana/grafana: running\n"),
    (API, "plan", "nothing to do: 1 child stays as it is\n"),
    (API, "update", "nothing to do: 1 child stays as it is\n"),
    (API, "CHANGE", ""),
    (API, "plan", CHANGED),
    (API, "update", CHANGED),
    (API, "status", r"(.*\n){2}.* bklog-api  . (starting|running) .*\n"),
    (API, "status bklog-api/bklog-api", r".*bklog-api .*\n"),
    (API, "info bklog-api/bklog-api", r"(.*\n)*command +bash -c 'sleep 10 && (.*\n)*"),
    (API, "tail bklog-api/bklog-api", r"(.*\n)*.*Listening at(.*\n)*"),
    (API, "tail bklog-api/bklog-api stderr", ""),
]


def test_the_operations_section_with_otpsup() -> None:
    """The same with otpsup's own commands, of which `info` is one."""
    with a_place() as place:
        fill(place)
        with serving(place, OURS, API, GRAFANA):
            _wait_for_the_api(place)
            for file, command, answer in BY_OTPSUP:
                if command == "CHANGE":
                    _change(place.home / file, *CHANGE)
                    continue
                said = otpsup(place, *command.split(), "--tree", Path(file).stem)
                assert re.fullmatch(answer, said), (command, said)


def otpsup(place: Place, *command: str) -> str:
    """All that `otpsup` prints, of a tree of this place."""
    environment = {**os.environ, "OTPSUP_RUNTIME_DIR": str(place.home)}
    done = run_text(*command, environment=environment)
    return done.stdout + done.stderr


def _exits(place: Place) -> int:
    log = (place.home / "logs/bklog/api-supervisord.log").read_text()
    assert "FATAL" not in log
    return len(re.findall(r"exited: bklog-api \(exit status 1; not expected\)", log))


def test_a_crash_loop_never_ends(daemon: list[str]) -> None:
    """Consul is gone, so gunicorn ends at each start; but bash slept for ten seconds before, and
    has been RUNNING for seven of them: each end counts as one after a good start."""
    with a_place(consul=f"127.0.0.1:{free_port()}") as place:
        fill(place)
        _change(place.home / API, "sleep 10", "sleep 4")
        with running(place, *daemon, str(place.home / API)):
            until(lambda: (place.home / "logs/bklog/api-supervisord.log").exists(), PATIENCE)
            until(lambda: _exits(place) >= 5, 3 * PATIENCE)
            assert set(states(place, API).values()) <= {"STARTING", "RUNNING"}
            log = (place.home / "logs/bklog/api-supervisord.log").read_text()
            assert log.count("entered RUNNING state") >= 5
            assert "gave up" not in log


WRITER = """
import os, sys, time
open(f"{sys.argv[1]}.up", "w").close()
while not (os.path.exists("a.up") and os.path.exists("b.up")):
    time.sleep(0.001)
for n in range(300):
    os.write(1, f"{sys.argv[1]} {n} begins ".encode())
    time.sleep(0.001)
    os.write(1, f"and {sys.argv[1]} {n} ends\\n".encode())
time.sleep(1000)
"""

SHARED = """
[supervisord]
logfile={home}/d.log
pidfile={home}/d.pid
"""

SHARING = """
[program:{name}]
command={python} {home}/writer.py {name}
directory={home}
stdout_logfile={home}/celery.log
stdout_logfile_maxbytes=4000
stdout_logfile_backups=20
"""


def test_two_programs_in_one_log(daemon: list[str]) -> None:
    """supervisord has a writer for each: a line in two pieces gets another's between them, and who
    rotates leaves the other in the old file, for whose size it then rotates the new one."""
    with a_place() as place:
        (place.home / "writer.py").write_text(WRITER)
        conf = place.home / "d.conf"
        text = [SHARED, *(SHARING.replace("{name}", name) for name in "ab")]
        conf.write_text("".join(text).format(home=place.home, python=sys.executable))
        with running(place, *daemon, str(conf)):
            until(lambda: _shared(place).count(" ends\n") == 600)
        log, old = _shared(place), place.home.glob("celery.log.*")
        whole = re.findall(r"^([ab]) (\d+) begins and \1 \2 ends$", log, re.MULTILINE)
        assert (len(whole) == 600) == (daemon is OURS)
        assert (min(path.stat().st_size for path in old) > 3900) == (daemon is OURS)


def _shared(place: Place) -> str:
    """All that is in the log and in what was rotated."""
    texts = []
    for path in _by_age(place.home):
        with contextlib.suppress(FileNotFoundError):  # just renamed, or not there yet
            texts.append(path.read_text())
    return "".join(texts)


def _by_age(folder: Path) -> list[Path]:
    old = folder.glob("celery.log.*")
    return [*sorted(old, key=lambda path: -int(path.suffix[1:])), folder / "celery.log"]

"""FastBlog's old supervisor API: what its document promises, kept by otpsup."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import httpx
import psutil
import pytest

from examples.fastblog.process_supervisor import ProcessConfig, ProcessSupervisor
from examples.fastblog.tree import SOURCE_ROOT
from otpsup import Event
from otpsup.stream import EventStream
from tests.support.servers import free_port
from tests.support.waiting import until

SEED = SOURCE_ROOT.parent / "shared" / "seeds"
DEADLINE = 60.0
FOREVER = [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]
CRASH = [sys.executable, "-c", "import sys; print('oh', file=sys.stderr); sys.exit(3)"]


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessSupervisor]:
    """An empty supervisor in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTPSUP_RUNTIME_DIR", str(tmp_path / "run"))
    supervisor = ProcessSupervisor()
    yield supervisor
    supervisor.shutdown()


def wait_for(events: EventStream, **wanted: object) -> Event:
    """The next event that has these values."""
    deadline = time.monotonic() + DEADLINE
    while True:
        event = events.next(max(0.0, deadline - time.monotonic()))
        if all(getattr(event, name) == value for name, value in wanted.items()):
            return event


def pid_of(supervisor: ProcessSupervisor, name: str) -> int:
    """The pid of a process that runs."""
    process = supervisor.processes[name].process
    assert process is not None
    return process.pid


def test_a_process_that_ends_by_itself_is_restarted(supervisor: ProcessSupervisor) -> None:
    """Unlike in the original: killed, it comes back, and the restart is counted."""
    supervisor.add_process(ProcessConfig("app", FOREVER, restart_delay=0))
    assert supervisor.start_all_processes()
    before = pid_of(supervisor, "app")

    with supervisor.tree.events() as events:
        os.kill(before, signal.SIGKILL)
        wait_for(events, kind="state", path="app/app", state="running")

    assert pid_of(supervisor, "app") != before
    assert supervisor.processes["app"].restart_count == 1
    assert supervisor.get_process_status("app")["last_exit"] == "SIGKILL"


def test_restart_limit_gives_up_that_process_alone(supervisor: ProcessSupervisor) -> None:
    """After `restart_limit` restarts it is `failed`; the others run on; by hand it starts anew."""
    supervisor.add_process(ProcessConfig("good", FOREVER))
    supervisor.add_process(
        ProcessConfig("bad", CRASH, autostart=False, restart_limit=2, restart_delay=0)
    )
    supervisor.start_all_processes()
    good = pid_of(supervisor, "good")

    with supervisor.tree.events() as events:
        supervisor.start_process("bad")
        starts = [wait_for(events, kind="progress", path="bad/bad") for _ in range(3)]
        wait_for(events, kind="state", path="bad", state="down")

    assert len(starts) == 3  # the first, and two restarts
    assert supervisor.processes["bad"].status == "failed"
    assert pid_of(supervisor, "good") == good
    assert supervisor.start_process("bad")


def test_restart_delay_lies_between_exit_and_restart(supervisor: ProcessSupervisor) -> None:
    """The next start comes `restart_delay` seconds after the end, not before."""
    supervisor.add_process(ProcessConfig("app", FOREVER, restart_delay=0.3))
    supervisor.add_process(ProcessConfig("later", FOREVER, restart_delay=600))
    supervisor.start_all_processes()

    with supervisor.tree.events() as events:
        os.kill(pid_of(supervisor, "later"), signal.SIGKILL)
        wait_for(events, kind="child_terminated", path="later/later")
        os.kill(pid_of(supervisor, "app"), signal.SIGKILL)
        ended = wait_for(events, kind="child_terminated", path="app/app")
        up = wait_for(events, kind="state", path="app/app", state="running")

    assert up.at - ended.at >= 0.3
    assert supervisor.processes["later"].status == "restarting"
    assert not supervisor.processes["later"].is_running()


def test_without_autorestart_a_process_stays_down(supervisor: ProcessSupervisor) -> None:
    """`autorestart=False`: its end is final, and a start by hand works again."""
    supervisor.add_process(ProcessConfig("once", FOREVER, autorestart=False))
    supervisor.start_all_processes()

    with supervisor.tree.events() as events:
        os.kill(pid_of(supervisor, "once"), signal.SIGKILL)
        wait_for(events, kind="state", path="once", state="down")

    assert supervisor.processes["once"].status == "stopped"
    assert supervisor.start_process("once")
    assert supervisor.processes["once"].is_running()


def test_start_stop_restart_by_name(supervisor: ProcessSupervisor) -> None:
    """Each works on one process, returns when it is done, and says what it did by its result."""
    supervisor.add_process(ProcessConfig("a", FOREVER, autostart=False))
    supervisor.add_process(ProcessConfig("b", FOREVER))

    assert supervisor.start_all_processes()
    assert {n: s["status"] for n, s in supervisor.get_all_status().items()} == {
        "a": "stopped",
        "b": "running",
    }
    assert supervisor.start_process("a")
    first = pid_of(supervisor, "a")
    assert supervisor.restart_process("a")
    assert pid_of(supervisor, "a") != first
    assert not psutil.pid_exists(first)
    assert supervisor.stop_process("a")
    assert supervisor.processes["a"].process is None
    assert supervisor.stop_all_processes()
    assert {s["status"] for s in supervisor.get_all_status().values()} == {"stopped"}


def test_unknown_and_impossible_processes_are_told_not_raised(
    supervisor: ProcessSupervisor,
) -> None:
    """False, and a line in the log, as the old API has it; nothing else is harmed."""
    supervisor.add_process(ProcessConfig("ghost", ["no-such-program-anywhere"]))
    supervisor.add_process(ProcessConfig("app", FOREVER))

    assert not supervisor.start_all_processes()
    assert not supervisor.start_process("nobody")
    assert supervisor.processes["app"].is_running()
    assert supervisor.get_process_status("nobody")["status"] == "unknown"
    log = Path("logs/supervisor.log").read_text()
    assert "command 'no-such-program-anywhere' not found on PATH" in log
    assert "there is no process 'nobody'; known are: ghost, app" in log


def test_a_process_added_later_can_be_started(supervisor: ProcessSupervisor) -> None:
    """`add_process` works while others run."""
    supervisor.add_process(ProcessConfig("first", FOREVER))
    supervisor.start_all_processes()

    supervisor.add_process(ProcessConfig("second", FOREVER))

    assert supervisor.start_process("second")
    assert supervisor.processes["second"].is_running()


def test_stop_monitoring_leaves_processes_alone(supervisor: ProcessSupervisor) -> None:
    """While it is off, one that ends stays down; when it is on again, restarts happen again."""
    supervisor.add_process(ProcessConfig("app", FOREVER, restart_delay=0))
    supervisor.start_all_processes()
    supervisor.stop_monitoring()

    with supervisor.tree.events() as events:
        os.kill(pid_of(supervisor, "app"), signal.SIGKILL)
        wait_for(events, kind="state", path="app/app", state="down")
        assert supervisor.processes["app"].status == "stopped"

        supervisor.start_monitoring()
        supervisor.restart_process("app")
        os.kill(pid_of(supervisor, "app"), signal.SIGKILL)
        wait_for(events, kind="restart", path="app/app")


def test_logs_land_where_the_document_says(supervisor: ProcessSupervisor) -> None:
    """`logs/<name>.log`, `logs/<name>.err.log`, `logs/supervisor.log`; or where the config says."""
    supervisor.add_process(ProcessConfig("app", FOREVER))
    supervisor.add_process(
        ProcessConfig("bad", CRASH, restart_limit=0, stderr_logfile="logs/other.log")
    )
    with supervisor.tree.events() as events:
        supervisor.start_all_processes()
        wait_for(events, kind="state", path="bad", state="down")
    until(lambda: Path("logs/app.log").exists() and Path("logs/app.log").read_text())
    supervisor.shutdown()

    assert Path("logs/app.log").read_text() == "up\n"
    assert Path("logs/other.log").read_text() == "oh\n"
    assert "app/app is up" in Path("logs/supervisor.log").read_text()


def test_environment_and_working_dir_reach_the_process(
    supervisor: ProcessSupervisor, tmp_path: Path
) -> None:
    """As the config says."""
    (tmp_path / "inner").mkdir()
    code = "import os; print(os.getcwd(), os.environ['KEY'])"
    argv = [sys.executable, "-c", code]
    config = ProcessConfig(
        "app", argv, working_dir="inner", environment={"KEY": "VALUE"}, autorestart=False
    )
    supervisor.add_process(config)
    with supervisor.tree.events() as events:
        supervisor.start_all_processes()
        wait_for(events, kind="state", path="app", state="down")
    supervisor.shutdown()

    assert Path("logs/app.log").read_text() == f"{tmp_path / 'inner'} VALUE\n"


# The document's own snippets.


def snippets() -> list[str]:
    """The Python snippets of the document, in order."""
    text = next(SEED.glob("000_*.txt")).read_text()
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


needs_the_document = pytest.mark.skipif(
    not SEED.is_dir(), reason="the document lies beside the project, not in it"
)


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """What a program of the old API finds: the module on its path, free ports, a folder."""
    paths = [str(SOURCE_ROOT), str(SOURCE_ROOT / "examples" / "fastblog")]
    names = ("FASTBLOG_IPC_PORT", "FASTBLOG_UPDATE_PORT", "FASTBLOG_PORT")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OTPSUP_RUNTIME_DIR": str(tmp_path / "run"),
        **{name: str(free_port()) for name in names},
    }


def script(*parts: str) -> str:
    """A program of snippets that share their names, as the reader of a document would run them."""
    lines = ["import time", "from process_supervisor import ProcessConfig, get_supervisor"]
    return "\n".join([*lines, *parts])


@pytest.mark.slow
@needs_the_document
def test_the_basic_snippet_starts_fastblog_and_ctrl_c_ends_it(
    tmp_path: Path, surroundings: dict[str, str]
) -> None:
    """Run as written: the blog answers; Ctrl-C stops everything; nothing is left."""
    config, basic = snippets()[:2]
    program = subprocess.Popen(
        [sys.executable, "-c", script(config, basic)], cwd=tmp_path, env=surroundings
    )
    try:
        url = f"http://127.0.0.1:{surroundings['FASTBLOG_PORT']}/healthz"
        log = tmp_path / "logs" / "supervisor.log"
        wait_for_line(log, "main_app is up")
        assert httpx.get(url, timeout=60).json()["status"] == "ok"
        below = psutil.Process(program.pid).children(recursive=True)
        assert len(below) >= 4
        program.send_signal(signal.SIGINT)
        assert program.wait(DEADLINE) == 0
    finally:
        program.kill()
        program.wait()
    assert psutil.wait_procs(below, timeout=DEADLINE)[1] == []


def wait_for_line(path: Path, text: str) -> None:
    """Follow a log as `tail -F` does until it holds `text`."""
    tail = subprocess.Popen(
        ["tail", "-n", "+1", "-F", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert tail.stdout is not None
    limit = Timer(DEADLINE, tail.kill)
    limit.start()
    try:
        assert any(text in line for line in tail.stdout)
    finally:
        limit.cancel()
        tail.kill()
        tail.wait()
        tail.stdout.close()


@pytest.mark.slow
@needs_the_document
def test_the_control_batch_and_debugging_snippets_run_as_written(
    tmp_path: Path, surroundings: dict[str, str]
) -> None:
    """Single control, batch and debugging, one after the other, on the real programs."""
    _, _, single, batch, debugging, plugin = snippets()
    start = "supervisor = get_supervisor(); supervisor.start_all_processes()"
    parts = (start, single, debugging, plugin, batch, "supervisor.shutdown()")
    done = subprocess.run(
        [sys.executable, "-c", script(*parts)],
        cwd=tmp_path,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "'status': 'running'" in done.stdout  # single: main_app
    assert "update_server: stopped" in done.stdout  # stopped under its old name, update_checker
    assert re.search(r"ipc_server: running\n +Running: True\n +PID: \d+", done.stdout)
    assert re.search(r"updater: stopped\n +Running: False\n +PID: None", done.stdout)

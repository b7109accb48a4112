"""Hooks run around a child's life, in order, as the child; and none outlives it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from loguru import logger

from otpsup import Command, Hook, StartFailed, Tree, Worker
from otpsup.engine.events import Exited, Unstartable
from tests.support import targets
from tests.support.hosts import hosting
from tests.support.journal import fail, note, note_and_hang, stay
from tests.support.strays import Strays, descendants
from tests.support.strays import no_strays as no_strays
from tests.support.trees import descriptors, node, pid, python, running, watching
from tests.support.waiting import LONG, gone, is_alive, until

NOTE = 'echo "$OTPSUP_HOOK $OTPSUP_EXIT_CODE$OTPSUP_EXIT_SIGNAL" >> "$JOURNAL"'
POINTS = ("before_start", "after_ready", "after_exit")
KINDS = ("command", "callable")


def hook(kind: str) -> Any:
    """One that writes itself down."""
    return ["sh", "-c", NOTE] if kind == "command" else note


def hanging(kind: str) -> Any:
    """One that does not end, and has started somebody in another session."""
    daemon = """trap "" TERM; echo $$ > "$JOURNAL.new"; mv "$JOURNAL.new" "$JOURNAL.daemon"
        while :; do sleep 1; done"""
    script = f"{NOTE}; setsid sh -c '{daemon}' & sleep 1000"
    return ["sh", "-c", script] if kind == "command" else note_and_hang


COMMAND = """
import os, signal
with open(os.environ["JOURNAL"], "a") as file:
    file.write("child \\n")
os.write(int(os.environ["OTPSUP_CHANNEL"].split(":")[0]), b'{"op":"ready"}')
signal.pause()
"""


def child(how: str, journal: Path, **options: Any) -> Any:
    """A child that writes itself down, and stays."""
    options = {"environment": {"JOURNAL": str(journal)}, "ready": "notify", **options}
    if how != "command":
        return Worker("c", stay, start_method=how, **options)  # type: ignore[arg-type]
    return Command("c", python(COMMAND), **options)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """What has happened, a line each."""
    return tmp_path / "journal"


def lines(journal: Path) -> list[str]:
    """What has happened so far."""
    return journal.read_text().splitlines() if journal.exists() else []


def has(journal: Path, line: str, times: int = 1) -> None:
    """Wait until it has happened so often."""
    until(lambda: lines(journal).count(line) >= times)


@pytest.fixture
def log() -> Iterator[list[str]]:
    """What the log says."""
    said: list[str] = []
    handler = logger.add(said.append, level=0)
    logger.enable("otpsup")
    yield said
    logger.disable("otpsup")
    logger.remove(handler)


# Order.


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        *((how, kind) for how in ("command", "zygote") for kind in KINDS),
        *(pytest.param("spawn", kind, marks=pytest.mark.slow) for kind in KINDS),
    ],
)
def test_hooks_run_around_each_incarnation(how: str, kind: str, journal: Path) -> None:
    """`before_start` has ended before the child is started, `after_ready` runs once it is ready,
    and `after_exit` has ended before it is started again, and before a stop returns."""
    spec = child(how, journal, **dict.fromkeys(POINTS, hook(kind)))
    with running(spec) as tree, watching(tree) as events:
        has(journal, "after_ready ")
        os.kill(pid(tree, "c"), signal.SIGKILL)
        events.until("c", "running")
        has(journal, "after_ready ", 2)
        tree.terminate_child("c")
        life = ["before_start ", "child ", "after_ready "]
        ended = lines(journal)[-1]
        assert ended in ("after_exit 15", f"after_exit {128 + 15}")
        assert lines(journal) == [*life, "after_exit 9", *life, ended]
        assert node(tree, "c").last_exit == "stopped by SIGTERM"


@pytest.mark.parametrize(
    ("script", "told", "reason"),
    [
        ("exit 3", "after_exit 3", "exit code 3"),
        ("exit 0", "after_exit 0", "ended normally (exit code 0)"),
        ("kill -SEGV $$", "after_exit 11", "SIGSEGV"),
    ],
)
def test_after_exit_is_told_how_the_child_ended(
    script: str, told: str, reason: str, journal: Path
) -> None:
    """By OTPSUP_EXIT_CODE or OTPSUP_EXIT_SIGNAL; the reason that others see is the child's."""
    options: dict[str, Any] = {"environment": {"JOURNAL": str(journal)}, "rlimits": {"core": 0}}
    spec = Command("c", ["sh", "-c", script], restart="temporary", after_exit=hook("command"),
                   **options)  # fmt: skip
    with running() as tree, watching(tree) as events:
        tree.start_child(spec)
        assert events.until("c", "down").reason == reason
        assert lines(journal) == [told]


def test_after_exit_runs_after_a_start_that_failed(journal: Path) -> None:
    """A child that has existed, and was never ready, has ended too; one that never was has not."""
    options: dict[str, Any] = {
        "environment": {"JOURNAL": str(journal)}, "after_exit": hook("command"), "ready": "notify",
    }  # fmt: skip
    with running() as tree:
        with pytest.raises(StartFailed, match="exit code 3 before it was ready"):
            tree.start_child(Command("c", ["sh", "-c", "exit 3"], **options))
        with pytest.raises(StartFailed, match="cannot execute '/no/such/program'"):
            tree.start_child(Command("d", ["/no/such/program"], **options))
    assert lines(journal) == ["after_exit 3"]


def test_a_hook_is_as_its_child(tmp_path: Path) -> None:
    """It has the child's folder, mask, limits, environment and output, its path and its point."""
    out = tmp_path / "out"
    code = """
        pwd; umask; ulimit -n; echo "$MINE$SECRET $OTPSUP_PATH $OTPSUP_CHILD $OTPSUP_HOOK"
        echo "${HOME-no} $OTPSUP_COPY"
    """
    (tmp_path / "secret").write_text("open")
    spec = Command(
        "c", ["true"], cwd=tmp_path, umask=0o027, rlimits={"nofile": 77}, stdout=str(out),
        environment={"MINE": "sesame "}, secrets={"SECRET": tmp_path / "secret"},
        inherit_env=["PATH"], restart="temporary", before_start=["sh", "-c", code],
    )  # fmt: skip
    with running() as tree, watching(tree) as events:
        tree.start_child(spec)
        events.until("c", "down")
    said = [str(tmp_path), "0027", "77", "sesame open c c before_start", "no "]
    assert out.read_text().splitlines() == said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become others")
def test_a_hook_runs_as_the_childs_user(tmp_path: Path) -> None:
    """Not as the host's."""
    out = tmp_path / "out"
    spec = Command("c", ["true"], user=65534, restart="temporary", after_exit=["id", "-u"],
                   stdout=str(out))  # fmt: skip
    with running() as tree, watching(tree) as events:
        tree.start_child(spec)
        events.until("c", "down")
    assert out.read_text() == "65534\n"


# before_start.


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (["sh", "-c", "exit 3"], "exit code 3"),
        (["sh", "-c", "kill -9 $$"], "SIGKILL"),
        (["sleep", "1000"], "it did not end within 0.2 s"),
        (targets.wait, "it did not end within 0.2 s"),
        (["no-such-program"], r"command 'no-such-program' not found on PATH \(.*"),
        (["/no/such/program"], "cannot execute '/no/such/program': No such file or directory"),
        (fail, "Broken: no luck"),
        (partial(targets.exit_with, 4), "exit code 4"),
        ("tests.support.targets:nothing", "AttributeError: .*"),
        (lambda: None, "cannot hand over target or arguments: .*"),
    ],
)
def test_a_start_fails_with_its_before_start(run: Any, why: str, journal: Path) -> None:
    """However it fails; the child is not started then, and nothing runs after it."""
    timeout = 0.2 if "within" in why else 30
    spec = child("command", journal, before_start=Hook(run, timeout), after_exit=hook("command"))
    message = f"^cannot start child 'c': before_start failed: {why}$"
    with running() as tree, watching(tree) as events:
        with pytest.raises(StartFailed, match=message):
            tree.start_child(spec)
        assert "running" not in events.states("c")
    assert lines(journal) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_ends_before_start(kind: str, journal: Path) -> None:
    """Meanwhile the child is starting, without a process. A stop goes to the hook, whose daemons
    end with it, and the child is not started."""
    spec = child("command", journal, before_start=hanging(kind), shutdown=0.5, autostart=False)
    with running(spec) as tree:
        starting = tree.call_start("c", (), "")
        daemon = until(lambda: number_in(journal))
        seen = node(tree, "c")
        assert (seen.state, seen.pid) == ("starting", None)
        tree.terminate_child("c")
        gone(daemon, within=0)
        assert isinstance(starting.exception(LONG), StartFailed)
        assert node(tree, "c").last_exit == "stopped by SIGTERM"
        assert lines(journal) == ["before_start "]


def number_in(journal: Path) -> int:
    """The pid of a hook's daemon; 0 as long as there is none."""
    file = journal.with_name(f"{journal.name}.daemon")
    return int(file.read_text()) if file.exists() else 0


@pytest.mark.parametrize("shutdown", [0.1, "brutal_kill"])
def test_a_deaf_before_start_is_killed(shutdown: Any, journal: Path) -> None:
    """After the child's own `shutdown` seconds, or at once."""
    deaf = ["sh", "-c", f"trap '' TERM; {NOTE}; while :; do sleep 1; done"]
    spec = child("command", journal, before_start=deaf, shutdown=shutdown, autostart=False)
    with running(spec) as tree:
        starting = tree.call_start("c", (), "")
        has(journal, "before_start ")
        tree.terminate_child("c")
        assert isinstance(starting.exception(LONG), StartFailed)
        assert node(tree, "c").last_exit == "killed (SIGKILL)"


def test_start_timeout_covers_before_start(journal: Path) -> None:
    """A start that takes too long says that it is the hook that does."""
    spec = child("command", journal, before_start=["sleep", "1000"], start_timeout=0.2)
    with running() as tree, pytest.raises(StartFailed) as caught:
        tree.start_child(spec)
    assert str(caught.value).endswith("not ready within 0.2 s: before_start is running")


def test_what_the_hook_was_does_not_blame_it_later(journal: Path) -> None:
    """A child that is not ready in time after its hook has ended is told as before."""
    options: dict[str, Any] = {"before_start": ["true"], "ready": "notify"}
    starts = ["sh", "-c", f"touch {journal}; exec sleep 1000"]
    seconds = 0.5
    with running() as tree:
        while True:
            with pytest.raises(StartFailed) as caught:
                tree.start_child(Command("c", starts, start_timeout=seconds, **options))
            if journal.exists():
                break
            seconds *= 4  # the hook itself has taken so long
    assert str(caught.value).endswith(f"not ready within {seconds:g} s")


# after_ready.


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_waits_for_after_ready(kind: str, journal: Path) -> None:
    """The child runs meanwhile; when it ends, the hook is killed with all that it has started."""
    spec = child("command", journal, after_ready=hanging(kind))
    with running(spec) as tree, watching(tree) as events:
        assert node(tree, "c").state == "running"
        daemon = until(lambda: number_in(journal))
        journal.with_name("journal.daemon").unlink()
        os.kill(pid(tree, "c"), signal.SIGKILL)
        events.until("c", "running")
        gone(daemon, within=0)
        daemon = until(lambda: number_in(journal))
        tree.terminate_child("c")
        gone(daemon, within=0)


@pytest.mark.parametrize(
    ("run", "why"),
    [(["false"], "exit code 1"), (["sleep", "1000"], "it did not end within 0.2 s"),
     (["/no/such"], "cannot execute '/no/such': No such file or directory")],
)  # fmt: skip
def test_a_failed_after_ready_is_a_warning(
    run: Any, why: str, journal: Path, log: list[str]
) -> None:
    """The child is not harmed."""
    spec = child("command", journal, after_ready=Hook(run, timeout=0.2 if "within" in why else 30))
    with running(spec) as tree:
        number = pid(tree, "c")
        until(lambda: any("WARNING" in line and f"c: after_ready failed: {why}" in line
                          for line in log))  # fmt: skip
        assert (node(tree, "c").state, pid(tree, "c")) == ("running", number)


def test_the_end_of_after_ready_harms_nothing_of_the_child(journal: Path) -> None:
    """What the child has started in other sessions is the child's, not the hook's."""
    daemon = str(journal) + ".daemon"
    away = f'echo $$ > "{daemon}.new"; mv "{daemon}.new" "{daemon}"; exec sleep 1000'
    release = f'while ! [ -s "{daemon}" ]; do sleep 0.01; done; {NOTE}'
    spec = Command(
        "c",
        ["sh", "-c", f"(setsid sh -c '{away}' &); exec sleep 1000"],
        environment={"JOURNAL": str(journal)},
        after_ready=["sh", "-c", release],
    )
    with running(spec) as tree:
        has(journal, "after_ready ")
        until(lambda: len(tree_processes(tree)) == 2)  # the hook is gone
        number = until(lambda: number_in(journal))
        assert is_alive(number)
        tree.terminate_child("c")
        gone(number, within=0)


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended meanwhile
        return ""


def tree_processes(tree: Tree) -> list[psutil.Process]:
    """All of the tree but launcher and zygote."""
    launchers = tree._session._runner._launchers  # type: ignore[union-attr]
    helpers = {launchers.pid, *(p.pid for p in psutil.Process(launchers.pid).children())}
    own = {p.pid for p in descendants() if p.pid in helpers and "zygote" in _command_line(p)}
    return [p for p in descendants() if p.pid not in {launchers.pid, *own}]


# after_exit.


def test_a_restart_comes_after_after_exit(journal: Path) -> None:
    """The engine hears of the end when the hook has ended; until then nothing is started."""
    pipe = journal.with_name("pipe")
    os.mkfifo(pipe)
    waits = ["sh", "-c", f"{NOTE}; read line < {pipe}"]
    spec = child("command", journal, after_exit=waits)
    with running(spec) as tree, watching(tree) as events:
        before = pid(tree, "c")
        os.kill(before, signal.SIGKILL)
        has(journal, "after_exit 9")
        seen = node(tree, "c")
        assert (seen.pid, seen.status) == (before, "has ended; after_exit is running")
        assert lines(journal).count("child ") == 1
        pipe.write_text("go on\n")
        events.until("c", "running")
        assert pid(tree, "c") != before
        stopping = tree.call("terminate_child", path="c")
        pipe.write_text("go on\n")
        stopping.result(LONG)
        assert lines(journal).count("child ") == 2
        assert node(tree, "c").state == "down"


def test_a_stop_lets_after_exit_go_on(journal: Path) -> None:
    """One that had begun before the stop comes to its end, and the stop waits for that."""
    pipe = journal.with_name("pipe")
    os.mkfifo(pipe)
    waits = ["sh", "-c", f'{NOTE}; read line < {pipe}; echo tidy >> "$JOURNAL"']
    with running(child("command", journal, after_exit=waits, shutdown=60)) as tree:
        os.kill(pid(tree, "c"), signal.SIGKILL)
        has(journal, "after_exit 9")
        stopping = tree.call("terminate_child", path="c")
        until(lambda: node(tree, "c").state == "stopping")
        pipe.write_text("go on\n")
        stopping.result(LONG)
        assert lines(journal) == ["child ", "after_exit 9", "tidy"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_that_takes_too_long_kills_after_exit(kind: str, journal: Path) -> None:
    """The stop signal lets it go on; the child's SIGKILL, after `shutdown` seconds, is for it."""
    spec = child("command", journal, after_exit=hanging(kind), shutdown=0.3)
    with running(spec) as tree:
        tree.terminate_child("c")
        assert node(tree, "c").state == "down"
        if daemon := number_in(journal):
            gone(daemon, within=0)


def test_after_exit_has_its_timeout(journal: Path, log: list[str]) -> None:
    """Then it is killed, with a warning, and the child is started again."""
    hangs = Hook(["sh", "-c", f"{NOTE}; sleep 1000"], timeout=0.1)
    with running(child("command", journal, after_exit=hangs)) as tree, watching(tree) as events:
        os.kill(pid(tree, "c"), signal.SIGKILL)
        events.until("c", "running")
        until(lambda: any("c: after_exit failed: it did not end within 0.1 s" in x for x in log))


def test_a_child_that_is_killed_at_once_has_its_after_exit(journal: Path) -> None:
    """`brutal_kill` is for the child; whoever tidies up comes after it."""
    spec = child("command", journal, after_exit=hook("command"), shutdown="brutal_kill")
    with running(spec):
        pass
    assert lines(journal) == ["child ", "after_exit 9"]


# What is left of them.


@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_leaves_nobody_behind(kind: str, journal: Path) -> None:
    """What it has started in the background is ended with it, before the child is started."""
    script = f"{NOTE}; setsid sleep 1000 & sleep 1000 & :"
    run = ["sh", "-c", script] if kind == "command" else note_and_fork
    spec = child("command", journal, before_start=run)
    with running(spec) as tree:
        assert [process.pid for process in tree_processes(tree)] == [pid(tree, "c")]


def note_and_fork() -> None:
    """End, and leave somebody in the background."""
    note()
    if os.fork() == 0:
        os.setsid()
        targets.wait()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_restarts_with_hooks_leave_nothing_behind(kind: str, journal: Path) -> None:
    """After 200 restarts with three hooks each there are as many descriptors as before, and no
    process more; also where they fail, and where they take too long."""
    good = child("command", journal, **dict.fromkeys(POINTS, hook(kind)))
    bad = Worker("bad", targets.wait, before_start=["true"], after_ready=Hook(["sleep", "9"], 0.05),
                 after_exit=["false"])  # fmt: skip
    with running(good, bad, intensity=10_000) as tree, watching(tree) as events:

        def restart(times: int) -> None:
            for _ in range(times):
                for name in ("c", "bad"):
                    os.kill(pid(tree, name), signal.SIGKILL)
                    events.until(name, "running")

        restart(3)
        until(lambda: len(tree_processes(tree)) == 2)
        before = len(descriptors())
        restart(100)
        until(lambda: len(tree_processes(tree)) == 2)
        until(lambda: len(descriptors()) <= before)


# When others die.

PHASES = ("before_start", "after_ready", "after_exit")


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["launcher", "zygote"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_hook_whose_launcher_dies(
    phase: str, whose: str, journal: Path, no_strays: Strays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever runs then is gone before the child is started again; each incarnation ends once."""
    pipe = journal.with_name("pipe")
    os.mkfifo(pipe)
    run: Any = ["sh", "-c", f"{NOTE}; read line < {pipe}"]
    if whose == "zygote":
        run = note_and_read
    spec = child("command", journal, shutdown=0.3, **{phase: run})
    ends: list[tuple[str, int]] = []
    with running(intensity=1000) as tree:
        runner = tree._session._runner  # type: ignore[union-attr]
        post = runner.post

        def watched(event: Any) -> None:
            if isinstance(event, Exited | Unstartable):
                ends.append((event.path, event.run))
            post(event)

        monkeypatch.setattr(runner, "post", watched)
        tree.call_start(spec, (), "")
        if phase == "after_exit":
            has(journal, "child ")
            until(lambda: node(tree, "c").state == "running")
            os.kill(pid(tree, "c"), signal.SIGKILL)
        until(lambda: any(line.startswith(phase) for line in lines(journal)))
        launchers = runner._launchers
        assert launchers.pid
        victim = launchers.pid if whose == "launcher" else zygote_of(launchers.pid)
        os.kill(victim, signal.SIGKILL)
        gone(victim)
        if phase == "before_start":
            until(lambda: ends)
        elif phase == "after_exit" or whose == "launcher":
            has(journal, "child ", 2)
    assert len(ends) == len(set(ends))
    assert not no_strays.alive()


def note_and_read() -> None:
    """Write it down, and wait for somebody to write."""
    note()
    Path(os.environ["JOURNAL"]).with_name("pipe").read_text()


def zygote_of(launcher: int) -> int:
    """The zygote's pid."""
    (found,) = [
        process.pid
        for process in psutil.Process(launcher).children()
        if "runtime.zygote" in " ".join(process.cmdline())
    ]
    return found


@pytest.mark.parametrize(
    ("kind", "phase"),
    [
        ("command", "before_start"),
        pytest.param("callable", "after_ready", marks=pytest.mark.slow),
        pytest.param("command", "after_exit", marks=pytest.mark.slow),
        pytest.param("callable", "before_start", marks=pytest.mark.slow),
        pytest.param("command", "after_ready", marks=pytest.mark.slow),
        pytest.param("callable", "after_exit", marks=pytest.mark.slow),
    ],
)
def test_nothing_of_a_hook_outlives_the_host(
    kind: str, phase: str, tmp_path: Path, no_strays: Strays
) -> None:
    """A host that is killed in any phase leaves nobody; what its children would have had run after
    their end is not run."""
    code = f"""
        from tests.runtime.test_hooks import *
        def main():
            journal = Path(sys.argv[1])
            tree = Tree(Supervisor("t", children=[]))
            tree.start()
            spec = child("command", journal, **{{"{phase}": hanging("{kind}")}})
            tree.call_start(spec, (), "")
            if "{phase}" == "after_exit":
                until(lambda: node(tree, "c").state == "running")
                os.kill(pid(tree, "c"), 9)
            tell(until(lambda: number_in(journal)))
            signal.pause()
    """
    with hosting(tmp_path, code, str(tmp_path / "journal")) as host:
        daemon = host.hear()
        assert is_alive(daemon)
        host.kill()
        host.wait()
        no_strays.vanish()


def test_what_is_told_of_hooks_has_no_secrets(tmp_path: Path, log: list[str]) -> None:
    """Neither the child's own nor the hook's: arguments, variables, files."""
    values = {place: f"canary-{place}-0815" for place in ("option", "variable", "file", "plain")}
    (tmp_path / "secret").write_text(values["plain"])
    told = [f"--token={values['option']}"]
    say = [*told, values["variable"], values["plain"]]
    spec = Command(
        "c", ["sleep", "100", *told][:2], environment={"API_KEY": values["variable"]},
        secrets={"PLAIN": tmp_path / "secret"}, restart="temporary",
        after_ready=["/no/such/program-" + values["plain"], *say],
        after_exit=["sh", "-c", f"exit 1 # {values['plain']}"],
    )  # fmt: skip
    with running() as tree:
        tree.start_child(spec)
        until(lambda: any("after_ready failed" in line for line in log))
        with pytest.raises(StartFailed) as caught:
            tree.start_child(
                Command("d", ["true", *told], secrets={"PLAIN": tmp_path / "secret"},
                        before_start=["/no/such/" + values["plain"], values["option"]])
            )  # fmt: skip
        tree.terminate_child("c")
    shown = "".join([*log, str(caught.value)])
    assert "before_start failed: cannot execute '/no/such/***'" in str(caught.value)
    assert [place for place, value in values.items() if value in shown] == []
    assert values["option"] not in repr(spec)


def test_what_a_failed_before_start_said_is_told() -> None:
    """In `why`, and as an event; a child that was never started has said nothing itself."""
    hook = Hook(["sh", "-c", "echo no database; exit 3"])
    spec = Command("c", ["sleep", "100"], before_start=hook, autostart=False)
    with running(spec) as tree, watching(tree) as events:
        with pytest.raises(StartFailed):
            tree.start_child("c")
        assert events.until("c", kind="last_output").lines == ("no database",)
        assert "  | no database" in node(tree, "c").why

"""Where the output of whole trees goes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, DynamicSupervisor, LogFile, Supervisor
from tests.support.hosts import hosting
from tests.support.trees import pid, python, running, watching
from tests.support.waiting import until

SAY = "echo out; echo err >&2"


def lines(path: Path) -> list[str]:
    """The lines of a file that may not exist yet."""
    return path.read_text().splitlines() if path.exists() else []


def run(*children: Command) -> None:
    """Run temporary commands to their end."""
    with running() as tree, watching(tree) as events:
        for child in children:
            tree.start_child(child)
            events.until(child.name, "down")


def say(name: str, **options: Any) -> Command:
    """A command that writes a line to each stream."""
    return Command(name, ["sh", "-c", SAY], restart="temporary", **options)


def test_files(tmp_path: Path) -> None:
    """stdout and stderr go to their own files, or together into one, in their order."""
    a, b, c, d = (tmp_path / name for name in "abcd")
    run(
        say("two", stdout=a, stderr=b),
        say("one", stdout=c, stderr="stdout"),
        say("same", stdout=d, stderr=d),
    )
    assert [lines(path) for path in (a, b, c, d)] == [["out"], ["err"], *[["out", "err"]] * 2]


def test_prefix_on_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    """By default both streams go to the host's stdout, each line after the child's path."""
    run(say("loud"), say("quiet", stdout="null", stderr="null"), say("half", stderr="null"))
    out, err = capfd.readouterr()
    assert out.splitlines() == ["loud | out", "loud | err", "half | out"]
    assert err == ""


def test_the_prefix_is_the_path(capfd: pytest.CaptureFixture[str]) -> None:
    """Children of inner supervisors are told apart."""
    pool = DynamicSupervisor("pool", say("job"))
    with running(Supervisor("inner", children=[pool])) as tree, watching(tree) as events:
        tree.start_child("inner/pool")
        events.until("inner/pool/job#1", "down")
    assert capfd.readouterr().out.splitlines()[0] == "inner/pool/job#1 | out"


def test_children_that_write_at_once_do_not_mix(tmp_path: Path) -> None:
    """Four children write thousands of lines into one small, rotated file: all arrive whole, none
    is lost, each child's in its order."""
    code = """
        import os, sys
        for n in range(500):
            os.write(1, b"%s %d " % (sys.argv[1].encode(), n))
            os.write(1, b"x" * (n % 50) + b"\\n")
    """
    log = LogFile(tmp_path / "log", max_bytes=20_000, backups=100)
    specs = [
        Command(name, python(code, name), restart="temporary", stdout=log, stderr=log)
        for name in "abcd"
    ]
    with running() as tree, watching(tree) as events:
        for spec in specs:
            tree.start_child(spec)
        events.until_all(*"abcd", state="down")
    files = sorted(tmp_path.glob("log*"), key=lambda path: -int(path.suffix[1:] or 0))
    written = [line for path in files for line in path.read_text().splitlines()]
    assert len(files) > 3
    assert all(path.stat().st_size <= 20_000 for path in files)
    for name in "abcd":
        mine = [line for line in written if line.startswith(name)]
        assert mine == [f"{name} {n} " + "x" * (n % 50) for n in range(500)]


def test_bytes_pass_unchanged(tmp_path: Path) -> None:
    """Output is not text: NUL, invalid UTF-8 and carriage returns arrive as they were."""
    data = bytes(set(range(256)) - {10}) + b"\n"
    code = f"import os; os.write(1, {data!r})"
    run(Command("c", python(code), restart="temporary", stdout=tmp_path / "log"))
    assert (tmp_path / "log").read_bytes() == data


def test_what_a_child_writes_last_is_kept(tmp_path: Path) -> None:
    """Everything that was written before the end arrives, though nobody read it before."""
    code = "import os; os.write(1, b'x' * 60_000 + b'\\nlast'); os.kill(os.getpid(), 9)"
    run(Command("c", python(code), restart="temporary", stdout=tmp_path / "log"))
    assert lines(tmp_path / "log") == ["x" * 60_000, "last"]


def test_a_restart_goes_on_in_the_same_file(tmp_path: Path) -> None:
    """One file over all incarnations; a line that a crash cut off ends there."""
    script = f"printf 'begin\\nhalf'; exec cat {tmp_path}/fifo"
    os.mkfifo(tmp_path / "fifo")
    spec = Command("c", ["sh", "-c", script], stdout=tmp_path / "log")
    with running(spec) as tree, watching(tree) as events:
        until(lambda: lines(tmp_path / "log") == ["begin"])
        os.kill(pid(tree, "c"), signal.SIGKILL)
        events.until("c", "running")
        until(lambda: lines(tmp_path / "log") == ["begin", "half", "begin"])


@pytest.mark.slow
def test_workers_print_and_log(tmp_path: Path) -> None:
    """`print`, `sys.stderr` and the raw descriptors of a worker all go where the spec says, for
    every start method, flushed at its end."""
    code = """
        def speak():
            print("printed")
            print("error", file=sys.stderr)
            os.write(1, b"raw\\n")
        def main():
            for method in ("zygote", "spawn", "forkserver", "fork"):
                out, err = LogFile(sys.argv[1] + method), LogFile(sys.argv[1] + method + ".err")
                options = {"start_method": method, "restart": "temporary"}
                with running() as tree, watching(tree) as events:
                    tree.start_child(Worker("w", speak, stdout=out, stderr=err, **options))
                    events.until("w", "down")
                tell([out.path.read_text().split(), err.path.read_text().split()])
    """
    buffered = {"PYTHONUNBUFFERED": ""}
    with hosting(tmp_path, code, f"{tmp_path}/", environment=buffered) as host:
        for _ in range(4):
            assert host.hear() == [["raw", "printed"], ["error"]]


@pytest.mark.slow
def test_a_host_whose_stdout_is_gone_keeps_its_tree(tmp_path: Path) -> None:
    """`program | head`: when nobody reads any more, output is lost and nothing else."""
    code = """
        def main():
            spec = Command("c", ["sh", "-c", "while :; do echo line; done"])
            with running(spec, Worker("w", targets.ready, ready="notify")) as tree:
                tell(0)
                os.read(0, 1)
                tell([child.restarts for child in tree.status().children])
                tree.restart("w")
    """
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with hosting(tmp_path, code, **pipes) as host:
        host.hear()
        stdin, stdout = host.process.stdin, host.process.stdout
        assert stdin
        assert stdout
        assert stdout.readline() == b"c | line\n"
        stdout.close()
        stdin.write(b"\n")
        stdin.close()
        assert host.hear() == [0, 0]
        assert host.wait() == 0


@pytest.mark.slow
def test_a_blocked_stdout_holds_up_output_and_nothing_else(tmp_path: Path) -> None:
    """A terminal that is paused, a pipe that nobody reads: children that write too much wait in
    their write; everybody else is started, restarted and stopped as ever."""
    code = """
        def main():
            spec = Command("c", ["sh", "-c", "while :; do echo line; done"])
            with running(spec, Command("other", ["sleep", "100"]), intensity=10) as tree:
                with watching(tree) as events:
                    tell(0)
                    os.read(0, 1)
                    for name in ("other", "c"):
                        os.kill(pid(tree, name), 9)
                        events.until(name, "running")
                    tree.start_child(Worker("w", targets.ready, ready="notify"))
                    tree.terminate_child("c")
                    tell([child.state for child in tree.status().children])
    """
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with hosting(tmp_path, code, **pipes) as host:
        host.hear()
        stdin, stdout = host.process.stdin, host.process.stdout
        assert stdin
        assert stdout
        full(stdout.fileno())
        stdin.write(b"\n")
        stdin.close()
        assert host.hear() == ["down", "running", "running"]
        while os.read(stdout.fileno(), 65536):
            pass
        assert host.wait() == 0


def full(pipe: int) -> None:
    """Wait until nothing more goes into a pipe."""
    writer = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        until(lambda: not select.select([], [writer], [], 0)[1])
    finally:
        os.close(writer)


def test_nothing_is_inherited_as_stdin() -> None:
    """A child that reads stdin sees its end at once."""
    spec = Command("c", ["cat"], restart="temporary")
    with running() as tree, watching(tree) as events:
        tree.start_child(spec)
        assert events.until("c", "down").reason == "ended normally (exit code 0)"

"""A command gets exactly what its spec says, and nothing else."""

from __future__ import annotations

import os
import resource
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, DynamicSupervisor, InvalidSpec, LogFile, StartFailed
from tests.support.hosts import hosting
from tests.support.trees import asking, node, output_of, pid, python, running, told, watching
from tests.support.waiting import LONG, gone, until

PATHS = [pytest.param({}, id="posix_spawn"), pytest.param({"nice": 0}, id="fork")]
"""The launcher's two ways to make a command; `nice` needs the second."""

both_paths = pytest.mark.parametrize("options", PATHS)

ENVIRONMENT = "info = dict(os.environ)"
PLACE = "info = [os.getcwd(), os.getsid(0), os.getpgid(0), os.getpid(), os.umask(0)]"


@both_paths
def test_argv_arrives_as_it_is(options: dict[str, Any]) -> None:
    """No shell, no quoting, no decoding comes between the spec and the program's argv."""
    argv = ["a b", "", "$HOME", "*", "ünï", "\udcff", 'qu"ote', "--", "new\nline"]
    code = "import sys, os; info = [os.fsencode(a).hex() for a in sys.argv[1:]]"
    spec = asking("c", code, **options)
    spec = Command("c", [*spec.argv, *argv], ready="notify", **options)
    assert told(spec) == [os.fsencode(part).hex() for part in argv]


@both_paths
def test_environment_is_added_to_the_hosts(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command has the host's variables with the spec's on top, and its own path in the tree."""
    monkeypatch.setenv("HOSTS", "kept")
    monkeypatch.setenv("BOTH", "host")
    seen = told(asking("c", ENVIRONMENT, environment={"BOTH": "spec", "NEW": ""}, **options))
    assert (seen["HOSTS"], seen["BOTH"], seen["NEW"]) == ("kept", "spec", "")
    assert seen["OTPSUP_PATH"] == "c"


def test_the_hosts_own_way_up_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is itself a child, or a service of systemd, does not lend out its identity;
    other variables of otpsup, such as where sockets are, do reach the children."""
    monkeypatch.setenv("OTPSUP_CHANNEL", "3:1")
    monkeypatch.setenv("OTPSUP_PATH", "the/host")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    monkeypatch.setenv("OTPSUP_MINE", "kept")
    with running(asking("a", ENVIRONMENT), Command("b", ["sleep", "100"])) as tree:
        for name in ("a", "b"):
            environ = Path(f"/proc/{pid(tree, name)}/environ")
            raw = until(environ.read_bytes).split(b"\0")  # it is empty for a moment in exec
            seen = dict(part.split(b"=", 1) for part in raw if part)
            assert seen[b"OTPSUP_PATH"] == name.encode()
            assert seen[b"OTPSUP_CHANNEL"] != b"3:1"
            assert seen.get(b"NOTIFY_SOCKET") != b"/run/systemd/notify"
            assert seen[b"OTPSUP_MINE"] == b"kept"
            assert seen[b"OTPSUP_RUNTIME_DIR"] == os.environb[b"OTPSUP_RUNTIME_DIR"]


def test_env_file_is_read_at_each_start(tmp_path: Path) -> None:
    """`env_file` lies under `environment`, is quoted as a shell quotes, and is read anew at each
    start; a `#` begins a comment only where a word begins."""
    file = tmp_path / "app.env"
    file.write_text(
        "# comment\n\nPLAIN=a b\nexport QUOTED='x  y' # more\nURL=http://h/#frag\n"
        'EMPTY=\nDOUBLE="say \\"#hi\\""\nBOTH=file\nSECRET=pa#ss\n'
    )
    spec = asking("c", ENVIRONMENT, env_file=file, environment={"BOTH": "spec"})
    with running(spec) as tree:
        seen = node(tree, "c").info
        names = ("PLAIN", "QUOTED", "URL", "EMPTY", "DOUBLE", "BOTH", "SECRET")
        values = ["a b", "x  y", "http://h/#frag", "", 'say "#hi"', "spec", "pa#ss"]
        assert [seen[name] for name in names] == values
        file.write_text("PLAIN=changed\n")
        assert tree.restart("c").info["PLAIN"] == "changed"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("A=1\nnonsense\n", r"app\.env, line 2: expected NAME=value"),
        ("A='open\n", r"app\.env, line 1: .* close the quotation"),
        ("A=b\0c\n", r"app\.env, line 1: a NUL byte"),
        (None, r"cannot read env file .*app\.env"),
    ],
)
def test_a_bad_env_file_is_told_with_its_line(
    tmp_path: Path, content: str | None, message: str
) -> None:
    """A start fails with the file and the line that is wrong; nothing else is harmed."""
    file = tmp_path / "app.env"
    if content is not None:
        file.write_text(content)
    with running(Command("other", ["sleep", "100"])) as tree:
        before = pid(tree, "other")
        with pytest.raises(StartFailed, match=message):
            tree.start_child(Command("c", ["true"], env_file=file))
        assert pid(tree, "other") == before


@both_paths
def test_it_runs_in_its_folder_and_own_session(options: dict[str, Any], tmp_path: Path) -> None:
    """`cwd` and `umask` are as the spec says; a command leads a session and a group of its own."""
    cwd, session, group, number, umask = told(
        asking("c", PLACE, cwd=tmp_path, umask=0o027, **options)
    )
    assert (cwd, umask) == (str(tmp_path), 0o027)
    assert session == group == number


@both_paths
def test_without_folder_and_umask_it_has_the_hosts(options: dict[str, Any], tmp_path: Path) -> None:
    """One command's folder and mask do not stick to the next."""
    before = os.umask(0o031)
    try:
        with running(asking("a", PLACE, cwd=tmp_path, umask=0o077, **options)) as tree:
            cwd, *_, umask = tree.start_child(asking("b", PLACE, **options)).info
            assert (cwd, umask) == (str(Path.cwd()), 0o031)
    finally:
        os.umask(before)


def test_a_relative_folder_is_relative_to_the_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cwd="sub"` and a program `./run` in it mean what they mean in the host."""
    (tmp_path / "sub").mkdir()
    run = tmp_path / "sub" / "run"
    run.write_text("#!/bin/sh\npwd\n")
    run.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert output_of(tmp_path, "./run", cwd="sub") == f"{tmp_path / 'sub'}\n"


def test_limits_and_priority() -> None:
    """`nice` and `rlimits` hold exactly; one number sets the soft and the hard limit."""
    code = """
        import resource
        names = ("RLIMIT_NOFILE", "RLIMIT_CORE", "RLIMIT_CPU")
        info = [[*resource.getrlimit(getattr(resource, n))] for n in names] + [
            os.getpriority(os.PRIO_PROCESS, 0)]
    """
    limits = {"nofile": 77, "core": (0, 1000), "RLIMIT_CPU": -1}
    info = told(asking("c", code, rlimits=limits, nice=7))
    assert info == [[77, 77], [0, 1000], [-1, -1], 7]


def test_children_have_the_hosts_own_descriptor_limit() -> None:
    """The tree raises the host's own soft limit for itself, not for its commands."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 1, hard))
    try:
        info = told(
            asking("c", "import resource; info = resource.getrlimit(resource.RLIMIT_NOFILE)")
        )
        assert info == [hard - 1, hard]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@both_paths
@pytest.mark.parametrize("stdout", ["inherit", "null"])
def test_no_descriptor_leaks(options: dict[str, Any], stdout: str) -> None:
    """A command has 0, 1, 2 and its channel open, and nothing of the host, the launcher, the
    zygote or another child; stdin is /dev/null."""
    code = "info = {n: os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')[:-1]}"
    spec = asking("c", code, stdout=stdout, **options)
    with (
        running(Command("sleeper", ["sleep", "100"]), spec) as tree,
        Path("/dev/null").open() as inheritable,
    ):
        os.set_inheritable(inheritable.fileno(), True)
        for _ in range(2):  # the second after much has been opened and closed
            seen = tree.restart("c").info
            assert sorted(seen) == ["0", "1", "2", "3"]
            assert seen["0"] == "/dev/null"
            assert seen["1"] == ("/dev/null" if stdout == "null" else seen["2"])
            assert seen["3"].startswith("socket:")
        sleeper = os.listdir(f"/proc/{pid(tree, 'sleeper')}/fd")  # noqa: PTH208
        assert sorted(sleeper) == ["0", "1", "2", "3"]


def _masks(text: str) -> dict[str, int]:
    """Blocked and ignored signals from /proc/PID/status, real-time ones aside."""
    pairs = (line.split(":") for line in text.splitlines() if line.startswith("Sig"))
    return {key: int(value, 16) & 0x7FFF_FFFF for key, value in pairs if key != "SigQ"}


@both_paths
def test_signals_are_as_a_fresh_login_has_them(options: dict[str, Any], tmp_path: Path) -> None:
    """No signal is blocked or ignored in a command: SIGPIPE is not, which Python ignores, and
    SIGINT, SIGTERM and SIGHUP are not."""
    masks = _masks(output_of(tmp_path, "cat", "/proc/self/status", **options))
    assert masks["SigBlk"] == masks["SigIgn"] == masks["SigCgt"] == 0


@both_paths
def test_what_the_host_blocks_and_ignores_stays_with_it(
    options: dict[str, Any], tmp_path: Path
) -> None:
    """A host may block all signals in its threads, and ignore some: its commands start without,
    and deaths are noticed all the same."""
    code = f"""
        def main():
            for number in (signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1, signal.SIGQUIT):
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            out = Path(sys.argv[1])
            cat = Command(
                "cat", ["cat", "/proc/self/status"],
                restart="temporary", stdout=LogFile(out), **{options!r},
            )
            with running(Command("sleep", ["sleep", "100"])) as tree, watching(tree) as events:
                tree.start_child(cat)
                events.until("cat", "down")
                os.kill(pid(tree, "sleep"), 9)
                events.until("sleep", "running")
            tell(out.read_text())
    """
    with hosting(tmp_path, code, str(tmp_path / "out")) as host:
        masks = _masks(host.hear())
        assert masks["SigBlk"] == masks["SigIgn"] == 0
        assert host.wait() == 0


STOPPED_BY = """
def stop(number, frame):
    os._exit(number)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
    signal.signal(number, stop)
info = 0
"""


@pytest.mark.parametrize("name", ["TERM", "INT", "SIGUSR2"])
def test_the_stop_signal_is_the_one_of_the_spec(name: str) -> None:
    """`stop_signal` is sent, and no other first."""
    number = getattr(signal, name if name.startswith("SIG") else f"SIG{name}")
    with running(asking("c", STOPPED_BY, stop_signal=name, exitcodes={number})) as tree:
        tree.terminate_child("c")
        assert node(tree, "c").last_exit == f"ended normally (exit code {int(number)})"


STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN); info = 0"


def test_who_ignores_the_stop_signal_is_killed() -> None:
    """After `shutdown` seconds comes SIGKILL, and the report says that it took that."""
    with running(asking("c", STUBBORN, shutdown=0.1)) as tree, watching(tree) as events:
        number = pid(tree, "c")
        tree.terminate_child("c")
        assert not Path(f"/proc/{number}").exists()
        assert node(tree, "c").last_exit == "killed (SIGKILL)"
        assert events.until("c", kind="shutdown_error").reason == "killed (SIGKILL)"


def test_brutal_kill_asks_nobody() -> None:
    """`shutdown="brutal_kill"` sends SIGKILL at once, and that is no error."""
    with running(asking("c", STUBBORN, shutdown="brutal_kill")) as tree, watching(tree) as events:
        tree.terminate_child("c")
        events.until("c", "down")
        assert node(tree, "c").last_exit == "killed (SIGKILL)"
        assert "shutdown_error" not in [event.kind for event in events.seen]


def test_a_child_that_job_control_stopped_can_be_stopped() -> None:
    """A SIGSTOPped child hears its stop signal, without waiting for SIGKILL."""
    with running(Command("c", ["sleep", "100"], shutdown=60)) as tree:
        number = pid(tree, "c")
        os.kill(number, signal.SIGSTOP)
        until(lambda: Path(f"/proc/{number}/stat").read_text().split()[2] == "T")
        tree.terminate_child("c")
        assert node(tree, "c").last_exit == "stopped by SIGTERM"


@both_paths
def test_a_stop_right_after_the_start_is_never_lost(options: dict[str, Any]) -> None:
    """The stop signal reaches a child of whatever age: nobody has to be killed."""
    spec = Command("c", ["sleep", "100"], autostart=False, shutdown=60, **options)
    with running(spec) as tree, watching(tree) as events:
        for _ in range(50):
            tree.start_child("c")
            tree.terminate_child("c")
            assert node(tree, "c").last_exit == "stopped by SIGTERM"
        events.until("c", "down")
        assert "shutdown_error" not in [event.kind for event in events.seen]


@both_paths
def test_a_stop_before_the_child_exists_reaches_it(options: dict[str, Any]) -> None:
    """A stop may come while the launcher still makes the child; it is kept for it. (The child never
    says that it is ready: however late the stop comes, the start is not over.)"""
    spec = Command("c", ["sleep", "100"], ready="notify", autostart=False, shutdown=60, **options)
    with running(spec) as tree:
        for _ in range(30):
            starting = tree.call("start_child", path="c", args=[])
            tree.terminate_child("c")
            with pytest.raises(StartFailed, match="stopped while it was starting"):
                starting.result(LONG)
            assert node(tree, "c").state == "down"


@both_paths
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"argv": ["no-such-program"]},
            r"command 'no-such-program' not found on PATH \(/.*\); install it or give its path$",
        ),
        ({"argv": ["/no/such/program"]}, "cannot execute '/no/such/program': No such file"),
        ({"argv": ["{folder}/plain"]}, r"cannot execute '.*/plain': Permission denied$"),
        ({"argv": ["{folder}/text"]}, r"cannot execute '.*/text': Exec format error$"),
        ({"argv": ["{folder}"]}, r"cannot execute '.*': Permission denied$"),
        (
            {"argv": ["true"], "cwd": "/no/such/folder"},
            "cannot enter the folder '/no/such/folder': No such file or directory$",
        ),
        ({"argv": ["true"], "user": "nobody-at-all"}, "there is no user 'nobody-at-all' on this"),
        ({"argv": ["true"], "group": "no-group"}, "there is no group 'no-group' on this machine$"),
        (
            {"argv": ["true"], "rlimits": {"nofile": 1 << 62}},
            "cannot set the resource limits: not allowed to raise maximum limit",
        ),
        ({"argv": ["true", "x" * 200_000]}, "cannot execute '.*/true': Argument list too long$"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(
    options: dict[str, Any], spec: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """A start that fails names the child, the step and the reason; others are not harmed."""
    (tmp_path / "plain").touch()
    (tmp_path / "text").write_text("neither program nor script\n")
    (tmp_path / "text").chmod(0o755)
    argv = [part.format(folder=tmp_path) for part in spec["argv"]]
    with running(Command("other", ["sleep", "100"])) as tree:
        before = pid(tree, "other")
        with pytest.raises(StartFailed, match=message) as caught:
            tree.start_child(Command("c", **{**options, **spec, "argv": argv}))
        assert str(caught.value).startswith("cannot start child 'c': ")
        assert "\n" not in str(caught.value)
        assert pid(tree, "other") == before


def test_the_program_is_looked_up_in_the_childs_own_path(tmp_path: Path) -> None:
    """`environment={"PATH": ...}` decides where a program without a slash is found."""
    mine = tmp_path / "mine"
    mine.write_text("#!/bin/sh\necho mine\n")
    mine.chmod(0o755)
    assert output_of(tmp_path, "mine", environment={"PATH": f"{tmp_path}:/bin"}) == "mine\n"


@both_paths
def test_large_orders_arrive(options: dict[str, Any]) -> None:
    """Arguments and variables far beyond a socket message (64 KiB) reach the program whole."""
    code = "info = [len(a) for a in sys.argv[1:]] + [len(os.environ['BIG'])]"
    big = "x" * 120_000
    spec = asking("c", code, **options)
    argv = [*spec.argv, big, big, big]
    spec = Command("c", argv, ready="notify", environment={"BIG": big}, **options)
    assert told(spec) == [len(big)] * 4


def test_an_argument_with_a_nul_byte_harms_nobody() -> None:
    """What no program can be given is refused; the launcher and everybody else live on."""
    pool = DynamicSupervisor("pool", Command("job", ["sleep", "100"]))
    with running(pool, Command("other", ["sleep", "100"])) as tree:
        before = pid(tree, "other")
        with pytest.raises(StartFailed, match="an argument holds a NUL byte"):
            tree.start_child("pool", "1\0")
        assert pid(tree, "other") == before
        assert tree.start_child("pool").state == "running"


def test_exit_codes_of_the_spec_are_a_normal_end(tmp_path: Path) -> None:
    """A transient command is run again only after a code that `exitcodes` does not list."""
    code = "import sys; sys.exit(int(sys.argv[1]))"
    good = Command("good", python(code, "3"), restart="transient", exitcodes=[0, 3])
    with running(intensity=0) as tree, watching(tree) as events:
        tree.start_child(good)
        assert events.until("good", "down").reason == "ended normally (exit code 3)"
        assert tree.status().state == "running"
        tree.start_child(Command("bad", python(code, "2"), restart="transient", exitcodes=[0, 3]))
        assert events.until("bad", kind="child_terminated").reason == "exit code 2"
        assert tree.wait(LONG).kind == "gave_up"


def test_a_core_dump_is_reported(tmp_path: Path) -> None:
    """How a process ended is told as the kernel has it: SIGSEGV, with or without a core."""
    code = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    spec = Command("c", python(code), restart="temporary", cwd=tmp_path, rlimits={"core": 0})
    with running() as tree, watching(tree) as events:
        tree.start_child(spec)
        reason = events.until("c", "down").reason
        assert reason in ("SIGSEGV", "SIGSEGV (core dumped)")  # with a core where a pipe takes it


def test_output_to_files_is_the_hosts_and_private_enough(tmp_path: Path) -> None:
    """A log file is made by the host, not by the child, and only the host can write to it."""
    out = tmp_path / "new" / "folder" / "c.log"
    spec = Command("c", ["echo", "hi"], restart="temporary", stdout=LogFile(out), user="nobody")
    with running() as tree, watching(tree) as events:
        tree.start_child(spec)
        events.until("c", "down")
    assert out.read_text() == "hi\n"
    assert (out.stat().st_uid, stat.S_IMODE(out.stat().st_mode) & 0o022) == (os.geteuid(), 0)


def test_a_command_that_ends_at_once_was_running(tmp_path: Path) -> None:
    """`ready="spawned"` means it existed; that it is gone already is another event."""
    with running() as tree, watching(tree) as events:
        assert tree.start_child(Command("c", ["true"], restart="temporary")).pid
        assert events.until("c", "down").reason == "ended normally (exit code 0)"
        assert events.states("c") == ["starting", "running", "down"]


def test_the_launcher_survives_what_a_terminal_sends(tmp_path: Path) -> None:
    """Ctrl-C goes to the host's group alone: the launcher, the zygote and all children have
    sessions of their own, and end in the tree's order."""
    code = """
        def main():
            with running(Command("c", ["sleep", "100"]), Worker("w", targets.wait)) as tree:
                try:
                    tell([pid(tree, "c"), pid(tree, "w")])
                    threading.Event().wait()
                except KeyboardInterrupt:
                    tell([node(tree, name).state for name in ("c", "w")])
    """
    with hosting(tmp_path, code, start_new_session=True) as host:
        pids = host.hear()
        os.killpg(host.pid, signal.SIGINT)
        assert host.hear() == ["running", "running"]
        assert host.wait() == 0
        gone(*pids, within=0.1)


def test_a_spec_with_a_nul_byte_cannot_be_built() -> None:
    """What the kernel cannot carry is refused before anything starts."""
    with pytest.raises(InvalidSpec):
        Command("c", ["echo", "a\0b"])
    with pytest.raises(InvalidSpec):
        Command("c", ["echo"], environment={"A": "a\0b"})


def test_any_program_can_speak_to_its_supervisor() -> None:
    """The channel takes plain JSON: a shell script can say that it is ready."""
    script = """printf '{"op":"ready","info":[1,"sh"]}' >&3; exec sleep 100"""
    assert told(Command("c", ["sh", "-c", script], ready="notify")) == [1, "sh"]

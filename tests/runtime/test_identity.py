"""`user=` with real processes: nothing of root is left in a child, and nothing of it comes back."""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, LogFile, StartFailed, Worker
from tests.support import targets
from tests.support.hosts import hosting, public_python
from tests.support.methods import METHODS, each_method
from tests.support.strays import adopting
from tests.support.trees import asking, node, output_of, python, running, told
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

NOBODY = pwd.getpwnam("nobody")
EMPTY = [f"Cap{name}:\t{0:016x}" for name in ("Inh", "Prm", "Eff", "Amb")]


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def worker(target: Any, method: Any, **options: Any) -> Worker:
    return Worker("c", target, ready="notify", start_method=method, **options)


def test_no_way_back_for_a_command() -> None:
    """The saved ids are the user's too, no capability is left, and the kernel refuses all that root
    could do: ids, groups, higher limits."""
    code = Path(targets.__file__).read_text()
    body = code[code.index("def go_back") : code.index("def tell_limits")]
    lines = "\n".join(
        ["import contextlib", "from pathlib import Path", "def ready(it): global info; info = it",
         body, "go_back()"]
    )  # fmt: skip
    argv = [public_python()[0], *asking("c", lines).argv[1:]]
    info = told(Command("c", argv, ready="notify", user="nobody", rlimits={"nofile": 500}))
    assert info == {"done": [], "kept": EMPTY, "ids": [NOBODY.pw_uid] * 3 + [NOBODY.pw_gid] * 3}


@each_method
def test_no_way_back_for_a_worker(method: str) -> None:
    """The same for workers, which are never executed as that user."""
    info = told(worker(targets.go_back, method, user="nobody", rlimits={"nofile": 500}))
    assert info == {"done": [], "kept": EMPTY, "ids": [NOBODY.pw_uid] * 3 + [NOBODY.pw_gid] * 3}


@pytest.mark.slow
def test_the_hosts_own_groups_are_dropped(public: Path) -> None:
    """A host with supplementary groups (root in `adm`, say) gives none of them to its children."""
    code = """
        def main():
            assert os.getgroups() == [4, 20, 27]
            methods = ("zygote", "spawn", "forkserver", "fork")
            options = dict(ready="notify", user="nobody")
            children = [
                Worker(m, targets.tell_system, start_method=m, **options) for m in methods
            ]
            code = "grep Groups /proc/self/status > $0"
            command = Command("c", ["sh", "-c", code, sys.argv[1]], user=54321, restart="temporary")
            with running(*children) as tree, watching(tree) as events:
                tell([node(tree, m).info["groups"] for m in methods])
                tree.start_child(command)
                events.until("c", "down")
    """
    file = public / "groups"
    file.touch()
    file.chmod(0o666)
    with adopting(), hosting(public, code, str(file), extra_groups=[4, 20, 27]) as host:
        assert host.hear() == [os.getgrouplist("nobody", NOBODY.pw_gid)] * 4
        assert host.wait() == 0
    assert file.read_text().split() == ["Groups:"]


THEIRS = {"HOME": NOBODY.pw_dir, "USER": "nobody", "LOGNAME": "nobody", "SHELL": NOBODY.pw_shell}
TELL = "info = {name: os.environ.get(name) for name in ('HOME', 'USER', 'LOGNAME', 'SHELL')}"


def test_whose_home_it_is() -> None:
    """HOME, USER, LOGNAME and SHELL are the user's, as systemd has it; the spec's own win. Without
    `user`, and for a number that is nobody's, they stay the host's."""
    own = {name: os.environ.get(name) for name in THEIRS}
    public = public_python()[0]
    for options, expected in (
        ({"user": "nobody"}, THEIRS),
        ({"user": NOBODY.pw_uid}, THEIRS),
        ({"user": "nobody", "environment": {"HOME": "/srv"}}, {**THEIRS, "HOME": "/srv"}),
        ({}, own),
        ({"user": 54321}, own),
    ):
        spec = asking("c", TELL)
        argv = [public, *spec.argv[1:]]
        assert told(Command("c", argv, ready="notify", **options)) == expected


@each_method
def test_whose_home_a_worker_has(method: str) -> None:
    """The same for workers of every start method."""
    environment = told(worker(targets.tell_system, method, user="nobody"))["environment"]
    assert {name: environment[name] for name in THEIRS} == THEIRS


LIMITS = {"nofile": (123, 456), "core": 0, "fsize": (10**6, -1), "stack": -1}
EXPECTED = {
    "RLIMIT_NOFILE": [123, 456], "RLIMIT_CORE": [0, 0], "RLIMIT_FSIZE": [10**6, -1],
    "RLIMIT_STACK": [-1, -1],
}  # fmt: skip


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
@pytest.mark.parametrize("user", [None, "nobody"])
def test_a_commands_mask_and_limits_are_exact(umask: int, user: str | None, tmp_path: Path) -> None:
    """Mask, and soft and hard limits, infinity too, are what the spec says and nothing else; what
    it does not name is the host's."""
    options: dict[str, Any] = {"umask": umask, "user": user, "rlimits": LIMITS}
    lines = output_of(tmp_path, "cat", "/proc/self/limits", "/proc/self/status", **options)
    found = {line[:26].strip(): line[26:].split()[:2] for line in lines.splitlines()}
    own = Path("/proc/self/limits").read_text().splitlines()
    assert found["Max open files"] == ["123", "456"]
    assert found["Max core file size"] == ["0", "0"]
    assert found["Max file size"] == ["1000000", "unlimited"]
    assert found["Max stack size"] == ["unlimited", "unlimited"]
    (processes,) = [line[26:].split()[:2] for line in own if line.startswith("Max processes")]
    assert found["Max processes"] == processes
    assert f"Umask:\t{umask:04o}" in lines


@each_method
def test_a_workers_mask_and_limits_are_exact(method: str) -> None:
    """The same for workers."""
    info = told(worker(targets.tell_limits, method, umask=0, user="nobody", rlimits=LIMITS))
    assert info == {"umask": 0, "limits": EXPECTED}


def test_a_mask_of_zero_reaches_the_files(public: Path) -> None:
    """A mask of 0 is no missing mask."""
    theirs = public / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY.pw_uid, NOBODY.pw_gid)
    output_of(public, "touch", "mine", user="nobody", cwd=theirs, umask=0)
    found = (theirs / "mine").stat()
    assert (found.st_uid, found.st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert stat.S_IMODE(found.st_mode) == 0o666


def test_the_program_is_executed_as_the_user(public: Path) -> None:
    """Privileges go before the program comes: one that only root may execute is refused."""
    program = public / "roots"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    with running() as tree, pytest.raises(StartFailed, match="cannot execute .*Permission denied"):
        tree.start_child(Command("c", [str(program)], user="nobody"))


def test_log_files_belong_to_the_host(public: Path) -> None:
    """The host writes the log, so file and folder are the host's, whoever the child is: the child
    can neither change nor take away what it has said."""
    log = public / "logs" / "c.log"
    with running(Command("c", ["echo", "hello"], user="nobody", restart="temporary",
                         stdout=LogFile(log))):  # fmt: skip
        until(lambda: log.exists() and log.read_text() == "hello\n")
    for path, mode in ((log, 0o644), (log.parent, 0o755)):
        assert (path.stat().st_uid, path.stat().st_gid) == (0, 0)
        assert stat.S_IMODE(path.stat().st_mode) == mode & ~_umask()


def _umask() -> int:
    (line,) = [
        line for line in Path("/proc/self/status").read_text().splitlines() if "Umask" in line
    ]
    return int(line.split()[1], 8)


@pytest.mark.parametrize("options", [{"user": "no-such"}, {"group": "no-such"}])
def test_nobody_of_that_name(options: dict[str, Any]) -> None:
    """A user or group that does not exist is told in a sentence, and no process is made: not of a
    command, not of a worker of any start method."""
    what, name = next(iter(options.items()))
    specs: list[Any] = [worker(targets.done, method, **options) for method in METHODS]
    with running(Command("other", ["sleep", "100"])) as tree:
        for spec in (Command("c", ["true"], **options), *specs):
            with pytest.raises(StartFailed, match=f"there is no {what} '{name}' on this machine"):
                tree.start_child(spec)
        assert node(tree, "other").state == "running"


def test_readiness_from_another_user() -> None:
    """A child of another user can say that it is ready by each of the ways."""
    code = """
        import os, signal, socket
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\\0"))
        signal.pause()
    """
    argv = [public_python()[0], *python(code)[1:]]
    with running(Command("c", argv, ready="notify", user="nobody", start_timeout=5)) as tree:
        assert node(tree, "c").ready

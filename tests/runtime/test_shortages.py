"""Where no process can be made for a moment, that is what is said, and nothing else suffers."""

from __future__ import annotations

import os
import resource
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from otpsup import Backoff, Command
from tests.support.bombs import below
from tests.support.hosts import Host, hosting, public_python
from tests.support.trees import pid, running, watching
from tests.support.waiting import gone, is_alive, until

_BEGIN = """
    import contextlib, psutil, resource
    from tests.support.strays import standby
    def helper(part):
        return next(p for p in psutil.Process().children(recursive=True)
                    if any(part in word for word in p.cmdline()))
    @contextlib.contextmanager
    def none_to_spare(helper, which):
        before = resource.prlimit(helper.pid, which)
        resource.prlimit(helper.pid, which, (1, before[1]))
        yield
        resource.prlimit(helper.pid, which, before)
    def why_not(tree, child):
        try:
            tree.start_child(child)
        except StartFailed as error:
            return str(error).partition(": ")[2]
"""


@contextmanager
def unprivileged(code: str) -> Iterator[Host]:
    """A host that RLIMIT_NPROC binds; it does not bind root (setrlimit(2))."""
    options: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        environment = {"OTPSUP_RUNTIME_DIR": "/tmp/otpsup-65533"}
        if os.geteuid() == 0:
            python, path = public_python()
            environment |= {"PYTHONPATH": path, "HOME": "/"}
            options = {"executable": python, "user": 65533, "group": 65533, "extra_groups": []}
        with hosting(Path(folder), _BEGIN + code, environment=environment, **options) as host:
            yield host


LAUNCHER = "launcher.main"


@pytest.mark.slow
def test_what_a_child_left_behind_is_found_when_it_can_be_looked_for() -> None:
    """A launcher that cannot open anything cannot tell who belongs to a child that has ended. After
    a while it reports the end all the same; who is left is ended as soon as that can be told."""
    leaves = Command("leaves", ["sh", "-c", "setsid sleep 1000 & wait"], backoff=Backoff())
    with running(leaves, intensity=10**6) as tree, watching(tree) as events:
        leader = pid(tree, "leaves")
        launcher = psutil.Process(leader).ppid()
        left = until(lambda: next((p for p in below("leaves") if os.getsid(p) != leader), None))
        before = resource.prlimit(launcher, resource.RLIMIT_NOFILE)
        resource.prlimit(launcher, resource.RLIMIT_NOFILE, (3, before[1]))
        os.kill(leader, signal.SIGKILL)
        events.until("leaves", kind="start_error")
        assert is_alive(left)
        resource.prlimit(launcher, resource.RLIMIT_NOFILE, before)
        gone(left)


@pytest.mark.slow
def test_a_later_launcher_does_not_give_children_more() -> None:
    """The tree raises the host's soft limit of descriptors for itself; children keep the one that
    the host had, also those of a launcher that took a dead one's place."""
    code = """
    def main():
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
        with running(Command("sleeps", ["sleep", "100"])) as tree, watching(tree) as events:
            for _ in range(2):
                tell(resource.prlimit(pid(tree, "sleeps"), resource.RLIMIT_NOFILE) == (100, hard))
                helper("launcher.main").kill()
                events.until("sleeps", "running")
    """
    with unprivileged(code) as host:
        assert [host.hear(), host.hear()] == [True, True]
        assert host.wait() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("which", "part", "child", "told"),
    [
        ("NPROC", LAUNCHER, "Command('c', ['/bin/true'])", "execute '/bin/true'"),
        (
            "NPROC",
            "launcher.main",
            "Command('c', ['/bin/true'], nice=1)",
            "fork to execute '/bin/true'",
        ),
        ("NPROC", "runtime.zygote", "Worker('c', targets.ready)", "fork a worker"),
        ("AS", LAUNCHER, "Command('c', ['/bin/true'])", "execute '/bin/true'"),
    ],
)
def test_a_start_that_fails_for_want_of_something_harms_nobody_else(
    which: str, part: str, child: str, told: str
) -> None:
    """EAGAIN and ENOMEM are told as what they are; whoever could not make the process goes on to
    report ends, and makes the next one as if nothing had been."""
    code = f"""
    def main():
        waits = Worker("waits", targets.ready, ready="notify")  # no order waits for it any more
        with running(Command("sleeps", ["sleep", "100"]), waits) as tree, watching(tree) as events:
            waiting = standby(helper({part!r})) if {part!r} == "runtime.zygote" else None
            fds = helper({part!r}).num_fds() + 4  # a channel and a pipe may be kept ready
            with none_to_spare(helper({part!r}), resource.RLIMIT_{which}):
                if waiting:  # or the first start would need no fork
                    os.kill(waiting.pid, signal.SIGKILL)
                    gone(waiting.pid)
                told = [why_not(tree, {child}) for _ in range(10)]
            tell(told[0])
            assert len(set(told)) == 1
            for path in ("sleeps", "waits"):
                os.kill(pid(tree, path), signal.SIGKILL)
                events.until(path, "running")
            until(lambda: helper({part!r}).num_fds() <= fds)  # one may be on its way
            tell("as before")
    """
    where = "(no more processes: ulimit -u, pids.max of the cgroup, kernel.pid_max)"
    error = {
        "NPROC": f"Resource temporarily unavailable {where}",
        "AS": "Cannot allocate memory",
    }[which]
    with unprivileged(code) as host:
        assert host.hear() == f"cannot {told}: {error}"
        assert host.hear() == "as before"
        assert host.wait() == 0

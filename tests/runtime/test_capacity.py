"""What a tree needs of the kernel's limits is known before it starts, and is what it then takes."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otpsup import (
    Check,
    Command,
    DynamicSupervisor,
    Hook,
    LogFile,
    Supervisor,
    Tree,
    Worker,
    http,
    log_line,
    port,
)
from otpsup.runtime import capacity
from otpsup.runtime.output import count_pipes
from otpsup.specs import LogLine, Notify
from tests.support import ROOT
from tests.support.hosts import hosting, public_python
from tests.support.strays import descendants
from tests.support.trees import running
from tests.support.waiting import until

SLEEPS = ["sleep", "1000"]


def _command(name: str, **options: Any) -> Command:
    return Command(name, SLEEPS, **options)


def _says(name: str, line: str, **options: Any) -> Command:
    return Command(name, ["sh", "-c", f"{line}; exec sleep 1000"], **options)


def _worker(name: str, **options: Any) -> Worker:
    return Worker(name, "time:sleep", args=(1000,), **options)


_JSON = LogFile("/nowhere/out", format="json")
SILENT: dict[str, Any] = {"stdout": "null", "stderr": "null"}
KINDS: dict[str, tuple[Any, int, int]] = {
    "silent": (lambda name: _command(name, **SILENT), 2, 0),
    "as it comes": (_command, 3, 0),
    "stdout only": (lambda name: _command(name, stderr="null"), 3, 0),
    "two pipes": (lambda name: _command(name, stderr=LogFile("/nowhere/err")), 4, 0),
    "one pipe for both": (lambda name: _command(name, stderr="stdout"), 3, 0),
    "json": (lambda name: _command(name, stdout=_JSON, stderr=_JSON), 4, 0),
    "input": (lambda name: _command(name, stdin="pipe"), 4, 0),
    "a line": (lambda name: _says(name, "echo up", ready=log_line("up"), **SILENT), 3, 0),
    "notifies": (lambda name: _says(name, "echo >&7", ready=Notify(fd=7)), 5, 0),
    "a hook beside it": (lambda name: _command(name, after_ready=Hook(SLEEPS)), 6, 0),
    "zygote": (_worker, 3, 0),
    "fork": (lambda name: _worker(name, start_method="fork"), 6, 1),
    "spawn": (lambda name: _worker(name, start_method="spawn"), 6, 1),
    "forkserver": (lambda name: _worker(name, start_method="forkserver"), 5, 1),
}


def _held(spec: Worker | Command) -> int:
    """What the launcher keeps of commands, its own or hooks', for as long as it has room."""
    if isinstance(spec, Worker):
        return 0
    pipes = 0 if isinstance(spec.ready, LogLine) else count_pipes(spec)
    return (1 + pipes) * (2 if spec.after_ready else 1)


def _open(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _helper(part: str) -> int | None:
    return next((p.pid for p in descendants() if any(part in word for word in p.cmdline())), None)


def _has_hook(tree: Tree) -> bool:
    """Whether the host has heard of the process of a hook beside a child, and has all of it."""
    assert tree._session is not None
    hooks = [getattr(p, "_beside", None) for p in tuple(tree._session._runner._processes.values())]
    return any(hook is not None and hook._process.signaller is not None for hook in hooks)


def _pidfds(pid: int) -> int:
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += "pidfd" in str(link.readlink())
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_takes_as_many_descriptors_as_are_counted_for_it(kind: str) -> None:
    """In the host, in the launcher, and none in the zygote. Whoever gives a child another
    descriptor has to count it."""
    make, in_host, in_launcher = KINDS[kind]
    spec = make("c")
    assert capacity.descriptors(spec) == in_host
    assert capacity.launcher_descriptors(spec) == in_launcher
    with running(make("first")) as tree:
        launcher = until(lambda: _helper("launcher.main"))
        zygote = _helper("runtime.zygote")
        those = [os.getpid(), launcher, *([zygote] if zygote else [])]
        until(lambda: _pidfds(launcher) == 1 + in_launcher)
        until(lambda: kind != "a hook beside it" or _has_hook(tree))
        gc.collect()  # of what earlier tests have left, nothing is to be closed meanwhile
        before = [_open(pid) for pid in those]
        more = [in_host, in_launcher + _held(spec), 0]
        for count in (1, 2, 3):
            tree.start_child(make(f"c{count}"))
        expected = [old + 3 * each for old, each in zip(before, more, strict=False)]
        until(lambda: [_open(pid) for pid in those] == expected)


def test_a_look_is_counted_as_long_as_it_lasts(tmp_path: Path) -> None:
    """That of a program takes as many descriptors of the host as are counted, a connection one."""
    line = ["sh", "-c", f"touch {tmp_path}/looks; exec sleep 100"]
    looks = _command("c", liveness=Check(line, interval=0.01, timeout=100), **SILENT)
    plain = _command("d", **SILENT)
    with running(plain) as tree:
        gc.collect()
        before = _open(os.getpid())
        tree.start_child(looks)
        until(lambda: (tmp_path / "looks").exists())
        until(lambda: _open(os.getpid()) - before == capacity.descriptors(looks))
    assert capacity.descriptors(looks) == capacity.descriptors(plain) + 3
    asked = _command("c", readiness=[port(1), http("http://127.0.0.1:1/")], **SILENT)
    assert capacity.descriptors(asked) == capacity.descriptors(plain) + 2


def test_log_files_and_sockets_are_counted_once() -> None:
    """Of all children that write to, or serve, the same."""
    logs = [_command(f"l{n}", stdout=LogFile(f"/nowhere/{n % 2}")) for n in range(6)]
    served = [_command(f"s{n}", stdin="tcp://127.0.0.1:1") for n in range(3)]
    assert capacity.need(Supervisor("all", children=[*logs, *served])).shared == 3


def test_who_does_not_start_with_the_tree_is_not_counted() -> None:
    """Children with `autostart=False`, all below such a supervisor, and instances."""
    later = [
        _command("later", autostart=False),
        Supervisor("group", children=[_command("a")], autostart=False),
        DynamicSupervisor("pool", _command("job")),
    ]
    needs = capacity.need(Supervisor("all", children=[*later, _command("now")]))
    assert (needs.children, needs.total) == (1, 3)


_TREE = """
    def tree(count):
        return Tree(Supervisor("shop", intensity=10**6, children=[
            Command(f"c{n}", ["sleep", "1000"]) for n in range(count)]))
    def limited(to):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(64, to), to))
    import psutil, resource
"""


def _needed(tmp_path: Path, count: int) -> int:
    code = f"""{_TREE}
    def main():
        limited(100)
        try:
            tree({count}).start()
        except StartFailed as error:
            tell([error.code, str(error), len(psutil.Process().children())])
    """
    with hosting(tmp_path, code) as host:
        kind, text, children = host.hear()
        assert host.wait() == 0
    assert (kind, children) == ("too_large", 0)
    form = (
        r"tree 'shop' needs ([0-9,]+) descriptors \(([0-9]+) children x 3 \+ ([0-9]+) of the "
        r"host's own\), and this process may have 100 \(ulimit -Hn\); raise that .*"
    )
    match = re.fullmatch(form, text)
    assert match, text
    needed, told, own = (int(number.replace(",", "")) for number in match.groups())
    assert (told, needed) == (count, 3 * count + own)
    return needed


@pytest.mark.slow
def test_a_tree_that_does_not_fit_is_refused_and_one_that_just_fits_is_not(tmp_path: Path) -> None:
    """Refused before anything is started, with the arithmetic. With just as many descriptors as
    that says, all are up; and are again when all have been killed at once."""
    count = 80
    needed = _needed(tmp_path, count)
    code = f"""{_TREE}
    def main():
        limited({needed})
        with tree({count}) as up, watching(up) as events:
            pids = [child.pid for child in up.status().children]
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            events.until_all(*(f"c{{n}}" for n in range({count})), state="running")
            tell([event.kind for event in events.seen if "error" in event.kind])
    """
    with hosting(tmp_path, code) as host:
        assert host.hear() == []
        assert host.wait() == 0


def _limited(most: int) -> Any:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    """`otpsup run` of such a file: the exit code of a start that failed, and no traceback."""
    file = tmp_path / "shop.yaml"
    many = "".join(f"  c{n}: {{command: [sleep, '9']}}\n" for n in range(60))
    file.write_text(f"name: shop\nchildren:\n{many}")
    argv = [sys.executable, "-m", "otpsup", "run", str(file)]
    ran = subprocess.run(
        argv, capture_output=True, text=True, cwd=ROOT, preexec_fn=_limited(150), check=False
    )
    assert (ran.returncode, len(ran.stderr.splitlines())) == (2, 1), ran.stderr
    assert "tree 'shop' needs " in ran.stderr


def test_an_update_that_does_not_fit_stops_nobody(tmp_path: Path) -> None:
    """It is refused as a whole; who would have had to go runs on."""
    code = f"""{_TREE}
    def main():
        limited(250)
        with tree(5) as up:
            before = [child.pid for child in up.status().children]
            try:
                up.reload(tree(100).spec)
            except UpdateRefused as error:
                tell(str(error))
            tell(before == [child.pid for child in up.status().children])
    """
    with hosting(tmp_path, code) as host:
        assert "(100 children x 3 + " in host.hear()
        assert host.hear()
        assert host.wait() == 0


@pytest.mark.slow
def test_at_the_limit_a_child_more_is_a_start_that_failed(tmp_path: Path) -> None:
    """Of children that come at run time; it says where the limit is set, and the tree goes on."""
    code = f"""{_TREE}
    def main():
        limited(150)
        with tree(3) as up:
            try:
                for n in range(100):
                    up.start_child(Command(f"more{{n}}", ["sleep", "1000"]))
            except StartFailed as error:
                tell(str(error))
            up.terminate_child("c0")
            up.restart_child("c0")
            tell(up.status().find("c0").state)
    """
    with hosting(tmp_path, code) as host:
        told = host.hear()
        assert "Too many open files" in told
        assert "ulimit -n" in told
        assert host.hear() == "running"
        assert host.wait() == 0


@pytest.mark.slow
def test_processes_are_counted_too() -> None:
    """A user who may not have so many is told so."""
    python, path = public_python()
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (50, 50));"
        "from otpsup import Command, Supervisor; from otpsup.runtime import capacity;"
        "children = [Command(f'c{n}', ['true']) for n in range(60)];"
        "print(capacity.why_not(Supervisor('s', children=children), 0))"
    )
    options: dict[str, Any] = {"user": 65533, "group": 65533, "extra_groups": []}
    said = subprocess.run(
        [python, "-c", code], env={"PYTHONPATH": path}, cwd="/", check=True, text=True,
        capture_output=True, **(options if os.geteuid() == 0 else {}),
    ).stdout  # fmt: skip
    assert said.startswith("needs 62 processes (60 children + 2 of otpsup's own), and there may be")
    assert "50 (ulimit -u)" in said


def test_a_tree_is_known_to_be_too_large_without_being_started() -> None:
    """Ten million children fit nowhere; that is found out by counting."""
    spec = Supervisor("s", children=[_command(f"c{n}") for n in range(2)])
    assert capacity.why_not(spec, 0) == ""
    assert "descriptors" in capacity.why_not(spec, 10**8)
    assert Tree(spec).spec is spec

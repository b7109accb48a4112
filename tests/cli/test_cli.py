"""`python -m otpsup`, as people and scripts run it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, Supervisor, Tree
from otpsup.control import address
from tests.support import ROOT
from tests.support.program import ARGV, run_text
from tests.support.trees import running
from tests.support.waiting import LONG, gone

KEYS = {"name", "path", "type", "state", "ready", "pid", "since", "restarts", "last_exit",
        "children"}  # fmt: skip


def otpsup(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one command."""
    return run_text(*args, environment={**os.environ, **environment})


def done(*args: str) -> str:
    """What a command that succeeds prints."""
    result = otpsup(*args)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def refused(code: int, *args: str, **environment: str) -> str:
    """The one line that a command says which fails with this exit code."""
    result = otpsup(*args, **environment)
    assert (result.returncode, result.stdout) == (code, ""), result.stderr
    assert result.stderr.startswith("otpsup: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("otpsup: ").rstrip("\n")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    return folder


def sleeper(name: str, **options: Any) -> Command:
    return Command(name, ["sleep", "1000"], **options)


@pytest.fixture
def tree(own: Path) -> Iterator[Tree]:
    """The only tree that runs: three children, of which one is down and one has a child."""
    sub = Supervisor("sub", children=[sleeper("b")])
    with running(sleeper("a"), sub, sleeper("lazy", autostart=False), name="blog") as tree:
        yield tree


def states(tree: Tree) -> dict[str, str]:
    return {node.path: node.state for node in tree.status().walk() if node.path}


def pids(tree: Tree) -> dict[str, int | None]:
    return {node.path: node.pid for node in tree.status().walk() if node.path}


def test_status(tree: Tree) -> None:
    """`status` draws the only tree without being told its name; with PATH, a part of it. There is
    no colour where there is no terminal."""
    lines = done("status").splitlines()
    assert [line.split("  ")[0].rstrip() for line in lines] == [
        "blog", "├─ a", "├─ sub", "│", "└─ lazy",
    ]  # fmt: skip
    assert f"pid {pids(tree)['a']}" in lines[1]
    assert "○ down" in lines[4]
    assert "\033" not in "".join(lines)
    part = done("status", "sub").splitlines()
    assert [line.split()[0] for line in part] == ["sub", "└─"]


def test_status_json(tree: Tree) -> None:
    """`status --json` is one nested object; every node has all the promised keys, and the values
    are the tree's."""
    text = done("status", "--json")
    root = json.loads(text)
    waiting, paths = [root], []
    while waiting:
        node = waiting.pop(0)
        assert set(node) >= KEYS
        paths.append(node["path"])
        waiting += node["children"]
    assert paths == ["", "a", "sub", "lazy", "sub/b"]
    known = tree.status().children[0]
    first = root["children"][0]
    assert {key: first[key] for key in KEYS} == {
        "name": "a", "path": "a", "type": "command", "state": "running", "ready": True,
        "pid": known.pid, "since": known.since, "restarts": 0, "last_exit": None, "children": [],
    }  # fmt: skip
    assert json.loads(done("status", "sub/b", "--json"))["path"] == "sub/b"


def test_start_stop_restart_a_child(tree: Tree) -> None:
    """start, restart and stop with PATH do that to that child alone, and say its state."""
    before = pids(tree)
    assert done("start", "lazy") == "lazy: running\n"
    first = pids(tree)["lazy"]
    assert json.loads(done("restart", "lazy", "--json")) == {"lazy": "running"}
    assert pids(tree)["lazy"] not in (first, None)
    assert done("stop", "sub/b") == "sub/b: down\n"
    assert states(tree) == {"a": "running", "sub": "running", "sub/b": "down", "lazy": "running"}
    assert pids(tree)["a"] == before["a"]


def test_start_and_restart_all(tree: Tree) -> None:
    """start without PATH starts what is down; restart without PATH restarts what is up."""
    before = pids(tree)
    assert done("restart") == "a: running\nsub: running\n"
    after = pids(tree)
    assert after["lazy"] is None
    assert before["a"] != after["a"]
    assert before["sub/b"] != after["sub/b"]
    assert done("start") == "lazy: running\n"
    assert pids(tree)["a"] == after["a"]
    assert done("start") == ""


def test_stop_the_tree(tree: Tree) -> None:
    """stop without PATH stops the whole tree, and returns when nothing of it is left."""
    alive = [pid for pid in pids(tree).values() if pid]
    assert done("stop") == "blog: down\n"
    gone(*alive, within=0.1)
    assert tree.wait(LONG).kind == "stopped"
    assert "no tree is running" in refused(3, "status")


def test_refusals(tree: Tree) -> None:
    """What the tree refuses is one line on stderr and exit code 1; nothing changes."""
    before = tree.status()
    assert refused(1, "status", "nope") == (
        "there is no child 'nope'; the paths are: a, sub, sub/b, lazy"
    )
    assert "there is no such child; did you mean 'lazy'" in refused(1, "stop", "lasy")
    assert "already running (pid" in refused(1, "start", "a")
    assert "there is no such child" in refused(1, "restart", "line\nbreak \033[31m")
    assert tree.status() == before


def test_several_trees(own: Path) -> None:
    """Among several trees one has to be chosen, by its name, or by its socket; the error lists
    them. The names in that list are names to give."""
    with running(sleeper("x"), name="one"), running(sleeper("y"), name="two"):
        stems = [f"one-{os.getpid()}", f"two-{os.getpid()}"]
        assert refused(3, "status") == (
            f"several trees are running: {', '.join(stems)}; choose one with --tree NAME"
        )
        assert done("status", "--tree", "one").startswith("one ")
        assert done("status", "--tree", stems[1]).startswith("two ")
        assert done("status", "--socket", str(own / f"{stems[0]}.sock")).startswith("one ")
        assert refused(3, "stop", "--tree", "three") == (
            f"no tree 'three' is running; running now: {', '.join(stems)}"
        )


def test_no_tree(own: Path) -> None:
    """Without a tree every command is one line and exit code 3."""
    for verb in ("status", "start", "stop", "restart"):
        assert refused(3, verb).startswith("no tree is running; start one")
    assert refused(3, "status", "--socket", "/nonexistent") == (
        "no tree answers at /nonexistent: No such file or directory"
    )


def test_an_unsafe_folder(own: Path) -> None:
    """A folder of sockets that others can write to is not trusted: one line that says so."""
    own.chmod(0o777)
    assert f"cannot use {own} for control sockets" in refused(1, "status")


@pytest.mark.parametrize(
    "args", [[], ["explode"], ["why", "a", "b"], ["status", "--tree", "a", "--socket", "b"]]
)
def test_usage(args: list[str]) -> None:
    """A wrong command line is exit code 2, with the usage on stderr."""
    result = otpsup(*args)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("usage: otpsup")


def test_help() -> None:
    """--help tells the commands and the exit codes."""
    text = done("--help")
    words = ("status", "start", "stop", "restart", "why", "graph", "simulate", "Exit codes: 0 done")
    for word in words:
        assert word in text


@pytest.mark.slow
def test_a_reader_that_has_seen_enough(own: Path) -> None:
    """`status | head -1` is quiet: a closed pipe is no error and no traceback."""
    with running(*(sleeper(f"c{n}", autostart=False) for n in range(2000)), name="wide"):
        reader, writer = os.pipe()
        os.close(reader)
        result = subprocess.run(
            [*ARGV, "status"], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False
        )
        os.close(writer)
        assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.slow
@pytest.mark.parametrize("args", [["status"], ["start", "lazy"], ["status", "--json"]])
@pytest.mark.parametrize("redirect", [">&-", ">/dev/full"])
def test_an_output_that_cannot_be_written(redirect: str, args: list[str], tree: Tree) -> None:
    """Without a standard output, or with a full disk behind it, there is no traceback."""
    command = ["sh", "-c", f'exec "$@" {redirect}', "sh", *ARGV, *args]
    result = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") <= 1
    assert (result.returncode == 0) == (redirect == ">&-")


def test_an_output_without_such_characters(tree: Tree) -> None:
    """A terminal that has only ASCII gets `?` for the rest, not a traceback."""
    result = otpsup("status", PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stderr) == (0, "")
    assert "?? a" in result.stdout


def on_a_terminal(**environment: str) -> str:
    """What `status` writes to a terminal."""
    ours, theirs = pty.openpty()
    env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    try:
        subprocess.run(
            [*ARGV, "status"], cwd=ROOT, env={**env, **environment}, stdout=theirs, check=True
        )
        return os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_colour(tree: Tree) -> None:
    """On a terminal there is colour, unless NO_COLOR is set."""
    assert "\033[32m├─ a" in on_a_terminal()
    assert "\033" not in on_a_terminal(NO_COLOR="1")


def test_a_supervisor_that_is_down(tree: Tree) -> None:
    """The tree answers that a supervisor in it is down: it said no (1), for there is a tree to talk
    to (not 3)."""
    done("stop", "sub")
    for verb in ("start", "restart"):
        assert refused(1, verb, "sub/b") == "supervisor 'sub' is not running; it is down"
    assert done("start", "sub") == "sub: running\n"
    assert done("restart", "sub/b") == "sub/b: running\n"


def test_version() -> None:
    """`--version` is the version of the package that is installed, whatever else is said."""
    version = metadata.version("otpsup")
    assert done("--version") == done("--version", "status") == f"otpsup {version}\n"

"""Several children at a time: paths, patterns, copies; one after the other; waiting."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import ChildStatus, Command, Supervisor, Tree, copies, log_line
from otpsup.control import address
from otpsup.selection import chosen
from tests.cli.test_cli import done, otpsup, pids, refused, sleeper, states
from tests.support import ROOT
from tests.support.program import ARGV
from tests.support.trees import python, running, watching
from tests.support.waiting import LONG, until


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    return folder


def web(number: int) -> Command:
    return sleeper("web")


@pytest.fixture
def tree() -> Iterator[Tree]:
    """Three copies, somebody else, and one in a supervisor."""
    sub = Supervisor("pool", children=[sleeper("web-9")])
    with running(sleeper("db"), *copies(3, web), sub, name="shop") as tree:
        yield tree


WEBS = ["web-1", "web-2", "web-3"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["web"], WEBS),
        (["web-*"], WEBS),
        (["web-[12]", "db"], ["web-1", "web-2", "db"]),
        (["web-2", "web"], ["web-2", "web-1", "web-3"]),
        (["*/web-?"], ["pool/web-9"]),
        (["pool/*", "pool"], ["pool/web-9", "pool"]),
    ],
)
def test_which_children_are_meant(tree: Tree, given: list[str], meant: list[str]) -> None:
    """A pattern stands for what it matches within one part of a path, a shared name for its
    copies; each child comes once."""
    nodes = json.loads(done("status", *given, "--json"))
    assert [node["path"] for node in nodes] == meant


def test_a_name_of_its_own_comes_first() -> None:
    """`web` is the child of that name if there is one, and not the copies of another."""
    with running(sleeper("web"), sleeper("web-1"), name="shop"):
        assert [*json.loads(done("pid", "web", "--json"))] == ["web"]


def node(path: str, *children: ChildStatus) -> ChildStatus:
    name = path.rpartition("/")[2]
    return ChildStatus(name, path, "command", "running", True, 1, 0, 0, None, children=children)


NAMES = st.lists(st.sampled_from(["a", "ab", "b", "a-1", "a-2", "*"]), unique=True, max_size=4)


@given(NAMES, NAMES, st.lists(st.sampled_from(["a", "b", "sub/a", "sub", "none"]), max_size=3))
def test_plain_paths_are_kept(names: list[str], below: list[str], given: list[str]) -> None:
    """A path that is no pattern and no shared name means itself, whether there is such a child or
    not: the tree says what it thinks of it."""
    sub = node("sub", *(node(f"sub/{name}") for name in below))
    root = node("", *map(node, names), sub)
    known = [each.path for each in root.walk()]
    plain = [g for g in given if g in known or not {f"{g}-1", f"{g}-2"} & {*known}]

    assert chosen(root, plain) == list(dict.fromkeys(plain))


def test_several(tree: Tree) -> None:
    """stop, start and restart do it to each, and say what became of it; patterns are stopped in
    reverse order."""
    before = pids(tree)
    assert done("stop", "web", "db") == "web-3: down\nweb-2: down\nweb-1: down\ndb: down\n"
    assert done("start", "db", "web-*").splitlines() == [f"{p}: running" for p in ["db", *WEBS]]
    after = pids(tree)
    assert after["pool/web-9"] == before["pool/web-9"]
    assert json.loads(done("restart", "web", "--json")) == dict.fromkeys(WEBS, "running")
    assert all(pids(tree)[path] not in (None, after[path]) for path in WEBS)


def test_one_that_fails(tree: Tree) -> None:
    """The others are tried all the same; each failure is a line, and the exit code is 1."""
    result = otpsup("stop", "web-1", "nope", "web-2")

    assert (result.returncode, result.stdout) == (1, "web-1: down\nweb-2: down\n")
    told = result.stderr.splitlines()
    assert told[0].startswith("otpsup: cannot terminate child 'nope': there is no such child")
    assert told[1:] == ["otpsup: 1 of 3 failed"]
    assert states(tree)["web-2"] == "down"

    both = otpsup("stop", "nope", "db", "--json")
    assert (both.returncode, json.loads(both.stdout)) == (1, {"db": "down"})


def test_a_pattern_that_matches_nothing(tree: Tree) -> None:
    """That is an error, and not nothing to do; the whole tree is not meant."""
    assert refused(1, "stop", "job-*").startswith("no child matches 'job-*'; the paths are: db, ")
    assert "down" not in states(tree).values()


def test_status_of_several(tree: Tree) -> None:
    """Each part is drawn; JSON is a list where several may be meant, an object where one is."""
    assert [line.split()[0] for line in done("status", "web").splitlines()] == WEBS
    assert [each["path"] for each in json.loads(done("status", "web", "--json"))] == WEBS
    assert [each["path"] for each in json.loads(done("status", "d*", "--json"))] == ["db"]
    assert json.loads(done("status", "db", "--json"))["path"] == "db"


def test_pid(tree: Tree) -> None:
    """The pids of children, a line each; where there is none it is `-`, and the exit code 1."""
    done("stop", "web-1")
    assert done("pid", "db", "web-2").splitlines() == [str(pids(tree)[p]) for p in ("db", "web-2")]
    result = otpsup("pid", "db", "web-1")
    assert (result.returncode, result.stdout) == (1, f"{pids(tree)['db']}\n-\n")
    assert result.stderr == "otpsup: web-1 is down, and has no process\n"
    several = "'web' are several, and one is wanted: web-1, web-2, web-3"
    assert several in refused(1, "tail", "web")
    assert several in refused(1, "info", "web")
    assert "pool is a supervisor, and has no process" in otpsup("pid", "pool").stderr
    assert "there is no child 'web-11'; did you mean 'web-1'?" in refused(1, "pid", "web-11")


def test_shutdown() -> None:
    """The whole tree; with --hurry nobody is asked."""
    code = "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"
    deaf = Command("deaf", python(code), shutdown=1000)
    with running(deaf, name="shop") as tree:
        assert done("shutdown", "--hurry") == "shop: down\n"
        assert tree.wait(LONG).kind == "stopped"
    assert "no tree is running" in refused(3, "shutdown")


# One at a time.


def test_rolling(tree: Tree) -> None:
    """One copy after the other, and never two away at a time."""
    before = pids(tree)
    away: set[str] = set()
    with watching(tree) as events:
        assert done("restart", "--rolling", "web").splitlines() == [f"{p}: running" for p in WEBS]
        tree.terminate_child("db")
        events.until("db", "down")
    for event in events.seen:
        if event.kind == "state" and event.path in WEBS:
            away.discard(event.path) if event.state == "running" else away.add(event.path)
            assert len(away) <= 1
    assert all(pids(tree)[path] not in (None, before[path]) for path in WEBS)


def test_rolling_stops() -> None:
    """The first that does not become ready is the last that was touched. It stays down, and costs
    no restart: with an intensity of 0 the tree would end."""

    def picky(number: int) -> Command:
        code = f"test {number} = 2 && test -e stop && exit 3; echo up; exec sleep 1000"
        return Command("web", ["sh", "-c", code], cwd=folder, ready=log_line("up"))

    folder = Path(os.environ[address.DIRECTORY])
    with running(*copies(3, picky), name="shop", intensity=0) as tree:
        before = pids(tree)
        (folder / "stop").touch()
        result = otpsup("restart", "--rolling", "web")
        after = pids(tree)

    assert result.returncode == 1
    assert after["web-1"] != before["web-1"]
    assert after["web-3"] == before["web-3"]
    assert result.stderr.endswith("; left as they are: web-3\n")


def test_rolling_begins_with_what_is_down(tree: Tree) -> None:
    """Who is not ready anyway comes first: else two would be away."""
    tree.terminate_child("web-2")
    assert done("restart", "--rolling", "web").splitlines()[0] == "web-2: running"
    assert done("restart", "--rolling", "pool") == "pool/web-9: running\n"
    assert refused(2, "restart", "--rolling").startswith("--rolling takes the PATH of copies")


# Waiting.


def test_wait(tree: Tree) -> None:
    """Who is there and ready is not waited for; what is lacking is told when the time is over."""
    assert done("wait") == "shop: running\n"
    assert done("wait", "web", "--ready", "--json") == done("restart", "web", "--json")
    tree.terminate_child("db")
    assert refused(1, "wait", "db", "--ready", "--timeout", "0") == (
        "waited for 0 s: db is down because it was told to stop"
    )
    assert done("wait", "db") == "db: down\n"
    assert "there is no child 'nope'" in refused(1, "wait", "nope", "-t", "0.1")


@pytest.mark.slow
def test_wait_for_a_tree_that_comes() -> None:
    """A tree that is not there yet is waited for, and so is a child that is not ready yet."""
    ready = Path(os.environ[address.DIRECTORY]) / "ready"
    code = "while [ ! -e ready ]; do sleep 0.01; done; echo up; exec sleep 1000"
    child = Command("slow", ["sh", "-c", code], cwd=ready.parent, ready=log_line("up"))
    waiter = subprocess.Popen([*ARGV, "wait", "slow", "--ready"], cwd=ROOT, stdout=subprocess.PIPE)
    tree = Tree(Supervisor("shop", children=[child]))
    starter = threading.Thread(target=tree.start)
    try:
        starter.start()
        until(lambda: "slow is starting" in refused(1, "wait", "slow", "--ready", "-t", "0.1"))
        assert waiter.poll() is None
        ready.touch()
        out, _ = waiter.communicate(timeout=LONG)
        assert (waiter.returncode, out) == (0, b"slow: running\n")
    finally:
        ready.touch()
        starter.join()
        tree.stop()


def test_wait_without_a_tree() -> None:
    """No tree in time is exit code 1, and several are 3 at once: waiting does not change that."""
    assert refused(1, "wait", "-t", "0.1") == (
        "waited for 0.1 s: no tree is running; start one, or name its socket with --socket PATH"
    )
    with running(name="one"), running(name="two"):
        assert refused(3, "wait").startswith("several trees are running")

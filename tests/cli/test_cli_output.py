"""`logs`, `tail`, `events`, `info`, `signal`, `pid`, `reopen`: what children write, do and are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from otpsup import Command, DynamicSupervisor, Hook, LogFile, Supervisor, Tree, http, stays_up
from otpsup.control import address
from otpsup.version import __version__
from tests.cli.test_cli import done, pids, refused, sleeper
from tests.support import ROOT
from tests.support.program import ARGV
from tests.support.terminal import terminal
from tests.support.trees import running
from tests.support.waiting import LONG, until


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return folder


WEB = "echo one; echo two >&2; printf '\\033[31mred\\n'; exec sleep 1000"
DB = "trap 'echo hup' HUP; echo db; while :; do sleep 0.05; done"


@pytest.fixture
def tree(own: Path) -> Iterator[Tree]:
    """Two that write, one of them to a file; one that does not."""
    web = Command("web", ["sh", "-c", WEB], stdout=LogFile(own / "web.log"))
    pool = Supervisor("pool", children=[Command("db", ["sh", "-c", DB])])
    with running(web, pool, sleeper("quiet"), name="shop") as tree:
        until(lambda: len(done("logs").splitlines()) == 4 or None)
        yield tree


def test_logs(tree: Tree) -> None:
    """The last lines of all, each with its child; of some; as JSON."""
    lines = sorted(done("logs").splitlines())
    assert lines == ["pool/db | db", "web     ! two", "web     | \033[31mred", "web     | one"]
    assert done("logs", "pool") == "pool/db | db\n"
    assert done("logs", "pool/*", "-n", "0") == ""
    (value,) = json.loads(done("logs", "pool/db", "--json"))
    assert (value["path"], value["stream"], value["text"]) == ("pool/db", "stdout", "db")
    assert "there is no child 'wev'; did you mean 'web'?" in refused(1, "logs", "wev")


def test_tail(tree: Tree) -> None:
    """One child's lines as it wrote them; of one of its streams."""
    assert done("tail", "web", "stderr") == "two\n"
    assert done("tail", "web", "stdout") == "one\n\033[31mred\n"
    assert done("tail", "web", "stdout", "-n", "1") == "\033[31mred\n"
    assert done("tail", "quiet") == ""
    assert [line["text"] for line in json.loads(done("tail", "web", "stderr", "--json"))] == ["two"]


def test_nothing_steers_the_terminal(tree: Tree) -> None:
    """On a terminal the prefix has a colour, and the child's escapes are shown, not sent."""
    with terminal([*ARGV, "logs", "web"]) as screen:
        assert screen.end() == 0
    assert rb"| " in screen.seen
    assert rb"\x1b[31mred" in screen.seen
    assert b"\033[31m" not in screen.seen
    assert screen.seen.count(b"\033[36mweb") == 3
    with terminal([*ARGV, "tail", "web"]) as screen:
        assert screen.end() == 0
    assert b"\033" not in screen.seen


def test_following(tree: Tree) -> None:
    """-f goes on with what comes, until Ctrl-C or the tree's end; --json is one value a line."""
    follow = [*ARGV, "logs", "pool/db", "-f", "-n", "1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with (
        subprocess.Popen(follow, cwd=ROOT, **pipes) as logs,  # type: ignore[call-overload]
        subprocess.Popen([*ARGV, "tail", "pool/db", "-f", "--json"], cwd=ROOT, **pipes) as tail,  # type: ignore[call-overload]
    ):
        assert logs.stdout.readline() == "pool/db | db\n"
        assert json.loads(tail.stdout.readline())["text"] == "db"
        assert done("signal", "pool/db", "hup") == "pool/db: SIGHUP\n"
        assert logs.stdout.readline() == "pool/db | hup\n"
        assert json.loads(tail.stdout.readline())["text"] == "hup"
        logs.send_signal(signal.SIGINT)
        assert (logs.wait(LONG), logs.stderr.read()) == (130, "")
        tree.stop()
        assert (tail.wait(LONG), tail.stderr.read()) == (0, "")


def test_events(tree: Tree) -> None:
    """What happened lately, a line each with its time; -n so many of them."""
    tree.terminate_child("quiet")
    lines = done("events").splitlines()
    assert any("web is up" in line for line in lines)
    assert "quiet is down" in lines[-1]
    assert lines[-1][2] == lines[-1][5] == ":"
    values = json.loads(done("events", "--json"))
    assert (values[-1]["path"], values[-1]["state"]) == ("quiet", "down")

    assert done("events", "-n", "1").splitlines() == lines[-1:]
    assert done("events", "-n", "0") == ""


def test_events_as_they_come(tree: Tree) -> None:
    """-f tells the last ones and then each as it comes, without a gap, until the tree ends."""
    last = json.loads(done("events", "--json", "-n", "3"))
    with subprocess.Popen(
        [*ARGV, "events", "-f", "--json", "-n", "3"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as follower:
        assert follower.stdout is not None
        assert [json.loads(follower.stdout.readline()) for _ in range(3)] == last
        tree.restart("quiet")
        seen = [json.loads(follower.stdout.readline()) for _ in range(4)]
        assert {event["path"] for event in seen} == {"quiet"}
        assert [event["state"] for event in seen][:2] == ["stopping", "down"]
        tree.stop()
        assert follower.wait(LONG) == 0


def test_info(tree: Tree, own: Path) -> None:
    """All that is known of a child, a line a fact; also as JSON."""
    text = done("info", "web")
    rows = [line.split(maxsplit=1) for line in text.splitlines()]
    assert ["pid", str(pids(tree)["web"])] in rows
    assert ["state", "running"] in rows
    assert str(own / "web.log") in text
    value = json.loads(done("info", "web", "--json"))
    assert value["path"] == "web"
    assert value["spec"]["restart"] == "permanent"
    assert "there is no" in refused(1, "info", "wev")


def test_info_of_the_tree(tree: Tree) -> None:
    """Without a path it tells of the host: its process, its file, since when, which version."""
    rows = dict(line.split(maxsplit=1) for line in done("info").splitlines())
    assert [rows[key] for key in ("name", "pid")] == [tree.name, str(os.getpid())]
    assert rows["version"] == __version__
    assert "file" not in rows  # it is not of one
    value = json.loads(done("info", "--json"))
    assert set(value) == {"name", "pid", "version", "python", "file", "since", "now"}


def test_info_is_written_as_in_a_tree_file() -> None:
    """What was declared is told by the names and forms of a tree file, and no other."""
    hook = Hook(["sh", "-c", "echo x"], timeout=5)
    template = sleeper("job", ready=http("http://me:secret@127.0.0.1/x", status=204))
    jobs = DynamicSupervisor("jobs", template)
    child = sleeper("web", ready=stays_up(0.01), before_start=hook)
    with running(child, jobs, name="shop"):
        web = json.loads(done("info", "web", "--json"))["spec"]
        assert web["ready"] == {"stays_up": 0.01}
        assert web["before_start"] == {"command": ["sh", "-c", "echo x"], "timeout": 5}
        text = done("info", "web")
        assert "before_start  command: [sh -c 'echo x'], timeout: 5\n" in text
        text = done("info", "jobs")
        assert "template.ready" in text
        assert "http: {url: http://***@127.0.0.1/x, status: 204}" in text
        assert "secret" not in text


def test_signal(tree: Tree) -> None:
    """A signal reaches the processes that are meant; who has none says so."""
    assert json.loads(done("signal", "quiet", "web", "CONT", "--json")) == {
        "quiet": "SIGCONT", "web": "SIGCONT",
    }  # fmt: skip
    tree.terminate_child("quiet")
    assert "quiet" in refused(1, "signal", "quiet", "TERM")


def test_pid_of_the_host(tree: Tree) -> None:
    """Without PATH: of the process that hosts the tree."""
    assert done("pid") == f"{os.getpid()}\n"
    assert json.loads(done("pid", "--json")) == os.getpid()


def test_reopen(tree: Tree, own: Path) -> None:
    """After a log file was moved away, new lines come into a new file of its name."""
    (own / "web.log").rename(own / "moved")
    assert done("reopen") == "shop: log files are open anew\n"
    tree.restart("web")
    until(lambda: (own / "web.log").exists() and (own / "web.log").read_text().count("\n") >= 2)

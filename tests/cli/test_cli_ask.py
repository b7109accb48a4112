"""`simulate`, `why` and `graph`, as people run them: what would happen, why it did, who depends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from loguru import logger

from otpsup import Backoff, Command, Supervisor, Tree, completed, explain
from otpsup.control import address, last_words
from otpsup.logger import logger as otpsup_logger
from otpsup.testing import what_if
from tests.cli.test_cli import done, otpsup, refused
from tests.support import ROOT, program
from tests.support.program import ARGV
from tests.support.trees import Child, node, pid, running, watching
from tests.support.waiting import LONG

GOOD = '{"id": 7, "tree": {"id": "root", "children": [{"id": "a"}]}, "events": []}'
FASTBLOG = "examples.fastblog.tree"

RESTART = "ipc_server ended with SIGKILL and fastblog is rest_for_one; restart 1 of 5 in 60 s"
IPC_SERVER = f"""\
If ipc_server is killed (SIGKILL):
  1. ipc_server ends: SIGKILL
  2. main_app stops, because {RESTART}
  3. update_server stops
  4. ipc_server starts
  5. update_server starts
  6. main_app starts
  ipc_server, update_server, main_app are up again; nothing escalates.
"""


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    return folder


def sleeper(name: str, **options: object) -> Command:
    return Command(name, ["sleep", "1000"], **options)  # type: ignore[arg-type]


def fed(text: bytes, *args: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command with this on its standard input."""
    return program.run(*args, input=text)


# simulate FILE


def test_lines(tmp_path: Path) -> None:
    """Each line gives a line, in order; blank ones give none."""
    file = tmp_path / "scenarios"
    file.write_text(f"{GOOD}\n\n{GOOD.replace('7', '8')}\n")
    traces = [json.loads(line) for line in done("simulate", str(file)).splitlines()]

    assert [trace["id"] for trace in traces] == [7, 8]
    assert traces[0]["start"]["result"] == ["ok", "root"]


def test_bad_lines(tmp_path: Path) -> None:
    """A bad line is named by file and number, with what was expected; the others still run."""
    file = tmp_path / "scenarios"
    bad = '{"tree": {"id": "root", "intensty": 3}}'
    file.write_bytes(f"{GOOD}\n\n{bad}\nno json\n".encode() + b"\xff\xfe\n" + GOOD.encode())
    result = otpsup("simulate", str(file))
    errors = result.stderr.splitlines()

    assert (result.returncode, result.stdout.count("\n")) == (1, 2)
    assert errors[0].startswith(f"{file}:3: tree: expected one of ")
    assert errors[0].endswith("not 'intensty'; did you mean 'intensity'?")
    assert errors[1].startswith(f"{file}:4: expected a JSON object: ")
    assert errors[2].startswith(f"{file}:5: expected a JSON object: ")
    assert errors[3] == f"otpsup: 3 of the lines of {file} could not be run; all others were"


@pytest.mark.parametrize("args", [[], ["-"]])
def test_standard_input(args: list[str]) -> None:
    """Without a file, and for `-`, scenarios come from standard input; none are no error."""
    assert b'"id":7' in fed(GOOD.encode(), "simulate", *args).stdout
    assert fed(b"", "simulate", *args).returncode == 0


def test_whoever_reads_may_stop() -> None:
    """A reader that has seen enough ends the program without a word."""
    argv = " ".join(ARGV)
    script = f"set -o pipefail; yes '{GOOD}' | head -5000 | {argv} simulate | head -1"
    result = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, timeout=LONG * 2, check=False
    )

    assert result.stdout.count(b"\n") == 1
    assert result.stderr == b""


def test_no_such_file() -> None:
    """A file that cannot be read is the caller's mistake."""
    assert "cannot read /no/such: No such file" in refused(2, "simulate", "/no/such")
    assert "--broken" in refused(2, "simulate", "--broken", "a")


# simulate TREE --kill


def test_what_if_of_a_module() -> None:
    """What would come of a child's death is told step by step, with the reason of each."""
    assert done("simulate", FASTBLOG, "--kill", "ipc_server") == IPC_SERVER
    assert done("simulate", f"{FASTBLOG}:build", "--kill", "ipc_server") == IPC_SERVER


def test_what_if_it_escalates() -> None:
    """So often killed that the tree gives up; or it does not start any more, and so gives up."""
    often = done("simulate", FASTBLOG, "--kill", "main_app", "--times", "6")
    broken = done("simulate", FASTBLOG, "--kill", "main_app", "--broken", "main_app")

    for text in (often, broken):
        assert "fastblog gives up, because main_app " in text
        assert text.endswith("The tree ends: nothing of it is left.\n")
    assert "update_server stops, because fastblog gave up" in often
    assert broken.count("main_app fails: broken") == 5


def test_what_if_as_json() -> None:
    """--json gives the same as one value."""
    (value,) = json.loads(done("simulate", FASTBLOG, "--kill", "main_app", "--json"))

    assert value["summary"] == "main_app is up again; nothing escalates."
    assert [step["what"] for step in value["steps"]] == ["ends", "starts"]
    assert value["states"]["updater"] == "down"


def test_what_if_of_a_running_tree() -> None:
    """A running tree is asked what it is, and nothing happens to it."""
    children = [sleeper("db"), sleeper("web", after=["db"]), sleeper("cron")]
    with running(*children, name="shop", strategy="rest_for_one") as tree:
        tree.start_child(sleeper("page", after=["web"]))
        before = {name: pid(tree, name) for name in ("db", "web", "cron", "page")}
        text = done("simulate", "shop", "--kill", "db")
        alone = done("simulate", "--kill", "db")

        assert text == alone
        assert "Not touched: cron." in text
        assert "db, web, page are up again" in text
        assert before == {name: pid(tree, name) for name in before}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([FASTBLOG, "--kill", "main_ap"], "did you mean 'main_app'?"),
        ([FASTBLOG, "--kill", "updater"], "cannot kill 'updater': it is down"),
        (["examples.fastblog.tre", "--kill", "a"], "write MODULE:NAME"),
        ([f"{FASTBLOG}:buld", "--kill", "a"], "has no 'buld'; what may be a tree in it: build"),
        ([f"{FASTBLOG}:Settings", "--kill", "a"], "cannot be called without arguments"),
        (["json:dumps", "--kill", "a"], "cannot be called without arguments"),
        (["json:__name__", "--kill", "a"], "is str, and no tree"),
        (["json", "--kill", "a"], "has none of tree, TREE, spec, build"),
        (["nosuch:tree", "--kill", "a"], "cannot load 'nosuch': ModuleNotFoundError"),
        (["no/such.py:tree", "--kill", "a"], "cannot load 'no/such.py': FileNotFoundError"),
    ],
)
def test_no_such_tree(args: list[str], expected: str) -> None:
    """What is no tree, or no child of it, is said in one line."""
    assert expected in refused(1, "simulate", *args)


def test_a_tree_in_a_file(tmp_path: Path) -> None:
    """FILE.py:NAME is a tree too; a file that is broken is an error, not a traceback."""
    file = tmp_path / "shop.py"
    file.write_text(
        "from otpsup import Command, Supervisor\n"
        "tree = Supervisor('shop', children=[Command('a', ['true'])])\n"
    )

    assert "a is up again" in done("simulate", f"{file}:tree", "--kill", "a")

    file.write_text("1 / 0")

    assert "ZeroDivisionError" in refused(1, "simulate", f"{file}:tree", "--kill", "a")


def test_what_if_waits() -> None:
    """Backoff takes its time, a task runs again, and whoever waits for it comes after."""
    tree = Supervisor(
        "shop",
        strategy="rest_for_one",
        children=[
            sleeper("db", backoff=Backoff(initial=4, jitter=0)),
            Command("migrate", ["true"], restart="transient", after=["db"]),
            sleeper("web", after=[completed("migrate")]),
        ],
    )
    (death,) = what_if(tree, kill=["db"])

    assert [(step.at, step.path, step.what) for step in death.steps] == [
        (0, "db", "ends"),
        (0, "db", "waits"),
        (0, "web", "stops"),
        (4, "db", "starts"),
        (4, "migrate", "starts"),
        (4, "migrate", "ends"),
        (4, "web", "starts"),
    ]


# why


def test_why_of_a_restart() -> None:
    """The chain of decisions behind a child's state, the latest first; everywhere the same one."""
    children = [sleeper("ipc"), sleeper("web")]
    lines: list[str] = []
    with running(*children, name="blog", strategy="rest_for_one", period=60) as tree:
        logger.enable("otpsup")
        sink = logger.add(lambda message: lines.append(str(message)), format="{message}")
        with watching(tree) as events:
            os.kill(pid(tree, "ipc"), signal.SIGKILL)
            event = events.until("web", "running")
        assert otpsup_logger.close(LONG)
        logger.remove(sink)
        logger.disable("otpsup")
        cause = "ipc ended with SIGKILL and blog is rest_for_one; restart 1 of 3 in 60 s"
        expected = (f"web restarted because {cause}", "before that, the tree was started")

        assert done("why", "web") == "".join(f"{line}\n" for line in expected)
        assert node(tree, "web").why == expected
        assert event.chain == (cause, "the tree was started")
        assert f"blog: ipc restarts: {cause}; before that, the tree was started" in "".join(lines)
        assert f"web is down: stopped by SIGTERM; {cause}" in "".join(lines)


def test_why_of_a_wait() -> None:
    """Who waits for the next attempt, or goes down with one that does, says when that is."""
    waits = sleeper("db", backoff=Backoff(initial=500, max=500, jitter=0))
    with running(waits, sleeper("web"), name="blog", strategy="rest_for_one") as tree:
        with watching(tree) as events:
            os.kill(pid(tree, "db"), signal.SIGKILL)
            events.until("web", "down")
        db, web = (done("why", path).splitlines()[0] for path in ("db", "web"))

        assert db.startswith("db is restarting because it ended with SIGKILL; restart 1 of 3")
        assert web.startswith("web is down because db ended with SIGKILL and blog is rest_for_one")
        assert all(re.search("; next attempt in (500|4[0-9][0-9]) s$", line) for line in (db, web))
        assert json.loads(done("why", "db", "--json"))["next_attempt"] > 0


def test_why_of_a_request() -> None:
    """What somebody asked for says so."""
    with running(sleeper("a"), name="blog") as tree:
        tree.terminate_child("a")

        assert (
            done("why", "a")
            == "a is down because it was told to stop\nbefore that, the tree was started\n"
        )
        assert done("why") == "the tree is running because the tree was started\n"
        assert "did you mean" in refused(1, "why", "aa")


def bad(**options: object) -> Child:
    return Command("bad", ["sh", "-c", "exit 3"], autostart=False, **options)  # type: ignore[arg-type]


def test_why_of_a_supervisor_that_gave_up() -> None:
    """A supervisor that gave up and stays down tells every end, the first to the last."""
    sub = Supervisor("sub", intensity=2, period=60, restart="transient", children=[bad()])
    with running(sub, name="blog") as tree:
        with watching(tree) as events:
            tree.start_child("sub/bad")
            events.until("sub", "down")
        told = done("why", "sub").splitlines()

        assert told[0].startswith("sub is down because it gave up")
        assert told == list(node(tree, "sub").why)


def test_why_of_a_tree_that_gave_up() -> None:
    """After its end, too: the last words, and every end from the first crash to the last."""
    sub = Supervisor("sub", intensity=1, period=60, children=[bad()])
    tree = Tree(Supervisor("blog", intensity=1, period=60, children=[sub, sleeper("a")]))
    with tree, watching(tree) as events:
        os.kill(pid(tree, "a"), signal.SIGKILL)
        events.until("a", "running")
        tree.start_child("sub/bad")
        halt = tree.wait(LONG)
        (last,) = [event for event in events.stream if event.kind == "halt"]
    told = done("why").splitlines()

    assert re.match("blog is not running; it ended [0-9]+s ago, in process ", told[0])
    assert told[1].startswith("blog gave up: its children ended too often, 2 times within 60 s")
    assert [
        line.partition("that: " if line[0] == " " else "last: ")[2] or line for line in told[2:]
    ] == [
        "a ended with SIGKILL",
        "2. sub gave up",
        "sub/bad ended with exit code 3",
        "   2. sub/bad ended with exit code 3",
    ]
    assert tuple(told[2:]) == explain.story(halt) == last.chain
    assert json.loads(done("why", "--json"))["kind"] == "gave_up"


def test_last_words() -> None:
    """They are those of the tree that is named, or that ended last; a running one comes first."""
    for name in ("one", "two"):
        with running(name=name):
            pass

    assert last_words.read().tree == "two"
    assert "one is not running" in done("why", "--tree", "one")
    assert "nothing is known of the end of tree 'three'" in refused(3, "why", "--tree", "three")

    with running(sleeper("a"), name="one"):
        assert "was started" in done("why", "--tree", "one")


def test_no_last_words(own: Path) -> None:
    """If nothing has ever run here, that is what is said; a broken file says nothing."""
    assert "nothing is known of the end of any tree" in refused(3, "why")

    (own / "x.ended").write_text("{}")

    assert "nothing is known" in refused(3, "why")


# graph


def test_graph() -> None:
    """The tree and its dependencies, in every form; of a running one with its states."""
    assert "rest_for_one, 5 restarts in 60 s" in done("graph", FASTBLOG)
    assert done("graph", FASTBLOG, "--format", "mermaid").count("flowchart") == 1
    assert done("graph", FASTBLOG, "--format", "dot").startswith("digraph")
    svg = done("graph", FASTBLOG, "--format", "svg")
    assert "main_app" in "".join(ElementTree.fromstring(svg).itertext())

    with running(sleeper("db"), sleeper("web", after=["db"]), name="shop"):
        text = done("graph")

    assert "running" in text or "●" in text
    assert "after db" in text

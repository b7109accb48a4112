"""`top`, the shell and the line of progress, on a real terminal."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, Supervisor, Tree, log_line
from otpsup.cli import progress
from otpsup.control import address
from tests.cli.test_cli import done, otpsup, sleeper, states
from tests.cli.test_cli_reading import without_extras
from tests.support.program import ARGV, run_text
from tests.support.terminal import terminal
from tests.support.trees import node, python, running
from tests.support.waiting import LONG, until


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is, and a history of one's own."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return folder


BUSY = "import os\nif os.fork():\n    os.wait()\nwhile True: pass"


@pytest.fixture
def tree() -> Iterator[Tree]:
    """One that does nothing, one whose own child is busy, one that is down."""
    busy = Command("busy", python(BUSY))
    with running(sleeper("idle"), busy, sleeper("lazy", autostart=False), name="shop") as tree:
        yield tree


# top


def spinning() -> list[dict[str, Any]] | None:
    """One look; None if the busy one has not had its turn meanwhile, as on a busy machine."""
    rows: list[dict[str, Any]] = json.loads(done("top", "--once", "--json"))
    return rows if rows[1]["processes"] == 2 and rows[1]["cpu"] > 1 else None


@pytest.mark.slow
def test_top_once(tree: Tree) -> None:
    """One look: what each child uses, with its descendants; also as JSON."""
    idle, busy, lazy = until(spinning)
    assert idle["pid"] == node(tree, "idle").pid
    assert (idle["processes"], busy["processes"], lazy["processes"]) == (1, 2, 0)
    assert idle["cpu"] < 1 < busy["cpu"]
    assert busy["memory"] > idle["memory"] > 0
    assert (lazy["cpu"], lazy["memory"], lazy["state"]) == (None, None, "down")
    heading = done("top", "--sort", "cpu").splitlines()[0]
    assert " ".join(heading.split()) == "CHILD STATE PID CPU % MEMORY PROCS UPTIME RESTARTS"
    until(lambda: by_cpu() == ["busy", "idle", "lazy"])


def by_cpu() -> list[str]:
    """One look, who takes most first; as above, the busy one may not have had its turn."""
    return [line.split()[0] for line in done("top", "--sort", "cpu").splitlines()[1:]]


def test_top_on_a_terminal(tree: Tree) -> None:
    """It fills the screen, is drawn again by itself, sorts by a key, and goes without a trace."""
    with terminal([*ARGV, "top", "--delay", "0.2"], columns=100) as screen:
        text = screen.until(lambda text: "lazy" in text)
        assert "shop is running: 2 of 3 up" in text
        assert text.index("idle ") < text.index("busy ") < text.index("lazy ")
        screen.type("c")
        screen.until(lambda t: "by cpu" in t and 0 <= t.find("busy ") < t.find("idle "))
        tree.start_child("lazy")
        screen.until(lambda text: "3 of 3 up" in text)
        screen.type("q")
        assert screen.end() == 0
    assert screen.seen.count(b"\x1b[?1049h") == screen.seen.count(b"\x1b[?1049l") == 1


@pytest.mark.slow
def test_top_when_the_tree_ends(tree: Tree) -> None:
    """It says so, on the screen that was there before."""
    with terminal([*ARGV, "top", "--delay", "0.2"]) as screen:
        screen.until(lambda text: "lazy" in text)
        tree.stop()
        assert screen.end() == 0
    assert screen.seen.endswith(b"shop has ended\r\n")


@pytest.mark.slow
def test_top_of_more_than_the_screen_has() -> None:
    """What does not fit is counted."""
    many = [sleeper(f"c{n}", autostart=False) for n in range(40)]
    with running(*many, name="shop"), terminal([*ARGV, "top"], rows=20) as screen:
        screen.until(lambda text: "26 more" in text)
        screen.type("q")
        assert screen.end() == 0


@pytest.mark.slow
def test_top_with_the_core_alone(tree: Tree, tmp_path: Path) -> None:
    """Without rich the table is drawn plainly; keys are the same."""
    without_extras(tmp_path, "--help")  # makes click and rich be absent
    with terminal([*ARGV, "top", "-d", "0.2"], PYTHONPATH=str(tmp_path)) as screen:
        screen.until(lambda text: "shop is running: 2 of 3 up" in text and "lazy" in text)
        screen.type("m")
        screen.until(lambda text: "by memory" in text)
        screen.type("q")
        assert screen.end() == 0


# Progress.


@pytest.fixture
def slow(own: Path) -> Iterator[Tree]:
    """A child that, when it is started, is not ready until a file is there."""
    code = "while [ ! -e ready ]; do sleep 0.01; done; echo up; exec sleep 1000"
    child = Command("slow", ["sh", "-c", code], cwd=own, ready=log_line("up"), autostart=False)
    with running(sleeper("db"), child, name="shop") as tree:
        yield tree


@pytest.mark.slow
def test_progress(slow: Tree, own: Path) -> None:
    """Whatever takes over a second says who is waited for; when it is done the line is gone."""
    with terminal([*ARGV, "start", "slow"]) as screen:
        screen.until(lambda text: re.search(r"waiting \d+s: slow is starting, ", text))
        (own / "ready").touch()
        assert screen.end() == 0
    assert screen.text == "slow: running"


@pytest.mark.slow
@pytest.mark.parametrize(
    "quiet", [pytest.param(["dumb"], marks=pytest.mark.slow), ["xterm", "--json"]]
)
def test_no_progress(quiet: list[str], slow: Tree, own: Path) -> None:
    """Where a line cannot be taken back, or a machine reads, there is none."""
    term, *more = quiet
    with terminal([*ARGV, "start", "slow", *more], TERM=term) as screen:
        with pytest.raises(AssertionError, match="not seen"):
            screen.until(lambda text: "starting" in text, within=2.5)
        assert screen.seen == b""
        (own / "ready").touch()
        assert screen.end() == 0


@pytest.mark.slow
def test_what_is_waited_for(slow: Tree, own: Path) -> None:
    """The words: who is on the way, for how long, and what for."""
    starting = slow.call_start("slow", (), "")
    until(lambda: node(slow, "slow").state == "starting")
    assert otpsup("wait", "slow", "--ready", "-t", "0.1").returncode == 1
    assert progress.summary(slow.status()).startswith("slow is starting, ")
    (own / "ready").touch()
    starting.result(LONG)


# The shell.


def test_shell_script(tree: Tree) -> None:
    """From a pipe: a command a line, without a prompt; errors do not end it; the exit code is the
    last one's."""
    script = "status lazy # a word\n\nfoo\nstart lazy\n'\notpsup stop idle\n"
    result = shell(script)
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("lazy  ○ down")
    assert lines[1:] == ["lazy: running", "idle: down"]
    assert "there is no command 'foo'" in result.stderr
    assert "No closing quotation: '" in result.stderr
    assert shell("start lazy\n").returncode == 1
    assert shell("foo\n").returncode == 2
    assert shell("start lazy\nexit\nstop\n").returncode == 1
    assert states(tree)["lazy"] == "running"


def shell(script: str, *args: str) -> subprocess.CompletedProcess[str]:
    return run_text("shell", *args, input=script)


@pytest.mark.slow
def test_shell_keeps_its_tree(tree: Tree) -> None:
    """The tree that it was started for is the one of every line, unless the line names another."""
    with running(sleeper("x"), name="other"):
        assert shell("pid x", "--tree", "other").returncode == 0
        assert "several trees are running" in shell("pid x").stderr
        both = shell("status\nstatus --tree shop\nhelp status\ngraph\n", "--tree", "other")
        assert both.stdout.startswith("other ")
        assert "\nshop " in both.stdout
        assert both.returncode == 0


@pytest.mark.slow
def test_shell_on_a_terminal(tree: Tree, own: Path) -> None:
    """A prompt with the tree's state; Tab completes commands, options and paths; Ctrl-C ends what a
    line is doing, and Ctrl-D the shell; lines are remembered for this user alone."""
    with terminal([*ARGV, "shell"]) as screen:
        screen.until(lambda text: text.endswith("shop ● running>"))
        screen.type("stat\tla\t\r")
        screen.until(lambda text: "lazy  ○ down" in text)
        assert "> status lazy" in screen.text
        screen.type("status --j\tidle\r")
        screen.until(lambda text: '"name": "idle"' in text and text.endswith("running>"))
        screen.type("wait none\r")
        screen.until(lambda text: "> wait none" in text)
        screen.until(lambda text: "waiting" in text or "(" in text.splitlines()[-1])
        screen.type("\x03")
        screen.until(lambda text: text.endswith("running>"))
        screen.type("\x03sto\t\x15\x04")
        assert screen.end() == 130
    history = own / "state/otpsup/history"
    assert history.read_text().splitlines() == ["status lazy ", "status --json idle", "wait none"]
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    with terminal([*ARGV, "shell"]) as screen:
        screen.until(lambda text: text.endswith("running>"))
        screen.type("\x1b[A\x1b[A")
        screen.until(lambda text: text.endswith("> status --json idle"))
        screen.type("\x15exit\r")
        assert screen.end() == 0


@pytest.mark.slow
def test_shell_without_a_tree() -> None:
    """It waits for commands all the same; each says that there is no tree."""
    with terminal([*ARGV, "shell"], NO_COLOR="1") as screen:
        screen.until(lambda text: text.endswith("otpsup>"))
        screen.type("status\r")
        screen.until(lambda text: "no tree is running" in text and text.endswith("otpsup>"))
        screen.type("\x04")
        assert screen.end() == 3
    assert b"\x1b[3" not in screen.seen


@pytest.mark.slow
def test_colour_of_a_tree(tree: Tree) -> None:
    """Colour on a terminal, and none with NO_COLOR."""
    with terminal([*ARGV, "status"]) as screen:
        assert screen.end() == 0
    assert b"\x1b[32m" in screen.seen
    with terminal([*ARGV, "status"], NO_COLOR="1") as screen:
        assert screen.end() == 0
    assert b"\x1b" not in screen.seen
    assert os.environ.get("NO_COLOR") is None


@pytest.mark.slow
def test_top_of_a_supervisor() -> None:
    """Supervisors have no line of their own; what is below them has, by its whole path."""
    sub = Supervisor("pool", children=[sleeper("w")])
    with running(sub, name="shop"):
        assert [row["path"] for row in json.loads(done("top", "--json"))] == ["pool/w"]

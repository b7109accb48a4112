"""`plan`, `update`, `scale`, `add`, `remove`, `check`, `schema`: trees from files, and changes."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from otpsup import Tree, copies, load
from otpsup.control import address
from tests.cli.test_cli import done, otpsup, pids, refused, sleeper, states
from tests.support import ROOT
from tests.support.program import ARGV, run_text
from tests.support.trees import running
from tests.support.waiting import LONG

SHOP = """\
name: shop
children:
  db:
    command: sleep 1000
  web:
    command: sleep 1000
    copies: 2
"""


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is, and a tree file."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    (folder / "shop.yaml").write_text(SHOP)
    return folder


@pytest.fixture
def tree(own: Path) -> Iterator[Tree]:
    """A tree that was made from the file."""
    file = own / "shop.yaml"
    with Tree(load(file), file=file) as tree:
        yield tree


def test_check(own: Path) -> None:
    """A good file is good; of a bad one every problem is a line, and there is a count."""
    good, bad = own / "shop.yaml", own / "bad.yaml"
    assert done("check", str(good), "examples.fastblog.tree:build") == (
        f"{good}: good, 3 children\nexamples.fastblog.tree:build: good, 4 children\n"
    )
    bad.write_text("name: shop\nchildren:\n  db:\n    comand: x\n    restart: often\n")
    result = otpsup("check", str(good), str(bad))
    lines = result.stdout.splitlines()
    assert result.returncode == 1
    assert lines[0] == f"{good}: good, 3 children"
    assert all(line.startswith(f"{bad}:") for line in lines[1:])
    assert result.stderr == f"otpsup: {len(lines) - 1} problems\n"
    values = json.loads(otpsup("check", str(bad), "--json").stdout)
    assert [value["file"] for value in values] == [str(bad)] * (len(lines) - 1)


def test_check_tells_what_plugins_cannot_be_made(own: Path) -> None:
    """By their names, and what was probably meant."""
    file = own / "plugs.yaml"
    file.write_text("name: shop\nchildren: {}\nplugins:\n  alert:\n  x: {use: 'nowhere:X'}\n")
    result = otpsup("check", str(file))
    assert result.returncode == 1
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{file}: plugins.alert: plug-in 'alert' cannot be made: there is no ")
    assert "did you mean 'alerts'?" in first
    assert "plugins.x: plug-in 'x' cannot be made: ModuleNotFoundError" in second


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("certificate: nope.pem", "web does not serve: cannot read nope.pem: No such file"),
        ("token_file: nope", "web does not serve: cannot read nope: No such file or directory"),
        ("token_file: empty", "web does not serve: empty has no token; `otpsup web token"),
    ],
)
def test_check_tells_what_a_server_would_not_find(own: Path, settings: str, says: str) -> None:
    """As far as it can be known without serving anything: whatever is right there is good."""
    file = own / "plugs.yaml"
    (own / "empty").touch()
    head = "name: shop\nchildren: {}\nplugins:\n  web: {listen: '127.0.0.1:1'"
    file.write_text(f"{head}, {settings.replace(': ', f': {own}/')}}}\n")
    result = otpsup("check", str(file))
    assert result.returncode == 1
    told = result.stdout.replace(f"{own}/", "")
    assert told.startswith(f"plugs.yaml: plugins.web: {says}")
    file.write_text(f"{head}}}\n")
    assert done("check", str(file)) == f"{file}: good, 0 children\n"


def test_what_is_wrong_with_a_file(own: Path) -> None:
    """run, graph and the like tell every problem on a line of stderr, and a count."""
    bad = own / "bad.yaml"
    bad.write_text("name: shop\nchildren:\n  db:\n    comand: x\n    restart: often\n")
    for command in ("run", "graph"):
        result = otpsup(command, str(bad))
        assert (result.returncode, result.stdout) == (1, "")
        *problems, count = result.stderr.splitlines()
        assert problems
        assert all(line.startswith(f"{bad}:") for line in problems)
        assert count == f"otpsup: {len(problems)} problems"


def test_schema() -> None:
    """The JSON Schema of tree files."""
    assert "$schema" in json.loads(done("schema"))


def test_graph_and_simulate(own: Path) -> None:
    """A tree file is a tree for them, too."""
    file = str(own / "shop.yaml")
    assert "web-2" in done("graph", file)
    assert "web-1 is up again" in done("simulate", file, "--kill", "web-1")


def test_run_a_file(own: Path) -> None:
    """`run FILE` runs it; `plan` knows which file it was."""
    argv = [*ARGV, "run", str(own / "shop.yaml"), "--name", "mine"]
    with subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.DEVNULL) as program:
        try:
            assert done("wait", "--ready", "-t", "30", "--json")
            assert done("plan") == "nothing to do: 3 children stay as they are\n"
            program.send_signal(signal.SIGTERM)
            assert program.wait(LONG) == 0
        finally:
            program.kill()


def test_plan_and_update(tree: Tree, own: Path) -> None:
    """The plan says what would be done, and nothing is; the update does it, and touches no more."""
    changed = SHOP.replace("copies: 2", "copies: 3").replace("sleep 1000", "sleep 2000", 1)
    (own / "shop.yaml").write_text(changed)
    before = pids(tree)
    plan = done("plan")
    assert pids(tree) == before
    lines = plan.splitlines()
    assert any(line.startswith("~ restart db: ") for line in lines)
    assert any(line.startswith("+ start web-3") for line in lines)
    assert lines[-1] == "1 to restart, 1 to start, 2 stay as they are"
    values = json.loads(done("plan", "--json"))
    assert {value["path"]: value["action"] for value in values} == {
        "db": "restart", "web-1": "stay", "web-2": "stay", "web-3": "start",
    }  # fmt: skip
    done("update")
    after = pids(tree)
    assert after["db"] != before["db"]
    assert (after["web-1"], after["web-2"]) == (before["web-1"], before["web-2"])
    assert states(tree)["web-3"] == "running"
    assert done("update") == "nothing to do: 4 children stay as they are\n"


def test_an_update_that_fails(tree: Tree, own: Path) -> None:
    """What became of each is told, and the exit code is 1; of a bad file nothing is carried out."""
    file = own / "other.yaml"
    file.write_text(SHOP + "  bad:\n    command: /no/such/program\n")
    result = otpsup("update", str(file))
    assert (result.returncode, result.stdout) == (1, "")
    assert "nothing was changed, for this cannot be started: bad: " in result.stderr
    assert "; would fail: there is no program " in otpsup("plan", str(file)).stdout

    file.write_text(SHOP + "  bad:\n    command: 'false'\n    ready: {stays_up: 60s}\n")
    result = otpsup("update", str(file))
    assert result.returncode == 1
    assert "+ start bad" in result.stdout
    assert "; failed: " in result.stdout
    assert result.stderr == "otpsup: 1 of 1 change failed\n"

    before = pids(tree)
    file.write_text("name: shop\nchildren:\n  db:\n    comand: x\n")
    result = otpsup("update", str(file))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{file}:")
    assert result.stderr.splitlines()[-1].startswith("otpsup: ")
    assert pids(tree) == before


def test_no_file() -> None:
    """A tree that was made by a program has no file to be updated from."""
    with running(sleeper("a"), name="shop"):
        assert "file" in refused(1, "plan")


def test_scale() -> None:
    """Copies come and go at the end; the others are left alone."""
    with running(*copies(2, lambda n: sleeper("web")), name="shop") as tree:
        before = pids(tree)
        assert "+ start web-3" in done("scale", "web", "3")
        assert states(tree) == dict.fromkeys(["web-1", "web-2", "web-3"], "running")
        assert "- stop web-2" in done("scale", "web", "1")
        assert pids(tree) == {"web-1": before["web-1"]}
        assert "nope" in refused(1, "scale", "nope", "3")


def test_add_and_remove(tree: Tree, own: Path) -> None:
    """Children from a file or from standard input; gone without a trace when they are removed."""
    file = own / "more.yaml"
    file.write_text("name: job\ncommand: sleep 1000\n")
    assert done("add", str(file)) == "job: running\n"
    text = "children:\n  j1:\n    command: sleep 1000\n  j2:\n    command: sleep 1000\n"
    result = run_text("add", "-", input=text)
    assert (result.returncode, result.stdout) == (0, "j1: running\nj2: running\n"), result.stderr
    assert done("remove", "j*", "job") == "j2: removed\nj1: removed\njob: removed\n"
    assert set(states(tree)) == {"db", "web-1", "web-2"}

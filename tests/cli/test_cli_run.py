"""`otpsup run`: a program whose whole job is a tree."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from otpsup.control import address
from tests.cli.test_cli import done, refused
from tests.support import ROOT
from tests.support.program import ARGV
from tests.support.waiting import LONG

SHOP = """
from otpsup import Command, Supervisor
import beside
def build():
    return Supervisor("shop", children=[Command("web", beside.ARGV)], intensity=0)
"""


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is, and a module with one."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    (folder / "shop.py").write_text(SHOP)
    (folder / "beside.py").write_text("ARGV = ['sleep', '1000']")
    return folder


@contextmanager
def run(folder: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    """The program, killed at the end if it still runs."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv = [*ARGV, "run", *args]
    with subprocess.Popen(argv, cwd=folder, env=env, text=True, stderr=subprocess.PIPE) as program:
        try:
            yield program
        finally:
            program.kill()


@pytest.mark.parametrize(
    "target",
    [
        "shop",
        pytest.param("shop:build", marks=pytest.mark.slow),
        pytest.param("shop.py:build", marks=pytest.mark.slow),
    ],
)
def test_run(own: Path, target: str) -> None:
    """A tree in a module of the current folder runs in the foreground until SIGTERM."""
    with run(own, target, "--name", "mine") as program:
        assert done("wait", "--ready", "--timeout", "30") == "shop: running\n"
        assert done("status", "--tree", "mine").startswith("shop ")
        program.send_signal(signal.SIGTERM)
        _, log = program.communicate(timeout=LONG)
    assert program.returncode == 0
    assert "INFO    mine: web is up (pid " in log
    assert "\033" not in log


def test_the_log_as_json(own: Path) -> None:
    """A JSON object a line, from the level on that was asked for."""
    with run(own, "shop", "--log-format", "json", "--log-level", "WARNING") as program:
        pid = int(done("wait", "web", "--ready", "-t", "30") and done("pid", "web"))
        os.kill(pid, signal.SIGKILL)
        _, log = program.communicate(timeout=LONG)
    assert program.returncode == 1
    *lines, last = log.splitlines()
    records = [json.loads(line)["record"] for line in lines if line.startswith("{")]
    assert records
    assert all(record["level"]["no"] >= 30 for record in records)
    assert "gave up" in log
    assert not last.startswith("{")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("nosuch", "there is no module 'nosuch'; to name one in a module, write MODULE:NAME"),
        ("json:dumps", "cannot be called without arguments"),
        ("otpsup", "has none of tree, TREE, spec, build"),
    ],
)
def test_what_cannot_be_run(target: str, expected: str) -> None:
    """What is no tree is one line, and exit code 1."""
    assert expected in refused(1, "run", target)


def test_a_file_elsewhere(own: Path, tmp_path: Path) -> None:
    """What lies beside a file can be imported by it, wherever one is."""
    with run(tmp_path, f"{own}/shop.py:build") as program:
        assert done("wait", "web", "--ready", "-t", "30") == "web: running\n"
        program.send_signal(signal.SIGTERM)
        assert program.wait(LONG) == 0


PLUGINS = {
    "tree.yaml": """
name: shop
children: []
plugins: {healthz: {collectors: {mine: "beside:look"}}}
""",
    "shop.py": """
from otpsup import Healthz, Supervisor, Tree
import beside
tree = Tree(Supervisor("shop", children=[]), plugins=[Healthz(collectors={"mine": beside.look})])
""",
}


@pytest.mark.parametrize(
    ("target", "file"),
    [
        ("tree.yaml", "tree.yaml"),
        pytest.param("shop", "shop.py", marks=pytest.mark.slow),
        pytest.param("shop:tree", "shop.py", marks=pytest.mark.slow),
    ],
)
def test_plugins_come_along(own: Path, target: str, file: str) -> None:
    """Those in the file, and those of a `Tree` in a module."""
    (own / file).write_text(PLUGINS[file])
    (own / "beside.py").write_text(
        "from otpsup.healthz import Metric\ndef look():\n    return [Metric('answer', 42)]\n"
    )
    with run(own, target) as program:
        until_up(program)
        assert "[+]mine/answer 42\n" in done("healthz", "--include", "mine")


def until_up(program: subprocess.Popen[str]) -> None:
    """Read its log until the tree is up."""
    assert program.stderr is not None
    for line in program.stderr:
        if "the tree is up" in line:
            return
    raise AssertionError("it has ended")

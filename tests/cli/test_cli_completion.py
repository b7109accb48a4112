"""Completion: the same offers for bash, zsh, fish and our own shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import Supervisor, Tree
from otpsup.cli.commands import COMMANDS
from otpsup.cli.completion import candidates
from otpsup.control import address
from tests.cli.test_cli import done, otpsup, sleeper
from tests.support import ROOT
from tests.support.trees import running


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    return folder


@pytest.fixture
def tree() -> Iterator[Tree]:
    sub = Supervisor("pool", children=[sleeper("w-1"), sleeper("w-2")])
    with running(sleeper("web"), sleeper("two words"), sub, name="shop") as tree:
        yield tree


def offered(*words: str) -> list[str]:
    return [value for value, _ in candidates(words)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sta"], ["status", "stacks", "start"]),
        (["nonsense", ""], []),
        (["status", "w"], ["web"]),
        (["status", "--json", "pool/w-"], ["pool/w-1", "pool/w-2"]),
        (["status", "web", "poo"], ["pool", "pool/w-1", "pool/w-2"]),
        (["info", "web", ""], []),
        (["status", "--tree", "s"], ["shop"]),
        (["status", "--tree", "=", "s"], ["shop"]),
        (["status", "--tree=s"], ["--tree=shop"]),
        (["restart", "--ro"], ["--rolling"]),
        (["restart", "--", "--ro"], []),
        (["tail", "web", "std"], ["stdout", "stderr"]),
        (["tail", "-n", "5", "web", "stde"], ["stderr"]),
        (["signal", "web", "US"], ["USR1", "USR2"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["graph", "--format", "d"], ["dot"]),
        (["top", "-s", "m"], ["memory"]),
        (["simulate", "--kill", "we"], ["web"]),
        (["simulate", "--kill=we"], ["--kill=web"]),
        (["graph", "sh"], ["shop"]),
        (["check", "docs/reference/cl"], ["docs/reference/cli.md"]),
        (["check", "docs/ref"], ["docs/reference/"]),
    ],
)
def test_what_is_offered(
    tree: Tree, words: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands, options and their values, and what runs right now."""
    monkeypatch.chdir(ROOT)
    assert offered(*words) == expected


def test_without_a_tree() -> None:
    """Nothing runs: no paths, and no error."""
    assert offered("status", "") == []
    assert offered("status", "--tree", "") == []
    assert offered("status", "--socket", "/none", "") == []


@given(st.lists(st.sampled_from([*COMMANDS, "--json", "--tree", "-n", "--", "=", "x", ""])))
def test_no_line_is_too_odd(words: list[str]) -> None:
    """Whatever is on the line, there is an answer, and all of it goes on with what was typed."""
    typed = ([word for word in words if word != "="] or [""])[-1]
    assert all(value.startswith(typed) for value in offered(*words))


def test_what_the_scripts_ask(tree: Tree) -> None:
    """`otpsup __complete WORDS`: a line each, the word and what it is."""
    assert done("__complete", "stop", "we") == "web\trunning\n"
    assert done("__complete") == done("__complete", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_sound(shell: str, tmp_path: Path) -> None:
    """The shell itself finds nothing wrong with its script, where there is such a shell."""
    script = tmp_path / "script"
    script.write_text(done("completion", shell))
    assert "__complete" in script.read_text()
    if found := shutil.which(shell):
        checked = subprocess.run([found, "-n", str(script)], capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, b"")


def test_other_shells() -> None:
    """What is no shell that we know is wrong usage."""
    result = otpsup("completion", "tcsh")
    assert (result.returncode, result.stdout) == (2, "")
    assert "expected one of bash, zsh, fish, not 'tcsh'" in result.stderr


BASH = """
source script
COMP_WORDS=({words}) COMP_CWORD={number}
_otpsup
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["otpsup", "sta"], ["status", "stacks", "start"]),
        (["otpsup", "stop", "two"], [r"two\ words"]),
        (["otpsup", "status", "--tree", "=", "sh"], ["shop"]),
        (["otpsup", "status", "''"], ["web", r"two\ words", "pool", "pool/w-1", "pool/w-2"]),
    ],
)
def test_bash(tree: Tree, tmp_path: Path, words: list[str], expected: list[str]) -> None:
    """bash gets, from its own script, what is offered; names with blanks come quoted."""
    (tmp_path / "script").write_text(done("completion", "bash"))
    program = tmp_path / "otpsup"
    program.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m otpsup "$@"\n')
    program.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    text = BASH.format(words=" ".join(words), number=len(words) - 1)
    result = subprocess.run(
        ["bash", "-c", text], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == expected

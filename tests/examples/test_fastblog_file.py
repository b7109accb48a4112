"""FastBlog's tree file: the same tree as in Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import otpsup
from examples.fastblog.data_dir import DataDir
from examples.fastblog.tree import SOURCE_ROOT, Settings, build, from_file, plugins
from otpsup import Tree

FILE = SOURCE_ROOT / "examples" / "fastblog" / "fastblog.yaml"


@pytest.mark.parametrize("ports", [(12345, 8001, 9421, 9422), (1, 2, 3, 4)])
def test_it_is_the_same_tree(ports: tuple[int, int, int, int], tmp_path: Path) -> None:
    """With the same settings, file and program give equal trees."""
    settings = Settings(DataDir(tmp_path), "a token", *ports)
    tree = from_file(FILE, settings)
    assert tree.spec == build(settings)
    assert tree.plugins == Tree(build(settings), plugins=plugins(settings)).plugins


def test_variables_have_defaults() -> None:
    """Without the program, one variable has to be set."""
    with pytest.raises(
        otpsup.InvalidFile, match="FASTBLOG_IPC_TOKEN} is not set: what IPC clients"
    ):
        otpsup.load(FILE, environ={})
    tree = otpsup.load(FILE, environ={"FASTBLOG_IPC_TOKEN": "x"})
    assert isinstance(tree, otpsup.Supervisor)
    assert [child.name for child in tree.children][-1] == "updater"


def test_a_bad_file(tmp_path: Path) -> None:
    """The program says what is wrong with the file, and nothing is started or made."""
    (tmp_path / "bad.yaml").write_text("name: fastblog\nchildren: {web: {comand: x}}\n")
    result = subprocess.run(
        [sys.executable, "-m", "examples.fastblog", "--config", "bad.yaml", "--data", "data"],
        cwd=tmp_path, env={"PYTHONPATH": str(SOURCE_ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr == (
        "fastblog: cannot use bad.yaml:\n"
        "bad.yaml:2:18: children.web.comand: unknown key 'comand'; did you mean 'command'?\n"
    )
    assert not (tmp_path / "data").exists()

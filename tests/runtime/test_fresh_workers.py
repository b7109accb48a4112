"""What each worker has of its own, although all are forks of one process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from otpsup import Worker
from tests.support import targets
from tests.support.trees import node, running


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for modules that workers can import."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return tmp_path


def test_workers_draw_different_random_numbers(modules: Path) -> None:
    """No two workers share their random numbers, nor do an earlier and a later incarnation."""
    (modules / "drawing.py").write_text(
        "import random\nfrom tests.support import targets\nrandom.seed(7)\n"
        "def work(): targets.ready(random.random())\n"
    )
    specs = [Worker(name, "drawing:work", ready="notify") for name in ("a", "b")]
    with running(*specs) as tree:
        drawn = {node(tree, name).info for name in ("a", "b")}
        assert len({*drawn, tree.restart("a").info}) == 3


@pytest.mark.parametrize("when", ["before", "after_in_parent", "after_in_child"])
def test_hooks_of_a_workers_module_run(modules: Path, when: str) -> None:
    """What a module registers for forks is called around that which makes the worker, where it
    asked for that."""
    log = modules / "log"
    (modules / "hooked.py").write_text(
        "import os\nfrom tests.support import targets\npid = os.getpid()\n"
        f"def note():\n    with open({str(log)!r}, 'a') as file: print(os.getpid(), file=file)\n"
        f"os.register_at_fork({when}=note)\n"
        "def work(): targets.ready([pid, os.getpid()])\n"
    )
    with running(Worker("w", "hooked:work", ready="notify")) as tree:
        zygote, own = node(tree, "w").info
        noted = [int(line) for line in log.read_text().split()]
        assert (own if when == "after_in_child" else zygote) in noted


def test_what_changes_in_the_host_reaches_the_next_worker(
    modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments and path are those that the host has when it starts the worker, also if another
    one has been started with others; and they come back."""
    (modules / "telling.py").write_text(
        "import sys\nfrom tests.support import targets\n"
        "def work(): targets.ready([sys.argv, sys.path])\n"
    )
    with running(Worker("w", "telling:work", ready="notify")) as tree:
        before = node(tree, "w").info
        monkeypatch.setattr(sys, "argv", ["changed"])
        monkeypatch.setattr(sys, "path", [*sys.path, "/nowhere"])
        assert tree.restart("w").info == [["changed"], [*before[1], "/nowhere"]]
        monkeypatch.undo()
        monkeypatch.syspath_prepend("/elsewhere")
        monkeypatch.setattr(sys, "path", [*sys.path, str(modules)])
        assert "/elsewhere" in tree.restart("w").info[1]


def test_a_workers_stdin_is_empty() -> None:
    """It reads the end at once, from a file of its own."""
    with running(Worker("w", read_stdin, ready="notify")) as tree:
        assert node(tree, "w").info == ["", os.devnull, "utf-8"]


def read_stdin() -> None:
    """What is there, of what, and how it is decoded."""
    text = sys.stdin.read()
    targets.ready([text, os.readlink(f"/proc/self/fd/{sys.stdin.fileno()}"), sys.stdin.encoding])  # noqa: PTH115

"""What an operator starts runs the code of now, although the zygote has imported an older one."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from otpsup import Supervisor, Tree, Worker
from tests.support.strays import descendants
from tests.support.strays import no_strays as no_strays
from tests.support.trees import node, pid, running, watching
from tests.support.waiting import descriptors, gone, until

pytestmark = pytest.mark.usefixtures("no_strays")

CODE = """
import signal, otpsup
from {other} import VERSION
def work():
    otpsup.current_child().ready(VERSION)
    signal.pause()
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a worker's module, `newcode`, and one that this imports."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    (tmp_path / "newcode.py").write_text(CODE.format(other="newcode_version"))
    deploy(tmp_path, 1)
    return tmp_path


def deploy(folder: Path, version: int) -> None:
    """Put another version into place, as a deployment does."""
    file = folder / "new"
    file.write_text(f"VERSION = {version}\n")
    os.utime(file, (version, version))  # the import system goes by whole seconds of this
    file.replace(folder / "newcode_version.py")


def worker(name: str = "w") -> Worker:
    return Worker(name, "newcode:work", ready="notify")


def test_a_restart_on_request_runs_the_new_code(code: Path) -> None:
    """Also where what has changed is what the worker's module imports; so do a stop and a start."""
    with running(worker()) as tree:
        assert node(tree, "w").info == 1
        deploy(code, 2)
        assert tree.restart("w").info == 2
        deploy(code, 3)
        tree.terminate_child("w")
        assert tree.start_child("w").info == 3


def test_a_restart_after_a_crash_runs_what_ran(code: Path) -> None:
    """A deployment that is half-way must not come in by a crash."""
    with running(worker()) as tree, watching(tree) as events:
        deploy(code, 2)
        os.kill(pid(tree, "w"), signal.SIGKILL)
        events.until("w", "running")
        assert node(tree, "w").info == 1


def test_others_are_not_touched_and_their_zygote_goes_with_the_last(code: Path) -> None:
    """Who runs the old code goes on with it; when nobody does, the old zygote is gone; nothing of
    it is kept."""
    with running(worker("a"), worker("b"), shutdown=5) as tree:
        old = psutil.Process(pid(tree, "b")).parent()
        assert old is not None
        before, a = len(descriptors()), pid(tree, "a")
        deploy(code, 2)
        assert tree.restart("b").info == 2
        assert pid(tree, "a") == a
        assert old.is_running()
        assert tree.restart("a").info == 2
        gone(old.pid)
        until(lambda: len(descriptors()) <= before)
        zygotes = {process.ppid() for process in descendants() if process.pid == pid(tree, "a")}
        assert zygotes == {psutil.Process(pid(tree, "b")).ppid()}


def test_without_new_code_the_zygote_stays(code: Path) -> None:
    """A restart is no reason to import all anew."""
    with running(worker()) as tree:
        before = psutil.Process(pid(tree, "w")).ppid()
        tree.restart("w")
        assert psutil.Process(pid(tree, "w")).ppid() == before


def test_a_reload_that_names_new_modules_warms_them_up(code: Path) -> None:
    """And what changed runs the new code, with all others untouched."""
    (code / "newcode_more.py").write_text(CODE.format(other="newcode_version"))
    with Tree(Supervisor("t", children=[worker("a"), worker("b")])) as tree:
        a = pid(tree, "a")
        deploy(code, 2)
        more = Worker("c", "newcode_more:work", ready="notify")
        changed = Worker("b", "newcode:work", ready="notify", environment={"X": "1"})
        tree.reload(Supervisor("t", children=[worker("a"), changed, more]))
        assert [node(tree, path).info for path in "abc"] == [1, 2, 2]
        assert pid(tree, "a") == a


def test_a_retired_zygote_that_dies_takes_its_workers_along_and_they_come_back(code: Path) -> None:
    """It is no less watched than the one in use."""
    with running(worker("a"), worker("b"), intensity=10) as tree, watching(tree) as events:
        old = psutil.Process(pid(tree, "a")).ppid()
        deploy(code, 2)
        tree.restart("b")
        b = pid(tree, "b")
        os.kill(old, signal.SIGKILL)
        events.until("a", "restarting")
        events.until("a", "running")
        assert node(tree, "a").info == 2
        assert pid(tree, "b") == b

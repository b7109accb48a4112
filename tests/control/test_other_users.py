"""Other users' processes: they cannot steer a tree, nor put anything in the place of its socket."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from otpsup import Command
from otpsup.control import address
from otpsup.control.address import DIRECTORY, UnsafeDirectory
from tests.support.hosts import public_python
from tests.support.trees import node, running
from tests.support.waiting import LONG

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

NOBODY, DAEMON = 65534, 1

ASK = """if 1:
    import sys
    from otpsup import OtpsupError, TreeClient
    from pathlib import Path
    for verb, *args in (("status",), ("terminate_child", "c"), ("shutdown",)):
        try:
            getattr(TreeClient.connect(path=Path(sys.argv[1])), verb)(*args)
        except OtpsupError as error:
            print(f"{type(error).__name__}: {error}")
"""


def ask(path: Path, user: int) -> list[str]:
    """What a process of this user is told."""
    python, import_path = public_python()
    done = subprocess.run(
        [python, "-c", ASK, str(path)], env={"PYTHONPATH": import_path},
        user=user, group=user, extra_groups=[], cwd="/", capture_output=True, text=True,
        timeout=LONG,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.splitlines()


@contextlib.contextmanager
def open_to_all(path: Path) -> Iterator[None]:
    """As somebody may have left a socket who thought that it would be handy."""
    path.parent.chmod(0o755)
    path.chmod(0o666)
    try:
        yield
    finally:
        path.parent.chmod(0o700)


def test_the_files_keep_others_out() -> None:
    """With the modes that they are made with, nobody else comes as far as the socket."""
    with running(Command("c", ["sleep", "100"]), name="private") as tree:
        path = address.find("private")
        told = [f"NotRunning: no tree answers at {path}: Permission denied"] * 3
        assert ask(path, NOBODY) == told
        assert node(tree, "c").state == "running"


@pytest.mark.slow
def test_the_kernel_tells_who_comes() -> None:
    """Where the files let others in, they are known by SO_PEERCRED and refused, each with a reason
    that says whose tree it is; root, whose tree it is, is served at the same time."""
    with running(Command("c", ["sleep", "100"]), name="private") as tree:
        path = address.find("private")
        with open_to_all(path):
            told = f"NotPermitted: user {NOBODY} may not steer this tree: it is user 0's"
            assert ask(path, NOBODY) == [told] * 3
            assert node(tree, "c").state == "running"
            assert ask(path, 0) == []
        assert tree.wait(LONG).kind == "stopped"


def test_a_folder_that_others_can_swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of ours in one of somebody else's, or where anybody may write, is refused: he could
    put another in its place; the message names which, and what to do."""
    theirs = tmp_path / "theirs"
    (theirs / "ours").mkdir(parents=True)
    (theirs / "ours").chmod(0o700)
    monkeypatch.setenv(DIRECTORY, str(theirs / "ours"))
    assert address.directory() == theirs / "ours"
    for owner, mode in ((NOBODY, 0o755), (0, 0o777)):
        os.chown(theirs, owner, owner)
        theirs.chmod(mode)
        expected = f"for {re.escape(str(theirs))} is theirs, or anybody may write there; set"
        with pytest.raises(UnsafeDirectory, match=expected):
            address.directory()
        with pytest.raises(UnsafeDirectory):
            address.listen("x")
    theirs.chmod(0o1777)  # as /tmp: only who owns a folder can rename it
    assert address.directory() == theirs / "ours"


def test_a_link_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that somebody else has put there, in a folder where anybody may, is not followed."""
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o1777)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    link = public / "otpsup-0"
    link.symlink_to(tmp_path / "elsewhere")
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    monkeypatch.setenv(DIRECTORY, str(link))
    with pytest.raises(UnsafeDirectory, match="must be a folder of yours that nobody else can"):
        address.listen("x")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was made before ours could be, at the place where ours would be."""
    folder = tmp_path / "otpsup-0"
    folder.mkdir(mode=0o700)
    os.chown(folder, DAEMON, DAEMON)
    monkeypatch.setenv(DIRECTORY, str(folder))
    with pytest.raises(UnsafeDirectory, match=re.escape(str(folder))):
        address.directory()


def test_a_child_that_is_somebody_else_may_ask_its_tree() -> None:
    """What a child may ask for depends on its being a child, and not on its user: it hands over a
    connection of its own, and is not let in at the socket."""
    python, import_path = public_python()
    code = "from otpsup import current_child as c; c().ready(len(c().tree.which_children('')))"
    child = Command(
        "c", [python, "-c", f"{code}; input()"], environment={"PYTHONPATH": import_path},
        user="nobody", ready="notify", cwd="/", restart="temporary",
    )  # fmt: skip
    with running() as tree:
        assert tree.start_child(child).info == 1

"""Where control sockets are: only where nobody else can put theirs, and found again."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from otpsup import NotRunning, Supervisor, Tree, TreeClient
from otpsup.control import address
from otpsup.control.address import DIRECTORY, UnsafeDirectory
from tests.support.hosts import public_python
from tests.support.trees import running
from tests.support.waiting import LONG

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place with a short name; the folder for sockets is to be `otp` in it."""
    name = tempfile.mkdtemp(prefix="adr-", dir="/tmp")
    monkeypatch.setenv(DIRECTORY, f"{name}/otp")
    yield Path(name)
    shutil.rmtree(name)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def dead_socket(path: Path) -> Path:
    """A socket whose tree is gone without taking it away."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
    return path


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_modes(umask: int, base: Path) -> None:
    """The folder is made with mode 0700 and the socket with 0600, whatever the umask."""
    before = os.umask(umask)
    try:
        sock, path = address.listen("mine")
    finally:
        os.umask(before)
    with sock:
        assert (mode(base / "otp"), mode(path)) == (0o700, 0o600)
        assert path == base / "otp" / f"mine-{os.getpid()}.sock"


def test_where(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$OTPSUP_RUNTIME_DIR, else otpsup in $XDG_RUNTIME_DIR, else a folder of this user in /tmp."""
    assert address.directory() == base / "otp"
    monkeypatch.delenv(DIRECTORY)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    assert address.directory() == base / "otpsup"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert address.directory() == Path(f"/tmp/otpsup-{os.geteuid()}")


def make_open(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


def make_open_to_group(path: Path) -> None:
    path.mkdir()
    path.chmod(0o770)


def make_link(path: Path) -> None:
    (path.parent / "elsewhere").mkdir(mode=0o700)
    path.symlink_to(path.parent / "elsewhere")


def make_foreign(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make folders of others")
    path.mkdir(mode=0o700)
    os.chown(path, NOBODY, NOBODY)


def make_file(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize(
    "make", [make_open, make_open_to_group, make_link, make_foreign, make_file]
)
def test_unsafe_folders(make: object, base: Path) -> None:
    """A folder that others can write to, a link, somebody else's folder and a file are refused,
    with the path and what to do; nothing is put there."""
    assert callable(make)
    make(base / "otp")
    for use in (address.directory, address.running, address.find):
        with pytest.raises(UnsafeDirectory, match=re.escape(str(base / "otp"))) as caught:
            use()
        assert f"set {DIRECTORY} to one that" in str(caught.value)
    with pytest.raises(UnsafeDirectory):
        address.listen("x")
    assert not list(base.rglob("*.sock"))


def test_a_tree_without_a_socket_runs(base: Path) -> None:
    """Where no socket can be made a tree runs all the same; its log says why it has none."""
    make_open(base / "otp")
    lines: list[str] = []
    handler = logger.add(lines.append, format="{message}")
    logger.enable("otpsup")
    try:
        with running(name="alone") as tree:
            assert tree.status().state == "running"
    finally:
        logger.disable("otpsup")
        logger.remove(handler)
    assert any("alone has no control socket: cannot use /tmp" in line for line in lines)


@pytest.mark.slow
@needs_root
def test_other_users_cannot_connect() -> None:
    """Another user can neither see the folder nor connect to the socket in it."""
    code = """if 1:
        import sys
        from otpsup import NotRunning, TreeClient
        from pathlib import Path
        try:
            TreeClient.connect(path=Path(sys.argv[1])).status()
        except NotRunning as error:
            print(error)
    """
    python, path = public_python()
    with running(name="private") as tree:
        found = address.find("private")
        for folder_is_open in (False, True):
            if folder_is_open:  # as one that its user made may be: the socket's own mode is enough
                found.parent.chmod(0o755)
            try:
                said = subprocess.run(
                    [python, "-c", code, str(found)], env={"PYTHONPATH": path},
                    user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
                    capture_output=True, text=True, timeout=LONG,
                )  # fmt: skip
            finally:
                found.parent.chmod(0o700)
            assert said.stdout == f"no tree answers at {found}: Permission denied\n", said.stderr
        assert tree.status().state == "running"


def test_a_dead_socket_is_taken_away(base: Path) -> None:
    """The socket of a tree that was killed is removed by whoever looks for trees."""
    process = subprocess.Popen(["true"])
    process.wait()
    dead = dead_socket(address.directory() / f"old-{process.pid}.sock")
    with pytest.raises(NotRunning, match="no tree is running; start one"):
        address.find()
    assert not dead.exists()


def test_a_dead_socket_is_no_obstacle(base: Path) -> None:
    """A socket left by an earlier process with this pid is replaced."""
    dead = dead_socket(address.directory() / f"mine-{os.getpid()}.sock")
    with Tree(Supervisor("mine", children=[])), TreeClient.connect("mine") as client:
        assert client.status().name == "mine"
    assert not dead.exists()


def test_a_tree_that_is_starting_keeps_its_socket(base: Path) -> None:
    """A socket on which nobody listens yet is left alone while its process lives."""
    sock = dead_socket(address.directory() / f"young-{os.getpid()}.sock")
    assert address.running() == []
    assert sock.exists()


def test_a_stuck_tree_holds_nobody_up(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a tree that lets nobody in, so many may wait, and no more. Whoever looks for another tree
    finds that all the same; whoever wants this one is told before long."""
    monkeypatch.setattr(address, "_PATIENCE", 1)
    sock, path = address.listen("stuck")
    other, there = address.listen("other")
    with sock, other, contextlib.ExitStack() as waiting:
        for _ in range(10_000):
            knocking = waiting.enter_context(socket.socket(socket.AF_UNIX))
            knocking.setblocking(False)
            if knocking.connect_ex(str(path)):
                break
        assert address.find("other") == there
        assert address.running() == [there, path]
        with pytest.raises(NotRunning, match="let nobody in for 1 s: its process is stopped"):
            address.connect(path)
        sock.accept()[0].close()
        with address.connect(path) as late:
            assert late.getblocking()


def test_no_tree(base: Path) -> None:
    """Without a tree, and with a name that none has, the message says what is running."""
    with pytest.raises(NotRunning, match="no tree 'web' is running; running now: none"):
        address.find("web")
    with running(name="blog"):
        with pytest.raises(NotRunning, match=rf"'web' is .*now: blog-{os.getpid()}$"):
            address.find("web")
        assert address.find() == address.find("blog") == address.find(f"blog-{os.getpid()}")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/nonexistent/x.sock", "No such file or directory"),
        ("/", "Connection refused"),
        ("/tmp/" + "x" * 200, "AF_UNIX path too long"),
    ],
)
def test_nobody_answers(path: str, why: str) -> None:
    """A path where no tree answers is an error that says where and why."""
    with pytest.raises(NotRunning, match=f"no tree answers at {path}: {why}"):
        TreeClient.connect(path=Path(path))


@pytest.mark.parametrize(
    "name",
    ["a/b", "../x", "два дерева", "樹" * 40, "😀" * 40, "-", "a-1", ".b"],
    ids=["slash", "up", "blank", "trees", "faces", "dash", "number", "dot"],
)
def test_any_name(name: str, base: Path) -> None:
    """A tree of any name has a socket in that folder, and is found by its name."""
    with Tree(Supervisor("root", children=[]), name=name):
        path = address.find(name)
        assert path.parent == base / "otp"
        assert list(path.parent.glob("*.sock")) == [path]
        assert len(list(path.parent.iterdir())) == 2  # with its last words


@given(st.text(min_size=1, max_size=100))
def test_any_name_is_a_file_name(name: str) -> None:
    """What stands in the file name for a tree's name is short, and of one part."""
    safe = address.safe(name)
    assert 0 < len(os.fsencode(safe)) <= 40
    assert not set(safe) & set("/\0\n")

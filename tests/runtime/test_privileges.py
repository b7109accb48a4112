"""Who a child is: users, groups, and that there is no way back. Needs root, as the feature does."""

from __future__ import annotations

import grp
import os
import pwd
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, StartFailed, Worker
from tests.support import targets
from tests.support.hosts import Host, hosting, public_python
from tests.support.strays import adopting
from tests.support.trees import node, output_of, pid, running
from tests.support.waiting import gone

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

NOBODY = pwd.getpwnam("nobody")

THEIRS = {"uid": [NOBODY.pw_uid] * 4, "gid": [NOBODY.pw_gid] * 4}


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def who(tmp_path: Path, **options: Any) -> dict[str, list[int]]:
    """A command's real, effective, saved and file system ids, its groups and capabilities."""
    lines = output_of(tmp_path, "cat", "/proc/self/status", **options).splitlines()
    said = dict(line.lower().split(":", 1) for line in lines)
    values = {key: [int(n) for n in said[key].split()] for key in ("uid", "gid", "groups")}
    return {**values, "capabilities": [int(said["capprm"], 16), int(said["capeff"], 16)]}


def test_a_user_comes_with_its_own_groups_and_cannot_go_back(tmp_path: Path) -> None:
    """`user` sets all ids, the saved ones too, and the user's own supplementary groups as
    initgroups(3) does; no capability is left with which to go back."""
    groups = sorted(os.getgrouplist("nobody", NOBODY.pw_gid))
    expected = {**THEIRS, "groups": groups, "capabilities": [0, 0]}
    assert who(tmp_path, user="nobody") == expected


def test_a_number_that_is_nobodys_is_a_user_too(tmp_path: Path) -> None:
    """A uid without an entry gets the group of the same number and no others."""
    info = who(tmp_path, user=54321)
    assert (info["uid"], info["gid"], info["groups"]) == ([54321] * 4, [54321] * 4, [])


@pytest.mark.parametrize("group", ["daemon", 12345])
def test_a_group_can_be_chosen(group: str | int, tmp_path: Path) -> None:
    """`group` takes the place of the user's primary group, by name or by number."""
    number = group if isinstance(group, int) else grp.getgrnam(group).gr_gid
    info = who(tmp_path, user="nobody", group=group)
    assert info["gid"] == [number] * 4
    assert info["groups"] == sorted(os.getgrouplist("nobody", number))
    info = who(tmp_path, group=group)
    assert (info["uid"], info["gid"]) == ([0] * 4, [number] * 4)


def test_files_belong_to_the_user_and_the_folder_is_entered_as_it(public: Path) -> None:
    """What the child makes is its own; a folder that only root may enter is refused to it."""
    theirs, private = public / "theirs", public / "private"
    theirs.mkdir()
    os.chown(theirs, NOBODY.pw_uid, NOBODY.pw_gid)
    private.mkdir(mode=0o700)
    output_of(public, "touch", "mine", user="nobody", cwd=theirs, umask=0o027)
    found = (theirs / "mine").stat()
    assert (found.st_uid, found.st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert stat.S_IMODE(found.st_mode) == 0o640
    with running() as tree, pytest.raises(StartFailed, match=r"cannot enter the folder .*private"):
        tree.start_child(Command("c", ["true"], user="nobody", cwd=private))


@pytest.mark.parametrize("method", ["zygote", "spawn", "forkserver", "fork"])
def test_workers_change_user_too(method: Any) -> None:
    """A worker of any start method has the identity, groups, mask, priority and limits of its
    spec, and speaks to its supervisor as before."""
    spec = Worker(
        "w", targets.tell_system, start_method=method, ready="notify", user="nobody",
        umask=0o027, nice=5, cwd="/", environment={"HELLO": "there"},
    )  # fmt: skip
    with running(spec) as tree:
        info = node(tree, "w").info
        assert (info["uid"], info["gid"]) == ([NOBODY.pw_uid] * 3, [NOBODY.pw_gid] * 3)
        assert sorted(info["groups"]) == sorted(os.getgrouplist("nobody", NOBODY.pw_gid))
        assert (info["umask"], info["nice"], info["cwd"]) == (0o027, 5, "/")
        assert info["environment"]["HELLO"] == "there"
        tree.terminate_child("w")
        assert "SIGTERM" in str(node(tree, "w").last_exit)


@pytest.mark.parametrize(
    "method",
    ["zygote", *(pytest.param(m, marks=pytest.mark.slow) for m in ("spawn", "forkserver", "fork"))],
)
def test_another_users_worker_dies_with_the_host(method: str, tmp_path: Path) -> None:
    """A change of user undoes PR_SET_PDEATHSIG (prctl(2)); the worker still ends with a host that
    was killed."""
    code = f"""
        def main():
            options = {{"start_method": {method!r}, "ready": "notify", "user": "nobody"}}
            with running(Worker("w", targets.ready, **options)) as tree:
                tell(pid(tree, "w"))
                signal.pause()
    """
    with adopting() as strays, hosting(tmp_path, code) as host:
        number = host.hear()
        host.kill(signal.SIGKILL)
        gone(number)
        strays.vanish()


def test_a_host_without_privileges_says_so(public: Path) -> None:
    """Who may not become another user gets one clear line, and a tree that goes on."""
    code = """
        def main():
            with running(Command("other", ["sleep", "100"])) as tree:
                for options in ({"user": "root"}, {"nice": -5}, {"user": "no-such"}):
                    try:
                        tree.start_child(Command("c", ["true"], **options))
                    except StartFailed as error:
                        tell(str(error).removeprefix("cannot start child 'c': "))
                tell(node(tree, "other").state)
    """
    with unprivileged(public, code) as host:
        assert host.hear() == "cannot change user and groups: Operation not permitted"
        assert host.hear() == "cannot set the priority: Permission denied"
        assert host.hear() == "there is no user 'no-such' on this machine"
        assert host.hear() == "running"
        assert host.wait() == 0


def test_a_signal_that_we_may_not_send_harms_nobody(public: Path) -> None:
    """A child that has become another user's process cannot be signalled; that is no reason for
    the tree to fall apart."""
    code = """
        from otpsup.runtime.launcher.syscalls import pidfd_open, send_signal
        def main():
            fd = os.pidfd_open(1)
            tell([send_signal(fd, 0), send_signal(fd, 15)])
    """
    with unprivileged(public, code) as host:
        assert host.hear() == [False, False]


@contextmanager
def unprivileged(folder: Path, code: str) -> Iterator[Host]:
    """A host that is nobody."""
    python, path = public_python()
    sockets = folder / "sockets"
    sockets.mkdir()
    os.chown(sockets, NOBODY.pw_uid, NOBODY.pw_gid)
    environment = {"PYTHONPATH": path, "OTPSUP_RUNTIME_DIR": str(sockets)}
    with hosting(
        folder, code, executable=python, environment=environment, cwd="/",
        user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[],
    ) as host:  # fmt: skip
        yield host


def test_pids_are_of_the_child_itself() -> None:
    """No shell, `su` or wrapper stands between the tree and a child of another user."""
    with running(Command("c", ["sleep", "100"], user="nobody")) as tree:
        assert Path(f"/proc/{pid(tree, 'c')}/comm").read_text() == "sleep\n"

"""The tree that supervisord's settings become, and how its programs live."""

from __future__ import annotations

from pathlib import Path

from otpsup import Command, Inherit, LogFile, Socket, Supervisor, Tree
from otpsup.supervisord.conf.model import (
    FastCgiSocket,
    Group,
    Log,
    Process,
    Settings,
    Supervisord,
)
from otpsup.supervisord.tree import path_of, tree_of
from tests.support.trees import node, watching
from tests.support.waiting import until

QUIET = Log(logfile=None)


def program(name: str, command: str, **options: object) -> Process:
    """A program without logs that has to stay up for no time."""
    options = {"startsecs": 0, "stdout": QUIET, "stderr": QUIET, **options}
    return Process(name=name, section=f"program:{name}", command=command, **options)  # type: ignore[arg-type]


def settings(*groups: Group, **options: object) -> Settings:
    return Settings(file=Path("/etc/supervisord.conf"), groups=groups, **options)  # type: ignore[arg-type]


def one(process: Process, **options: object) -> Command:
    """The command that a process becomes."""
    tree = tree_of(settings(Group(name="g", processes=(process,), **options)))  # type: ignore[arg-type]
    group = tree.children[0]
    assert isinstance(group, Supervisor)
    command = group.children[0]
    assert isinstance(command, Command)
    return command


def test_logs_go_where_supervisord_has_them(tmp_path: Path) -> None:
    """Files with their rotation, the host's own output, nowhere; AUTO ones in `childlogdir`."""
    there = Log(logfile=str(tmp_path / "x.log"), maxbytes=5, backups=0)
    found = one(program("x", "true", stdout=there, redirect_stderr=True))
    assert found.stdout == LogFile(tmp_path / "x.log", max_bytes=5, backups=0, format="bytes")
    assert found.stderr == "stdout"
    devices = one(
        program("x", "true", stdout=Log(logfile="/dev/fd/1"), stderr=Log(logfile="/dev/stderr"))
    )
    assert devices.stdout == Inherit("stdout", format="raw")
    assert devices.stderr == Inherit("stderr", format="raw")
    auto = one(program("x", "true", stdout=Log(), stderr=Log(logfile="syslog")))
    assert isinstance(auto.stdout, LogFile)
    assert str(auto.stdout.path) == "/tmp/x-stdout---supervisor.log"
    assert auto.stderr == "null"


def test_one_file_is_rotated_in_one_way(tmp_path: Path) -> None:
    """Two programs that share a log and say otherwise would cut each other's lines."""
    logs = [Log(logfile=str(tmp_path / "x.log"), maxbytes=n) for n in (10, 20)]
    processes = tuple(program(f"p{n}", "true", stdout=log) for n, log in enumerate(logs))
    group = tree_of(settings(Group(name="g", processes=processes))).children[0]
    assert isinstance(group, Supervisor)
    assert [child.stdout.max_bytes for child in group.children] == [10, 10]  # type: ignore[union-attr]


def test_commands_and_names_of_any_kind() -> None:
    """What cannot be split is a program that is not there; a name may hold what ours may not."""
    assert one(program("x", "sh -c 'a b'")).argv == ("sh", "-c", "a b")
    assert one(program("x", "sh -c 'a b")).argv == ("sh -c 'a b",)
    assert one(program("a#b", "true")).name == "a%23b"
    assert path_of("g", "a#b") == "g/a%23b"
    assert path_of("g", "a%23b") != path_of("g", "a#b")


def test_a_fastcgi_program_serves_its_socket() -> None:
    """As descriptor 0; others have a pipe there, which clients write to."""
    socket = FastCgiSocket(url="tcp://127.0.0.1:9000", backlog=5)
    assert one(program("x", "true"), socket=socket).stdin == Socket(socket.url, backlog=5)
    assert one(program("x", "true")).stdin == "pipe"


def test_a_program_knows_where_it_is() -> None:
    """Its own section has the last word."""
    process = program("x", "true", environment={"A": "1", "SUPERVISOR_ENABLED": "no"})
    found = one(process).environment
    assert found == {
        "A": "1",
        "SUPERVISOR_ENABLED": "no",
        "SUPERVISOR_PROCESS_NAME": "x",
        "SUPERVISOR_GROUP_NAME": "g",
    }


def test_who_gives_up_takes_nobody_along() -> None:
    """It is tried as often as `startretries` says, and one second longer is waited each time; one
    that ends when it is up is restarted for ever. Neither is known to anybody else."""
    groups = [
        Group(name="bad", processes=(program("bad", "false", startsecs=5, startretries=1),)),
        Group(name="none", processes=(program("none", "/no/such/program", startretries=0),)),
        Group(name="loop", processes=(program("loop", "sleep 0.05", autorestart=True),)),
        Group(name="well", processes=(program("well", "sleep 100"),)),
    ]
    tree = Tree(tree_of(settings(*groups, supervisord=Supervisord(identifier="fatal"))))
    with tree, watching(tree) as events:
        until(lambda: node(tree, "well/well").state == "running")
        events.until("bad/bad", "restarting")
        events.until("bad/bad", "down")
        told = node(tree, "bad/bad").why[0]
        assert "was given up, after it had failed to start 2 times: exit code 1 before" in told
        assert node(tree, "none/none").state == "down"
        for _ in range(8):  # more than any window of a supervisor allows
            events.until("loop/loop", "restarting")
            events.until("loop/loop", "running")
        assert (node(tree, "well/well").restarts, node(tree, "").state) == (0, "running")

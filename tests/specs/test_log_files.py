"""Log files of a whole tree: those that get in each other's way are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, DynamicSupervisor, InvalidSpec, LogFile, Supervisor
from otpsup.engine import Engine
from otpsup.engine.effects import Reply
from otpsup.engine.events import Boot, StartChild


def command(name: str, log: Any, **options: Any) -> Command:
    return Command(name, ["c"], stdout=log, **options)


def refused(*children: Any) -> str:
    """Why these cannot be in one tree."""
    with pytest.raises(InvalidSpec) as refusal:
        Supervisor("t", children=list(children))
    assert refusal.value.reason == "bad_combination"
    return str(refusal.value)


def test_one_file_is_rotated_in_one_way() -> None:
    """Two children, a child's two streams, or children far apart in a tree: who writes to one file
    has it rotated alike, and the message names both and what differs."""
    small, large = LogFile("/l/log", max_bytes=5), LogFile("/l/log", max_bytes=9, backups=1)
    assert refused(command("a", small), command("b", large)) == (
        "'a' and 'b' both write to /l/log, with different max_bytes, backups; give both the same "
        "LogFile"
    )
    assert "'a' and 'a'" in refused(command("a", small, stderr=large))
    inner = Supervisor("inner", children=[command("a", small)])
    pool = DynamicSupervisor("pool", command("job", large))
    assert "'inner/a' and 'pool/job'" in refused(inner, pool)
    with pytest.raises(InvalidSpec):
        DynamicSupervisor("pool", command("job", small, stderr=large))


def test_lines_may_look_different() -> None:
    """The format belongs to the writer, not to the file."""
    logs = [LogFile("/l/log", format="json"), LogFile("/l/log", format="raw")]
    assert Supervisor("t", children=[command("a", logs[0]), command("b", logs[1])])


@pytest.mark.parametrize("name", ["log.1", "log.12", "log.3.gz", "log.gz.part"])
def test_no_log_is_where_another_is_rotated_to(name: str) -> None:
    """It would be overwritten."""
    text = refused(command("a", LogFile("/l/log")), command("b", LogFile(f"/l/{name}")))
    assert text.startswith(f"'b' writes to /l/{name}, which is where /l/log of 'a' is rotated to")


@pytest.mark.parametrize("name", ["/l/log.x", "/other/log.1", "/l/log.01", "/l/log1"])
def test_other_names_are_fine(name: str) -> None:
    """What only looks like it."""
    assert Supervisor("t", children=[command("a", "/l/log"), command("b", name)])


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/stderr", "/dev/null"])
def test_the_hosts_own_output_is_no_file(path: str) -> None:
    """As a stdout such a path is taken for what it is; a LogFile of it cannot be."""
    assert not isinstance(Command("c", ["c"], stdout=Path(path)).stdout, LogFile)
    with pytest.raises(InvalidSpec, match="for the host's own output take Inherit"):
        LogFile(path)


def test_who_is_added_rotates_as_the_others_do() -> None:
    """A child that is added to a running tree is refused for its log, and nothing changes."""
    inner = Supervisor("inner", children=[command("a", LogFile("/l/log"))])
    engine = Engine(Supervisor("t", children=[inner]))
    engine.handle(Boot(), 0.0)
    for spec in (
        command("b", LogFile("/l/log", every="day")),
        Supervisor("s", children=[command("b", LogFile("/l/log.1"))]),
    ):
        (reply,) = engine.handle(StartChild(path="", spec=spec, ref=7), 0.0)
        assert isinstance(reply, Reply)
        assert isinstance(reply.error, InvalidSpec)
        assert engine.find("b") is engine.find("s") is None
    effects = engine.handle(StartChild(path="", spec=command("b", LogFile("/l/log"))), 0.0)
    assert not any(isinstance(effect, Reply) and effect.error for effect in effects)

"""Logs that are rotated, cleared, or cannot be had for a while: nothing of them is lost."""

from __future__ import annotations

from pathlib import Path

from otpsup.supervisord.conf.model import Supervisord
from otpsup.supervisord.http.tails import Tail
from otpsup.supervisord.mainlog import MainLog


def test_what_came_just_before_a_rotation_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\n")
    tail = Tail(str(path))
    assert tail.more() == b"one\n"
    with path.open("a") as file:
        file.write("two\n")
    path.replace(tmp_path / "log.1")
    path.write_text("three\n")
    assert [tail.more(), tail.more(), tail.more()] == [b"two\n", b"three\n", b""]
    tail.close()


def test_a_log_that_could_not_be_had_is_tried_again(tmp_path: Path) -> None:
    """Descriptors run out, or somebody moves a folder; that passes."""
    folder = tmp_path / "logs"
    log = MainLog(Supervisord(logfile=str(folder / "d.log")))
    log.info("lost")
    folder.mkdir()
    log.info("kept")
    log.close()
    assert (folder / "d.log").read_text().endswith(" INFO kept\n")

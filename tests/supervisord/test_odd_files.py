"""Files that supervisord reads, and with which it then fails, or does as it likes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otpsup.control import address
from otpsup.errors import InvalidFile
from otpsup.supervisord import events
from otpsup.supervisord.conf import load
from otpsup.supervisord.listeners.protocol import Conversation, Queued
from otpsup.supervisord.tree import tree_of
from tests.support import ROOT
from tests.support.waiting import LONG

HEAD = "[supervisord]\n"


def _file(folder: Path, text: str) -> Path:
    path = folder / "d.conf"
    path.write_text(HEAD + text)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("handler", "why"),
    [
        ("no.such:thing", "ModuleNotFoundError"),
        ("garbage", "not written module:name"),
        ("os:nothing", "AttributeError"),
    ],
)
def test_a_result_handler_that_there_is_not(tmp_path: Path, handler: str, why: str) -> None:
    """It is said where that stands; nothing is started, and nobody sees a traceback."""
    lines = f"[eventlistener:e]\ncommand=cat\nevents=TICK_5\nresult_handler={handler}\n"
    env = {**os.environ, "PYTHONPATH": str(ROOT), address.DIRECTORY: str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "otpsup", "run", "-c", str(_file(tmp_path, lines))],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LONG, check=False,
    )  # fmt: skip
    told = f"{tmp_path}/d.conf:5:1: eventlistener:e.result_handler: {handler} cannot be resolved"
    assert done.returncode != 0
    assert told in done.stderr
    assert why in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "option", [f"startretries={10**30}", "command=sl\0eep", f"stdout_logfile_maxbytes={10**30}GB"]
)
def test_a_value_that_no_process_can_have(tmp_path: Path, option: str) -> None:
    path = _file(tmp_path, f"[program:a]\ncommand=x\n{option}\n")
    with pytest.raises(InvalidFile, match=rf"{path}:2:1: program:a: "):
        tree_of(load(path))


def test_a_listener_that_announces_more_than_anybody_would_keep() -> None:
    """The answer would be kept until all of it is there."""
    told: list[str] = []
    talk = Conversation("e", lambda *_: None, lambda _, text: told.append(text))
    talk.hear(b"READY\n")
    talk.send(Queued(events.supervisor_running(), 0, 0))
    talk.hear(b"RESULT 99999999999\n" + b"x" * 1_000_000)
    assert talk.state == "UNKNOWN"
    assert "e: bad result line: 'RESULT 99999999999'" in told

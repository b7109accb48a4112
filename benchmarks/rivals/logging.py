"""Who writes the output of programs into files: each of them set to rotate at 10 MB, as far as it
can. All files are below `logs` in the folder of the rival."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from .. import places
from .rival import Launch, Program, Rival

LIMIT = 10_000_000
"""Bytes of a file."""
KEPT = 50
"""Files that are kept: all, for every line is looked up."""


@frozen
class Logger:
    """A way to write output into files.

    Attributes:
        share: of the bytes of the fast ones that it is given, so that it takes as long as they.
        note: what is different about it.
    """

    rival: Rival
    share: float = 1.0
    note: str = ""


def logs(folder: Path) -> Path:
    """Where all files are; made."""
    place = folder / "logs"
    place.mkdir()
    return place


def _cat(programs: Sequence[Program], folder: Path) -> Launch:
    place = logs(folder)
    pipes = [
        f"{shlex.join(program.argv)} | cat > {shlex.quote(str(place / program.name))} &"
        for program in programs
    ]
    return Launch(["sh", "-c", " ".join([*pipes, "wait"])])


def _copy_loop(programs: Sequence[Program], folder: Path) -> Launch:
    loop = str(places.NATIVE / "copy_loop.py")
    return Launch([sys.executable, loop, str(logs(folder)), *(" ".join(p.argv) for p in programs)])


_HOST = f"""\
import json, sys
from otpsup import Command, LogFile, Supervisor, run
children = [
    Command(name, argv, stdout=LogFile(f"logs/{{name}}.log", max_bytes={LIMIT}, backups={KEPT}))
    for name, argv in json.load(open("programs.json"))
]
sys.exit(run(Supervisor("bench", children=children)))
"""


def _otpsup(programs: Sequence[Program], folder: Path) -> Launch:
    logs(folder)
    named = [[program.name, list(program.argv)] for program in programs]
    (folder / "programs.json").write_text(json.dumps(named))
    (folder / "host.py").write_text(_HOST)
    return Launch([sys.executable, "host.py"], {"PYTHONPATH": str(places.PROJECT)})


CAT = Logger(Rival("cat > file", _cat, kind="limit", needs="cat"), note="no rotation")
COPY_LOOP = Logger(Rival("read and write in Python", _copy_loop, kind="bare loop"))
OTPSUP = Logger(Rival("otpsup", _otpsup, kind="otpsup"))

LOGGERS: tuple[Logger, ...] = (CAT, COPY_LOOP, OTPSUP)

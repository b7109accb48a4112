"""otpsup as users run it: a program whose whole job is `otpsup.run`; launcher, logs, engine on."""

from __future__ import annotations

import compileall
import json
from collections.abc import Sequence
from pathlib import Path

from .. import places
from .rival import Launch, Program, Rival

_HOST = """\
import json, sys
from otpsup import Command, Supervisor, run
programs = json.load(open("programs.json"))
children = [Command(name, argv) for name, argv in programs]
sys.exit(run(Supervisor("bench", parallel=True, children=children, intensity=1_000_000)))
"""


def compile_package() -> None:
    """As installing it does, whatever PYTHONDONTWRITEBYTECODE says here."""
    compileall.compile_dir(places.PROJECT / "otpsup", quiet=2)


def _prepare(programs: Sequence[Program], folder: Path) -> Launch:
    compile_package()
    named = [[program.name, list(program.argv)] for program in programs]
    (folder / "programs.json").write_text(json.dumps(named))
    (folder / "host.py").write_text(_HOST)
    return Launch([places.python(), "host.py"])


OTPSUP = Rival("otpsup", _prepare, kind="otpsup")

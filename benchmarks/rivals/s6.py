"""s6: a folder of services, a supervisor process each; run scripts in execline."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from .rival import Launch, Program, Rival

SETTLE = 2.0
"""It, as runit, lets a service that has run for less than a second wait."""


def services(programs: Sequence[Program], folder: Path, script: str) -> Path:
    """A folder of services whose run scripts are `script` with the command filled in."""
    place = folder / "services"
    for program in programs:
        run = place / program.name / "run"
        run.parent.mkdir(parents=True)
        run.write_text(script.format(command=shlex.join(program.argv)))
        run.chmod(0o755)
    return place


def _prepare(programs: Sequence[Program], folder: Path) -> Launch:
    execline = shutil.which("execlineb")
    script = f"#!{execline} -P\n{{command}}\n" if execline else "#!/bin/sh\nexec {command}\n"
    place = services(programs, folder, script)
    return Launch(["s6-svscan", "-c", str(len(programs) + 10), str(place)])


S6 = Rival(
    "s6", _prepare, needs="s6-svscan", kills=16, poll=1.0, repetitions=2, settle=SETTLE,
    version=("dpkg-query", "-W", "-f", "${Version}", "s6"),
)  # fmt: skip

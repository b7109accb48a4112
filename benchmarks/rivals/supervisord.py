"""supervisord: with startsecs=0, or it would not restart what has run for less than a second."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from .rival import Launch, Program, Rival

_HEAD = """\
[supervisord]
nodaemon=true
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
minfds={minfds}
"""
_PROGRAM = """
[program:{name}]
command={command}
startsecs=0
autorestart=true
"""


def _prepare(programs: Sequence[Program], folder: Path) -> Launch:
    parts = [
        _PROGRAM.format(name=program.name, command=shlex.join(program.argv)) for program in programs
    ]
    head = _HEAD.format(minfds=len(programs) * 4 + 200)
    (folder / "supervisord.conf").write_text(head + "".join(parts))
    return Launch(["supervisord", "-c", str(folder / "supervisord.conf")])


SUPERVISORD = Rival(
    "supervisord", _prepare, needs="supervisord", kills=16, poll=1.0, repetitions=2, settle=2.0,
    version=("supervisord", "--version"),
)  # fmt: skip

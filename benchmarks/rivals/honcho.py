"""honcho: it restarts nothing; when one ends, it ends them all. A Python process each."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from .rival import Launch, Program, Rival


def _prepare(programs: Sequence[Program], folder: Path) -> Launch:
    lines = [f"{program.name}: exec {shlex.join(program.argv)}\n" for program in programs]
    (folder / "Procfile").write_text("".join(lines))
    return Launch(["honcho", "start"])


HONCHO = Rival(
    "honcho", _prepare, needs="honcho", restarts=False, repetitions=1,
    version=("honcho", "version"),
)  # fmt: skip

"""Whether the command of a process can be run, and if not, why, in supervisord's words.

Clients show these texts, and some look for them. Source: `get_execv_args` of supervisor 4.3.0.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from attrs import frozen

from .conf.model import Process

Kind = Literal["bad", "not_found", "not_executable"]
_PATH = "/bin:/usr/bin:/usr/local/bin"
"""What is searched if there is no PATH at all."""


@frozen
class Problem:
    """Why a command cannot be run; `text` is supervisord's."""

    kind: Kind
    text: str


def problem(process: Process, environ: Mapping[str, str]) -> Problem | None:
    """What is wrong with the command of a process, if anything is.

    Args:
        environ: the daemon's variables, for its PATH; the process's own wins.
    """
    try:
        words = shlex.split(process.command)
    except ValueError as error:
        return Problem("bad", f"can't parse command {process.command!r}: {error}")
    if not words:
        return Problem("bad", "command is empty")
    path = process.environment.get("PATH") or environ.get("PATH") or _PATH
    return _problem(*_found(words[0], path.split(os.pathsep)))


def _found(program: str, folders: list[str]) -> tuple[str, int | None]:
    """The file that is meant, and its mode, which it has if it is there."""
    if "/" in program:
        return program, _mode(program)
    for folder in folders:
        file = os.path.join(folder, program)  # noqa: PTH118 - clients are shown it as it is written
        mode = _mode(file)
        if mode is not None:
            return file, mode
    return program, None


def _mode(file: str) -> int | None:
    try:
        return Path(file).stat().st_mode
    except (OSError, ValueError):
        return None


def _problem(file: str, mode: int | None) -> Problem | None:
    if mode is None:
        return Problem("not_found", f"can't find command {file!r}")
    if stat.S_ISDIR(mode):
        return Problem("not_executable", f"command at {file!r} is a directory")
    if not stat.S_IMODE(mode) & 0o111:
        return Problem("not_executable", f"command at {file!r} is not executable")
    if not os.access(file, os.X_OK):
        return Problem("not_executable", f"no permission to run command {file!r}")
    return None

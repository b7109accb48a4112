"""runit: a folder of services, a supervisor process each; run scripts in sh."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .. import places
from .rival import Launch, Program, Rival
from .s6 import SETTLE, services


def _prepare(programs: Sequence[Program], folder: Path) -> Launch:
    place = services(programs, folder, "#!/bin/sh\nexec {command}\n")
    return Launch(["runsvdir", str(place)])


def _stop(process: subprocess.Popen[bytes], _folder: Path) -> None:
    process.send_signal(signal.SIGHUP)  # SIGTERM would leave all services running


RUNIT = Rival(
    "runit", _prepare, needs="runsvdir", stop=_stop, most=999, repetitions=2, settle=SETTLE,
    version=("sh", "-c", f"ls {places.RIVALS}/debian | sed -n 's/^runit_\\(.*\\)_.*deb$/\\1/p'"),
)  # fmt: skip

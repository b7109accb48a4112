"""What the tests with real processes share.

`waiting` waits with a deadline, `trees` runs a tree and reads its events, `hosts` runs a program
that hosts one, `strays` finds what outlived its tree, `targets` are the workers' functions.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
"""The folder of the repository."""


_PREFIX = f"/tmp/otp-{os.environ.get('PYTEST_XDIST_WORKER', '')}-"


def _own_runtime_dir() -> None:
    """One folder for the control sockets of this test process, with a name short enough."""
    folder = tempfile.mkdtemp(prefix=_PREFIX)
    os.environ["OTPSUP_RUNTIME_DIR"] = folder
    made_by = os.getpid()

    def remove() -> None:
        if os.getpid() == made_by:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)


if not os.environ.get("OTPSUP_RUNTIME_DIR", "").startswith(_PREFIX):
    _own_runtime_dir()

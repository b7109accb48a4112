"""One small adapter for each way to keep programs running."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from .circus import CIRCUS, CIRCUS_DEFAULT
from .erlang import ERLANG
from .honcho import HONCHO
from .loops import ASYNCIO, LIMIT
from .ours import OTPSUP
from .pm2 import PM2
from .rival import Rival, path
from .runit import RUNIT
from .s6 import S6
from .supervisord import SUPERVISORD

COMMANDS: tuple[Rival, ...] = (
    LIMIT, ASYNCIO, OTPSUP,
    ERLANG, RUNIT, S6, PM2, CIRCUS, CIRCUS_DEFAULT, SUPERVISORD, HONCHO,
)  # fmt: skip
"""Who can run commands, in the order of the tables."""


def versions(rivals: Sequence[Rival]) -> dict[str, str]:
    """The version of each by its name, or why it is not there."""
    return {rival.name: rival.missing() or _version(rival) for rival in rivals}


def _version(rival: Rival) -> str:
    env = {**os.environ, "PATH": path()}
    try:
        found = subprocess.run(rival.version, env=env, capture_output=True, text=True, timeout=60)
    except OSError as error:
        return f"version unknown ({error.strerror})"
    return " ".join(found.stdout.split()) or "version unknown"

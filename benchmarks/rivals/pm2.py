"""pm2: its daemon in the foreground, with a home of its own; logs on, as it comes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .. import places
from .rival import Launch, Program, Rival, path

_PM2 = places.RIVALS / "node_modules/pm2"
_START = """\
(until [ -S home/rpc.sock ]; do sleep 0.02; done; exec pm2 start apps.json) >client.log 2>&1 &
exec node {daemon}
"""
"""The client would start the daemon itself, out of our sight; so it comes when that is up."""


def _app(program: Program) -> dict[str, object]:
    return {
        "name": program.name,
        "script": program.argv[0],
        "args": list(program.argv[1:]),
        "interpreter": "none",
        "restart_delay": 0,
        "min_uptime": 0,
        "max_restarts": 1_000_000,
    }


def _home(folder: Path) -> dict[str, str]:
    return {"PM2_HOME": str(folder / "home"), "PM2_DISCRETE_MODE": "true"}


def _prepare(programs: Sequence[Program], folder: Path) -> Launch:
    (folder / "home").mkdir()
    (folder / "apps.json").write_text(json.dumps({"apps": [_app(each) for each in programs]}))
    start = _START.format(daemon=_PM2 / "lib/Daemon.js")
    return Launch(["sh", "-c", start], _home(folder))


def _stop(_process: subprocess.Popen[bytes], folder: Path) -> None:
    env = {**os.environ, "PATH": path(), **_home(folder)}
    subprocess.run(["pm2", "kill"], env=env, capture_output=True, timeout=240)


PM2 = Rival(
    "pm2", _prepare, needs="pm2", stop=_stop, repetitions=1, kills=100,
    version=("node", "-p", f"require('{_PM2}/package.json').version + ', node ' + process.version"),
)  # fmt: skip

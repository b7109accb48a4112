"""Something is killed everywhere: SIGKILL before its first step, before its second, and so on.

A step is whatever the interpreter is about to do to a file below the data folder; it says so in
audit events (PEP 578). The program leaves one folder per kill, as the killed process left it, and
one of the run that came to its end.

    python -m tests.examples.killed_updates update TEMPLATE SCENES UPDATE_SERVER_URL
    python -m tests.examples.killed_updates boot TEMPLATE SCENES
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from examples.fastblog import journal
from examples.fastblog.data_dir import DataDir
from tests.examples.fastblog_parts import Site

CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"}


class Killer:
    """An audit hook that kills its own process before step number `step`."""

    def __init__(self, root: Path, step: int) -> None:
        self._root, self._left = root, step

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Count one event."""
        if not self._is_step(event, args):
            return
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def _is_step(self, event: str, args: tuple[Any, ...]) -> bool:
        if event == "open":
            return bool(args[2] & os.O_ACCMODE) and self._is_ours(args[0])
        return event in CHANGES and any(map(self._is_ours, args[:2]))

    def _is_ours(self, path: object) -> bool:
        # rmtree names entries relative to an open folder; only folders of ours are removed.
        return isinstance(path, str | Path) and (self._root / path).is_relative_to(self._root)


def run_until(step: int, data: DataDir, action: Callable[[DataDir], object]) -> bool:
    """Run the action and kill it before that step; whether it came to its end instead."""
    pid = os.fork()
    if pid == 0:
        sys.addaudithook(Killer(data.root, step))
        action(data)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), f"step {step}: exit status {status}"
    return status == 0


def update(data: DataDir) -> None:
    """Run the updater, with the update server that was named on the command line."""
    Site(data, sys.argv[4]).update()


def main() -> None:
    """Kill the action at every step, until one run of it comes to its end."""
    action = {"update": update, "boot": journal.boot}[sys.argv[1]]
    template, scenes = Path(sys.argv[2]), Path(sys.argv[3])
    for step in itertools.count():
        data = DataDir(scenes / f"{step:03}")
        shutil.copytree(template, data.root, symlinks=True)
        if run_until(step, data, action):
            break


if __name__ == "__main__":
    main()

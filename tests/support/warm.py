"""Run as a script: an interpreter that has imported otpsup's commands, and forks for each request.

What a fork runs is `python -m otpsup` to the end of the process, so that whatever Python does when
it starts or ends a program is done to it, too. Must not know who asks, or why.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import socket
import sys
import threading
from pathlib import Path

LARGEST = 1 << 20
"""Bytes of a request."""

NEEDED = ("otpsup.cli", "otpsup.config", "otpsup.graph", "otpsup.testing")
"""What commands are made of, and what they import when they need it."""


def serve(asked: socket.socket) -> dict[str, object]:
    """Fork for each request until nobody can ask any more; returns, in each fork, its request."""
    answers: dict[int, tuple[int, int]] = {}  # by pidfd: the process's pid, and where to tell
    while True:
        for fd in select.select([asked.fileno(), *answers], [], [])[0]:
            if fd in answers:
                _tell_end(fd, *answers.pop(fd))
                continue
            data, fds, _, _ = socket.recv_fds(asked, LARGEST, 4)
            if not data:
                os._exit(0)
            pid = os.fork()
            if pid == 0:
                return _begin(json.loads(data), *fds)
            *streams, answer = fds
            answers[os.pidfd_open(pid)] = pid, answer
            _tell(answer, pid)
            for each in streams:
                os.close(each)


def _tell_end(pidfd: int, pid: int, answer: int) -> None:
    _, status = os.waitpid(pid, 0)
    _tell(answer, os.waitstatus_to_exitcode(status))
    os.close(answer)
    os.close(pidfd)


def _tell(answer: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever asked may be gone
        os.write(answer, b"%d\n" % number)


def _begin(request: dict[str, object], *fds: int) -> dict[str, object]:
    for number, fd in enumerate(fds[:3]):
        os.dup2(fd, number)
    os.closerange(3, 1 << 16)
    return request


def run(argv: list[str], cwd: str, environment: dict[str, str]) -> None:
    """Be `python -m otpsup`."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.path[0] = cwd
    sys.argv = ["", *argv]
    runpy.run_module("otpsup", run_name="__main__", alter_sys=True)


def warm_up() -> None:
    """Import all that commands may need."""
    for package in map(importlib.import_module, NEEDED):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    assert threading.active_count() == 1, "with threads, a fork may find a lock taken for ever"
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    if os.fork():  # nobody's child: tests look at the children of their own process
        os._exit(0)
    sys.path[0] = str(Path(__file__).parents[2])
    asked = socket.socket(fileno=int(sys.argv[1]))
    warm_up()
    request = serve(asked)
    asked.detach()
    run(**request)  # type: ignore[arg-type]

"""The zygote: a warm Python from which workers fork.

A child of the launcher that has imported what the workers need and serves the host with the
launcher's own loop; it forks where the launcher executes. It has one thread, so a fork of it is
safe whatever the host does, and a worker's first own line comes a millisecond later.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from multiprocessing import process, spawn
from pathlib import Path
from typing import Any, NoReturn

from . import bootstrap, freshness, marks, workers
from .launcher import execute
from .launcher.server import Server
from .launcher.strays import MARK
from .launcher.syscalls import become_subreaper, pidfd_open

CODE = (
    "import sys, json; settings = json.loads(sys.argv[1]); sys.path[:] = settings['path']; "
    "from otpsup.runtime.zygote import main; main(settings)"
)
SOCKET, ALIVE, IMPORTED = 3, 4, 5
"""The zygote's descriptors: the socket to the host, one that is readable once it has ended, and a
file for what it has imported."""


def main(settings: dict[str, Any]) -> NoReturn:
    """Serve the host.

    Args:
        settings: `path` (sys.path), `preload` (names of modules), `main` (what spawn needs to
            import the host's main module, or {}), `host` (its pid), `spare` (see `server`).
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _pass_over)
    become_subreaper()  # what workers leave behind is for us to end
    sock = socket.socket(fileno=SOCKET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    _warm_up(settings)
    freshness.write_down(IMPORTED)
    for fd in (SOCKET, ALIVE):
        os.set_inheritable(fd, False)
    workers.close_stdin()
    forker = _Forker()
    host, spare = pidfd_open(settings["host"]), settings["spare"]
    forker.server = Server(sock, forker.fork, host, spare=spare)
    gc.collect()
    gc.freeze()
    gc.disable()  # a worker has it again when its target is called, see `WorkerProcess`
    forker.server.run()
    os._exit(0)


def _pass_over(*_: object) -> None:
    """Only the host's end ends us."""


def _warm_up(settings: dict[str, Any]) -> None:
    """Import what workers will need. What fails here fails again, and better told, in the worker.

    A module that starts a thread on import would make every later fork unsafe; then we begin anew
    in the same process and leave the importing to the workers. One that starts a tree on import
    (a script without `if __name__ == "__main__"`) is refused that, see `launchers`.
    """
    process.current_process()._inheriting = True  # type: ignore[attr-defined]
    for name in settings["preload"]:
        _quietly(importlib.import_module, name)
    if "init_main_from_path" in settings["main"]:
        _quietly(spawn._fixup_main_from_path, settings["main"]["init_main_from_path"])  # type: ignore[attr-defined]
    elif "init_main_from_name" in settings["main"]:
        _quietly(spawn._fixup_main_from_name, settings["main"]["init_main_from_name"])  # type: ignore[attr-defined]
    del process.current_process()._inheriting  # type: ignore[attr-defined]
    if _has_threads():
        cold = json.dumps({**settings, "preload": [], "main": {}})
        os.execv(sys.executable, [*sys.orig_argv[:-1], cold])


def _quietly(function: Any, name: str) -> None:
    with contextlib.suppress(BaseException):  # a module may do anything when imported
        function(name)


def _has_threads() -> bool:
    return threading.active_count() > 1 or len(list(Path("/proc/self/task").iterdir())) > 1


class _Forker:
    """Makes workers by forking this process."""

    server: Server

    def __init__(self) -> None:
        self._mark = _room_for_mark()
        self._kept = _open_descriptors() - {SOCKET}
        """Those that are not the server's: its own come later."""

    def fork(self, order: dict[str, Any], fds: Sequence[int]) -> int:
        """Fork; the child becomes the worker and never returns."""
        with contextlib.suppress(Exception):  # then the worker tries it, and tells
            workers.prepare(order["preparation"])
        try:
            pid = execute.fork()
        except OSError as error:
            raise execute.Failure(error, "fork a worker") from error
        if pid == 0:
            self._become(order, fds)
        return pid

    def _become(self, order: dict[str, Any], fds: Sequence[int]) -> NoReturn:
        code = 1
        try:
            self._close_all_but(fds)
            if self._mark is not None:  # its own, and so that of whatever it forks
                self._mark[:] = order["mark"][: marks.ROOM].ljust(marks.ROOM, b"\0")
            code = _work(order, list(fds))
        except BaseException as error:
            bootstrap.tell_crash(error)
        finally:
            _flush()
            os._exit(code)

    def _close_all_but(self, fds: Sequence[int]) -> None:
        """In the fork: let go of all that is the server's, whatever it has opened by now."""
        last = -1
        for fd in sorted({*self._kept, *fds}):
            if last + 1 < fd:  # closerange(0, 0) closes all (Python 3.11)
                os.closerange(last + 1, fd)
            last = fd
        os.closerange(last + 1, os.sysconf("SC_OPEN_MAX"))


def _open_descriptors() -> set[int]:
    found = set()
    for entry in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):  # that of the list itself is gone
            os.fstat(int(entry.name))
            found.add(int(entry.name))
    return found


def _room_for_mark() -> memoryview | None:
    """Where in this process's memory the mark lies that /proc shows of it, and of its forks.

    What it shows is the environment with which the zygote was executed (proc_pid_stat(5):
    env_start); the zygote's mark has room for that of any child.
    """
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    begin, end = int(fields[47]), int(fields[48])
    at = ctypes.string_at(begin, end - begin).find(MARK + b"=")
    if not begin or at < 0:
        return None
    room = (ctypes.c_char * marks.ROOM).from_address(begin + at + len(MARK) + 1)
    return memoryview(room).cast("B")


def _work(order: dict[str, Any], fds: list[int]) -> int:
    """Arrange this fresh fork as ordered, then be the worker."""
    count = len(order["targets"])
    channel, outputs, workers.inherited[:] = fds[0], fds[1 : 1 + count], fds[1 + count :]
    bootstrap.enter(order, channel, outputs)
    for fd in {*outputs}:  # one may be for both
        os.close(fd)
    if order["tracker"]:
        workers.adopt_tracker(workers.inherited.pop())
    return workers.become(order, ALIVE)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue

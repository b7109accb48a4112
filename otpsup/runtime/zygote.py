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
import marshal
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from multiprocessing import process, spawn
from typing import Any, NoReturn

from ..child import become_nobody
from . import bootstrap, freshness, marks, workers
from .launcher import execute, frames
from .launcher.server import Server
from .launcher.strays import MARK
from .launcher.syscalls import become_subreaper, pidfd_open
from .standby import StandbyFork, Told

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
    server = Server(sock, forker.fork, host, spare=spare, standby=forker.standby)
    gc.collect()
    gc.freeze()
    gc.disable()  # a worker has it again when its target is called, see `WorkerProcess`
    server.run()
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
    return threading.active_count() > 1 or len(os.listdir("/proc/self/task")) > 1


class _Forker:
    """Makes workers by forking this process."""

    def __init__(self) -> None:
        self.standby = StandbyFork(self._live, _rehearse)
        self._mark = _room_for_mark()
        self._kept = _open_descriptors() - {SOCKET}
        """Those that are not the server's: its own come later."""

    def fork(self, order: dict[str, Any], fds: Sequence[int]) -> int:
        """Have a fork carry out this order; returns its pid."""
        with contextlib.suppress(Exception):  # then the worker tries it, and tells
            workers.prepare(order["preparation"])
        return self.standby.take(order, fds) or self._fork(order, fds)

    def _fork(self, order: dict[str, Any], fds: Sequence[int]) -> int:
        try:
            pid = execute.fork()
        except OSError as error:
            raise execute.Failure(error, "fork a worker") from error
        if pid == 0:
            self._live(lambda: (order, fds), fds)
        return pid

    def _live(self, told: Told, fds: Sequence[int]) -> NoReturn:
        """In the fork: be a worker, once it is told which.

        Args:
            told: waits for its order, and returns that and its descriptors.
            fds: descriptors that are needed for that.
        """
        code = 1
        try:
            self._close_all_but(fds)
            code = workers.live(lambda: self._become(*told()), ALIVE)
        finally:
            _flush()
            os._exit(code)

    def _become(self, order: dict[str, Any], fds: Sequence[int]) -> workers.WorkerProcess:
        """Arrange this fork as ordered; returns what multiprocessing has of the worker."""
        try:
            if self._mark is not None:  # its own, and so that of whatever it forks
                self._mark[:] = order["mark"][: marks.ROOM].ljust(marks.ROOM, b"\0")
            return _arranged(order, list(fds))
        except BaseException as error:
            bootstrap.tell_crash(error)
            raise SystemExit(1) from None

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
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of the list itself is gone
            os.fstat(int(name))
            found.add(int(name))
    return found


def _room_for_mark() -> memoryview | None:
    """Where in this process's memory the mark lies that /proc shows of it, and of its forks.

    What it shows is the environment with which the zygote was executed (proc_pid_stat(5):
    env_start); the zygote's mark has room for that of any child.
    """
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    begin, end = int(fields[47]), int(fields[48])
    at = ctypes.string_at(begin, end - begin).find(MARK + b"=")
    if not begin or at < 0:
        return None
    room = (ctypes.c_char * marks.ROOM).from_address(begin + at + len(MARK) + 1)
    return memoryview(room).cast("B")


def _rehearse() -> None:
    """In a fork that is going to wait: carry out an order that changes nothing, so that all that is
    touched on the way is this fork's own already when the real one comes."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        data = frames.pack(frames.SPAWN, 0, 0, marshal.dumps(_NO_ORDER), fds=1)
        frames.send(ours, data, [theirs.fileno()])
        (frame,) = frames.receive(theirs)
    bootstrap.enter(marshal.loads(frame.payload), frame.fds[0], _STANDARD)
    become_nobody()


_STANDARD = (0, 1, 2)
_NO_ORDER = {"path": "", "env": {}, "umask": 0o077, "cwd": "", "targets": _STANDARD}


def _arranged(order: dict[str, Any], fds: list[int]) -> workers.WorkerProcess:
    count = len(order["targets"])
    channel, outputs, workers.inherited[:] = fds[0], fds[1 : 1 + count], fds[1 + count :]
    bootstrap.enter(order, channel, outputs)
    for fd in {*outputs}:  # one may be for both
        os.close(fd)
    if order["tracker"]:
        workers.adopt_tracker(workers.inherited.pop())
    return workers.load(order)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue

"""The launcher's entry: `main(fd, files, marks, spare)`, with `fd` the socket to the host."""

from __future__ import annotations

import _thread
import contextlib
import gc
import os
import resource
from collections.abc import Callable

from .bare import signal, socket
from .deaths import Deaths
from .execute import RESET, execute
from .server import Server
from .syscalls import become_subreaper, pidfd_open

_RESERVED = 16


def main(fd: int, files: int, marks: str, spare: int) -> None:
    """Serve the host behind the socket `fd` until it is gone.

    Args:
        files: the soft limit of descriptors, which children inherit.
        marks: what the marks of the tree's processes begin with.
        spare: descriptors that the host can spare, see `server`.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError):  # the host has had its hard limit lowered since
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    _own_signals()
    become_subreaper()
    _reserve_low_descriptors()
    os.set_inheritable(fd, False)
    sock = socket.socket(fileno=fd)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    gc.disable()
    gc.freeze()
    host = pidfd_open(os.getppid())
    deaths = None
    if host is not None:  # on kernels older than pidfds, orphans may go to another thread
        with contextlib.suppress(OSError):
            deaths = Deaths()
    server = Server(sock, execute, host, marks.encode(), deaths, spare)
    _in_second_thread(server.run) if deaths else server.run()


def _in_second_thread(run: Callable[[], None]) -> None:
    """Run it to its end while this thread, the first one, sleeps.

    The kernel keeps the children of each thread apart, and gives orphans to the first one that
    there is: so this thread's are just the orphans, who are found without a look at all children.
    """
    failed: list[BaseException] = []

    def work() -> None:
        try:
            run()
        except BaseException as error:
            failed.append(error)
        finally:
            is_over.release()

    is_over = _thread.allocate_lock()
    is_over.acquire()
    _thread.start_new_thread(work, ())
    is_over.acquire()
    if failed:
        raise failed[0]


def _own_signals() -> None:
    """Only the host's end ends us; what it ignores or blocks is neither for us nor for children."""
    for number in signal.valid_signals() - set(RESET):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _pass_over)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _pass_over(*_: object) -> None:
    """Do nothing. A handler, unlike SIG_IGN, is not inherited through exec."""


def _reserve_low_descriptors() -> None:
    """Take the numbers that children's descriptors get, so that received ones lie above them."""
    null = os.open("/dev/null", os.O_RDWR)
    while null < _RESERVED:
        null = os.dup(null)
    os.close(null)

"""The loop of the launcher, and of the zygote: spawn on request, reap, sweep, report.

Single-threaded, no timers while all is well. It is the only reaper of its children; therefore a
pid or group number that it signals here is never anybody else's: a child's number stays taken
until we reap it, and we signal before that.
"""

from __future__ import annotations

import contextlib
import errno
import marshal
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import frames
from .execute import Failure
from .syscalls import pidfd_open

Spawn = Callable[[dict[str, Any], Sequence[int]], int]

LINGER = 2.0
"""Seconds that a dead child's group gets to vanish after SIGKILL before its end is reported."""
_ABANDONED = 1.0
"""Seconds of grace, at most, that children get when the host is gone."""
GLANCE = 0.005
"""Seconds between looks at a group that is about to vanish, or at children told to end."""


class _Child(NamedTuple):
    """What must be known of a child when the host is gone."""

    id: int
    stop_signal: int
    grace: float


class Server:
    """Serves one host.

    Args:
        sock: the connected SOCK_SEQPACKET socket to the host.
        spawn: makes a process from an order and descriptors, and returns its pid.
        host: a pidfd of the host, if there are any. The end of the stream alone may come late: a
            host that forks leaves copies of its socket in its forks.
    """

    def __init__(self, sock: socket.socket, spawn: Spawn, host: int | None = None) -> None:
        self._sock = sock
        self._spawn = spawn
        self._host = host
        self._children: dict[int, _Child] = {}
        self._lingering: dict[int, tuple[bytes, float]] = {}

    def run(self) -> None:
        """Serve until the host closes its end or dies; then end all children."""
        wake = self._wake_on_sigchld()
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.register(wake, select.POLLIN)
        if self._host is not None:
            poll.register(self._host, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll(GLANCE * 1000 if self._lingering else None)}
            if wake in ready:
                _drain(wake)
            self._reap()
            if self._host in ready or (self._sock.fileno() in ready and not self._serve()):
                break
        self._abandon()

    def _wake_on_sigchld(self) -> int:
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        return reader

    # Requests.

    def _serve(self) -> bool:
        """Serve one request; False at the end of the stream."""
        try:
            frame = frames.receive(self._sock)
        except ConnectionError:
            return False
        if frame.op == frames.SPAWN:
            self._start(frame)
        return frame.op != b""

    def _start(self, frame: frames.Frame) -> None:
        order = marshal.loads(frame.payload)
        try:
            pid = self._spawn(order, frame.fds)
        except Failure as failure:
            self._tell(frames.pack(frames.FAILED, frame.id, failure.errno, failure.what.encode()))
        except Exception as error:  # one bad order must not end everybody else's parent
            what = f"carry out the order ({error})".encode()
            self._tell(frames.pack(frames.FAILED, frame.id, errno.EINVAL, what))
        else:
            self._children[pid] = _Child(frame.id, order["stop_signal"], order["grace"])
            self._report_up(frame.id, pid)
        finally:
            for fd in frame.fds:
                os.close(fd)

    def _report_up(self, id: int, pid: int) -> None:
        pidfd = pidfd_open(pid)
        up = frames.pack(frames.UP, id, pid)
        if pidfd is None:
            self._tell(up)
            return
        self._tell(up, [pidfd])
        os.close(pidfd)

    def _tell(self, data: bytes, fds: Sequence[int] = ()) -> None:
        with contextlib.suppress(ConnectionError):  # the host is gone; the loop will notice
            frames.send(self._sock, data, fds)

    # Deaths.

    def _reap(self) -> None:
        """Take in every child that has ended, its group with it, in the order of dying."""
        with contextlib.suppress(ChildProcessError):
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                self._bury(found.si_pid)
        for pid, (exited, until) in list(self._lingering.items()):
            if not group_exists(pid) or time.monotonic() > until:
                del self._lingering[pid]
                self._tell(exited)

    def _bury(self, pid: int) -> None:
        child = self._children.pop(pid, None)
        id = child.id if child else 0
        if child:
            _kill_group(pid)  # what it leaves behind; its number is still taken, by its zombie
        result = os.waitid(os.P_PID, pid, os.WEXITED)
        assert result is not None
        exited = _exited(id, pid, result)
        if child and group_exists(pid):
            self._lingering[pid] = (exited, time.monotonic() + LINGER)
        else:
            self._tell(exited)

    # The end.

    def _abandon(self) -> None:
        """The host is gone: ask everybody to end, then insist; return when nobody is left."""
        with contextlib.suppress(OSError):  # whoever holds a copy of the other end does not read
            self._sock.shutdown(socket.SHUT_RDWR)
        begun = time.monotonic()
        for pid, child in self._children.items():
            if child.stop_signal:
                with contextlib.suppress(OSError):
                    os.kill(pid, child.stop_signal)
        while self._reap_all():
            self._kill_the_late(time.monotonic() - begun)
            time.sleep(GLANCE)

    def _kill_the_late(self, waited: float) -> None:
        """Kill whose grace is over: each child after its own, strays once all children are gone."""
        for pid, child in self._children.items():
            if waited >= min(child.grace, _ABANDONED):
                _kill(pid)
        if not self._children:
            for pid in _children_of(os.getpid()):
                _kill(pid)

    def _reap_all(self) -> bool:
        """Reap what has ended; True while children are left."""
        try:
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                self._bury(found.si_pid)
        except ChildProcessError:
            return False
        return True


def _exited(id: int, pid: int, result: os.waitid_result) -> bytes:
    status = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
    if id == 0:
        return frames.pack(frames.EXITED, 0, status, str(pid).encode())
    core = b"core" if result.si_code == os.CLD_DUMPED else b""
    return frames.pack(frames.EXITED, id, status, core)


def _drain(fd: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(fd, 4096):
            pass


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def group_exists(pid: int) -> bool:
    """Whether anybody is left in the group of this leader."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _children_of(parent: int) -> list[int]:
    """The pids whose parent is `parent`; they are ours to reap, so they stay theirs till then."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _ppid(name) == parent]


def _ppid(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1])
    except OSError:
        return 0

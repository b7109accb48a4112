"""The host's end of the launcher and of the zygote.

A `Spawner` turns orders into processes and tells what becomes of them. It runs on the
supervision loop; nothing in it blocks.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import marshal
import os
import select
import signal
import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..engine.reasons import Exit
from .launcher import frames
from .launcher.syscalls import send_signal, signal_group

LAUNCHER = (
    f"import sys; sys.path.append({str(Path(__file__).parent)!r}); "
    "from launcher.main import main; main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])"
)


class Owner(Protocol):
    """Who ordered a process.

    Attributes:
        mark: in the environment of the process and of all below it.
    """

    mark: str

    def on_up(self, pid: int, pidfd: int | None) -> None:
        """It exists."""

    def on_failed(self, error: OSError) -> None:
        """It could not be made; `error.filename` says what was tried."""

    def on_exit(self, exit: Exit) -> None:
        """It is gone, and its process group with it."""

    def on_lost(self) -> None:
        """The spawner is gone and will not report on it any more: an end to it."""

    def has_ended(self) -> bool:
        """After `on_lost`: whether it is gone, as far as that can be seen."""

    def on_swept(self) -> None:
        """After `on_lost`: it is gone, and whatever had its mark."""


class Spawner:
    """One launcher-like process, seen from the host.

    Args:
        loop: the supervision loop.
        sock: our end of the socket to it; made non-blocking here.
        on_lost: called once if the other end goes away while this one is open.
        on_orphan: called with (pid, exit) for a process that this spawner did not start itself.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        on_lost: Callable[[], None],
        on_orphan: Callable[[int, Exit], None],
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._on_lost = on_lost
        self._on_orphan = on_orphan
        self._owners: dict[int, Owner] = {}
        self._unsent: deque[tuple[bytes, list[int]]] = deque()
        self._ids = 0
        self._is_retired = False
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        loop.add_reader(sock.fileno(), self._readable)

    def spawn(self, order: dict[str, Any], fds: Sequence[int], owner: Owner) -> int:
        """Order a process; `owner` is told. The caller keeps `fds` and may close them at once.

        Returns:
            the number of the order, for `stopping` and `kill`.
        """
        self._ids += 1
        self._owners[self._ids] = owner
        data = frames.pack(frames.SPAWN, self._ids, payload=marshal.dumps(order))
        data, rights, memory = frames.pack_large(data, fds)
        try:
            if len(rights) > frames.MAX_FDS:
                raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
            if self._unsent:
                raise BlockingIOError
            frames.send(self._sock, data, rights)
        except BlockingIOError:
            self._send_later(data, rights)
        except ConnectionError:
            self.lose()
        except OSError as error:  # this order cannot be sent; others can
            what = f"hand over {len(rights)} descriptors (at most {frames.MAX_FDS})"
            del self._owners[self._ids]
            owner.on_failed(OSError(error.errno, error.strerror, what))
        finally:
            if memory is not None:
                os.close(memory)
        return self._ids

    def stopping(self, id: int) -> None:
        """This process is being told to end; what it leaves behind has what is left of its time."""
        self._note(frames.STOPPING, id)

    def kill(self, id: int) -> None:
        """Whatever this process leaves behind gets no more time."""
        self._note(frames.KILL, id)

    def end_with_host(self, pidfd: int) -> None:
        """This process, which the host has made itself, ends when the host is gone."""
        self._note(frames.OWN, 0, [pidfd])

    def _note(self, op: bytes, id: int, fds: Sequence[int] = ()) -> None:
        data = frames.pack(op, id)
        try:
            if self._unsent:
                raise BlockingIOError
            frames.send(self._sock, data, fds)
        except BlockingIOError:
            self._send_later(data, fds)
        except OSError:  # it is gone, and whoever waits for it hears of that
            return

    def _send_later(self, data: bytes, fds: Sequence[int]) -> None:
        if not self._unsent:
            self._loop.add_writer(self._sock.fileno(), self._writable)
        self._unsent.append((data, [os.dup(fd) for fd in fds]))

    def _writable(self) -> None:
        try:
            while self._unsent:
                frames.send(self._sock, *self._unsent[0])
                self._close_fds(self._unsent.popleft()[1])
        except BlockingIOError:
            return
        except OSError:
            self.lose()
            return
        self._loop.remove_writer(self._sock.fileno())

    def _close_fds(self, fds: Sequence[int]) -> None:
        for fd in fds:
            os.close(fd)

    def _readable(self) -> None:
        try:
            while self.is_open:
                frame = frames.receive(self._sock)
                if frame.op == b"":
                    self.lose()
                    return
                self._take(frame)
        except BlockingIOError:
            pass
        except OSError:
            self.lose()

    def _take(self, frame: frames.Frame) -> None:
        if frame.op == frames.UP:
            pidfd = frame.fds[0] if frame.fds else None
            self._owners[frame.id].on_up(frame.value, pidfd)
        elif frame.op == frames.FAILED:
            what = frame.payload.decode(errors="replace")
            error = OSError(frame.value, os.strerror(frame.value), what)
            self._owners.pop(frame.id).on_failed(error)
        elif frame.id:
            self._owners.pop(frame.id).on_exit(_exit(frame))
        else:
            self._on_orphan(int(frame.payload), _exit(frame))
        if self._is_retired:
            self.retire()

    def retire(self) -> None:
        """Order nothing more; hang up when all that was ordered is gone."""
        self._is_retired = True
        if not self._owners:
            self.close()

    @property
    def is_open(self) -> bool:
        """False once the other end is gone, or was hung up on."""
        return self._sock.fileno() >= 0

    def lose(self) -> None:
        """The other end is gone: say so, once."""
        if self.is_open:
            self.close()
            self._on_lost()

    def take_owners(self) -> list[Owner]:
        """Those whose processes this spawner will not report on any more."""
        owners, self._owners = list(self._owners.values()), {}
        return owners

    def close(self) -> None:
        """Hang up; the other end takes that as the host's end."""
        if self.is_open:
            self._loop.remove_reader(self._sock.fileno())
            self._loop.remove_writer(self._sock.fileno())
            with contextlib.suppress(OSError):  # heard even where a fork of ours holds a copy
                self._sock.shutdown(socket.SHUT_RDWR)
            self._sock.close()
        while self._unsent:
            self._close_fds(self._unsent.popleft()[1])


def _exit(frame: frames.Frame) -> Exit:
    core = frame.payload == b"core"
    if frame.value < 0:
        return Exit(signal=-frame.value, core=core)
    return Exit(code=frame.value)


class Signaller:
    """Sends signals to one process that a spawner made, and to no other."""

    __slots__ = ("_pidfd", "pid")

    def __init__(self, pid: int, pidfd: int | None) -> None:
        self.pid = pid
        self._pidfd = pidfd

    def send(self, signum: int) -> None:
        """Send it, unless the process is gone.

        Without a pidfd the pid is used: the launcher reaps the process only to report its exit,
        and `close` is called on that report, so the pid may be stale for that short while only.
        """
        if self._pidfd is not None:
            send_signal(self._pidfd, signum)
        elif self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signum)

    def send_to_group(self, signum: int) -> None:
        """Send it to its whole group; see `kill_group` for kernels that know groups by number."""
        if self._pidfd is None or signal_group(self._pidfd, signum):
            if self._pidfd is None:
                self.send(signum)
        elif send_signal(self._pidfd, 0):
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signum)

    def kill_group(self) -> None:
        """Send SIGKILL to its whole group.

        An older kernel has only the number for that. It is used while the process exists: within a
        few instructions it would have to end, be reaped, and all other numbers be given out, before
        this one could be a stranger's.
        """
        if self._pidfd is None or signal_group(self._pidfd, signal.SIGKILL):
            pass
        elif send_signal(self._pidfd, 0):
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
        self.send(signal.SIGKILL)

    def lose(self) -> None:
        """Whoever would reap it is gone: end its group, and use its number no more."""
        self.kill_group()
        self.pid = 0

    def has_ended(self) -> bool:
        """Whether it is gone, or only a zombie; True without a pidfd, which alone can tell."""
        if self._pidfd is None:
            return True
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """The process is gone: never signal it again."""
        if self._pidfd is not None:
            os.close(self._pidfd)
        self._pidfd, self.pid = None, 0

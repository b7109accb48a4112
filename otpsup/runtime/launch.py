"""The host's end of the launcher and of the zygote.

A `Spawner` turns orders into processes and tells what becomes of them. It runs on the
supervision loop; nothing in it blocks.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import marshal
import os
import select
import signal
import socket
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..engine.reasons import Exit
from .launcher import frames
from .launcher.syscalls import send_signal, signal_group

LAUNCHER = (
    f"import sys; sys.path.append({str(Path(__file__).parent)!r}); "
    "from launcher.main import main; "
    "main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))"
)


_TOGETHER = 500
"""Frames of a few bytes that go out in one message, at most."""
_numbers = itertools.count(1)


def next_number() -> int:
    """A number for an order, which no other has; it is also in the mark of its process."""
    return next(_numbers)


class Owner(Protocol):
    """Who ordered a process.

    Attributes:
        mark: in the environment of the process and of all below it.
    """

    mark: str

    @property
    def successors_mark(self) -> str:
        """Of a process that may have been made in its place already; "" if it is not armed."""

    def on_up(self, pid: int, pidfd: int | None, ends: Sequence[int] | None) -> None:
        """It exists.

        Args:
            ends: of what its order wanted made: its channel and its outputs, ours to close; None if
                we could not be given them all.
        """

    def on_failed(self, error: OSError) -> None:
        """It could not be made; `error.filename` says what was tried."""

    def on_exit(self, exit: Exit) -> None:
        """It is gone, and its process group with it."""

    def on_replaced(self, successor: int, exit: Exit) -> Owner:
        """As `on_exit`, and its successor is being made; returns whose that process is.

        Args:
            successor: the number that this process was armed with.
        """

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
        self._replaced: Counter[int] = Counter()
        """How many children of each group have been replaced, as far as we have heard."""
        self._received: deque[frames.Frame] = deque()
        """What can wait for the next message."""
        self._unarmed: list[bytes] = []
        """Frames about that, which go out together."""
        self._stopping: list[tuple[bytes, Callable[[], None]]] = []
        """Frames of those who are to be told to end, and what tells them."""
        self._is_retired = False
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        loop.add_reader(sock.fileno(), self._readable)

    def spawn(self, id: int, order: dict[str, Any], fds: Sequence[int], owner: Owner) -> None:
        """Order a process; `owner` is told. The caller keeps `fds` and may close them at once.

        Args:
            id: a number that no other order has, see `next_number`.
        """
        self._owners[id] = owner
        if len(fds) >= frames.MAX_FDS:
            what = f"hand over {len(fds)} descriptors (at most {frames.MAX_FDS - 1})"
            self._cannot(id, OSError(errno.E2BIG, os.strerror(errno.E2BIG)), what)
            return
        data = frames.pack(frames.SPAWN, id, 0, marshal.dumps(order), len(fds))
        try:
            data, rights, memory = frames.pack_large(data, fds)
        except OSError as error:
            self._cannot(id, error, "hand over the order")
            return
        try:
            self._send(data, rights)
        except ConnectionError:
            self.lose()
        except OSError as error:  # this order cannot be sent; others can
            self._cannot(id, error, "hand over the order")
        finally:
            if memory is not None:
                os.close(memory)

    def _cannot(self, id: int, error: OSError, what: str) -> None:
        self._owners.pop(id).on_failed(OSError(error.errno, error.strerror, what))

    def _send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Now, or when there is room.

        Raises:
            OSError: it cannot be sent.
        """
        try:
            if self._unsent:
                raise BlockingIOError
            frames.send(self._sock, data, fds)
        except BlockingIOError:
            self._send_later(data, fds)

    def arm(self, id: int, successor: int, group: int, allowed: int) -> None:
        """Should this process end by itself, the same is to be started again at once.

        Args:
            successor: the number of that order.
            group: by whose restart limit; any number.
            allowed: how many of that group may be replaced from here on.
        """
        limit = frames.PAIR.pack(group, self._replaced[group] + allowed)
        self._arm_soon(frames.pack(frames.AGAIN, id, successor, limit))

    def limit(self, group: int, allowed: int) -> None:
        """From here on, so many of this group may be replaced."""
        self._arm_soon(frames.pack(frames.LIMIT, group, self._replaced[group] + allowed))

    def _arm_soon(self, frame: bytes) -> None:
        if not self._unarmed:
            self._loop.call_soon(self._arm_now)
        self._unarmed.append(frame)
        if len(self._unarmed) >= _TOGETHER:
            self._arm_now()

    def _arm_now(self) -> None:
        data = b"".join(self._unarmed)
        self._unarmed.clear()
        if data:
            self._note(data)

    def stopping(self, id: int, then: Callable[[], None]) -> None:
        """This process is to be told to end; what it leaves behind has what is left of its time.

        Args:
            then: tells it so. It is called very soon: a message for each of many would take longer
                than all else about them.
        """
        if not self._stopping:
            self._loop.call_soon(self._stop_now)
        self._stopping.append((frames.pack(frames.STOPPING, id), then))
        if len(self._stopping) >= _TOGETHER:
            self._stop_now()

    def _stop_now(self) -> None:
        stopping, self._stopping = self._stopping, []
        if stopping:
            self._note(b"".join(frame for frame, _ in stopping))
        for _, then in stopping:
            then()

    def kill(self, id: int) -> None:
        """Whatever this process leaves behind gets no more time."""
        self._stop_now()  # in this order
        self._note(frames.pack(frames.KILL, id))

    def end_with_host(self, pidfd: int) -> None:
        """This process, which the host has made itself, ends when the host is gone."""
        self._note(frames.pack(frames.OWN, 0, fds=1), [pidfd])

    def _note(self, data: bytes, fds: Sequence[int] = ()) -> None:
        with contextlib.suppress(OSError):  # it is gone, and whoever waits for it hears of that
            self._send(data, fds)

    def _send_later(self, data: bytes, fds: Sequence[int]) -> None:
        if not self._unsent:
            self._loop.add_writer(self._sock.fileno(), self._writable)
        self._unsent.append((data, [os.dup(fd) for fd in fds]))

    def _writable(self) -> None:
        try:
            while self._unsent:
                frames.send(self._sock, *self._unsent[0])
                _close(self._unsent.popleft()[1])
        except BlockingIOError:
            return
        except OSError:
            self.lose()
            return
        self._loop.remove_writer(self._sock.fileno())

    def _readable(self) -> None:
        try:
            while self.is_open:
                received = frames.receive(self._sock)
                self._received += received
                if not received or received[-1].op != frames.MORE:
                    self._take_all()
                if not received:
                    self.lose()
        except BlockingIOError:
            pass
        except OSError:
            self.lose()

    def _take_all(self) -> None:
        while self._received:
            self._take(self._received.popleft())

    def _take(self, frame: frames.Frame) -> None:
        if frame.op == frames.UP:
            self._take_up(frame)
        elif frame.op == frames.FAILED:
            what = frame.payload.decode(errors="replace")
            error = OSError(frame.value, os.strerror(frame.value), what)
            self._owners.pop(frame.id).on_failed(error)
        elif frame.op == frames.REPLACED:
            group, successor = frames.PAIR.unpack_from(frame.payload)
            self._replaced[group] += 1
            before = self._owners.pop(frame.id)
            self._owners[successor] = before.on_replaced(successor, _exit(frame))
        elif frame.op == frames.MORE:
            pass
        elif frame.id:
            self._owners.pop(frame.id).on_exit(_exit(frame))
        else:
            self._on_orphan(int(frame.payload), _exit(frame))
        if self._is_retired:
            self._hang_up_when_done()

    def _take_up(self, frame: frames.Frame) -> None:
        fds = list(frame.fds)
        pidfd = fds.pop(0) if frame.payload and fds else None
        if not frame.is_whole:
            _close(fds)
        self._owners[frame.id].on_up(frame.value, pidfd, fds if frame.is_whole else None)

    def retire(self) -> None:
        """Order nothing more; hang up when all that was ordered is gone."""
        self._is_retired = True
        self._arm_now()  # or it would come after what takes it back
        self._note(frames.pack(frames.RETIRE, 0))
        self._hang_up_when_done()

    def _hang_up_when_done(self) -> None:
        if not self._owners:
            self.close()

    @property
    def is_serving(self) -> bool:
        """Whether it may order anything."""
        return self.is_open and not self._is_retired

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
            _close(self._unsent.popleft()[1])


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def _exit(frame: frames.Frame) -> Exit:
    core = frame.payload.endswith(b"core")
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

"""The loop of the launcher, and of the zygote: spawn on request, reap, sweep, report.

In one thread, without timers while all is well. It is the only reaper of its children; therefore a
pid or group number that it signals here is never anybody else's: a child's number stays taken
until we reap it, and we signal before that.
"""

from __future__ import annotations

import contextlib
import errno
import marshal
import os
import resource
import select
import time
from collections.abc import Callable, Sequence

from . import frames
from .bare import signal, socket
from .deaths import Deaths
from .execute import Failure
from .strays import Children, can_look, end, group_of, kill_marked, was_below
from .syscalls import pidfd_open, send_signal

TYPE_CHECKING = False  # as type checkers know it: typing is a megabyte, a fifth of the launcher
if TYPE_CHECKING:
    from typing import Any

Spawn = Callable[["dict[str, Any]", Sequence[int]], int]

LINGER = 2.0
"""Seconds that what a dead child left behind gets to vanish after SIGKILL before it is reported."""
_CRASHED = 1.0
"""Seconds of grace, at most, for what a child left behind that was not told to end."""
_ABANDONED = 1.0
"""Seconds of grace, at most, that children get when the host is gone."""
_HELD = 200
"""The highest number of a descriptor that is kept open for a child. Each that is open here makes
each start slower: it is copied for the child, and closed there."""
_SPENT = 100
"""Descriptors of children that are gone, at most, that stay open while there is more to do."""
GLANCE = 0.005
"""Seconds between looks at a group that is about to vanish, or at children told to end."""


class _Child:
    """What must be known of a child when it, or the host, is gone."""

    __slots__ = ("grace", "held", "id", "mark", "stop_signal")

    def __init__(
        self, id: int, stop_signal: int, grace: float, mark: bytes, held: Sequence[int] = ()
    ) -> None:
        self.id = id
        self.stop_signal = stop_signal
        self.grace = grace
        self.mark = mark
        self.held = held


class _Lingering:
    """A child that has ended, and has left somebody behind."""

    def __init__(self, child: _Child, exited: bytes, grace: float) -> None:
        self.child = child
        self.exited = exited
        self.hurry(grace)
        self.asked: set[int] = set()

    def hurry(self, grace: float) -> None:
        """When whoever is left is killed, and when the end is reported whoever is left."""
        self.kill_at = time.monotonic() + grace
        self.tell_at = self.kill_at + LINGER


class Server:
    """Serves one host.

    Args:
        sock: the connected SOCK_SEQPACKET socket to the host.
        spawn: makes a process from an order and descriptors, and returns its pid.
        host: a pidfd of the host, if there are any. The end of the stream alone may come late: a
            host that forks leaves copies of its socket in its forks.
        marks: what the marks of the tree's processes begin with; b"" if others see to them.
        deaths: tells who has ended; without it all children are looked at.
    """

    def __init__(
        self,
        sock: socket.socket,
        spawn: Spawn,
        host: int | None = None,
        marks: bytes = b"",
        deaths: Deaths | None = None,
    ) -> None:
        self._sock = sock
        self._deaths = deaths
        self._marks = marks
        self._spawn = spawn
        self._host = host
        self._children: dict[int, _Child] = {}
        self._pids: dict[int, int] = {}
        """The pid of each of them, by its id."""
        self._offspring = Children()
        self._stopping: dict[int, float] = {}
        """When each child that was told to end has to be gone, by its id."""
        self._lingering: dict[int, _Lingering] = {}
        self._wake = deaths.fileno() if deaths else _wake_on_sigchld()
        self._ends = select.poll()
        self._ends.register(self._wake, select.POLLIN)
        self._hosts_own: list[int] = []
        """Pidfds of children that the host has made itself."""
        self._spent: list[int] = []
        """Descriptors of children that are gone."""
        self._room = min(_HELD, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        """The highest number that a held descriptor may have."""

    def close_in_fork(self) -> None:
        """In a fork of this process: let go of what is the server's."""
        self._sock.close()
        self._offspring.close()
        if self._host is not None:
            os.close(self._host)

    def run(self) -> None:
        """Serve until the host closes its end or dies; then end all children."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        if self._host is not None:
            poll.register(self._host, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll(self._patience())}
            if not ready:
                self._let_go()
            if self._wake in ready and self._deaths is None:
                _drain(self._wake)
            if not ready or self._wake in ready or self._is_watching():
                self._reap()
            if self._host in ready or (self._sock.fileno() in ready and not self._serve()):
                break
        self._abandon()

    def _patience(self) -> float | None:
        """Milliseconds until there is something to do although nothing has come."""
        wait = self._deaths.wait if self._deaths else None
        if self._lingering or self._spent:
            wait = GLANCE if wait is None else min(wait, GLANCE)
        return None if wait is None else wait * 1000

    def _is_watching(self) -> bool:
        """Whether there is somebody to look at, although nothing tells of an end just now."""
        return bool(self._lingering) or (self._deaths is not None and self._deaths.wait == 0)

    # Requests.

    def _serve(self) -> bool:
        """Serve one request; False at the end of the stream."""
        try:
            frame = frames.receive(self._sock)
        except ConnectionError:
            return False
        if not frame.is_whole:
            self._refuse(frame)
        elif frame.op == frames.SPAWN:
            self._start(frame)
        elif frame.op == frames.STOPPING:
            self._note_stop(frame.id)
        elif frame.op == frames.KILL:
            self._hasten(frame.id)
        elif frame.op == frames.OWN:
            self._note_own(frame.fds)
        return frame.op != b""

    def _refuse(self, frame: frames.Frame) -> None:
        """An order whose descriptors could not be received."""
        for fd in frame.fds:
            os.close(fd)
        if frame.op == frames.OWN:  # nobody waits for an answer to that
            return
        what = b"receive the descriptors of the order"
        self._tell(frames.pack(frames.FAILED, frame.id, errno.EMFILE, what))

    def _note_stop(self, id: int) -> None:
        """The host tells this child to end; what it leaves behind has what is left of its time."""
        pid = self._pids.get(id)
        if pid is not None:
            self._stopping[id] = time.monotonic() + self._children[pid].grace

    def _hasten(self, id: int) -> None:
        """An end to this child, and no grace any more for what it has left behind, or will."""
        pid = self._pids.get(id)
        if pid is not None:
            self._stopping[id] = 0.0
            _kill(pid)
        for left in self._lingering.values():
            if left.child.id == id and left.kill_at > time.monotonic():
                left.hurry(0.0)

    def _note_own(self, fds: Sequence[int]) -> None:
        """The host has made a child itself; those that have ended are forgotten."""
        ended = [fd for fd in self._hosts_own if not send_signal(fd, 0)]
        for fd in ended:
            os.close(fd)
        self._hosts_own = [fd for fd in (*self._hosts_own, *fds) if fd not in ended]

    def _start(self, frame: frames.Frame) -> None:
        order = marshal.loads(frame.payload)
        self._let_go()  # so that what somebody said last is read before what his successor says
        held: Sequence[int] = ()
        try:
            pid = self._spawn(order, frame.fds)
        except Failure as failure:
            self._tell(frames.pack(frames.FAILED, frame.id, failure.errno, failure.what.encode()))
        except Exception as error:  # one bad order must not end everybody else's parent
            what = f"carry out the order ({error})".encode()
            self._tell(frames.pack(frames.FAILED, frame.id, errno.EINVAL, what))
        else:
            known = (order["stop_signal"], order["grace"], order.get("mark", b""))
            held = self._hold(frame.fds, order.get("held", 0))
            self._children[pid] = _Child(frame.id, *known, held)
            self._pids[frame.id] = pid
            self._report_up(frame.id, pid)
        finally:
            for fd in frame.fds[len(held) :]:
                os.close(fd)

    def _hold(self, fds: Sequence[int], count: int) -> Sequence[int]:
        """Those that stay open here until the child's end is told, if there is room for them.

        Else whoever reads them would hear of the end first: he would run when the child has closed
        them, in the way of the child, which is not gone yet, and of us, who have to start another.
        """
        return fds[:count] if count and max(fds) < self._room else ()

    def _let_go(self) -> None:
        """Close what was held of those that are gone."""
        for fd in self._spent:
            os.close(fd)
        self._spent.clear()

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
        if self._deaths is None:
            self._reap_all()
        else:
            for pid in self._deaths.found(len(self._children), self._orphans):
                self._bury(pid)
        for pid, left in list(self._lingering.items()):
            is_swept = self._is_swept(pid, left)
            if left.exited and (is_swept or time.monotonic() > left.tell_at):
                self._tell(left.exited)
                left.exited = b""
            if is_swept:
                del self._lingering[pid]

    def _bury(self, pid: int) -> None:
        child = self._children.pop(pid, None)
        if child:
            del self._pids[child.id]
        grace = self._grace(child) if child else 0.0
        if child:  # its number is still taken, by its zombie
            _signal_group(pid, child.stop_signal if grace > 0 else signal.SIGKILL)
        result = os.waitid(os.P_PID, pid, os.WEXITED)
        assert result is not None
        exited = _exited(child.id if child else 0, pid, result)
        if child is None:
            self._tell(exited)
            return
        if not self._orphans() and not group_exists(pid):  # as nearly always
            self._tell(exited)
        else:
            self._linger(pid, _Lingering(child, exited, grace))
        self._spent += child.held
        if len(self._spent) > _SPENT:
            self._let_go()

    def _orphans(self) -> list[int]:
        """Children whom nobody has ordered."""
        return self._offspring.orphans(self._children)

    def _linger(self, pid: int, left: _Lingering) -> None:
        """Tell the end of a child when nobody is left of what it has left behind."""
        if self._is_swept(pid, left):
            self._tell(left.exited)
        else:
            self._lingering[pid] = left

    def _grace(self, child: _Child) -> float:
        """Seconds for what a child leaves behind: the rest of its own; a moment if it crashed."""
        until = self._stopping.pop(child.id, None)
        if until is None:
            return min(child.grace, _CRASHED) if child.stop_signal else 0.0
        return max(until - time.monotonic(), 0.0)

    def _is_swept(self, pid: int, left: _Lingering) -> bool:
        """End what a dead child has left behind, each asked once; True when nobody is left."""
        if not can_look():  # who cannot be found now is found later, also when this was reported
            left.kill_at = max(left.kill_at, time.monotonic())
        late = time.monotonic() - left.kill_at
        found = self._orphans()
        whose = {orphan: was_below(orphan, pid, left.child.mark) for orphan in found}
        theirs = [orphan for orphan in found if whose[orphan]]
        if late >= 0:
            end(theirs, late)
        for orphan in theirs if late < 0 else ():
            if orphan not in left.asked and group_of(orphan) != pid:  # its group was told
                left.asked.add(orphan)
                _send(orphan, left.child.stop_signal)
        is_left = any(known is not False for known in whose.values()) or group_exists(pid)
        return not is_left or late > LINGER

    # The end.

    def _abandon(self) -> None:
        """The host is gone: ask everybody to end, then insist; return when nobody is left."""
        with contextlib.suppress(OSError):  # whoever holds a copy of the other end does not read
            self._sock.shutdown(socket.SHUT_RDWR)
        for fd in self._hosts_own:  # as they end with the host by themselves, if nobody forked it
            send_signal(fd, signal.SIGKILL)
        begun = time.monotonic()
        self._ask_in_order(begun + _ABANDONED)
        while self._reap_all():
            self._kill_the_late(time.monotonic() - begun)
            self._await_death(GLANCE)
        until = time.monotonic() + LINGER
        while self._marks and kill_marked(self._marks) and time.monotonic() < until:
            time.sleep(GLANCE)

    def _ask_in_order(self, until: float) -> None:
        """The last one first. Each has its own grace to go before the next is asked, but no more
        than its share of the time that is left; it goes on ending while others are asked."""
        asked = [(p, child) for p, child in self._children.items() if child.stop_signal]
        for left in range(len(asked), 0, -1):
            pid, child = asked[left - 1]
            if pid not in self._children:
                continue
            now = time.monotonic()
            _send(pid, child.stop_signal)
            _send(pid, signal.SIGCONT)  # it may be stopped, and must hear of it
            self._wait_for(pid, now + min(child.grace, max(until - now, 0.0) / left))

    def _wait_for(self, pid: int, until: float) -> None:
        if time.monotonic() < until:
            self._reap_all()
        while pid in self._children and (left := until - time.monotonic()) > 0:
            self._await_death(left)
            self._reap_all()

    def _await_death(self, seconds: float) -> None:
        """Wait until a child has ended since the last look, for so long at most."""
        if self._ends.poll(seconds * 1000):
            _drain(self._wake)

    def _kill_the_late(self, waited: float) -> None:
        """Kill whose grace is over: each child after its own, strays once all children are gone."""
        for pid, child in self._children.items():
            if waited >= min(child.grace, _ABANDONED):
                _kill(pid)
        if not self._children:
            end(self._offspring.orphans(()), waited)

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


def _wake_on_sigchld() -> int:
    """A descriptor that is readable once a child has ended."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader


def _drain(fd: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(fd, 4096):
            pass


def _kill(pid: int) -> None:
    _send(pid, signal.SIGKILL)


def _send(pid: int, signum: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, signum)


def _signal_group(pid: int, signum: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signum)


def group_exists(pid: int) -> bool:
    """Whether anybody is left in the group of this leader."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""The loop of the launcher, and of the zygote: spawn on request, reap, replace, sweep, report.

In one thread, without timers while all is well. It is the only reaper of its children; therefore a
pid or group number that it signals here is never anybody else's: a child's number stays taken
until we reap it, and we signal before that.

It decides nothing. Where the host has said beforehand what it would order at the end of a child, it
does that at once, and the host hears of both.
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
from functools import partial

from . import frames
from .bare import signal, socket
from .children import Child, Children
from .deaths import Deaths
from .ends import Ends, Supply
from .execute import Failure
from .farewell import Farewell, drain, ended
from .leftovers import Leftovers, group_exists, send, send_to_group
from .replacing import Limits
from .reports import CALM, Reports
from .standby import Standby
from .strays import MARK, Offspring
from .syscalls import pidfd_open, send_signal

TYPE_CHECKING = False  # as type checkers know it: typing is a megabyte, a fifth of the launcher
if TYPE_CHECKING:
    from typing import Any

Spawn = Callable[["dict[str, Any]", Sequence[int]], int]

_CRASHED = 1.0
"""Seconds of grace, at most, for what a child left behind that was not told to end."""
_HELD = 200
"""The highest number of a descriptor that is kept open for a child. Each that is open here makes
each start slower: it is copied for the child, and closed there."""
_OWN = 64
"""Descriptors that are left for all else."""
SPARE = 48
"""Descriptors that any host can spare, of those that it keeps for itself."""
_SPENT = 100
"""Descriptors of children that are gone, at most, that stay open while there is more to do."""
GLANCE = 0.005
"""Seconds between looks at a group that is about to vanish, or at children told to end."""


class Server:
    """Serves one host.

    Args:
        sock: the connected SOCK_SEQPACKET socket to the host.
        spawn: makes a process from an order and descriptors, and returns its pid.
        host: a pidfd of the host, if there are any. The end of the stream alone may come late: a
            host that forks leaves copies of its socket in its forks.
        marks: what the marks of the tree's processes begin with; b"" if others see to them.
        deaths: tells who has ended; without it all children are looked at.
        spare: descriptors that the host can take in although it has not closed those before.
        standby: who waits for an order, see `spawn`, which gives it to him.
    """

    def __init__(
        self,
        sock: socket.socket,
        spawn: Spawn,
        host: int | None = None,
        marks: bytes = b"",
        deaths: Deaths | None = None,
        spare: int = SPARE,
        standby: Standby | None = None,
    ) -> None:
        self._sock = sock
        self._deaths = deaths
        self._marks = marks
        self._spawn = spawn
        self._host = host
        self._is_over = False
        self._children = Children()
        self._limits = Limits()
        self._offspring = Offspring()
        self._leftovers = Leftovers(self._orphans)
        self._wake = deaths.fileno() if deaths else _wake_on_sigchld()
        self._poll = select.poll()
        self._hosts_own: list[int] = []
        """Pidfds of children that the host has made itself."""
        self._has_others = False
        """It has made some at some time."""
        self._spent: list[int] = []
        """Descriptors of children that are gone."""
        self._supply = Supply()
        self._standby = standby or Standby()
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._room = min(_HELD, files // 2)
        """The highest number that a held descriptor may have."""
        self._reports = Reports(sock, max(files - self._room - _OWN, 0), spare)
        self._tracker: Sequence[int] = ()
        """multiprocessing's resource tracker, for workers that are started again."""

    def close(self) -> None:
        """Close the descriptors of children that are open here."""
        self._reports.close()
        self._supply.close()
        self._standby.close()
        self._let_go()
        for fd in self._tracker:
            os.close(fd)
        self._tracker = ()
        for child in self._children.values():
            for fd in child.held:
                os.close(fd)
            child.held = ()

    def run(self) -> None:
        """Serve until the host closes its end or dies; then end all children."""
        self._poll.register(self._sock, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)
        if self._host is not None:
            self._poll.register(self._host, select.POLLIN)
        while not self._is_over:
            self._turn()
        self._standby.close()
        marks = self._marks if self._may_be_marked() else b""
        farewell = Farewell(self._children, self._offspring, self._wake, self._bury)
        farewell.say(self._sock, self._hosts_own, marks)

    def _may_be_marked(self) -> bool:
        """Whether somebody of the tree may be left who was never below us: not if its host has hung
        up on us when all was gone, and has made no child itself. To look for them is to look at
        each process of the machine."""
        if self._children or self._has_others or self._host is None:
            return True
        poll = select.poll()
        poll.register(self._host, select.POLLIN)
        return bool(poll.poll(0))

    def _turn(self) -> None:
        """Wait for something to do, and do it."""
        wait = self._patience()
        ready = [fd for fd, _ in self._poll.poll(wait)]
        if self._sock.fileno() in ready:  # first: it may say what to do at the end of a child
            self._serve()
        if self._wake in ready and self._deaths is None:
            drain(self._wake)
        if not ready or self._wake in ready or self._is_watching():
            self._reap()
        if self._host in ready:
            self._is_over = True
        if self._reports:
            if self._reports.is_due(is_idle=not ready):
                self._let_go()  # first: what somebody said last is read before what his heir says
                self._reports.flush()
                self._supply.replenish()
        elif not ready:
            self._let_go()
            if self._standby.is_wanted:
                self._standby.make()

    def _patience(self) -> float | None:
        """Milliseconds until there is something to do although nothing has come."""
        waits = []
        if self._deaths and (wait := self._deaths.wait) is not None:
            waits.append(wait)
        if self._reports:
            waits.append(self._reports.patience)
        elif self._standby.is_wanted:
            waits.append(CALM)
        if self._leftovers or self._spent:
            waits.append(GLANCE)
        return min(waits) * 1000 if waits else None

    def _is_watching(self) -> bool:
        """Whether there is somebody to look at, although nothing tells of an end just now."""
        return bool(self._leftovers) or (self._deaths is not None and self._deaths.wait == 0)

    # Requests.

    def _serve(self) -> bool:
        """Serve the requests of one message; False if there is none yet, or never more."""
        try:
            received = frames.receive(self._sock, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            received = []
        for frame in received:
            self._obey(frame)
        self._is_over = self._is_over or not received
        return not self._is_over

    def _obey(self, frame: frames.Frame) -> None:
        if not frame.is_whole:
            self._refuse(frame)
        elif frame.op == frames.SPAWN:
            self._start(frame)
        elif frame.op == frames.STOPPING:
            self._note_stop(frame.id)
        elif frame.op == frames.KILL:
            self._hasten(frame.id)
        elif frame.op == frames.AGAIN:
            self._note_again(frame)
        elif frame.op == frames.LIMIT:
            self._limits.set(frame.id, frame.value)
        elif frame.op == frames.RETIRE:
            self._replace_nobody()
        elif frame.op == frames.OWN:
            self._note_own(frame.fds)

    def _refuse(self, frame: frames.Frame) -> None:
        """An order whose descriptors could not be received."""
        for fd in frame.fds:
            os.close(fd)
        if frame.op == frames.OWN:  # nobody waits for an answer to that
            return
        self._fail(frame.id, errno.EMFILE, "receive the descriptors of the order")

    def _note_stop(self, id: int) -> None:
        """The host tells this child to end; what it leaves behind has what is left of its time."""
        if found := self._children.find(id):
            self._children.ends_at[id] = time.monotonic() + found[1].grace

    def _hasten(self, id: int) -> None:
        """An end to this child, and no grace any more for what it has left behind, or will."""
        if found := self._children.find(id):
            self._children.ends_at[id] = 0.0
            send(found[0], signal.SIGKILL)
        self._leftovers.hasten(id)

    def _note_again(self, frame: frames.Frame) -> None:
        """What this child is replaced by, should it end by itself."""
        group, limit = frames.PAIR.unpack(frame.payload)
        self._limits.set(group, limit)
        if found := self._children.find(frame.id):
            found[1].next, found[1].group = frame.value, group

    def _replace_nobody(self) -> None:
        for child in self._children.values():
            child.next = 0

    def _note_own(self, fds: Sequence[int]) -> None:
        """The host has made a child itself; those that have ended are forgotten."""
        self._has_others = True
        ended = [fd for fd in self._hosts_own if not send_signal(fd, 0)]
        for fd in ended:
            os.close(fd)
        self._hosts_own = [fd for fd in (*self._hosts_own, *fds) if fd not in ended]

    # Births.

    def _start(self, frame: frames.Frame) -> None:
        self._let_go()  # so that what somebody said last is read before what his successor says
        try:
            order = marshal.loads(frame.payload)
            self._make(frame.id, order, frame.fds, frame.payload if order.get("repeats") else b"")
            if order.get("repeats") and frame.fds:
                self._tracker, frame.fds = frame.fds, self._tracker
        finally:
            for fd in frame.fds:
                os.close(fd)

    def _make(
        self,
        id: int,
        order: dict[str, Any],
        fds: Sequence[int],
        data: bytes,
        *,
        is_awaited: bool = True,
    ) -> None:
        """Make a process as ordered, and tell the host that it is there, or why it is not."""
        mark = order.get("mark")
        if mark:
            order["env"][MARK] = mark
        try:
            ends = Ends(order, self._supply)
        except OSError as error:
            self._fail(id, error.errno or 0, "make its channel and pipes")
            return
        try:
            pid = self._spawn(order, [*ends.for_child(), *fds])
        except Failure as failure:
            self._fail(id, failure.errno, failure.what)
        except Exception as error:  # one bad order must not end everybody else's parent
            self._fail(id, errno.EINVAL, f"carry out the order ({error})")
        else:
            self._children.add(pid, Child(id, order, self._hold(ends, order), data))
            self._report_up(id, pid, ends, is_awaited=is_awaited)
        finally:
            ends.close()

    def _fail(self, id: int, number: int, what: str) -> None:
        self._reports.add(frames.FAILED, id, number, what.encode())
        self._reports.flush()

    def _hold(self, ends: Ends, order: dict[str, Any]) -> Sequence[int]:
        """Those that stay open here until the child's end is told, if there is room for them.

        Else whoever reads them would hear of the end first: he would run when the child has closed
        them, in the way of the child, which is not gone yet, and of us, who have to start another.
        """
        count = order.get("held", 0)
        if not count or max(ends.theirs) >= self._room:
            return ()
        held, ends.theirs = ends.theirs[:count], ends.theirs[count:]
        return held

    def _let_go(self) -> None:
        """Close what was held of those that are gone."""
        for fd in self._spent:
            os.close(fd)
        self._spent.clear()

    def _report_up(self, id: int, pid: int, ends: Ends, *, is_awaited: bool) -> None:
        pidfd = pidfd_open(pid)
        ours, ends.ours = ends.ours, []
        if pidfd is None:
            self._reports.add(frames.UP, id, pid, fds=ours, is_awaited=is_awaited)
        else:
            fds = [pidfd, *ours]
            self._reports.add(frames.UP, id, pid, b"pidfd", fds, is_awaited=is_awaited)

    # Deaths.

    def _reap(self) -> None:
        """Take in every child that has ended, its group with it, in the order of dying."""
        if self._deaths is not None:
            for pid in self._deaths.found(len(self._children), self._orphans):
                self._bury(pid)
        else:
            with contextlib.suppress(ChildProcessError):  # there are none
                for pid in ended():
                    self._bury(pid)
        if self._leftovers:
            self._leftovers.look()

    def _bury(self, pid: int) -> None:
        found = self._children.at(pid)
        if found is not None:  # the host may have said what to do now, or has told it to end
            while self._serve():
                pass
        child, until = self._children.remove(pid)
        if child is None:
            exit = _exit(os.waitid(os.P_PID, pid, os.WEXITED))
            if not self._standby.bury(pid):
                self._tell(frames.EXITED, 0, exit[0], str(pid).encode())
            return
        grace = _grace(child, until)
        # its number is still taken, by its zombie
        send_to_group(pid, child.stop_signal if grace > 0 else signal.SIGKILL)
        exit = _exit(os.waitid(os.P_PID, pid, os.WEXITED))
        self._spent += child.held
        if self._orphans() or group_exists(pid):
            tell = partial(self._tell, frames.EXITED, child.id, *exit)
            self._leftovers.see_to(pid, child, tell, grace)
        elif child.next and until is None and not self._is_over and self._limits.take(child.group):
            self._replace(child, *exit)
        elif until is None:
            self._tell(frames.EXITED, child.id, *exit)
        else:  # of many that end together, all that have ended by now
            self._reports.add(frames.EXITED, child.id, *exit)
        if len(self._spent) > _SPENT:
            self._let_go()

    def _replace(self, child: Child, status: int, core: bytes) -> None:
        """Start its successor as it was started itself, under a mark of its own."""
        pair = frames.PAIR.pack(child.group, child.next)
        self._reports.add(frames.REPLACED, child.id, status, pair + core, is_awaited=False)
        order = marshal.loads(child.data)
        order["mark"] = b"%s-%d" % (order["mark"].rpartition(b"-")[0], child.next)
        fds = [os.dup(fd) for fd in self._tracker] if order.get("tracker") else []
        try:
            self._make(child.next, order, fds, child.data, is_awaited=False)
        finally:
            for fd in fds:
                os.close(fd)

    def _tell(self, op: bytes, id: int, status: int, payload: bytes) -> None:
        """Tell it at once: the host has to decide."""
        self._reports.add(op, id, status, payload)
        self._reports.flush()

    def _orphans(self) -> list[int]:
        """Children whom nobody has ordered."""
        found = self._offspring.orphans(self._children)
        return [pid for pid in found if pid not in self._standby.pids]


def _grace(child: Child, until: float | None) -> float:
    """Seconds for what a child leaves behind: the rest of its own; a moment if it crashed."""
    if until is None:
        return min(child.grace, _CRASHED) if child.stop_signal else 0.0
    return max(until - time.monotonic(), 0.0)


def _exit(result: os.waitid_result | None) -> tuple[int, bytes]:
    """How somebody has ended, as frames tell it."""
    assert result is not None
    status = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
    return status, b"core" if result.si_code == os.CLD_DUMPED else b""


def _wake_on_sigchld() -> int:
    """A descriptor that is readable once a child has ended."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader

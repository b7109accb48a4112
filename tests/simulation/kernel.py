"""A made-up kernel: processes, signals, pids that are soon used again, and a clock.

As much of proc(5), signal(7), wait(2), pidfd_open(2) and subreapers (prctl(2)) as the runtime
relies on. Everything happens in an order that one seed decides. Descriptors are real: the host, the
launcher and the programs talk through sockets of this very process.
"""

from __future__ import annotations

import errno
import heapq
import itertools
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from types import SimpleNamespace

from attrs import define, field

INIT = 1
FIRST_PID = 5_000_000
"""Above any real one, so that nothing is found of it where the real system is asked."""
PIDS = 1500
"""So few that a number soon belongs to somebody else."""
_RESTS = 10.0
"""Seconds before a number is used again; a real system takes long to come round."""


@define(eq=False)
class Process:
    """One process.

    Attributes:
        name: the path of its child, or what else it is.
        run: of its child; 0 if it is of none.
        is_leader: it was ordered; others are below one.
        status: how it ended: an exit code, or minus the number of a signal.
        is_dying: nothing keeps it any more.
        fds: its descriptors, closed with it.
        postponed: what it would have done while it was stopped.
    """

    pid: int
    parent: int
    name: str
    group: int
    session: int
    mark: bytes = b""
    run: int = 0
    is_leader: bool = False
    is_subreaper: bool = False
    is_zombie: bool = False
    is_reaped: bool = False
    is_dying: bool = False
    is_stopped: bool = False
    status: int = 0
    fds: list[int] = field(factory=list)
    postponed: list[Callable[[], None]] = field(factory=list)
    on_signal: Callable[[int], None] = lambda _: None
    on_child: Callable[[], None] = lambda: None
    on_death: Callable[[], None] = lambda: None
    pidfds: list[int] = field(factory=list)
    """A pipe: its reader is what others have as a pidfd, its writer is closed at the end."""

    @property
    def is_alive(self) -> bool:
        """It is, and is no zombie."""
        return not self.is_zombie and not self.is_reaped


class Kernel:
    """All processes, and what happens to them next.

    Attributes:
        now: seconds.
        random: decides whatever can be one way or another.
        trace: the latest of what has happened.
        harmed: strangers that were signalled by somebody who had no business with them.
    """

    def __init__(self, random: Random, host: int) -> None:
        self.now = 1000.0
        self.random = random
        self.trace: deque[str] = deque(maxlen=400)
        self.harmed: list[str] = []
        self.table: dict[int, Process] = {}
        self._inodes: dict[int, Process] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._zombies: list[Process] = []
        self._resting: dict[int, float] = {}
        self.host = self._enter(Process(host, INIT, "host", host, host))

    def note(self, text: str) -> None:
        """Write down what happens."""
        self.trace.append(f"{self.now:10.4f} {text}")

    # Time.

    def at(self, delay: float, action: Callable[[], None]) -> None:
        """Let something happen after so many seconds."""
        heapq.heappush(self._events, (self.now + delay, next(self._count), action))

    @property
    def next_at(self) -> float:
        """When the next thing happens."""
        return self._events[0][0] if self._events else float("inf")

    def happen(self) -> None:
        """Let the next thing happen, whose time has come."""
        _, _, action = heapq.heappop(self._events)
        action()

    def does(self, process: Process, delay: float, action: Callable[[], object]) -> None:
        """A process does something after so many seconds, if it can by then; else when it can."""

        def act() -> None:
            if process.is_stopped and not process.is_dying:
                process.postponed.append(act)
            elif process.is_alive and not process.is_dying:
                action()

        self.at(delay, act)

    # Processes.

    def _enter(self, process: Process) -> Process:
        self.table[process.pid] = process
        return process

    def _free_pid(self) -> int:
        taken = {n for p in self.table.values() for n in (p.pid, p.group, p.session)}
        while True:
            pid = FIRST_PID + self.random.randrange(PIDS)
            if pid not in taken and self._resting.get(pid, 0.0) <= self.now:
                return pid

    def make(self, parent: int, name: str, **known: object) -> Process:
        """A process in a session of its own, or where `known` says."""
        pid = self._free_pid()
        process = Process(pid, parent, name, **{"group": pid, "session": pid, **known})  # type: ignore[arg-type]
        self.note(f"{name} is pid {pid}")
        return self._enter(process)

    def children(self, pid: int) -> list[Process]:
        """Those below a process that it would have to reap."""
        return [p for p in self.table.values() if p.parent == pid]

    def line(self, pid: int) -> list[int]:
        """A process and those above it, nearest first."""
        found = []
        while pid in self.table:
            found.append(pid)
            pid = self.table[pid].parent
        return found

    def exit(self, process: Process, status: int) -> None:
        """A process ends; those below it come to the next subreaper."""
        if not process.is_alive:
            return
        process.is_zombie, process.status = True, status
        self.note(f"{process.name} (pid {process.pid}) ends: {status}")
        for fd in process.fds:
            os.close(fd)
        process.fds.clear()
        self._hang_up(process)
        process.on_death()
        heir = self._subreaper(process)
        for child in self.children(process.pid):
            child.parent = heir
            if child.is_zombie:
                self._tell_parent(child)
        self._zombies.append(process)
        self._tell_parent(process)

    def _subreaper(self, process: Process) -> int:
        above = (self.table[pid] for pid in self.line(process.parent))
        return next((p.pid for p in above if p.is_subreaper and p.is_alive), INIT)

    def _tell_parent(self, process: Process) -> None:
        if process.parent == INIT:
            self.reap(process)
        elif process.parent in self.table:
            self.table[process.parent].on_child()

    def reap(self, process: Process) -> None:
        """Its number is free now."""
        process.is_reaped = True
        self._resting[process.pid] = self.now + _RESTS
        del self.table[process.pid]
        if process in self._zombies:
            self._zombies.remove(process)
        while process.pidfds:
            os.close(process.pidfds.pop())

    def _hang_up(self, process: Process) -> None:
        if len(process.pidfds) > 1:
            os.close(process.pidfds.pop())

    # System calls.

    def waitid(self, parent: int, kind: int, id: int, options: int) -> SimpleNamespace | None:
        """waitid(2)."""
        if not self.children(parent):
            raise ChildProcessError(errno.ECHILD, os.strerror(errno.ECHILD))
        for process in self._zombies:
            if process.parent == parent and (kind == os.P_ALL or process.pid == id):
                if not options & os.WNOWAIT:
                    self.reap(process)
                return _result(process)
        assert options & os.WNOHANG, "somebody waits for ever"
        return None

    def kill(self, pid: int, signum: int, by: str) -> None:
        """kill(2)."""
        if pid not in self.table:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        self.signal(self.table[pid], signum, by)

    def killpg(self, group: int, signum: int, by: str) -> None:
        """killpg(3)."""
        members = [p for p in self.table.values() if p.group == group]
        if not members:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        for process in members:
            self.signal(process, signum, by)

    def signal(self, process: Process, signum: int, by: str) -> None:
        """A signal reaches a process."""
        if not signum or not process.is_alive:
            return
        self.note(f"signal {signum} from {by} to {process.name} (pid {process.pid})")
        if process.run == 0 and by != "the world" and process.name != "zygote":
            self.harmed.append(f"{by} sent signal {signum} to {process.name}")
        if signum == signal.SIGKILL:
            self.kill_soon(process)
        elif signum == signal.SIGSTOP:
            process.is_stopped = True
        elif signum == signal.SIGCONT:
            self._go_on(process)
        else:
            self.does(process, self.random.choice((0.0, 0.001)), lambda: process.on_signal(signum))

    def kill_soon(self, process: Process) -> None:
        """It will be gone as soon as the kernel gets to it."""
        if not process.is_dying:
            process.is_dying = True
            delay = self.random.choice((0.0, 0.0, 0.001, 0.02, 0.02, 0.3))
            self.at(delay, lambda: self.exit(process, -signal.SIGKILL))

    def _go_on(self, process: Process) -> None:
        process.is_stopped = False
        waiting, process.postponed = process.postponed, []
        for act in waiting:
            self.at(0.0, act)

    def pidfd_open(self, pid: int) -> int:
        """pidfd_open(2): the end of a pipe whose other end the process has."""
        if pid not in self.table:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        process = self.table[pid]
        if not process.pidfds:
            process.pidfds += os.pipe2(os.O_CLOEXEC)
            self._inodes[os.fstat(process.pidfds[0]).st_ino] = process
            if process.is_zombie:
                self._hang_up(process)
        return os.dup(process.pidfds[0])

    def pidfd_send_signal(self, pidfd: int, signum: int, by: str) -> bool:
        """pidfd_send_signal(2); False if the process is gone."""
        process = self._inodes[os.fstat(pidfd).st_ino]
        if process.is_reaped:
            return False
        self.signal(process, signum, by)
        return True

    def stat(self, pid: int) -> list[bytes] | None:
        """The fields of proc_pid_stat(5) from `state` on, as far as anybody reads them."""
        process = self.table.get(pid)
        if process is None:
            return None
        state = b"Z" if process.is_zombie else b"T" if process.is_stopped else b"S"
        numbers = (process.parent, process.group, process.session, 0, 0, 0)
        return [state, *(str(number).encode() for number in numbers)]

    def mark(self, pid: int) -> bytes:
        """The mark in the environment of a process.

        Raises:
            OSError: it is gone, or has none any more.
        """
        process = self.table.get(pid)
        if process is None or process.is_zombie:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return process.mark

    def living(self) -> Iterator[Process]:
        """All of the tree that is alive: what was ordered, and what is below that."""
        return (p for p in self.table.values() if p.run and p.is_alive)

    def close(self) -> None:
        """The end of this world."""
        for process in self.table.values():
            for fd in (*process.fds, *process.pidfds):
                os.close(fd)


def _result(process: Process) -> SimpleNamespace:
    code = os.CLD_EXITED if process.status >= 0 else os.CLD_KILLED
    return SimpleNamespace(si_pid=process.pid, si_status=abs(process.status), si_code=code)

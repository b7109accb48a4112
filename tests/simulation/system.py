"""The machine on which the tree runs: it makes launcher, zygote and programs, and has ports."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections import Counter
from collections.abc import Sequence
from typing import Any

from otpsup.runtime import zygote
from otpsup.runtime.checks import Name
from otpsup.runtime.hooks import hook_spec
from otpsup.runtime.launcher.execute import Failure
from otpsup.runtime.orders import channel_number
from otpsup.specs import Command, Notify
from tests.simulation.agents import Agent
from tests.simulation.incarnations import Numbers
from tests.simulation.kernel import INIT, Kernel, Process
from tests.simulation.loop import Scheduler
from tests.simulation.programs import HookProgram, Program

FAILURES = (errno.ENOENT, errno.EACCES, errno.EAGAIN, errno.EMFILE, errno.ENOMEM)


class System:
    """Programs by path and the number of their order, on one kernel.

    Args:
        numbers: knows what the host has ordered.

    Attributes:
        is_kind: nothing goes wrong, and every program does well.
        squatted: ports that strangers have taken.
        faults: what has gone wrong so far.
    """

    def __init__(self, kernel: Kernel, numbers: Numbers) -> None:
        self.kernel = kernel
        self.is_kind = False
        self.squatted: set[int] = set()
        self.faults: Counter[str] = Counter()
        self.programs: dict[tuple[str, int], Program] = {}
        self.scheduler: Scheduler
        self._random = kernel.random
        self._numbers = numbers
        self._addresses: dict[bytes, bytes] = {}

    # Launcher and zygote.

    def popen(self, argv: list[str], pass_fds: Sequence[int], **_: Any) -> Popen:
        """subprocess.Popen, for the launcher."""
        process = self.kernel.make(self.kernel.host.pid, "launcher")
        self._agent(process, os.dup(pass_fds[0]), self._random.choice((0.0, 0.02)))
        return Popen(self.kernel, process)

    def _agent(self, process: Process, sock: int, delay: float) -> None:
        agent = Agent(self.kernel, process, socket.socket(fileno=sock), self._spawn, delay)
        self.scheduler.agents.append(agent)

    def _start_zygote(self, agent: Agent, order: dict[str, Any], fds: Sequence[int]) -> int:
        process = self.kernel.make(agent.process.pid, "zygote", mark=order["mark"])
        process.fds.append(os.dup(fds[2]))
        self._agent(process, os.dup(fds[1]), self._random.choice((0.0, 0.2)))
        return process.pid

    # Programs.

    def _spawn(self, agent: Agent, order: dict[str, Any], fds: Sequence[int]) -> int:
        if zygote.CODE in [os.fsdecode(part) for part in order.get("argv", ())]:
            return self._start_zygote(agent, order, fds)
        self._take_time(agent)
        if not self.is_kind and self._random.random() < 0.15:
            self.faults["spawn failures"] += 1
            number = self._random.choice(FAILURES)
            raise Failure(OSError(number, os.strerror(number)), "execute it")
        pid = self._make(agent, order, fds)
        self._take_time(agent)
        return pid

    def _take_time(self, agent: Agent) -> None:
        """Making a process takes a while now and then; somebody may die meanwhile."""
        if self._random.random() < 0.1:
            agent.pause(self._random.choice((0.001, 0.1, 0.1 if self.is_kind else 0.4)))

    def _make(self, agent: Agent, order: dict[str, Any], fds: Sequence[int]) -> int:
        path, mark = order["path"], order["mark"]
        number, point = int(mark.split(b"-")[3]), order["env"].get(b"OTPSUP_HOOK", b"").decode()
        if point != "after_ready":
            self._nobody_is_left_before(path, number)
        self._addresses[mark] = order["env"].get(b"NOTIFY_SOCKET", b"")
        known = {"mark": agent.process.mark, "run": number, "is_leader": not point}
        process = self.kernel.make(agent.process.pid, path, **known)
        process.fds += [os.dup(fd) for fd in fds]
        spec = self._numbers.spec(number)
        if point:
            self.faults[f"hooks {point}"] += 1
            spec = hook_spec(spec, point)
        program = self._program(process, spec, order["targets"], HookProgram if point else Program)
        self.programs[f"{path} {point}".strip(), number] = program
        self._begin(program, mark)
        return process.pid

    def _nobody_is_left_before(self, path: str, number: int) -> None:
        """What an earlier incarnation left behind is gone before the next one starts."""
        left = [p for p in self.kernel.living() if p.name == path and not p.is_dying]
        assert not left, f"process {number} of {path} starts beside {[p.pid for p in left]}"

    def _program(
        self, process: Process, spec: Any, targets: Sequence[int], make: type[Program]
    ) -> Program:
        given = dict(zip(targets, process.fds, strict=False))
        channel, signal_fd = process.fds[0], None
        if isinstance(spec, Command):
            wanted = spec.ready.fd if isinstance(spec.ready, Notify) else None
            channel, signal_fd = given[channel_number(spec)], given.get(wanted or -1)
        output = given.get(1, given.get(2))
        return make(self, self.kernel, process, spec, channel, output, signal_fd)

    def _begin(self, program: Program, mark: bytes) -> None:
        """Its own mark comes a moment later: a fork of the zygote has the zygote's until then, and
        what the launcher executes has none at all."""

        def begin() -> None:
            program.process.mark = mark
            program.begin()

        self.kernel.does(program.process, self._random.choice((0.0, 0.01)), begin)

    # What they share.

    def notify(self, process: Process, data: bytes) -> None:
        """A datagram, to whatever address this process was given."""
        address = self._addresses.get(process.mark)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            if address:
                sock.sendto(b"%d\n" % process.pid + data, b"\0" + address[1:])

    def probe(self, path: str) -> bool:
        """Whether the child at this path is as its probe wants."""
        found = [p for (name, _), p in self.programs.items() if name == path]
        return any(program.listens and program.process.is_alive for program in found)

    def holder(self, port: int) -> int | None:
        """The pid of who listens on a port."""
        if port in self.squatted and not self.is_kind:
            return INIT
        return self._listener(port)

    def _listener(self, port: int) -> int | None:
        for program in self.programs.values():
            is_its = getattr(program.spec.ready, "port", 0) == port
            if is_its and program.listens and program.process.is_alive:
                return program.process.pid
        return None

    async def connect(self, name: Name) -> None:
        """Try a port; who takes it while its child starts cannot be told from that."""
        await asyncio.sleep(self._random.choice((0.0, 0.01)))
        if self._listener(name.port) is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")


class Popen:
    """What subprocess.Popen returns, as far as it is used."""

    def __init__(self, kernel: Kernel, process: Process) -> None:
        self.pid = process.pid
        self._kernel = kernel
        self._process = process

    def wait(self) -> None:
        """It has ended: reap it."""
        if not self._process.is_reaped:
            assert self._process.is_zombie, "the host waits for the launcher"
            self._kernel.reap(self._process)

    def kill(self) -> None:
        """It did not end when it should have."""
        raise AssertionError("the launcher did not end in time")

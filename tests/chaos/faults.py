"""A real tree of real processes to which bad things happen, at random; and the books about it.

The engine's own prediction is its status: when it is at rest, the operating system must have just
those processes, no orphan, no zombie.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
from attrs import frozen

from otpsup import Backoff, Command, LogFile, OtpsupError, Supervisor, Tree, Worker
from otpsup.engine.snapshot import ChildStatus
from otpsup.runtime.launcher.strays import mark_of
from otpsup.specs import ChildSpec
from tests.support import targets
from tests.support.waiting import is_alive, until

QUICKLY = Backoff(initial=0.005, factor=2, max=0.05)
PATIENCE = 20.0
"""Seconds in which every request is answered, whatever happens."""
AT_REST = 30.0
"""Seconds in which a tree that is left alone has to come to rest."""

ESCAPES = "setsid sleep 1000 & sleep 1000 & wait"
DEAF = "trap '' TERM; sleep 1000; sleep 1000"
FLOODS = "head -c 300000 /dev/zero | tr '\\0' 'x'; exec sleep 1000"


@frozen
class Books:
    """What the host has at one moment.

    Attributes:
        faults: so far.
        descriptors, threads: of the host.
        memory: of the host, in MiB.
        launcher: descriptors of the launcher.
    """

    faults: int
    descriptors: int
    threads: int
    memory: float
    launcher: int

    def __str__(self) -> str:
        return (
            f"after {self.faults} faults: {self.descriptors} descriptors, {self.threads} threads, "
            f"{self.memory:.1f} MiB; launcher: {self.launcher} descriptors"
        )


class Chaos:
    """One tree, and a stream of faults.

    Args:
        seed: of the faults.
        folder: where the tree's programs and logs are.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self._random = random.Random(seed)
        self._folder = folder
        self._program = folder / "program"
        self._program.symlink_to("/bin/sleep")
        self._before = {process.pid for process in psutil.Process().children(recursive=True)}
        self._requests = ThreadPoolExecutor(1)
        self.tree = Tree(self._spec(), name="chaos")
        self.done: Counter[str] = Counter()

    def _spec(self) -> Supervisor:
        options = {"backoff": QUICKLY, "shutdown": 0.3}
        group = [self._sleeper(name) for name in "xyz"]
        log = LogFile(self._folder / "log", max_bytes=200_000, backups=2)
        shells = {"escapes": ESCAPES, "deaf": DEAF}
        children: list[ChildSpec] = [
            *(self._sleeper(name) for name in "abc"),
            *(Command(name, ["sh", "-c", text], **options) for name, text in shells.items()),  # type: ignore[arg-type]
            Command("floods", ["sh", "-c", FLOODS], stdout=log, stderr=log, **options),  # type: ignore[arg-type]
            Worker("worker", targets.be_ready, ready="notify", **options),  # type: ignore[arg-type]
            Worker("stubborn", targets.be_stubborn, ready="notify", **options),  # type: ignore[arg-type]
            Worker("rubbish", targets.talk_rubbish, ready="notify", **options),  # type: ignore[arg-type]
            Supervisor("group", strategy="rest_for_one", intensity=10**9, period=1, children=group),
        ]
        return Supervisor("chaos", intensity=10**9, period=1, children=children)

    def _sleeper(self, name: str) -> Command:
        return Command(name, [str(self._program), "1000"], backoff=QUICKLY, shutdown=0.3)

    # Faults.

    def fault(self) -> None:
        """Let one bad thing happen."""
        faults: list[Callable[[], None]] = [
            self.sigkill, self.sigkill, self.sigkill, self.sigterm, self.freeze, self.restart,
            self.no_program, self.no_permission, self.no_descriptors, self.no_processes,
        ]  # fmt: skip
        chosen = self._random.choice(faults)
        if self._random.random() < 0.002:
            chosen = self._random.choice((self.launcher_dies, self.zygote_dies))
        chosen()
        self.done[chosen.__name__] += 1

    def _node(self) -> ChildStatus | None:
        nodes = [node for node in self.tree.status().walk() if node.pid]
        return self._random.choice(nodes) if nodes else None

    def _signal(self, number: int) -> None:
        node = self._node()
        if node and node.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(node.pid, number)

    def sigkill(self) -> None:
        """A child is killed."""
        self._signal(signal.SIGKILL)

    def sigterm(self) -> None:
        """A child is told to end by somebody else."""
        self._signal(signal.SIGTERM)

    def freeze(self) -> None:
        """A child is stopped by job control, and then an operator restarts it."""
        node = self._node()
        if node and node.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(node.pid, signal.SIGSTOP)
            self._ask(node.path)

    def restart(self) -> None:
        """An operator restarts a child."""
        if node := self._node():
            self._ask(node.path)

    def _ask(self, path: str) -> None:
        """No request goes unanswered."""
        asked = self._requests.submit(self.tree.restart, path)
        try:
            asked.result(PATIENCE)
        except OtpsupError:
            return  # an answer, too
        except TimeoutError:
            text = f"restart of {path} was not answered within {PATIENCE} s"
            raise AssertionError(f"{text}; {self._states()}") from None

    def _states(self) -> str:
        return ", ".join(f"{node.path} is {node.state}" for node in self.tree.status().walk())

    def no_program(self) -> None:
        """ENOENT: the program is gone for a moment, while children that need it die."""
        self._program.unlink()
        self.sigkill()
        self._program.symlink_to("/bin/sleep")

    def no_permission(self) -> None:
        """EACCES: what stands there cannot be executed."""
        self._program.unlink()
        self._program.touch(mode=0o600)
        self.sigkill()
        self._program.unlink()
        self._program.symlink_to("/bin/sleep")

    def no_descriptors(self) -> None:
        """EMFILE: the host cannot open anything for a moment."""
        with _limited(resource.RLIMIT_NOFILE, 3):
            self._signal_known(signal.SIGKILL)

    def no_processes(self) -> None:
        """EAGAIN: the launcher cannot make a process for a moment."""
        launcher = self.launcher()
        if launcher is None:
            return
        before = resource.prlimit(launcher.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(launcher.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        self.sigkill()
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(launcher.pid, resource.RLIMIT_NOFILE, before)

    def _signal_known(self, number: int) -> None:
        """As `_signal`, for when nothing can be opened: the status needs no descriptor."""
        self._signal(number)

    def launcher_dies(self) -> None:
        """The parent of everything is killed."""
        if launcher := self.launcher():
            launcher.kill()

    def zygote_dies(self) -> None:
        """The parent of the workers is killed."""
        if zygote := self.zygote():
            zygote.kill()

    # The system.

    def launcher(self) -> psutil.Process | None:
        """The launcher, if there is one now."""
        for process in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if any("launcher.main" in part for part in process.cmdline()):
                    return process
        return None

    def zygote(self) -> psutil.Process | None:
        """The zygote, if there is one now."""
        launcher = self.launcher()
        with contextlib.suppress(psutil.Error):
            for process in launcher.children() if launcher else ():
                if any("otpsup.runtime.zygote" in part for part in process.cmdline()):
                    return process
        return None

    def come_to_rest(self) -> None:
        """Wait until the tree is as it should be, and the system is as the tree says.

        Raises:
            AssertionError: it does not come to that; says what is wrong.
        """
        until(self._all_run, AT_REST)
        wrong: list[str] = []

        def agrees() -> bool:
            wrong[:] = self.differences()
            return not wrong

        try:
            until(agrees, AT_REST)
        except AssertionError:
            raise AssertionError("; ".join(wrong)) from None

    def _all_run(self) -> bool:
        return all(node.state == "running" for node in self.tree.status().walk())

    def differences(self) -> list[str]:
        """Where the system is not as the tree says."""
        known = {node.pid for node in self.tree.status().walk() if node.pid}
        dead = [f"{pid} is not alive" for pid in known if not is_alive(pid)]
        return [*dead, *self._strangers(known)]

    def _strangers(self, known: set[int]) -> Iterator[str]:
        helpers = {p.pid for p in (self.launcher(), self.zygote()) if p}
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                above = {parent.pid for parent in process.parents()}
                if process.status() == psutil.STATUS_ZOMBIE:
                    yield f"{process.pid} is a zombie"
                elif process.pid not in known | helpers | self._before and not above & known:
                    yield f"{process.pid} belongs to nobody: {' '.join(process.cmdline())[:60]}"
        yield from self._marked_strangers(known)

    def _marked_strangers(self, known: set[int]) -> Iterator[str]:
        """Those of the tree who are not even below the host any more."""
        session = self.tree._session
        assert session is not None
        ours = f"{session._runner.tree}-".encode()
        for pid in psutil.pids():
            if mark_of(pid).startswith(ours):
                with contextlib.suppress(psutil.NoSuchProcess):
                    above = {parent.pid for parent in psutil.Process(pid).parents()}
                    if pid not in known and not above & known:
                        yield f"{pid} has left the tree, and is still there"

    def books(self) -> Books:
        """What the host has now."""
        own, launcher = psutil.Process(), self.launcher()
        return Books(
            sum(self.done.values()),
            own.num_fds(),
            threading.active_count(),
            own.memory_info().rss / 2**20,
            launcher.num_fds() if launcher else 0,
        )


@contextmanager
def _limited(which: int, soft: int) -> Iterator[None]:
    before = resource.getrlimit(which)
    resource.setrlimit(which, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(which, before)


def run(seed: int, count: int, folder: Path, *, report: Callable[[str], None]) -> Chaos:
    """Let so many faults happen; every hundredth time the tree is left alone until it is at rest.

    Raises:
        AssertionError: it is not as it should be then; the message has the seed.
    """
    chaos = Chaos(seed, folder)
    with chaos.tree:
        try:
            for number in range(1, count + 1):
                chaos.fault()
                if number % 100 == 0:
                    chaos.come_to_rest()
                if number % 1000 == 0:
                    report(str(chaos.books()))
            chaos.come_to_rest()
        except AssertionError as error:
            again = f"again: {sys.executable} -m tests.chaos --seed {seed} --faults {count}"
            raise AssertionError(f"{error} ({again})") from None
        books = chaos.books()
    report(f"in the end: {books}")
    return chaos

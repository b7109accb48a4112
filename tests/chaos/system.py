"""What the operating system has of a tree, compared with what the tree says of itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil

from otpsup import Tree
from otpsup.engine.snapshot import ChildStatus
from otpsup.runtime.launcher.strays import mark_of
from tests.support.strays import waits_for_order
from tests.support.waiting import is_alive, until

from .children import GROUP


class System:
    """The processes of one tree, which is this process's only one.

    Args:
        tree: started already.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        session = tree._session
        assert session is not None
        self._marks = f"{session._runner.tree}-".encode()
        self._limit = self._limits(tree.status())

    # Our own helpers.

    def launcher(self) -> psutil.Process | None:
        """The launcher, if there is one now."""
        return _find(psutil.Process(), "launcher.main")

    def zygote(self) -> psutil.Process | None:
        """The zygote, if there is one now."""
        launcher = self.launcher()
        return launcher and _find(launcher, "otpsup.runtime.zygote")

    # Comparison.

    def differences(self, status: ChildStatus) -> Iterator[str]:
        """Where the system is not as the tree says, in words."""
        known = {node.pid: node for node in status.walk() if node.pid}
        helpers = {process.pid for process in (self.launcher(), self.zygote()) if process}
        yield from self._ill(known)
        yield from self._strangers(known, helpers)
        yield from self._marked_strangers(known, helpers)
        if self._limits(status) != self._limit:
            yield f"limits of descriptors were {self._limit}, are {self._limits(status)}"

    def _ill(self, known: dict[int, ChildStatus]) -> Iterator[str]:
        """Children that are not alive, stopped, or not where they belong."""
        above = {"command": self.launcher(), "worker": self.zygote()}
        for pid, node in known.items():
            if not is_alive(pid):
                yield f"{node.path} ({pid}) is not alive"
                continue
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                parent = above[node.type]
                if parent is None or process.ppid() != parent.pid:
                    yield f"{node.path} ({pid}) is below {process.parent()}, not {parent}"
                if process.status() == psutil.STATUS_STOPPED:
                    yield f"{node.path} ({pid}) is stopped"

    def _strangers(self, known: dict[int, ChildStatus], helpers: set[int]) -> Iterator[str]:
        """Whoever is below the host and no child's, and every zombie."""
        marks = {mark_of(pid) for pid in known}
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() == psutil.STATUS_ZOMBIE:
                    yield f"{process.pid} is a zombie"
                elif waits_for_order(process) or process.pid in helpers:
                    continue
                elif mark_of(process.pid) not in marks:
                    yield f"{_words(process)} belongs to nobody"

    def _marked_strangers(self, known: dict[int, ChildStatus], helpers: set[int]) -> Iterator[str]:
        """Whoever has the mark of an incarnation that is over, wherever it is."""
        marks = {mark_of(pid) for pid in known}
        for pid in set(psutil.pids()) - helpers:
            mark = mark_of(pid)
            if mark.startswith(self._marks) and mark not in marks:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process = psutil.Process(pid)
                    if not waits_for_order(process):
                        yield f"{_words(process)} is left of one that has ended"

    def _limits(self, status: ChildStatus) -> set[str]:
        """What children may open: the same for all, also after a death of the launcher."""
        return {_limit(node.pid) for node in status.walk() if node.pid} - {""}

    def disorder(self, status: ChildStatus, alone: set[str]) -> Iterator[str]:
        """Whoever of the rest_for_one group is older than one that it comes after.

        Args:
            alone: those whose latest start an operator asked for; it concerned nobody else.
        """
        began = {path: _began(node.pid) for path in GROUP if (node := status.find(path))}
        for number, path in enumerate(GROUP):
            for later in GROUP[number + 1 :]:
                if path not in alone and began[path] > began[later]:
                    yield f"{later} is older than {path}, after which it comes"


def _find(above: psutil.Process, part: str) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in above.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                is_alive = process.status() != psutil.STATUS_ZOMBIE
                if is_alive and any(part in word for word in process.cmdline()):
                    return process
    return None


def _limit(pid: int) -> str:
    """Soft and hard; nothing if it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/limits").read_text().splitlines():
            if line.startswith("Max open files"):
                return " ".join(line.split()[3:5])
    return ""


def _words(process: psutil.Process) -> str:
    return f"{process.pid} ({' '.join(process.cmdline())[:60]})"


def _began(pid: int | None) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).create_time() if pid else 0.0
    return 0.0


def wait_for_another(system: System, old: psutil.Process, within: float) -> None:
    """Wait until another launcher has taken the place of this one, and has a zygote."""
    until(lambda: (new := system.launcher()) and new != old and system.zygote(), within)

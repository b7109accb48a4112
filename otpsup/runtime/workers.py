"""Workers as multiprocessing processes: our own start method, `zygote`.

As `forkserver` is one: a context, a Process class, and a stand-in for the Popen that pickles its
arguments. In the worker `current_process()`, `parent_process()` and the resource tracker are what
multiprocessing users know. Sources: multiprocessing's popen_forkserver.py and spawn.py.
"""

from __future__ import annotations

import gc
import io
import pickle as pickles
from collections.abc import Callable
from multiprocessing import context, process, reduction, resource_tracker, spawn
from typing import TYPE_CHECKING, Any

from . import bootstrap

if TYPE_CHECKING:
    from ..specs import Worker


class WorkerProcess(process.BaseProcess):
    """The process object of a worker; started by the tree, not by `start()`."""

    _start_method = None  # what the worker itself starts uses multiprocessing's own default

    def run(self) -> None:
        """Run the worker's target; called by multiprocessing in the child."""
        gc.enable()
        bootstrap.run(*self._args)  # type: ignore[attr-defined]


class _Spawning:
    """What multiprocessing asks of a Popen while it pickles: to hand on descriptors."""

    method = "zygote"

    def __init__(self) -> None:
        self.fds: list[int] = []

    def duplicate_for_child(self, fd: int) -> int:
        """Remember a descriptor that the child needs; returns its index."""
        self.fds.append(fd)
        return len(self.fds) - 1

    class DupFd:
        """A descriptor on its way to the child."""

        def __init__(self, index: int) -> None:
            self._index = index

        def detach(self) -> int:
            """Its number in the child."""
            return inherited[self._index]


inherited: list[int] = []
"""In a worker: the descriptors that came along with its arguments."""


def worker_process(
    spec: Worker, name: str, args: tuple[Any, ...], make: Callable[..., Any] = WorkerProcess
) -> Any:
    """The multiprocessing object for a worker; `make` is its Process class."""
    call = (spec.target, (*spec.args, *args), dict(spec.kwargs), spec.stop_signal)
    return make(name=name, args=call, daemon=False)


def pickle(worker: WorkerProcess) -> tuple[bytes, list[int]]:
    """What the zygote's child needs to become this worker: bytes, and descriptors.

    Raises:
        Exception: whatever pickle raises for a target or arguments that cannot be pickled.
    """
    spawning = _Spawning()
    body, head = io.BytesIO(), io.BytesIO()
    context.set_spawning_popen(spawning)  # type: ignore[arg-type]
    try:
        reduction.dump(worker, body)
        needs_main = b"__main__" in body.getvalue()
        reduction.dump(_preparation(worker.name, needs_main=needs_main), head)
    finally:
        context.set_spawning_popen(None)
    return head.getvalue() + body.getvalue(), spawning.fds


def _preparation(name: str, *, needs_main: bool) -> dict[str, Any]:
    """What spawn's children are told, less the folder (the order has it), and less the main
    module where nothing refers to it: importing that costs each worker milliseconds."""
    data = spawn.get_preparation_data(name)
    unwanted = {"dir"} if needs_main else {"dir", *_MAIN}
    return {key: value for key, value in data.items() if key not in unwanted}


_MAIN = ("init_main_from_name", "init_main_from_path")


def main_module() -> dict[str, str]:
    """How to import the host's main module, in spawn's words; {} if it cannot be."""
    data = spawn.get_preparation_data("zygote")
    return {key: data[key] for key in _MAIN if key in data}


def become(data: bytes, parent: int) -> int:
    """In the forked child: be the worker that `data` describes; returns its exit code.

    Args:
        data: what `pickle` made.
        parent: a descriptor that is readable once the host has ended.
    """
    buffer = io.BytesIO(data)
    process.current_process()._inheriting = True  # type: ignore[attr-defined]
    try:
        spawn.prepare(pickles.load(buffer))
        worker = pickles.load(buffer)
    finally:
        del process.current_process()._inheriting  # type: ignore[attr-defined]
    return int(worker._bootstrap(parent))


def tracker_fd() -> int | None:
    """The host's resource tracker, if it runs; its workers share it."""
    fd: int | None = resource_tracker._resource_tracker._fd  # type: ignore[attr-defined]
    return fd


def adopt_tracker(fd: int) -> None:
    """Use the host's resource tracker in this worker."""
    resource_tracker._resource_tracker._fd = fd  # type: ignore[attr-defined]
    resource_tracker._resource_tracker._pid = None  # type: ignore[attr-defined]

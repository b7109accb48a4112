"""Workers as multiprocessing processes: our own start method, `zygote`.

As `forkserver` is one: a context, a Process class, and a stand-in for the Popen that pickles its
arguments. In the worker `current_process()`, `parent_process()` and the resource tracker are what
multiprocessing users know. Sources: multiprocessing's popen_forkserver.py and spawn.py.
"""

from __future__ import annotations

import gc
import io
import pickle as pickles
import sys
from collections.abc import Callable, Mapping
from multiprocessing import context, process, reduction, resource_tracker, spawn, util
from typing import TYPE_CHECKING, Any

from . import bootstrap

if TYPE_CHECKING:
    from ..specs import Worker


class WorkerProcess(process.BaseProcess):
    """The process object of a worker; started by the tree, not by `start()`."""

    _start_method = None  # what the worker itself starts uses multiprocessing's own default

    @staticmethod
    def _after_fork() -> None:
        """Called by multiprocessing in the child, of which mostly nobody wants to hear."""
        util._finalizer_registry.clear()  # type: ignore[attr-defined]
        if util._afterfork_registry.data:  # type: ignore[attr-defined]
            util._run_after_forkers()  # type: ignore[attr-defined]

    def run(self) -> None:
        """Run the worker's target; called by multiprocessing in the child."""
        sys.stdin = _stdin
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
    call = (spec.target, (*spec.args, *args), dict(spec.kwargs), int(spec.stop_signal))
    return make(name=name, args=call, daemon=False)


def pickle(worker: WorkerProcess) -> tuple[dict[str, Any], list[int]]:
    """What the zygote's child needs to become this worker: its part of the order, and descriptors.

    The order says `preparation` (pickled; the same for all workers while nothing changes in the
    host), `main` (how to import the host's main module, where something refers to it: that costs
    each worker milliseconds) and `pickle` (the worker itself).

    Raises:
        Exception: whatever pickle raises for a target or arguments that cannot be pickled.
    """
    spawning = _Spawning()
    context.set_spawning_popen(spawning)  # type: ignore[arg-type]
    try:
        body = _dumps(worker)
        data = spawn.get_preparation_data(worker.name)
        preparation = _preparation(data)
    finally:
        context.set_spawning_popen(None)
    main = {key: data[key] for key in _MAIN if key in data} if b"__main__" in body else {}
    return {"preparation": preparation, "main": main, "pickle": body}, spawning.fds


def _dumps(value: object) -> bytes:
    file = io.BytesIO()
    reduction.dump(value, file)
    return file.getvalue()


def _preparation(data: dict[str, Any]) -> bytes:
    """What spawn's children are told, less what is told apart: the same bytes for the same."""
    global _last_preparation
    told = {key: value for key, value in data.items() if key not in _APART}
    if told != _last_preparation[0]:
        _last_preparation = {**told, "sys_argv": list(told["sys_argv"])}, _dumps(told)
    return _last_preparation[1]


_last_preparation: tuple[dict[str, Any], bytes] = {}, b""
_MAIN = ("init_main_from_name", "init_main_from_path")
_APART = frozenset(("name", "dir", *_MAIN))
"""`name` and `dir` the order has anyway."""


def main_module() -> dict[str, str]:
    """How to import the host's main module, in spawn's words; {} if it cannot be."""
    data = spawn.get_preparation_data("zygote")
    return {key: data[key] for key in _MAIN if key in data}


class _Fork(WorkerProcess):
    """A fork that multiprocessing has set up before it is known whose it is.

    Args:
        become: waits for that, and returns the worker.
    """

    def __init__(self, become: Callable[[], WorkerProcess]) -> None:
        super().__init__(name="zygote")
        self._become = become

    def run(self) -> None:
        """Be that worker."""
        worker = self._become()
        self.__dict__ = worker.__dict__
        parent = process.parent_process()
        parent._name, parent._pid = self._parent_name, self._parent_pid  # type: ignore
        super().run()


def live(become: Callable[[], WorkerProcess], parent: int) -> int:
    """In a fork: be what `become` returns once it is known; returns the exit code.

    Args:
        parent: a descriptor that is readable once the host has ended.
    """
    global _stdin
    _stdin, sys.stdin = sys.stdin, None  # so that it is not opened again, see `close_stdin`
    return int(_Fork(become)._bootstrap(parent))  # type: ignore[attr-defined]


def load(order: Mapping[str, Any]) -> WorkerProcess:
    """In a fork: the worker that the order describes.

    Args:
        order: with what `pickle` made, and `path`.
    """
    current = process.current_process()
    current._inheriting = True  # type: ignore[attr-defined]
    try:
        prepare(order["preparation"])
        current._name = order["path"]  # type: ignore[attr-defined]
        if order["main"]:
            spawn.prepare(order["main"])
        worker: WorkerProcess = pickles.loads(order["pickle"])
        return worker
    finally:
        del current._inheriting  # type: ignore[attr-defined]


_stdin: Any = None
"""In a worker, while multiprocessing sets it up: its stdin."""


def close_stdin() -> None:
    """In the zygote: what multiprocessing does in each child, once for all of them."""
    util._close_stdin()  # type: ignore[attr-defined]


def prepare(preparation: bytes) -> None:
    """Do as spawn's children are told, unless that is done: the zygote does it for its forks."""
    global _prepared
    if preparation == _prepared:
        return
    told = pickles.loads(preparation)
    if util._log_to_stderr:  # type: ignore[attr-defined]
        del told["log_to_stderr"]  # or it would all be told twice
    spawn.prepare(told)
    _prepared = preparation


_prepared = b""


def tracker_fd() -> int | None:
    """The host's resource tracker, if it runs; its workers share it."""
    fd: int | None = resource_tracker._resource_tracker._fd  # type: ignore[attr-defined]
    return fd


def adopt_tracker(fd: int) -> None:
    """Use the host's resource tracker in this worker."""
    resource_tracker._resource_tracker._fd = fd  # type: ignore[attr-defined]
    resource_tracker._resource_tracker._pid = None  # type: ignore[attr-defined]

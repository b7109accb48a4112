"""The launcher and the zygote of one tree: started when first needed, and again if they die."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..engine.reasons import Exit
from ..logger import logger
from ..specs import ChildSpec, Command, DynamicSupervisor, Supervisor, Worker
from . import hooks, marks, watch
from .launch import LAUNCHER, Owner, Signaller, Spawner, next_number
from .launcher.server import SPARE

_AGAIN = 0.5
"""Seconds until what could not be looked for, for want of descriptors, is looked for again."""
_GLANCE = 0.02
"""Seconds between looks at the lost otherwise."""
_ENOUGH, _MOST, _BLIND = 5, 100, 5
"""Looks at least, and looks after which they count as gone although they are not, or although they
cannot be looked for: neither a process that the kernel does not let go nor a want of descriptors
must hold up the tree for ever."""


class Launchers:
    """Holds the host's ends of both.

    Args:
        tree: what the marks of its processes begin with.
        preload: modules that the zygote imports for its workers.
        main: how to import the host's main module, if workers need it; else {}.
        environ: the variables that all of the tree inherit, also from a later launcher.
        spare: descriptors that the host can spare.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tree: str,
        preload: list[str],
        main: dict[str, str],
        environ: Mapping[str, str] | None = None,
        spare: int = SPARE,
    ) -> None:
        self._loop = loop
        self._tree = tree
        self._zygotes = itertools.count(1)
        self._settings: dict[str, Any] = {"preload": preload, "main": main}
        self._environ = environ
        self._files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        """How many descriptors children may have: as many as the host had to begin with, which
        raises its own limit; also those of a later launcher."""
        self._spare = spare
        self._launcher: Spawner | None = None
        self._zygote: _Zygote | None = None
        self._earlier: list[_Zygote] = []
        """Those that were lost or retired, until nothing of them is left."""
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: asyncio.Future[None] | None = None
        self._alive: tuple[int, int] | None = None
        self._lost: list[Owner] = []
        """Those whose spawner is gone, until all of them are gone, too."""
        self._marks: set[str] = set()
        """Marks of whom something may be left."""
        self._looks = 0
        self._next_look: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The launcher's pid: everything the tree runs is below it."""
        return self._process.pid if self._process else None

    def launcher(self) -> Spawner:
        """The launcher, started if need be."""
        if self._launcher is None or not self._launcher.is_open:
            self._launcher = self._start_launcher()
        return self._launcher

    def zygote(self) -> Spawner:
        """The zygote, started if need be."""
        if self._zygote is None or not self._zygote.spawner.is_open:
            self._zygote = self._start_zygote()
        return self._zygote.spawner

    def spawners(self) -> list[Spawner]:
        """The launcher, the zygote, and retired ones whose workers still run."""
        zygotes = [*self._earlier, *filter(None, [self._zygote])]
        found = [*filter(None, [self._launcher]), *(each.spawner for each in zygotes)]
        return [spawner for spawner in found if spawner.is_open]

    def refresh(self, spec: ChildSpec) -> None:
        """Have the next worker made by a zygote that has the code of now; those that run go on.

        Args:
            spec: the tree, whose workers the zygote is for.
        """
        found = list(zygote_workers(spec))
        settings = {"preload": modules_of(found), "main": main_for(found)}
        lacks = not set(settings["preload"]) <= set(self._settings["preload"])
        self._settings = settings
        zygote = self._zygote
        if zygote is None or not (lacks or zygote.imported.is_outdated()):
            return
        self._put_aside(zygote)
        zygote.spawner.retire()

    def _put_aside(self, zygote: _Zygote) -> None:
        if zygote is self._zygote:
            self._zygote = None
            self._earlier = [*(each for each in self._earlier if not each.is_gone), zygote]

    def _start_launcher(self) -> Spawner:
        _refuse_while_imported()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own = (str(theirs.fileno()), str(self._files), marks.prefix(self._tree))
        told = (*own, str(self._spare))
        argv = [sys.executable, "-I", "-S", "-c", LAUNCHER, *told]
        with theirs:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()], start_new_session=True, env=self._environ,
            )  # fmt: skip
        ended: asyncio.Future[None] = self._loop.create_future()
        process, self._ended = self._process, ended
        watch.watch(self._loop, process.pid, lambda: _reap(process, ended))
        return Spawner(self._loop, ours, self._launcher_lost, _orphan_ended)

    def _start_zygote(self) -> _Zygote:
        from . import zygote  # multiprocessing with it, which a tree of commands does without

        launcher = self.launcher()  # first: if there is none, nothing of ours may be left open
        if self._alive is None:
            self._alive = os.pipe2(os.O_CLOEXEC)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        known = {"path": sys.path, "host": os.getpid(), "spare": self._spare}
        settings = json.dumps({**self._settings, **known})
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        argv = [sys.executable, *flags, "-c", zygote.CODE, settings]
        mark = marks.zygote_mark(self._tree, next(self._zygotes))
        with theirs:
            found = _Zygote(self._loop, ours, mark, self._zygote_lost)
            fds = {
                2: 2,
                zygote.SOCKET: theirs.fileno(),
                zygote.ALIVE: self._alive[0],
                zygote.IMPORTED: found.imported.fd,
            }
            order = _plain_order(argv, list(fds), mark)
            launcher.spawn(next_number(), order, list(fds.values()), found.owner)
        return found

    def _launcher_lost(self) -> None:
        logger.error("the launcher has ended; its children are ended, and a new one is started")
        lost, self._launcher = self._launcher, None
        self._lose_owners(lost)

    def _zygote_lost(self, lost: _Zygote) -> None:
        logger.error("the zygote has ended; its workers are ended, and a new one is started")
        self._put_aside(lost)
        self._lost.append(lost.owner)
        self._lose_owners(lost.spawner)

    def _lose_owners(self, spawner: Spawner | None) -> None:
        """End what a dead spawner has started, and what that had started: nobody else would."""
        owners = spawner.take_owners() if spawner else []
        self._lost += owners
        self._marks |= {owner.mark for owner in self._lost}
        self._marks |= {owner.successors_mark for owner in self._lost} - {""}
        for owner in owners:
            owner.on_lost()
        self._looks = 0
        self._sweep()

    def _sweep(self) -> None:
        """Kill what is left of the lost, and look again until there is nothing; then say so.

        The first looks are not enough: who was just being made has no mark yet.
        """
        if self._next_look:
            self._next_look.cancel()
        try:
            left = marks.sweep(self._marks)
        except OSError:  # no descriptors
            self._looked(_BLIND, then=_AGAIN)
        else:
            is_clear = not left and all(owner.has_ended() for owner in self._lost)
            self._looked(_ENOUGH if is_clear else _MOST)

    def _looked(self, enough: int, then: float | None = None) -> None:
        """After enough looks the lost count as gone; `then`: when to look again all the same."""
        self._looks += 1
        is_over = self._looks >= enough
        wait = then if is_over else then or _GLANCE
        if wait is not None:
            self._next_look = self._loop.call_later(wait, self._sweep)
        else:
            self._marks.clear()
        if is_over:
            gone, self._lost = self._lost, []
            for owner in gone:
                owner.on_swept()

    async def close(self, timeout: float) -> None:
        """Hang up, and wait up to `timeout` seconds for both to end."""
        if self._next_look:
            self._next_look.cancel()
        for each in (*self._earlier, self._zygote):
            if each:
                each.close()
        if self._launcher:
            self._launcher.close()
        for fd in self._alive or ():
            os.close(fd)
        self._earlier.clear()
        self._zygote = self._launcher = self._alive = None
        if self._ended and self._process:
            await asyncio.wait([self._ended], timeout=timeout)
            if not self._ended.done():
                self._process.kill()
                await self._ended


def _refuse_while_imported() -> None:
    """A worker's process that imports the host's script must not become a host itself.

    Raises:
        RuntimeError: it is about to, and so would its own workers, without end.
    """
    process = sys.modules.get("multiprocessing.process")  # who is being imported by it has it
    if process and getattr(process.current_process(), "_inheriting", False):
        raise RuntimeError(
            "this script starts a tree when it is imported, and its own workers import it; "
            "put the start under `if __name__ == '__main__':`"
        )


def _reap(process: subprocess.Popen[bytes], ended: asyncio.Future[None]) -> None:
    process.wait()
    if not ended.done():
        ended.set_result(None)


def _orphan_ended(pid: int, exit: Exit) -> None:
    how = f"signal {exit.signal}" if exit.signal else f"exit code {exit.code}"
    logger.debug("a process that nobody waited for has ended: pid {}, {}", pid, how)


def _plain_order(argv: list[str], targets: list[int], mark: str) -> dict[str, Any]:
    """An order for a program of our own: no stop signal, for it ends with its socket."""
    return {
        "file": os.fsencode(argv[0]),
        "argv": [os.fsencode(part) for part in argv],
        "env": {},
        "mark": mark.encode(),
        "cwd": "",
        "umask": 0o077,
        "targets": targets,
        "stop_signal": 0,
        "grace": 1e9,
    }


class _Zygote:
    """A zygote as the host has it.

    Args:
        sock: the host's end of the socket to it.
        mark: of its process.
        lost: called with it when it is gone, unless it was hung up on.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        mark: str,
        lost: Callable[[_Zygote], None],
    ) -> None:
        from .freshness import Imported

        self.imported = Imported()
        self.spawner = Spawner(loop, sock, lambda: lost(self), _orphan_ended)
        self.owner = _ZygoteOwner(mark, self._end)
        self.is_gone = False

    def _end(self) -> None:
        self.is_gone = True
        self.spawner.lose()
        self.imported.close()

    def close(self) -> None:
        """Hang up, and hold nothing of it."""
        self.spawner.close()
        self.owner.let_go()
        self.imported.close()


class _ZygoteOwner:
    """Hears what becomes of the zygote's process.

    Args:
        mark: of the process, and of its forks until they have their own.
        lost: called when it is gone.
    """

    def __init__(self, mark: str, lost: Callable[[], None]) -> None:
        self.mark = mark
        self._lost = lost
        self._signaller: Signaller | None = None

    successors_mark = ""

    def on_up(self, pid: int, pidfd: int | None, ends: Sequence[int] | None) -> None:
        """It exists; its socket is all that is needed while all is well."""
        self._signaller = Signaller(pid, pidfd)

    def on_failed(self, error: OSError) -> None:
        """There is none, then."""
        logger.error("cannot start the zygote: {}", error.strerror)
        self._lost()

    def on_exit(self, exit: Exit) -> None:
        """It is gone."""
        self.let_go()
        self._lost()

    def on_replaced(self, successor: int, exit: Exit) -> Owner:
        """Never: it is not armed."""
        raise AssertionError("a zygote is never replaced by itself")

    def on_lost(self) -> None:
        """The launcher is gone: an end to the zygote, or it might go on with old orders."""
        if self._signaller:
            self._signaller.lose()
        self._lost()

    def has_ended(self) -> bool:
        """After `on_lost`: whether it is gone."""
        return self._signaller is None or self._signaller.has_ended()

    def on_swept(self) -> None:
        """It is gone."""
        self.let_go()

    def let_go(self) -> None:
        """Nobody signals it any more."""
        if self._signaller:
            self._signaller.close()
        self._signaller = None


def zygote_workers(spec: ChildSpec) -> Iterator[Worker]:
    """Every worker in a tree that the zygote will make, hooks with them."""
    if isinstance(spec, Worker | Command):
        yield from hooks.workers(spec)
    if isinstance(spec, Worker) and spec.start_method == "zygote":
        yield spec
    elif isinstance(spec, Supervisor):
        for child in spec.children:
            yield from zygote_workers(child)
    elif isinstance(spec, DynamicSupervisor):
        yield from zygote_workers(spec.template)


def modules_of(specs: list[Worker]) -> list[str]:
    """The modules that these workers' targets live in, the main module aside."""
    names = (_module(spec) for spec in specs)
    return [name for name in dict.fromkeys(names) if name not in ("__main__", "")]


def main_for(specs: list[Worker]) -> dict[str, str]:
    """How to import the host's main module, if a target lives in it."""
    needs_main = any(_module(spec) == "__main__" for spec in specs)
    if not needs_main:
        return {}
    from . import workers

    return workers.main_module()


def _module(spec: Worker) -> str:
    if isinstance(spec.target, str):
        return spec.target.partition(":")[0]
    return getattr(spec.target, "__module__", "") or ""

"""`run`: a program whose whole job is a tree. Decides what signals and exit codes mean.

What it needs is loaded when it is called, see `tree`.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import OtpsupError
from .logger import logger
from .plain import plain
from .specs import DynamicSupervisor, Supervisor
from .tree import Tree

if TYPE_CHECKING:
    import asyncio

    from .engine.effects import Halt

EXIT_CODES = {"stopped": 0, "auto_shutdown": 0, "gave_up": 1, "start_failed": 2, "failed": 70}
"""What `run` exits with: 0 it was asked to stop, or its significant children were done; 1 too
many restarts; 2 a child could not be started; 70 otpsup itself failed (sysexits.h, EX_SOFTWARE)."""


_ECHO = 0.1
"""Seconds within which a second signal is an echo of the first: timeout(1) and some terminals
signal the process and its group."""


def run(tree: Tree | Supervisor | DynamicSupervisor, *, name: str | None = None) -> NoReturn:
    """Be a program whose whole job is this tree: blocks until it has ended, then exits.

    SIGTERM and SIGINT stop everything in reverse order; a second one kills what still runs.
    SIGHUP makes a tree from a tree file read it again, see `Tree.update`, also under nohup(1); any
    other tree it stops.
    SIGUSR2 opens the log files anew. Works as PID 1, where strangers' zombies are reaped, and as a
    service of systemd's `Type=notify` or `notify-reload`. Must be called in the main thread.

    Args:
        tree: a tree that is not running, or the spec of one.
        name: as for `Tree`, where a spec is given.

    Raises:
        SystemExit: always, with one of `EXIT_CODES`.
        RuntimeError: this is not the main thread, which alone can handle signals.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "run must be called in the main thread; elsewhere, use `with Tree(...):`"
        )
    tree = tree if isinstance(tree, Tree) else Tree(tree, name=name)
    tree._begin()
    _live(tree)


def _live(tree: Tree) -> NoReturn:
    import asyncio

    from . import explain

    logger.switch_on()
    atexit.register(gc.freeze)  # for Python looks through all objects again and again when it ends
    try:
        halt = asyncio.run(_run(tree))
    except OtpsupError as error:
        tree._over(error)
        print(plain(str(error)), file=sys.stderr, flush=True)
        raise SystemExit(EXIT_CODES["start_failed"]) from None
    tree._over(halt)
    if halt.kind != "stopped":
        print(plain(explain.ending(tree.name, halt)), file=sys.stderr, flush=True)
    raise SystemExit(EXIT_CODES[halt.kind])


async def _run(tree: Tree) -> Halt:
    import asyncio

    from . import pid1

    loop = asyncio.get_running_loop()
    program = _Program(tree, loop)
    program.listen()
    pid1.reap_strangers(loop)
    program.manager.keep_informed(loop)
    return await tree._live(program.started)


class _Program:
    """What signals do to the tree of a program, and what its service manager hears."""

    def __init__(self, tree: Tree, loop: asyncio.AbstractEventLoop) -> None:
        from .systemd import ServiceManager

        self.manager = ServiceManager()
        self._tree = tree
        self._loop = loop
        self._first: float | None = None
        self._is_up = False
        self._has_terminal = _has_terminal()

    def listen(self) -> None:
        """Handle signals from here on; those that our starter wants ignored stay so, but that
        a tree from a file reads it again on SIGHUP."""
        for signum, handler in (
            (signal.SIGTERM, self._stop),
            (signal.SIGINT, self._stop),
            (signal.SIGHUP, self._hang_up),
            (signal.SIGUSR2, self._reopen),
        ):
            is_ignored = signal.getsignal(signum) is signal.SIG_IGN
            if is_ignored and signum == signal.SIGHUP and self._tree.file is not None:
                self._has_terminal = False  # nohup(1): its end is not ours, but we can be told
            elif is_ignored:
                continue
            self._loop.add_signal_handler(signum, handler, signum)

    def started(self, error: BaseException | None) -> None:
        """The tree is up, or it is not."""
        self._is_up = error is None
        self._say_ready()

    def _say_ready(self) -> None:
        """It is ready once it is up, until its end begins."""
        if self._is_up and self._first is None:
            self.manager.ready()

    def _stop(self, signum: signal.Signals) -> None:
        if self._first is not None and self._loop.time() - self._first < _ECHO:
            return
        logger.info("{} received: {}", signum.name, "killing" if self._first else "stopping")
        self.manager.stopping()
        if self._tree._session:
            self._tree._session.stop(hurry=self._first is not None)
        self._first = self._first or self._loop.time()

    def _hang_up(self, signum: signal.Signals) -> None:
        """A daemon reads its file again (daemon(7)); who has lost his terminal has no user."""
        if self._tree.file is None or (self._has_terminal and not _has_terminal()):
            self._stop(signum)
        elif self._tree._session and self._first is None:
            logger.info("SIGHUP received: reading {} again", self._tree.file)
            if self._is_up:
                self.manager.reloading()
            self._tree._session.operate("update", {"file": None}, self._reloaded)

    def _reloaded(self, _: Any, error: OtpsupError | None) -> None:
        """What was done is in the log already."""
        for line in str(error).splitlines() if error else ():
            logger.error("the tree goes on as it was: {}", plain(line))
        self._say_ready()

    def _reopen(self, signum: signal.Signals) -> None:
        if self._tree._session:
            logger.info("{} received: opening the log files anew", signum.name)
            self._tree._session.reopen_logs()


def _has_terminal() -> bool:
    """Whether there is a terminal that could hang up on us (tty(4))."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True

"""`run`: a program whose whole job is a tree. Decides what signals and exit codes mean."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import NoReturn

import loguru

from . import explain, pid1
from .engine.effects import Halt
from .logger import logger
from .plain import plain
from .specs import DynamicSupervisor, Supervisor
from .tree import Tree

EXIT_CODES = {"stopped": 0, "auto_shutdown": 0, "gave_up": 1, "start_failed": 2, "failed": 70}
"""What `run` exits with: 0 it was asked to stop, or its significant children were done; 1 too
many restarts; 2 a child could not be started; 70 otpsup itself failed (sysexits.h, EX_SOFTWARE)."""


_ECHO = 0.1
"""Seconds within which a second signal is an echo of the first: timeout(1) and some terminals
signal the process and its group."""


def run(tree: Tree | Supervisor | DynamicSupervisor, *, name: str | None = None) -> NoReturn:
    """Be a program whose whole job is this tree: blocks until it has ended, then exits.

    SIGTERM, SIGINT and SIGHUP stop everything in reverse order; a second one kills what still
    runs. Works as PID 1: strangers' zombies are reaped. Must be called in the main thread.

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
    loguru.logger.enable("otpsup")
    halt = asyncio.run(_run(tree))
    tree._over(halt)
    if halt.kind != "stopped":
        print(plain(explain.ending(tree.name, halt)), file=sys.stderr, flush=True)
    raise SystemExit(EXIT_CODES[halt.kind])


async def _run(tree: Tree) -> Halt:
    loop = asyncio.get_running_loop()
    first: float | None = None

    def on_signal(signum: signal.Signals) -> None:
        nonlocal first
        if first is not None and loop.time() - first < _ECHO:
            return
        logger.info("{} received: {}", signum.name, "killing" if first else "stopping")
        if tree._session:
            tree._session.stop(hurry=first is not None)
        first = first or loop.time()

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(signum) is not signal.SIG_IGN:
            loop.add_signal_handler(signum, on_signal, signum)
    pid1.reap_strangers(loop)
    return await tree._live(lambda _: None)

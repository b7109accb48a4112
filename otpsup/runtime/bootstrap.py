"""The first code of ours in a worker's process, whatever its start method: `run`.

Decides how a stop signal ends the target and how its exception gets into the report. Runs in the
child only; must not import the rest of the runtime.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import CoroutineType, FrameType
from typing import Any

from ..child import CHANNEL, PATH, CurrentChild, become_child, current_child
from ..errors import NotAChild
from . import importing, stacks
from .launcher import execute

_CHANNEL, _PATH = CHANNEL.encode(), PATH.encode()
_SIGCONT = int(signal.SIGCONT)


def run(
    target: Callable[..., object] | str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    stop_signal: int,
) -> None:
    """Call the target as a child of the tree; ends by returning or by raising.

    Raises:
        SystemExit: 128 + the stop signal, after an orderly end that was asked for.
    """
    child = current_child()
    stacks.offer()
    try:
        _call(child, importing.resolve(target), args, kwargs, stop_signal)
    except Exception as error:
        child.crash(error, _own_lines(error))
        raise


def _own_lines(error: BaseException) -> str:
    """The traceback from the target's first line on, without ours above it."""
    trace = error.__traceback__
    while trace and trace.tb_next and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def _call(
    child: CurrentChild,
    target: Callable[..., object],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    stop_signal: int,
) -> None:
    def on_stop(signum: int, _: FrameType | None) -> None:
        child.stop_requested()
        if not child.handles_stop:
            raise SystemExit(128 + signum)

    try:  # noqa: SIM105 - each function that is called first here costs each worker pages
        _signal.signal(stop_signal, on_stop)
    except OSError:  # SIGKILL needs no handler
        pass
    _signal.signal(_SIGCONT, _look_around)
    result = target(*args, **kwargs)
    if isinstance(result, CoroutineType):
        _run_coroutine(child, result, stop_signal)


def _look_around(*_: object) -> None:
    """The supervisor nudges us: a sleeping call is interrupted, and Python sees what came."""


def _run_coroutine(
    child: CurrentChild, coroutine: Coroutine[Any, Any, object], stop_signal: int
) -> None:
    """Run it to its end; the stop signal cancels it, so that its `finally` blocks can await."""
    import asyncio  # only now: workers without coroutines stay smaller without it

    stopped = False

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None

        def on_stop() -> None:
            nonlocal stopped
            stopped = True
            child.stop_requested()
            if not child.handles_stop:
                task.cancel()

        with contextlib.suppress(RuntimeError):  # SIGKILL needs no handler
            asyncio.get_running_loop().add_signal_handler(stop_signal, on_stop)
        await coroutine

    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        if not stopped:
            raise
    if stopped and not child.handles_stop:
        raise SystemExit(128 + stop_signal)


def enter(order: dict[str, Any], channel: int, outputs: Sequence[int]) -> None:
    """Make this fresh process what the order says: session, environment, identity, output.

    Args:
        order: as for a command (`launcher.execute`), with `path`, the child's path in the tree.
        channel: the socket to the supervisor; programs that this process executes inherit it.
        outputs: descriptors for the numbers in `order["targets"]`.

    Raises:
        launcher.execute.Failure: a step failed; the process must end.
    """
    try:  # noqa: SIM105 - as in `_call`
        _signal.set_wakeup_fd(-1)
    except ValueError:  # not the main thread: there is none
        pass
    if os.getsid(0) != os.getpid():  # a fork that has waited leads its session already
        os.setsid()
    _take_on_environment(order)
    _set(_CHANNEL, b"%d:%d" % (channel, os.fstat(channel).st_ino))
    _set(_PATH, os.fsencode(order["path"]))
    become_child(channel, order["path"])
    os.set_inheritable(channel, True)
    execute.reset_signals()
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    execute.become(order)
    execute.arrange(outputs, order["targets"])


def _take_on_environment(order: dict[str, Any]) -> None:
    """Drop what is not inherited, and add what is ordered.

    In a fork of the zygote what modules have set when they were imported stays, for they are not
    imported again.
    """
    if order.get("is_whole"):
        unwanted = list(os.environb)
    elif "inherit" in order:
        left = execute.BASE.items() - execute.inherited(order).items()
        unwanted = [name for name, value in left if os.environb.get(name) == value]
    else:
        unwanted = []
    for name in unwanted:
        del os.environb[name]
    for name, value in order["env"].items():
        _set(name, value)


def _set(name: bytes, value: bytes) -> None:
    """As os.environb does, which checks more, and so touches more."""
    os.putenv(name, value)
    os.environ._data[name] = value  # type: ignore[attr-defined]


def tell_crash(error: BaseException) -> None:
    """Report an exception that came before the target, on stderr and to the supervisor.

    A step of our own that failed is one line; where it did is nobody's business.
    """
    is_ours = isinstance(error, execute.Failure)
    text = f"{error}\n" if is_ours else "".join(traceback.format_exception(error))
    sys.stderr.write(text)
    with contextlib.suppress(NotAChild):
        current_child().crash(error, "" if is_ours else text)

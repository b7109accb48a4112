"""Why a child ended, and which of OTP's classes that is.

Decides the mapping from what a process did (exit code, signal) to OTP's exit reasons, DESIGN:
a listed exit code is `normal`, dying of the stop signal we sent is `shutdown`, our SIGKILL after
the stop timeout is `killed`, all else is abnormal.
"""

from __future__ import annotations

from collections.abc import Set
from functools import cache
from signal import Signals
from typing import Literal

from .value import value

Kind = Literal[
    "normal", "shutdown", "killed", "exited", "signaled", "exception", "error", "unhealthy"
]


@value
class Crash:
    """An exception that ended a Python child: its type's name, message and traceback text."""

    type: str
    message: str
    traceback: str = ""


@value
class Exit:
    """How a process ended: exactly one of `code` and `signal` is set.

    `hung` says why it did not end when asked, `stacks` where it was, as far as that is known.
    """

    code: int | None = None
    signal: int | None = None
    crash: Crash | None = None
    core: bool = False
    hung: str = ""
    stacks: str = ""


EXIT_0 = Exit(code=0)


@value
class Reason:
    """An exit reason.

    Attributes:
        kind: `normal`, `shutdown` and `killed` as in OTP; `exited` (an unexpected exit code),
            `signaled`, `exception` (a Python child's own), `error` (it never ran or never got
            ready), `unhealthy` (it was ended because a check of it had failed).
        detail: for people, in one line: `exit code 3`, `SIGSEGV`, `ValueError: no port`.
        code, signal: as the process reported them.
        traceback: of a Python child's exception, or the stacks of one that hung, or "".
    """

    kind: Kind
    detail: str = ""
    code: int | None = None
    signal: int | None = None
    traceback: str = ""

    @property
    def is_normal(self) -> bool:
        """OTP's class of normal ends: `normal`, `shutdown`, `{shutdown,_}` (supervisor(3))."""
        return self.kind in ("normal", "shutdown")

    @property
    def is_own(self) -> bool:
        """The process itself came to a bad end: it was neither asked to end nor killed for not
        listening, and its end was not normal."""
        return not self.is_normal and self.kind != "killed"

    def __str__(self) -> str:
        return self.detail or self.kind


NORMAL = Reason("normal", "ended normally")
SHUTDOWN = Reason("shutdown", "stopped")


_SIGKILL = int(Signals.SIGKILL)
_NAMES = {signal.value: signal.name for signal in Signals}


def signal_name(number: int) -> str:
    """`SIGKILL` for 9; `signal 40` where there is no name."""
    return _NAMES.get(number) or f"signal {number}"


def classify(
    exit: Exit, *, exitcodes: Set[int], stop_signal: int, stopping: bool, killed: bool
) -> Reason:
    """The reason for which a process ended.

    Args:
        exit: what the operating system, and the child itself, said.
        exitcodes: the codes that are a normal end.
        stop_signal: the signal with which it is asked to stop.
        stopping: True if that signal was sent.
        killed: True if SIGKILL was sent.
    """
    if exit.signal is not None:
        return _of_signal(exit, stop_signal if stopping else None, killed)
    code = exit.code or 0
    if exit.crash is not None:
        detail = (
            f"{exit.crash.type}: {exit.crash.message}" if exit.crash.message else exit.crash.type
        )
        return Reason("exception", detail, code=code, traceback=exit.crash.traceback)
    if stopping and code == 128 + stop_signal:  # a shell's way to say that the signal ended it
        return Reason("shutdown", f"stopped by {signal_name(stop_signal)}", code=code)
    if code in exitcodes:
        return Reason("normal", f"ended normally (exit code {code})", code=code)
    return Reason("exited", f"exit code {code}", code=code)


def _of_signal(exit: Exit, asked: int | None, killed: bool) -> Reason:
    number = exit.signal or 0
    if killed and number == _SIGKILL:
        why = f"; {exit.hung}" if exit.hung else ""
        return Reason("killed", f"killed (SIGKILL){why}", signal=number, traceback=exit.stacks)
    return _stopped(number) if number == asked else _signaled(number, exit.core)


@cache
def _stopped(signal: int) -> Reason:
    return Reason("shutdown", f"stopped by {signal_name(signal)}", signal=signal)


@cache
def _signaled(signal: int, core: bool) -> Reason:
    """One value for all that end so: each record keeps the last of them."""
    dumped = " (core dumped)" if core else ""
    return Reason("signaled", f"{signal_name(signal)}{dumped}", signal=signal)

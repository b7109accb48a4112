"""Make one command's process, exactly as ordered.

Two ways. Where the order needs no more than posix_spawn offers, that is used: it costs the same
whatever our size. Limits, priority and identity need steps between fork and exec; for them we
fork, which is safe and quick because this process is small, and its one other thread only sleeps.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import fcntl
import functools
import os
import resource
from collections.abc import Mapping, Sequence

from .bare import signal

TYPE_CHECKING = False  # as type checkers know it: typing is a megabyte, a fifth of the launcher
if TYPE_CHECKING:
    from typing import Any, NoReturn

_ALL_SIGNALS = signal.valid_signals()
_DEFAULT = int(signal.SIG_DFL)
"""For `_signal`, beneath `signal`: that makes enums of all signals each time it is called."""
RESET = [signal.SIGPIPE, signal.SIGXFSZ]  # Python ignores these; programs expect the default
NOT_THEIRS = frozenset(
    (b"NOTIFY_SOCKET", b"OTPSUP_CHANNEL", b"OTPSUP_CHILD", b"OTPSUP_COPY", b"OTPSUP_EXIT_CODE",
     b"OTPSUP_EXIT_SIGNAL", b"OTPSUP_HOOK", b"OTPSUP_PATH", b"OTPSUP_PID", b"OTPSUP_RUN")
)  # fmt: skip
"""What the host, if it is a child itself, was told of itself: its way up, its mark, its number."""
BASE = {k: v for k, v in os.environb.items() if k not in NOT_THEIRS}
"""The host's variables, as they were when the tree was started."""


def inherited(
    order: Mapping[str, Any], base: Mapping[bytes, bytes] = BASE
) -> Mapping[bytes, bytes]:
    """Those of the host's variables that an order wants: all, or the names in `inherit`, of which
    one with a `*` at its end stands for all that begin so."""
    names = order.get("inherit")
    if names is None:
        return base
    begin = tuple(name[:-1] for name in names if name.endswith(b"*"))
    return {k: v for k, v in base.items() if k in names or k.startswith(begin)}


@functools.cache
def _home() -> int:
    """The folder in which the launcher was started: where orders without a folder begin."""
    return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


class Failure(Exception):
    """A step failed: its errno and what was tried, for the message."""

    def __init__(self, error: OSError, what: str) -> None:
        self.errno = error.errno or 0
        super().__init__(f"cannot {what}: {os.strerror(self.errno)}")
        self.what = what


def execute(order: dict[str, Any], fds: Sequence[int]) -> int:
    """Start the command; returns its pid.

    Args:
        order: `file`, `argv`, `env` (on top of what is inherited), `cwd`, `umask`, `targets` (the
            numbers that `fds` get), and where wanted `inherit` (names; all without it), `nice`,
            `rlimits`, `groups`, `gid`, `uid`.
        fds: descriptors for the child.

    Raises:
        Failure: nothing was started.
    """
    moved = [_above(fd, order["targets"]) for fd in fds]
    try:
        os.fchdir(_home())
        if order.keys() & {"nice", "rlimits", "groups", "gid", "uid"}:
            return _fork(order, moved)
        return _spawn(order, moved)
    finally:
        for old, new in zip(fds, moved, strict=True):
            if new != old:
                os.close(new)


def _above(fd: int, targets: Sequence[int]) -> int:
    """`fd`, or a copy of it out of the way of the numbers that the child's descriptors get."""
    highest = max(targets, default=2)
    return fd if fd > highest else fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, highest + 1)


def _spawn(order: dict[str, Any], fds: Sequence[int]) -> int:
    targets = order["targets"]
    actions: list[Any] = [
        (os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0)
        for number in (0, 1, 2)
        if number not in targets
    ]
    actions += [(os.POSIX_SPAWN_DUP2, fd, to) for fd, to in zip(fds, targets, strict=True)]
    _enter(order)
    try:
        return os.posix_spawn(
            order["file"], order["argv"], {**inherited(order), **order["env"]},
            file_actions=actions, setsid=True, setsigmask=(), setsigdef=RESET,
        )  # fmt: skip
    except OSError as error:
        raise Failure(error, _describe(order)) from error


def _enter(order: dict[str, Any]) -> None:
    """Take on the folder and mask that the child is to have; each order sets its own."""
    os.umask(order["umask"])
    cwd = order["cwd"]
    try:
        if cwd:
            os.chdir(cwd)
    except OSError as error:
        raise Failure(error, f"enter the folder {os.fsdecode(cwd)!r}") from error


def _describe(order: dict[str, Any]) -> str:
    return f"execute {os.fsdecode(order['file'])!r}"


def _fork(order: dict[str, Any], fds: Sequence[int]) -> int:
    """fork, become what is ordered, exec; what fails is told through a close-on-exec pipe."""
    try:
        report, told = os.pipe2(os.O_CLOEXEC)
    except OSError as error:
        raise Failure(error, _describe(order)) from error
    with os.fdopen(report, "rb") as pipe:
        try:
            pid = fork()
            if pid == 0:
                _become(order, fds, told)
        except OSError as error:
            raise Failure(error, f"fork to {_describe(order)}") from error
        finally:
            os.close(told)
        text = pipe.read().decode(errors="replace")
    if text:
        os.waitpid(pid, 0)
        number, _, what = text.partition(" ")
        raise Failure(OSError(int(number), ""), what)
    return pid


def fork() -> int:
    """fork(2) with all signals blocked; the child unblocks them with `reset_signals`.

    So a signal that comes before the child has left our handlers behind is kept, not swallowed.

    Raises:
        OSError: there can be no process now; signals come in as before.
    """
    before = _signal.pthread_sigmask(signal.SIG_BLOCK, _ALL_SIGNALS)
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid != 0:
            _signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _become(order: dict[str, Any], fds: Sequence[int], told: int) -> NoReturn:
    what = "start a session"
    try:
        os.setsid()
        reset_signals(*RESET)
        for _, step, name in _STEPS:
            what = name
            step(order)
        what = "arrange the descriptors"
        arrange(fds, order["targets"])
        what = _describe(order)
        os.execve(order["file"], order["argv"], {**inherited(order), **order["env"]})
    except Failure as failure:
        os.write(told, f"{failure.errno} {failure.what}".encode())
    except OSError as error:
        os.write(told, f"{error.errno} {what}".encode())
    except BaseException as error:
        os.write(told, f"22 {what}: {error}".encode())
    os._exit(127)


def reset_signals(*others: int) -> None:
    """In a fresh fork: give up our handlers, then let signals in."""
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, *others):
        _signal.signal(number, _DEFAULT)
    _signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _nice(order: dict[str, Any]) -> None:
    if "nice" in order:
        os.setpriority(os.PRIO_PROCESS, 0, order["nice"])


def _rlimits(order: dict[str, Any]) -> None:
    for name, limit in order.get("rlimits", {}).items():
        resource.setrlimit(getattr(resource, name), limit)


def _identity(order: dict[str, Any]) -> None:
    if "groups" in order:
        os.setgroups(order["groups"])
    if "gid" in order:
        os.setresgid(order["gid"], order["gid"], order["gid"])
    if "uid" in order:
        os.setresuid(order["uid"], order["uid"], order["uid"])


_STEPS = (
    (("nice",), _nice, "set the priority"),
    (("rlimits",), _rlimits, "set the resource limits"),
    (("groups", "gid", "uid"), _identity, "change user and groups"),
    (("umask",), _enter, "enter the folder"),
)


def become(order: dict[str, Any]) -> None:
    """Take on priority, limits, identity, mask and folder in this very process, for good.

    Raises:
        Failure: and then only some of it was done; the process must end.
    """
    for keys, step, what in _STEPS:
        try:
            if not order.keys().isdisjoint(keys):
                step(order)
        except (OSError, ValueError) as error:
            raise Failure(error if isinstance(error, OSError) else OSError(22, ""), what) from error


def arrange(fds: Sequence[int], targets: Sequence[int]) -> None:
    """Give each of `fds` its target number in this process, and /dev/null to a free 0, 1, 2."""
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for number in (0, 1, 2):
        if number not in targets:
            os.dup2(null, number)
    if null > 2:
        os.close(null)
    for fd, target in zip(fds, targets, strict=True):
        os.dup2(fd, target)

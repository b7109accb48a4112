"""What otpsup asks of the kernel beyond Python's own `os` and `signal`: the complete list.

    prctl(PR_SET_CHILD_SUBREAPER)   orphans below us come to us              prctl(2)
    prctl(PR_SET_PDEATHSIG)         a signal to us when our parent ends      prctl(2)
    fcntl(F_SETSIG, O_ASYNC)        a signal to us when a pipe ends          fcntl(2)
    signalfd                        whose signal it was                      signalfd(2)
    pidfd_open                      a descriptor for a process               pidfd_open(2)
    pidfd_send_signal               a signal to exactly that process,        pidfd_send_signal(2)
                                    or to exactly the group that it led

A pidfd names one process for ever; a pid may be another's as soon as its process is reaped.
"""

from __future__ import annotations

import errno
import fcntl
import os

from .bare import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PIDFD_SIGNAL_PROCESS_GROUP = 1 << 2
_SIGSET = 128
"""Bytes that a sigset_t has, at most."""


def _prctl(option: int, value: int) -> bool:
    import ctypes  # the host makes none of these calls, and it is a third of a megabyte

    try:
        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def become_subreaper() -> bool:
    """Adopt every orphan below this process; False where the kernel cannot (not Linux)."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signum: int = signal.SIGKILL) -> bool:
    """Get `signum` when the parent thread that made this process ends; False if not possible."""
    return _prctl(_PR_SET_PDEATHSIG, signum)


def die_with_pipe(reader: int) -> None:
    """Get SIGKILL when the last writer of this pipe ends, whatever we do then; no thread waits."""
    fcntl.fcntl(reader, fcntl.F_SETOWN, os.getpid())
    if hasattr(fcntl, "F_SETSIG"):  # Linux
        fcntl.fcntl(reader, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(reader, fcntl.F_SETFL, fcntl.fcntl(reader, fcntl.F_GETFL) | os.O_ASYNC)


def signalfd(signum: int) -> int:
    """A descriptor from which this signal is read, with who sent it; it has to be blocked.

    Raises:
        OSError: there is none to be had, or the kernel has no such thing (not Linux).
    """
    import ctypes

    wanted = ctypes.create_string_buffer(_SIGSET)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.sigemptyset(wanted)
        libc.sigaddset(wanted, signum)
        fd = int(libc.signalfd(-1, wanted, os.O_NONBLOCK | os.O_CLOEXEC))
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd


def pidfd_open(pid: int) -> int | None:
    """A descriptor for a process that cannot be reaped meanwhile; None where there are none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def send_signal(pidfd: int, signum: int) -> bool:
    """Signal the process behind a pidfd; False if it is gone, or has become another user's."""
    try:
        signal.pidfd_send_signal(pidfd, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def signal_group(pidfd: int, signum: int) -> bool:
    """Signal the group that the process behind a pidfd leads, or led; False if nobody is in it, or
    the kernel cannot do that (before Linux 6.9)."""
    try:
        signal.pidfd_send_signal(pidfd, signum, None, _PIDFD_SIGNAL_PROCESS_GROUP)
    except OSError:
        return False
    return True

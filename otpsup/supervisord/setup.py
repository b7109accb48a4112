"""What a daemon does to its own process before it starts anything: limits, user, folder, umask.

Source: http://supervisord.org/configuration.html, `[supervisord]`; `options.py` of 4.3.0.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import OtpsupError
from .conf.model import Supervisord

_LIMITS = (("minfds", resource.RLIMIT_NOFILE), ("minprocs", resource.RLIMIT_NPROC))


class CannotRun(OtpsupError):
    """The daemon cannot be what its configuration says; the message says why."""

    code = "cannot_run"


def become(settings: Supervisord) -> None:
    """Limits, user, folder and umask, as the settings say; the last two only where supervisord
    would go into the background, for it is there that it takes them on.

    Raises:
        CannotRun: that is not permitted.
    """
    for name, limit in _LIMITS:
        _raise(name, limit, getattr(settings, name))
    if settings.user is not None:
        _drop_privileges(settings.user)
    if not settings.nodaemon:
        _go_to(settings.directory)
        os.umask(settings.umask)


def _go_to(directory: str | None) -> None:
    if directory is None:
        return
    try:
        os.chdir(directory)
    except OSError as error:
        raise CannotRun(f"directory={directory}: {error.strerror}") from None


def _raise(name: str, limit: int, least: int) -> None:
    soft, hard = resource.getrlimit(limit)
    if soft == resource.RLIM_INFINITY or soft >= least:
        return
    most = hard if hard == resource.RLIM_INFINITY or hard >= least else least
    try:
        resource.setrlimit(limit, (least, most))
    except (OSError, ValueError):
        raise CannotRun(
            f"{name}={least} is more than this process may have ({hard}): raise its limit, see "
            f"ulimit(1), or ask for less with {name} in the file"
        ) from None


def _drop_privileges(user: str) -> None:
    try:
        found = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        raise CannotRun(f"user={user}: there is no such user") from None
    if os.getuid() == found.pw_uid:
        return
    if os.getuid() != 0:
        raise CannotRun(f"user={user}: only root can become another user")
    os.initgroups(found.pw_name, found.pw_gid)
    os.setgid(found.pw_gid)
    os.setuid(found.pw_uid)


@contextlib.contextmanager
def pid_file(path: str, complain: Callable[[str], None]) -> Iterator[None]:
    """Have our pid in a file meanwhile; a daemon without one is still a daemon."""
    file = Path(path).absolute()
    try:
        file.write_text(f"{os.getpid()}\n")
    except OSError as error:
        complain(f"could not write pidfile {file}: {error.strerror}")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if file.read_text().strip() == str(os.getpid()):
                file.unlink()
